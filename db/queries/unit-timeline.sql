-- All that the ledger says of a unit, in order: attempts with their jobs, refusals, returns, dispositions, corrections,
-- acknowledgements, its serial's reservation. A log row is found by its time (an index), then by what it says.
SELECT open_seq AS row, attempt.opened AS utc, 'attempt' AS what, slot, attempt.operator, attempt.reason, text,
	json_object('attempt', attempt, 'number', number, 'disposition', disposition, 'result', result, 'code', code, 'blame', blame,
		'closed', attempt.closed, 'close_row', close_seq, 'port', port, 'hub', hub, 'size', size, 'serial_source', serial_source,
		'usb_serial', (SELECT coalesce(body ->> 'usb_serial', '') FROM log WHERE seq = open_seq),
		'start', (SELECT coalesce(body ->> 'start', '') FROM log WHERE seq = open_seq),
		'started_by', (SELECT coalesce(body ->> 'started_by', '') FROM log WHERE seq = open_seq),
		'job', attempt.job, 'order', coalesce(work_order, ''), 'lot', coalesce(lot, ''), 'customer', coalesce(customer, ''),
		'product', coalesce(product, ''), 'revision', coalesce(revision, ''), 'image', attempt.image, 'image_key', attempt.image_key,
		'plan_sha256', attempt.plan_sha256, 'readback_sha256', readback_sha256, 'verify_method', verify_method,
		'bytes_written', bytes_written, 'bytes_verified', bytes_verified, 'write_s', write_s, 'verify_s', verify_s,
		'retries', retries, 'leaving', leaving, 'tool', tool, 'kernel', attempt.kernel, 'uboot', uboot, 'blank', blank,
		'station', coalesce(run.station, ''), 'clock_synchronised', clock_synchronised) AS "detail.json"
FROM attempt LEFT JOIN job ON job.job = attempt.job LEFT JOIN run ON run.seq = attempt.run WHERE unit = :serial
UNION ALL
SELECT seq, utc, 'refused', slot, '', code, text, json_object('job', job) FROM refusal WHERE serial = :serial AND serial <> ''
UNION ALL
SELECT seq, utc, 'returned', slot, '', '', '',
	json_object('attempt', attempt, 'number', (SELECT number FROM attempt WHERE attempt.attempt = returned.attempt)) FROM returned WHERE serial = :serial AND serial <> ''
UNION ALL
SELECT seq, utc, disposition, '', operator, reason, (SELECT kind FROM log WHERE log.seq = disposition.seq), '{}' FROM disposition WHERE serial = :serial AND serial <> ''
UNION ALL
SELECT correction.seq, correction.utc, 'correction', '', correction.operator, correction.reason, field || ' ' || value,
	json_object('row', correction.row, 'field', field, 'value', value, 'attempt', attempt)
FROM attempt JOIN correction ON correction.row IN (open_seq, close_seq) WHERE unit = :serial
UNION ALL
SELECT log.seq, log.utc, 'acknowledged', slot, coalesce(body ->> 'operator', ''), coalesce(body ->> 'reason', ''), '',
	json_object('attempt', attempt, 'number', number, 'result', result)
FROM attempt JOIN log ON log.utc = attempt.acknowledged AND kind = 'slot.ack' AND body ->> 'attempt' = attempt.attempt
WHERE unit = :serial AND acknowledged <> ''
UNION ALL
SELECT log.seq, log.utc, 'serial', '', '', pool, state,
	json_object('attempt', attempt, 'number', (SELECT number FROM attempt WHERE attempt.attempt = serial_number.attempt))
FROM serial_number JOIN log ON log.utc = reserved AND kind = 'serial.reserve' AND body ->> 'serial' = serial
WHERE serial = :serial
ORDER BY 1 LIMIT :limit OFFSET coalesce(:offset, 0)
