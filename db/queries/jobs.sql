-- Jobs, newest first. :before is the seq to go on from.
SELECT seq, job, image, image_key, plan_sha256, wanted, start, verify AS "verify.bool",
	(SELECT body FROM log WHERE log.seq = job.seq) AS "recipe.json", unmapped, lun, work_order AS "order",
	customer, product, revision, lot, job_revision, operator, opened, closed, close_reason,
	pass, fail, fail_other, unverified, aborted, interrupted, refused, first_units, first_pass, units, units_pass, units_made
FROM job WHERE (:before IS NULL OR seq < :before) AND (:job IS NULL OR job = :job)
ORDER BY seq DESC LIMIT :limit
