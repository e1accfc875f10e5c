-- Work orders and lots with their quantities. order=ORDER lot=LOT customer=CUSTOMER, all optional.
SELECT work_order AS "order", lot, customer, product, revision, job, job_revision, image, wanted, units_pass, units, first_pass, first_units,
	fail, unverified, opened, closed, close_reason
FROM job WHERE (:order IS NULL OR work_order = :order) AND (:lot IS NULL OR lot = :lot) AND (:customer IS NULL OR customer = :customer)
ORDER BY seq DESC LIMIT :limit OFFSET coalesce(:offset, 0)
