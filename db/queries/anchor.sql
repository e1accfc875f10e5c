-- Where the ledger stands, and the newest row that a signed head covers.
SELECT (SELECT id FROM ledger) AS ledger, (SELECT coalesce(max(seq), 0) FROM log) AS rows,
	coalesce((SELECT station FROM run ORDER BY seq DESC LIMIT 1), '') AS station,
	head.row, head.row_hash, head.signed, head.reason, head.key, head.signature
FROM (SELECT 1) LEFT JOIN head ON head.seq = (SELECT seq FROM head ORDER BY row DESC, seq LIMIT 1)
