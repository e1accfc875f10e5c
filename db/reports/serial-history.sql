-- The history of a unit: its attempts, refusals, returns, dispositions and corrections in order. serial=SERIAL.
SELECT open_seq AS row, opened AS utc, 'attempt ' || attempt AS what, slot, result, code,
	trim(disposition || ' ' || reason || ' ' || text) AS text, job, plan_sha256, readback_sha256
FROM attempt WHERE unit = :serial
UNION ALL
SELECT seq, utc, 'refused', slot, '', code, text, job, '', '' FROM refusal WHERE serial = :serial
UNION ALL
SELECT seq, utc, 'returned', slot, '', '', 'after attempt ' || coalesce(attempt, '?'), '', '', '' FROM returned WHERE serial = :serial
UNION ALL
SELECT seq, utc, disposition, '', '', '', reason || ' ' || operator, '', '', '' FROM disposition WHERE serial = :serial
UNION ALL
SELECT correction.seq, utc, 'correction of row ' || row, '', '', '', field || ' ' || value || ' ' || correction.reason, '', '', ''
FROM attempt JOIN correction ON correction.row IN (attempt.open_seq, attempt.close_seq) WHERE attempt.unit = :serial
ORDER BY 1 LIMIT :limit OFFSET coalesce(:offset, 0)
