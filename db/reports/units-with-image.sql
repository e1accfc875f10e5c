-- Units that hold an image now: their last verdict is PASS with it. image=KEY, PLAN or SOURCE DIGEST, or NAME.
SELECT attempt.unit, attempt.attempt, attempt.closed, attempt.job, job.lot, job.work_order AS "order", job.customer, attempt.slot,
	attempt.image, attempt.plan_sha256
FROM attempt JOIN unit ON unit.unit = attempt.unit AND unit.result_attempt = attempt.attempt
LEFT JOIN job ON job.job = attempt.job
WHERE attempt.result = 'pass' AND attempt.plan_sha256 IN
	(SELECT plan_sha256 FROM image WHERE :image IN (key, plan_sha256, source_sha256, name))
ORDER BY attempt.attempt LIMIT :limit OFFSET coalesce(:offset, 0)
