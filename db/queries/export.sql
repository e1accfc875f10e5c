-- The attempts of an export: of a job, a unit, an image (key, plan or source digest), a span of time; all that is not NULL.
SELECT attempt, unit, serial, serial_source, number, disposition, result, code, blame, job.job, job.work_order AS "order",
	job.customer, job.product, job.revision, job.lot, job.job_revision, run.station, slot, port, hub, attempt.image,
	attempt.image_key, attempt.plan_sha256, readback_sha256, extras_sha256, extras_readback_sha256, verify_method,
	attempt.opened, attempt.closed, bytes_written, bytes_verified, write_s, verify_s, retries, size, usb_id, uboot, blank,
	tool, attempt.kernel, attempt.config_sha256, attempt.operator, clock_synchronised, attempt.reason, text, open_seq, close_seq,
	(SELECT coalesce(body ->> 'start', '') FROM log WHERE seq = open_seq) AS start,
	(SELECT coalesce(body ->> 'started_by', '') FROM log WHERE seq = open_seq) AS started_by
FROM attempt LEFT JOIN job ON job.job = attempt.job LEFT JOIN run ON run.seq = attempt.run
WHERE (:job IS NULL OR attempt.job = :job) AND (:serial IS NULL OR unit = :serial)
AND (:image IS NULL OR attempt.image_key = :image OR attempt.plan_sha256 = :image
	OR attempt.plan_sha256 IN (SELECT plan_sha256 FROM image WHERE source_sha256 = :image))
AND (:from IS NULL OR attempt.opened >= :from) AND (:to IS NULL OR attempt.opened < :to || '~')
ORDER BY attempt
