-- Failures of a lot or a work order by code, the most frequent first, with their share and their slots.
SELECT code, blame, count(*) AS failures, round(1.0 * count(*) / sum(count(*)) OVER (), 6) AS share,
	count(DISTINCT unit) AS units, group_concat(DISTINCT slot) AS slots
FROM job CROSS JOIN attempt ON attempt.job = job.job AND attempt.result = 'fail'
WHERE true
AND job.lot = :lot --if lot
AND job.work_order = :order --if order
GROUP BY code, blame ORDER BY failures DESC, code LIMIT :limit
