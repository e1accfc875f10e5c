-- Every image that was ever imported, and how many units passed with it. image=KEY, DIGEST or NAME, optional.
SELECT seq AS row, name, added, removed, source_sha256, bmap_sha256, plan_sha256, codec, size, mapped, source_name, operator,
	(SELECT count(*) FROM attempt WHERE attempt.plan_sha256 = image.plan_sha256 AND attempt.result = 'pass') AS passes
FROM image WHERE :image IS NULL OR :image IN (key, plan_sha256, source_sha256, name)
ORDER BY seq LIMIT :limit OFFSET coalesce(:offset, 0)
