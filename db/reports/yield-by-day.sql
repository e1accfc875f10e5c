-- First-pass and final yield, a line a day. from=DAY to=DAY job=JOB, all optional.
SELECT day, sum(first_units) AS first_units, sum(first_pass) AS first_pass,
	round(1.0 * sum(first_pass) / nullif(sum(first_units), 0), 6) AS first_pass_yield, sum(units) AS units, sum(units_pass) AS units_pass,
	round(1.0 * sum(units_pass) / nullif(sum(units), 0), 6) AS final_yield, sum(pass) AS pass, sum(fail) AS fail
FROM yield_day WHERE day >= substr(coalesce(:from, ''), 1, 10) AND day < coalesce(substr(:to, 1, 10), '') || '~' AND (:job IS NULL OR job = :job)
GROUP BY day ORDER BY day LIMIT :limit OFFSET coalesce(:offset, 0)
