-- Units an hour: PASS units and attempts in each hour. from=DAY to=DAY job=JOB, all optional.
SELECT substr(closed, 1, 13) || ':00Z' AS hour, count(DISTINCT unit) FILTER (WHERE result = 'pass') AS units_pass,
	count(*) AS attempts, count(*) FILTER (WHERE result = 'fail') AS fail,
	round(avg(write_s), 3) AS write_s, round(avg(verify_s), 3) AS verify_s
FROM attempt
WHERE closed >= coalesce(:from, '0') AND closed < coalesce(:to || '~', '~') AND (:job IS NULL OR job = :job)
GROUP BY 1 ORDER BY 1 LIMIT :limit OFFSET coalesce(:offset, 0)
