-- Attempts, newest first. :before is the attempt to go on from. (A line marked "--if NAME" is there when NAME was given.)
SELECT attempt, job, unit, number, slot, port, fixture, hub, serial, serial_source, boot_id, diskseq, size, usb_id, uboot, blank,
	node, image, image_key, plan_sha256, tool, kernel, config_sha256, operator, disposition, reason, retry_of,
	clock_synchronised AS "clock_synchronised.bool", opened, result, counted AS "counted.bool", code, blame, text, closed,
	bytes_written, bytes_verified, readback_sha256, extras_sha256, extras_readback_sha256, verify_method, write_s, verify_s,
	retries, stages AS "stages.json", acknowledged, leaving, open_seq, close_seq
FROM attempt
WHERE true
AND attempt < :before --if before
AND unit = :serial --if serial
AND job = :job --if job
AND job IN (SELECT job FROM job WHERE lot = :lot) --if lot
AND job IN (SELECT job FROM job WHERE work_order = :order) --if order
AND plan_sha256 IN (SELECT plan_sha256 FROM image WHERE :image IN (key, plan_sha256, source_sha256, name)) --if image
AND result = :result --if result
AND opened >= :from --if from
AND attempt IN (SELECT body ->> 'attempt' FROM log WHERE utc >= coalesce(:from, '') AND utc < :to || '~' AND kind = 'attempt.open') --if to
ORDER BY attempt DESC LIMIT :limit OFFSET coalesce(:offset, 0)
