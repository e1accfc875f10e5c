-- What each slot did: attempts, failures, speed. from=DAY to=DAY, optional.
SELECT slot, count(*) AS attempts, count(*) FILTER (WHERE result = 'pass') AS pass, count(*) FILTER (WHERE result = 'fail' AND counted) AS fail,
	count(*) FILTER (WHERE result = 'fail' AND NOT counted) AS fail_other,
	round(avg(bytes_written / nullif(write_s, 0)) / 1e6, 1) AS write_mb_s, round(avg(bytes_verified / nullif(verify_s, 0)) / 1e6, 1) AS verify_mb_s,
	min(opened) AS first, max(closed) AS last
FROM attempt WHERE closed >= coalesce(:from, '0') AND closed < coalesce(:to || '~', '~')
GROUP BY slot ORDER BY slot LIMIT :limit OFFSET coalesce(:offset, 0)
