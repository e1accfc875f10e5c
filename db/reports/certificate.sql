-- For a certificate of conformance: units of a lot that are PASS now, and only as far as a head that has left the station covers their rows. lot=LOT.
SELECT attempt.unit, attempt.attempt, attempt.closed, attempt.verify_method, attempt.plan_sha256, attempt.readback_sha256,
	attempt.close_seq AS row, (SELECT max(delivery.row) FROM delivery) AS anchored
-- CROSS JOIN holds SQLite to this order: the lot's few jobs first.
FROM job CROSS JOIN attempt ON attempt.job = job.job AND attempt.result = 'pass'
CROSS JOIN unit ON unit.unit = attempt.unit AND unit.result_attempt = attempt.attempt AND unit.last_attempt = attempt.attempt
WHERE job.lot = :lot AND attempt.close_seq <= (SELECT max(delivery.row) FROM delivery) AND unit.disposition NOT IN ('scrapped', 'quarantine')
ORDER BY attempt.unit LIMIT :limit OFFSET coalesce(:offset, 0)
