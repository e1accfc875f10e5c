-- The units of a lot that its certificate leaves out, and why.
WITH one AS (
	SELECT attempt.unit, attempt.result, max(attempt.attempt) AS attempt, attempt.close_seq, unit.last_attempt, unit.disposition
	FROM job CROSS JOIN attempt ON attempt.job = job.job JOIN unit ON unit.unit = attempt.unit
	WHERE job.lot = :lot GROUP BY attempt.unit
)
SELECT CASE WHEN disposition IN ('scrapped', 'quarantine') THEN disposition
	WHEN last_attempt <> attempt THEN 'programmed again in another lot'
	WHEN result <> 'pass' THEN 'last verdict: ' || result
	WHEN close_seq > (SELECT coalesce(max(head.row), 0) FROM head) THEN 'no signed head covers it yet'
	WHEN (SELECT heads FROM run ORDER BY seq DESC LIMIT 1) = '' THEN 'signed, but no head leaves this station: [heads] in its configuration names no place'
	ELSE 'signed, but the head has not left the station yet' END AS why, count(*) AS units, min(unit) AS example
FROM one
WHERE disposition IN ('scrapped', 'quarantine') OR last_attempt <> attempt OR result <> 'pass'
OR close_seq > (SELECT coalesce(max(delivery.row), 0) FROM delivery)
GROUP BY 1 ORDER BY units DESC LIMIT :limit
