-- A day's verdicts, an hour a line.
SELECT substr(closed, 1, 13) AS at, count(*) AS attempts, sum(result = 'pass') AS pass, sum(result = 'fail' AND counted) AS fail,
	sum(result = 'fail' AND NOT counted) AS fail_other
FROM attempt WHERE closed >= :day AND closed < :day || '~' GROUP BY 1 ORDER BY 1 LIMIT :limit
