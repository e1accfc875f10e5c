-- What is known of the units with these serials (:serials is a JSON array).
SELECT unit.unit AS serial, unit.result, unit.result_attempt AS attempt, unit.disposition, unit.attempts,
	attempt.job, attempt.plan_sha256, attempt.closed
FROM json_each(:serials) AS asked
JOIN unit ON unit.unit = asked.value
LEFT JOIN attempt ON attempt.attempt = unit.result_attempt
LIMIT 64
