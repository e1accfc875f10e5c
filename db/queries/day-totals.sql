-- A day's verdicts and yields, over all jobs.
SELECT coalesce(sum(pass), 0) AS pass, coalesce(sum(fail), 0) AS fail, coalesce(sum(fail_other), 0) AS fail_other,
	coalesce(sum(unverified), 0) AS unverified, coalesce(sum(aborted), 0) AS aborted, coalesce(sum(interrupted), 0) AS interrupted,
	coalesce(sum(first_units), 0) AS first_units, coalesce(sum(first_pass), 0) AS first_pass,
	round(1.0 * sum(first_pass) / nullif(sum(first_units), 0), 6) AS first_pass_yield,
	coalesce(sum(units), 0) AS units, coalesce(sum(units_pass), 0) AS units_pass,
	round(1.0 * sum(units_pass) / nullif(sum(units), 0), 6) AS final_yield,
	(SELECT count(*) FROM log WHERE utc >= :day AND utc < :day || '~') AS rows
FROM yield_day WHERE day = :day
