-- What was programmed into the certified units of a lot, how it was verified, and with what.
SELECT attempt.image, image.source_sha256, attempt.plan_sha256, attempt.verify_method, attempt.tool, run.station,
	count(*) AS units, min(attempt.closed) AS first, max(attempt.closed) AS last
FROM job CROSS JOIN attempt ON attempt.job = job.job AND attempt.result = 'pass'
CROSS JOIN unit ON unit.unit = attempt.unit AND unit.result_attempt = attempt.attempt AND unit.last_attempt = attempt.attempt
LEFT JOIN image ON image.seq = coalesce( -- two files may have one plan: the attempt names its own
	(SELECT max(seq) FROM image AS i WHERE i.key = attempt.image_key AND i.plan_sha256 = attempt.plan_sha256 AND i.seq < attempt.close_seq),
	(SELECT max(seq) FROM image AS i WHERE i.plan_sha256 = attempt.plan_sha256 AND i.seq < attempt.close_seq))
LEFT JOIN run ON run.seq = attempt.run
WHERE job.lot = :lot AND attempt.close_seq <= (SELECT max(delivery.row) FROM delivery) AND unit.disposition NOT IN ('scrapped', 'quarantine')
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY units DESC LIMIT :limit
