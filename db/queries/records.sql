-- Attempts, newest first. :before is the attempt to go on from.
SELECT attempt, job, unit, number, slot, port, fixture, hub, serial, serial_source, boot_id, diskseq, size, usb_id, uboot, blank,
	node, image, image_key, plan_sha256, tool, kernel, config_sha256, operator, disposition, reason,
	clock_synchronised AS "clock_synchronised.bool", opened, result, counted AS "counted.bool", code, blame, text, closed,
	bytes_written, bytes_verified, readback_sha256, extras_sha256, extras_readback_sha256, verify_method, write_s, verify_s,
	retries, stages AS "stages.json", acknowledged, open_seq, close_seq
FROM attempt
WHERE (:before IS NULL OR attempt < :before) AND (:serial IS NULL OR unit = :serial)
AND (:job IS NULL OR job = :job) AND (:result IS NULL OR result = :result)
ORDER BY attempt DESC LIMIT :limit
