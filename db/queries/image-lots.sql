-- Where the units that hold an image now belong: a line a lot.
SELECT job.lot, job.work_order AS "order", job.customer, job.product, job.revision, count(*) AS units, min(attempt.closed) AS first,
	max(attempt.closed) AS last
FROM attempt JOIN unit ON unit.unit = attempt.unit AND unit.result_attempt = attempt.attempt LEFT JOIN job ON job.job = attempt.job
WHERE attempt.result = 'pass' AND attempt.plan_sha256 IN
	(SELECT plan_sha256 FROM image WHERE :image IN (key, plan_sha256, source_sha256, name))
GROUP BY 1, 2, 3, 4, 5 ORDER BY last DESC LIMIT :limit
