-- The last verdict of each slot.
SELECT slot.slot, attempt.attempt, job, result, code, blame, text, attempt.serial, serial_source, boot_id, diskseq, port, size, image,
	plan_sha256, readback_sha256, verify_method, closed, write_s, verify_s, bytes_written, bytes_verified,
	slot.acknowledged AS "acknowledged.bool", coalesce(known.fate, '') AS disposition,
	coalesce((SELECT reason FROM disposition WHERE disposition.serial = attempt.serial AND disposition.disposition = known.fate
		ORDER BY seq DESC LIMIT 1), '') AS disposition_reason,
	-- Its FAIL stood behind a retry, and the station died before the unit was in quarantine.
	result = 'fail' AND counted AND retry_of IS NOT NULL AND known.last_attempt = attempt.attempt
		AND NOT EXISTS (SELECT 1 FROM disposition WHERE disposition.serial = attempt.serial AND disposition.seq > attempt.close_seq)
		AS "quarantine_due.bool"
FROM slot JOIN attempt ON attempt.attempt = slot.attempt
	LEFT JOIN (SELECT unit AS name, disposition AS fate, last_attempt FROM unit) AS known ON known.name = attempt.serial
ORDER BY slot.slot
