-- What a lot's certificate says of its work order; several jobs may have worked on one lot, each with a quantity
-- of its own that may overlap the others': what was ordered is told of one job only.
SELECT lot, group_concat(DISTINCT nullif(work_order, '')) AS "order", group_concat(DISTINCT nullif(customer, '')) AS customer,
	group_concat(DISTINCT nullif(product, '')) AS product, group_concat(DISTINCT nullif(revision, '')) AS revision,
	group_concat(DISTINCT nullif(job_revision, '')) AS job_revision, group_concat(DISTINCT job) AS jobs, CASE WHEN count(*) = 1 THEN max(wanted) END AS wanted,
	sum(closed = '') AS open_jobs
FROM job WHERE lot = :lot GROUP BY lot LIMIT :limit
