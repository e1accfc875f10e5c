-- The last verdict of each slot.
SELECT slot.slot, attempt.attempt, job, result, code, blame, text, serial, serial_source, boot_id, diskseq, port, size, image,
	plan_sha256, readback_sha256, verify_method, closed, write_s, verify_s, bytes_written, bytes_verified,
	slot.acknowledged AS "acknowledged.bool"
FROM slot JOIN attempt ON attempt.attempt = slot.attempt
ORDER BY slot.slot
