-- What a typed or scanned text may mean: what has exactly this name first, then what begins with it, and units that end
-- with it (three characters at least): the newest of the first 2000 in the index of endings. Where no unit has exactly this
-- name, units that hold it in the middle, too (four at least, of a torn label): that walks the index of a million in 50 ms.
-- Ranges, not LIKE: they use the indexes whatever the case. The last character of Unicode ends them.
WITH ending(backwards) AS (SELECT substr(:q, -1, 1) || substr(:q, -2, 1) || substr(:q, -3, 1) || substr(:q, -4, 1)
	|| substr(:q, -5, 1) || substr(:q, -6, 1) || substr(:q, -7, 1) || substr(:q, -8, 1)),
ends(unit) AS (SELECT unit.unit FROM ending CROSS JOIN unit
	WHERE substr(unit, -1, 1) || substr(unit, -2, 1) || substr(unit, -3, 1) || substr(unit, -4, 1)
	|| substr(unit, -5, 1) || substr(unit, -6, 1) || substr(unit, -7, 1) || substr(unit, -8, 1)
		BETWEEN ending.backwards AND ending.backwards || char(0x10ffff)
	AND length(:q) >= 3 AND substr(unit.unit, -length(:q)) = :q AND NOT (unit.unit >= :q AND unit.unit < :q || char(0x10ffff)) LIMIT 2000),
holds(unit) AS (SELECT unit.unit FROM unit INDEXED BY unit_end
	WHERE length(:q) >= 4 AND NOT EXISTS (SELECT 1 FROM unit WHERE unit.unit = :q) AND instr(unit.unit, :q) > 1
	AND substr(unit.unit, -length(:q)) <> :q LIMIT 2000),
hit(type, id, exact, detail, at) AS (
	SELECT * FROM (SELECT 'unit', unit.unit, unit.unit = :q, unit.result || ' in slot ' || attempt.slot
		|| CASE WHEN job.lot <> '' THEN ', lot ' || job.lot ELSE '' END || ', ' || unit.attempts || CASE unit.attempts WHEN 1 THEN ' attempt' ELSE ' attempts' END,
		coalesce(nullif(attempt.closed, ''), attempt.opened)
	FROM unit LEFT JOIN attempt ON attempt.attempt = unit.last_attempt LEFT JOIN job ON job.job = attempt.job
	WHERE unit.unit >= :q AND unit.unit < :q || char(0x10ffff) ORDER BY unit.unit LIMIT 20)
	UNION ALL
	SELECT * FROM (SELECT 'unit', unit.unit, false, unit.result || ' in slot ' || attempt.slot
		|| CASE WHEN job.lot <> '' THEN ', lot ' || job.lot ELSE '' END || ', ' || unit.attempts || CASE unit.attempts WHEN 1 THEN ' attempt' ELSE ' attempts' END,
		coalesce(nullif(attempt.closed, ''), attempt.opened)
	FROM (SELECT unit FROM ends UNION ALL SELECT unit FROM holds) JOIN unit USING (unit) LEFT JOIN attempt ON attempt.attempt = unit.last_attempt LEFT JOIN job ON job.job = attempt.job
	ORDER BY unit.last_attempt DESC LIMIT 20)
	UNION ALL
	SELECT * FROM (SELECT 'unit', serial, true, 'refused, never programmed', max(utc) FROM refusal
	WHERE serial = :q AND serial NOT IN (SELECT unit FROM unit) GROUP BY serial)
	UNION ALL
	SELECT * FROM (SELECT 'lot', lot, lot = :q, trim(max(customer) || ' ' || max(product)) || ', ' || sum(units_pass) || ' passed', max(opened)
	FROM job WHERE lot >= :q AND lot < :q || char(0x10ffff) GROUP BY lot ORDER BY lot LIMIT 20)
	UNION ALL
	SELECT * FROM (SELECT 'order', work_order, work_order = :q, trim(max(customer) || ' ' || max(product)) || ', ' || sum(units_pass) || ' passed', max(opened)
	FROM job WHERE work_order >= :q AND work_order < :q || char(0x10ffff) GROUP BY work_order ORDER BY work_order LIMIT 20)
	UNION ALL
	SELECT * FROM (SELECT 'image', key, true, name || ', imported', max(added) FROM image WHERE :q IN (name, key, plan_sha256, source_sha256)
	GROUP BY key ORDER BY max(seq) DESC LIMIT 20)
	UNION ALL
	SELECT * FROM (SELECT 'image', key, false, name || ', imported', max(added) FROM image
	WHERE :q NOT IN (name, key, plan_sha256, source_sha256) AND (name >= :q AND name < :q || char(0x10ffff) OR length(:q) >= 6 AND
		(key >= lower(:q) AND key < lower(:q) || 'g' OR plan_sha256 >= lower(:q) AND plan_sha256 < lower(:q) || 'g'
		OR source_sha256 >= lower(:q) AND source_sha256 < lower(:q) || 'g')) GROUP BY key ORDER BY max(seq) DESC LIMIT 20)
	UNION ALL
	SELECT 'day', :q, true, count(*) || ' rows', min(utc) FROM log
	WHERE :q GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND utc >= :q AND utc < :q || '~' HAVING count(*) > 0
)
SELECT type, id, exact AS "exact.bool", ltrim(detail, ', ') AS detail, at FROM hit ORDER BY exact DESC, length(id), id, type LIMIT :limit
