-- First-pass and final yield, a line a job. from=DAY to=DAY (of the closes) job=JOB lot=LOT, all optional.
SELECT yield_day.job, job.lot, job.work_order AS "order", sum(yield_day.first_units) AS first_units, sum(yield_day.first_pass) AS first_pass,
	round(1.0 * sum(yield_day.first_pass) / nullif(sum(yield_day.first_units), 0), 6) AS first_pass_yield,
	sum(yield_day.units) AS units, sum(yield_day.units_pass) AS units_pass,
	round(1.0 * sum(yield_day.units_pass) / nullif(sum(yield_day.units), 0), 6) AS final_yield,
	sum(yield_day.pass) AS pass, sum(yield_day.fail) AS fail, sum(yield_day.fail_other) AS fail_other,
	sum(yield_day.unverified) AS unverified, sum(yield_day.aborted) AS aborted, sum(yield_day.interrupted) AS interrupted
FROM yield_day LEFT JOIN job ON job.job = yield_day.job
WHERE yield_day.day >= substr(coalesce(:from, ''), 1, 10) AND yield_day.day < coalesce(substr(:to, 1, 10), '') || '~' AND (:job IS NULL OR yield_day.job = :job)
AND (:lot IS NULL OR job.lot = :lot)
GROUP BY yield_day.job ORDER BY min(yield_day.day), yield_day.job LIMIT :limit OFFSET coalesce(:offset, 0)
