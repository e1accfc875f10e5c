-- Rework and retests with their reasons, newest first. from=DAY to=DAY job=JOB lot=LOT, all optional.
SELECT attempt.attempt, attempt.opened, attempt.unit, attempt.number, attempt.disposition, attempt.reason, attempt.operator,
	attempt.result, attempt.code, attempt.slot, attempt.job
FROM attempt LEFT JOIN job ON job.job = attempt.job
WHERE attempt.disposition IN ('rework', 'retest') AND (:job IS NULL OR attempt.job = :job) AND (:lot IS NULL OR job.lot = :lot)
AND (:from IS NULL OR attempt.opened >= :from) AND (:to IS NULL OR attempt.opened < :to || '~')
ORDER BY attempt.attempt DESC LIMIT :limit OFFSET coalesce(:offset, 0)
