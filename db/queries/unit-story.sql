-- What else the log says of a unit: refusals, returns, dispositions, corrections, in order.
SELECT seq, utc, 'refused' AS what, slot, code, text FROM refusal WHERE serial = :serial AND serial <> ''
UNION ALL
SELECT seq, utc, 'returned', slot, '', coalesce('after attempt ' || attempt, '') FROM returned WHERE serial = :serial AND serial <> ''
UNION ALL
SELECT seq, utc, disposition, '', '', reason || CASE operator WHEN '' THEN '' ELSE ' (' || operator || ')' END
FROM disposition WHERE serial = :serial AND serial <> ''
UNION ALL
SELECT correction.seq, correction.utc, 'correction', '', '', 'row ' || correction.row || ': ' || correction.field || ' ' || correction.value
	|| ' (' || correction.reason || ')'
FROM attempt JOIN correction ON correction.row IN (attempt.open_seq, attempt.close_seq)
WHERE attempt.unit = :serial
ORDER BY 1 LIMIT 200
