-- What each slot did for a lot or a work order, and how fast.
SELECT slot, count(*) AS attempts, sum(result = 'pass') AS pass, sum(result = 'fail' AND counted) AS fail,
	sum(result = 'fail' AND NOT counted) AS fail_other,
	round(sum(bytes_written) / nullif(sum(write_s), 0) / 1e6, 1) AS write_mb_s,
	round(sum(bytes_verified) / nullif(sum(verify_s), 0) / 1e6, 1) AS verify_mb_s
FROM job CROSS JOIN attempt ON attempt.job = job.job AND attempt.result <> 'open'
WHERE true
AND job.lot = :lot --if lot
AND job.work_order = :order --if order
GROUP BY slot ORDER BY length(slot), slot LIMIT :limit
