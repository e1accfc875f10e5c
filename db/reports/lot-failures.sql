-- What failed in a lot, newest first, and how the unit ended. lot=LOT.
SELECT attempt.attempt, attempt.closed, attempt.unit, attempt.slot, attempt.code, attempt.blame, attempt.text, unit.result AS unit_now,
	attempt.job
FROM job JOIN attempt ON attempt.job = job.job AND attempt.result = 'fail' JOIN unit ON unit.unit = attempt.unit
WHERE job.lot = :lot
ORDER BY attempt.attempt DESC LIMIT :limit OFFSET coalesce(:offset, 0)
