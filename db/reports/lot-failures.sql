-- What failed in a lot, newest first, and how the unit ended. lot=LOT.
SELECT attempt.attempt, attempt.closed, attempt.unit, attempt.slot, attempt.code, attempt.blame, attempt.text, unit.result AS unit_now,
	attempt.job
-- CROSS JOIN holds SQLite to this order: the lot's few jobs first, not every failure there ever was.
FROM job CROSS JOIN attempt ON attempt.job = job.job AND attempt.result = 'fail' CROSS JOIN unit ON unit.unit = attempt.unit
WHERE job.lot = :lot
ORDER BY attempt.attempt DESC LIMIT :limit OFFSET coalesce(:offset, 0)
