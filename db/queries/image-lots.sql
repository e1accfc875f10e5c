-- The lots that were made with an image, newest first: a sum over jobs, not over a million attempts.
SELECT lot, work_order AS "order", customer, product, revision, sum(units_pass) AS units_pass, min(opened) AS first,
	CASE WHEN min(closed) = '' THEN '' ELSE max(closed) END AS last
FROM job WHERE plan_sha256 IN (SELECT plan_sha256 FROM image WHERE :image IN (key, plan_sha256, source_sha256, name))
OR (plan_sha256 = '' AND image IN (SELECT name FROM image WHERE :image IN (key, plan_sha256, source_sha256, name)))
GROUP BY 1, 2, 3, 4, 5 ORDER BY max(seq) DESC LIMIT :limit
