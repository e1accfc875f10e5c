-- Units an hour: PASS units and attempts in each hour. from=DAY to=DAY job=JOB, all optional.
SELECT substr(closed, 1, 13) || ':00Z' AS hour, count(DISTINCT unit) FILTER (WHERE result = 'pass') AS units_pass,
	count(*) AS attempts, count(*) FILTER (WHERE result = 'fail') AS fail,
	round(avg(write_s), 3) AS write_s, round(avg(verify_s), 3) AS verify_s
FROM attempt
WHERE closed <> '' AND (:job IS NULL OR job = :job) AND (:from IS NULL OR closed >= :from) AND (:to IS NULL OR closed < :to || '~')
GROUP BY 1 ORDER BY 1 LIMIT :limit OFFSET coalesce(:offset, 0)
