-- The images the station offers, newest first.
SELECT name, "key", codec, size, mapped, block_size, ranges, source_sha256, bmap_sha256, plan_sha256, source_name, mapping,
	operator, added
FROM image WHERE removed = '' ORDER BY seq DESC LIMIT 1000
