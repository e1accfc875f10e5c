-- Where the ledger stands: the newest head that has left the station (what it covers is anchored), the newest that is
-- signed at all, and where heads are to go ('': nowhere; NULL: the station did not say).
SELECT (SELECT id FROM ledger) AS ledger, (SELECT coalesce(max(seq), 0) FROM log) AS rows,
	coalesce((SELECT station FROM run ORDER BY seq DESC LIMIT 1), '') AS station,
	(SELECT heads FROM run ORDER BY seq DESC LIMIT 1) AS heads_to, coalesce((SELECT max(row) FROM head), 0) AS signed_row,
	head.row, head.row_hash, head.signed, head.reason, head.key, head.signature, delivery.utc AS delivered,
	(SELECT group_concat(DISTINCT destination) FROM delivery AS d WHERE d.row = delivery.row) AS destinations
FROM (SELECT 1) LEFT JOIN delivery ON delivery.seq = (SELECT seq FROM delivery ORDER BY row DESC, seq LIMIT 1)
LEFT JOIN head ON head.seq = (SELECT seq FROM head WHERE row = delivery.row ORDER BY seq LIMIT 1)
