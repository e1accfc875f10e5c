-- The signed heads, newest first.
SELECT row, row_hash, signed, reason, key, signature, seq FROM head ORDER BY seq DESC LIMIT :limit OFFSET coalesce(:offset, 0)
