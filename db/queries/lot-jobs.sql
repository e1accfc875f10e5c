-- The jobs of a lot or a work order, newest first.
SELECT work_order AS "order", lot, customer, product, revision, job, job_revision, image, image_key, plan_sha256, wanted, units_pass,
	units, first_pass, first_units, pass, fail, fail_other, unverified, aborted, interrupted, refused, operator, opened, closed, close_reason
FROM job
WHERE true
AND lot = :lot --if lot
AND work_order = :order --if order
AND (plan_sha256 IN (SELECT plan_sha256 FROM image WHERE :image IN (key, plan_sha256, source_sha256, name)) --if image
OR (plan_sha256 = '' AND image IN (SELECT name FROM image WHERE :image IN (key, plan_sha256, source_sha256, name)))) --if image
AND opened < :day || '~' AND (closed = '' OR closed >= :day) --if day
ORDER BY seq DESC LIMIT :limit
