-- The signed heads, newest first, and where each has gone: a destination gets them in order, so a later one vouches for it.
SELECT row, row_hash, signed, reason, key, signature, seq, trim(
	CASE WHEN row <= (SELECT max(d.row) FROM delivery AS d WHERE destination = 'folder') THEN 'folder ' ELSE '' END
	|| CASE WHEN row <= (SELECT max(d.row) FROM delivery AS d WHERE destination = 'command') THEN 'command ' ELSE '' END
	|| CASE WHEN row <= (SELECT max(d.row) FROM delivery AS d WHERE destination = 'http') THEN 'http ' ELSE '' END
	|| CASE WHEN row <= (SELECT max(d.row) FROM delivery AS d WHERE destination = 'syslog') THEN 'syslog' ELSE '' END) AS delivered
FROM head ORDER BY seq DESC LIMIT :limit OFFSET coalesce(:offset, 0)
