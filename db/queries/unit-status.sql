-- What is known of the units with these serials (:serials is a JSON array).
SELECT unit.unit AS serial, unit.result, unit.result_attempt AS attempt, unit.disposition, unit.attempts,
	(SELECT reason FROM disposition WHERE disposition.serial = unit.unit ORDER BY seq DESC LIMIT 1) AS disposition_reason,
	attempt.close_seq AS row,
	attempt.job, attempt.plan_sha256, attempt.closed
FROM json_each(:serials) AS asked
JOIN unit ON unit.unit = asked.value
LEFT JOIN attempt ON attempt.attempt = unit.result_attempt
LIMIT 64
