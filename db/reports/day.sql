-- What happened on a day (or from a moment on: any beginning of a UTC time), row by row. day=2026-11-21.
SELECT seq AS row, utc, kind,
	trim(coalesce('attempt ' || (body ->> 'attempt'), '') || coalesce(' job ' || (body ->> 'job'), '') || coalesce(' slot ' || (body ->> 'slot'), '')
		|| coalesce(' serial ' || nullif(body ->> 'serial', ''), '') || coalesce(' ' || (body ->> 'result'), '')
		|| coalesce(' ' || nullif(body ->> 'code', ''), '') || coalesce(' ' || (body ->> 'name'), '') || coalesce(' ' || (body ->> 'reason'), '')) AS what
FROM log WHERE utc >= :day AND utc < :day || '~' ORDER BY seq LIMIT :limit OFFSET coalesce(:offset, 0)
