-- The jobs that are open, newest first.
SELECT job, image, image_key, plan_sha256, wanted, start, verify AS "verify.bool",
	(SELECT body FROM log WHERE log.seq = job.seq) AS "recipe.json",
	(SELECT body FROM log WHERE log.seq = job.signature_row) AS "signature_row.json", unmapped, lun, work_order AS "order",
	customer, product, revision, lot, job_revision, operator, opened, closed, close_reason,
	pass, fail, fail_other, unverified, aborted, interrupted, refused, first_units, first_pass, units, units_pass, units_made
FROM job WHERE closed = '' ORDER BY seq DESC LIMIT 100
