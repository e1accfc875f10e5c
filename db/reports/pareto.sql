-- Failures by slot, hub and code, the most frequent first, with their share and how many units they are of. from=DAY to=DAY job=JOB lot=LOT, all optional.
SELECT attempt.slot, attempt.hub, attempt.code, attempt.blame, count(*) AS failures, count(DISTINCT attempt.unit) AS units,
	round(1.0 * count(*) / sum(count(*)) OVER (), 6) AS share, max(attempt.closed) AS last
FROM attempt LEFT JOIN job ON job.job = attempt.job
WHERE attempt.result = 'fail' AND (:job IS NULL OR attempt.job = :job) AND (:lot IS NULL OR job.lot = :lot)
AND (:from IS NULL OR attempt.closed >= :from) AND (:to IS NULL OR attempt.closed < :to || '~')
GROUP BY attempt.slot, attempt.hub, attempt.code, attempt.blame
ORDER BY failures DESC, attempt.slot LIMIT :limit OFFSET coalesce(:offset, 0)
