-- The units of a lot or a work order: their verdict now, their attempts, what failed on the way. lot=LOT or order=ORDER.
-- With max() alone SQLite takes the other columns from that very row: a unit's last attempt (sqlite.org/lang_select.html#bareagg).
SELECT attempt.unit, attempt.result, count(*) AS attempts, sum(attempt.result = 'fail') AS failures,
	coalesce(group_concat(DISTINCT nullif(attempt.code, '')), '') AS codes, unit.disposition, max(attempt.attempt) AS attempt,
	attempt.slot, attempt.closed, attempt.job, job.lot, job.work_order AS "order", attempt.plan_sha256, attempt.readback_sha256,
	attempt.verify_method, attempt.close_seq AS row,
	CASE WHEN attempt.result = 'pass' AND unit.last_attempt = attempt.attempt AND unit.disposition NOT IN ('scrapped', 'quarantine')
		AND attempt.close_seq <= (SELECT max(delivery.row) FROM delivery) THEN 'yes' ELSE 'no' END AS certified,
	CASE WHEN attempt.close_seq <= (SELECT max(delivery.row) FROM delivery) THEN 'anchored'
		WHEN attempt.close_seq <= (SELECT max(head.row) FROM head) THEN 'signed' ELSE 'none' END AS proof
FROM job CROSS JOIN attempt ON attempt.job = job.job AND attempt.result <> 'open' JOIN unit ON unit.unit = attempt.unit
WHERE job.lot = :lot OR job.work_order = :order
GROUP BY attempt.unit ORDER BY attempt.unit LIMIT :limit OFFSET coalesce(:offset, 0)
