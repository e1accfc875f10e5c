-- Yield of a lot or a work order over time: an hour a line while it took less than two days, else a day.
WITH mine AS (
	SELECT attempt, unit, result, counted, attempt.closed FROM job CROSS JOIN attempt ON attempt.job = job.job AND attempt.result <> 'open'
	WHERE true
	AND job.lot = :lot --if lot
	AND job.work_order = :order --if order
), width(chars) AS (SELECT CASE WHEN julianday(max(closed)) - julianday(min(closed)) < 2 THEN 13 ELSE 10 END FROM mine),
one AS (SELECT unit, min(attempt) FILTER (WHERE counted) AS first FROM mine GROUP BY unit)
SELECT substr(closed, 1, chars) AS at, count(*) AS attempts, sum(result = 'pass') AS pass, sum(result = 'fail' AND counted) AS fail,
	sum(result = 'fail' AND NOT counted) AS fail_other, sum(attempt = first) AS first_units, sum(attempt = first AND result = 'pass') AS first_pass
FROM mine JOIN one USING (unit), width GROUP BY 1 ORDER BY 1 LIMIT :limit
