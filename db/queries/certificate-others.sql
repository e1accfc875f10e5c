-- The units of a lot that its certificate leaves out, and why.
WITH one AS (
	SELECT attempt.unit, attempt.result, max(attempt.attempt) AS attempt, attempt.close_seq, unit.last_attempt, unit.disposition
	FROM job CROSS JOIN attempt ON attempt.job = job.job JOIN unit ON unit.unit = attempt.unit
	WHERE job.lot = :lot GROUP BY attempt.unit
)
SELECT CASE WHEN disposition IN ('scrapped', 'quarantine') THEN disposition
	WHEN last_attempt <> attempt THEN 'programmed again in another lot'
	WHEN result <> 'pass' THEN 'last verdict: ' || result
	ELSE 'no signed head covers it yet' END AS why, count(*) AS units, min(unit) AS example
FROM one
WHERE disposition IN ('scrapped', 'quarantine') OR last_attempt <> attempt OR result <> 'pass'
OR close_seq > (SELECT coalesce(max(head.row), 0) FROM head)
GROUP BY 1 ORDER BY units DESC LIMIT :limit
