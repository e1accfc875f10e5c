-- Yields and counts of a lot or a work order, over all its jobs. As in a job: first-pass yield is of units whose first
-- counted attempt was PASS, final yield of units that are PASS now. An attempt's number, doubled, with its verdict as the
-- last bit finds both in one walk.
WITH one AS (
	SELECT unit, count(*) AS attempts, min(CASE WHEN counted THEN 2 * attempt + (result = 'pass') END) AS first,
		max(2 * attempt + (result = 'pass')) AS last, sum(result = 'pass') AS pass, sum(result = 'fail' AND counted) AS fail,
		sum(result = 'fail' AND NOT counted) AS fail_other, sum(result = 'unverified') AS unverified, sum(result = 'aborted') AS aborted,
		sum(result = 'interrupted') AS interrupted, sum(disposition <> 'first') AS again, min(attempt.opened) AS opened,
		max(attempt.closed) AS closed, sum(bytes_written) AS bytes_written, sum(bytes_verified) AS bytes_verified,
		sum(write_s) AS write_s, sum(verify_s) AS verify_s
	FROM job CROSS JOIN attempt ON attempt.job = job.job AND attempt.result <> 'open'
	WHERE true
	AND job.lot = :lot --if lot
	AND job.work_order = :order --if order
	GROUP BY unit
)
SELECT count(first) AS units, coalesce(sum(first % 2), 0) AS first_pass, count(*) FILTER (WHERE first IS NOT NULL AND last % 2) AS units_pass,
	round(1.0 * sum(first % 2) / nullif(count(first), 0), 6) AS first_pass_yield,
	round(1.0 * count(*) FILTER (WHERE first IS NOT NULL AND last % 2) / nullif(count(first), 0), 6) AS final_yield,
	count(*) AS units_seen, coalesce(sum(attempts), 0) AS attempts, coalesce(sum(pass), 0) AS pass, coalesce(sum(fail), 0) AS fail,
	coalesce(sum(fail_other), 0) AS fail_other, coalesce(sum(unverified), 0) AS unverified, coalesce(sum(aborted), 0) AS aborted,
	coalesce(sum(interrupted), 0) AS interrupted, coalesce(sum(again), 0) AS again,
	coalesce(min(opened), '') AS opened, coalesce(max(closed), '') AS closed,
	round(sum(bytes_written) / nullif(sum(write_s), 0) / 1e6, 1) AS write_mb_s,
	round(sum(bytes_verified) / nullif(sum(verify_s), 0) / 1e6, 1) AS verify_mb_s
FROM one
