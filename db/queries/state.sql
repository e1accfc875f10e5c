-- Where the ledger stands.
SELECT (SELECT id FROM ledger) AS ledger,
	(SELECT coalesce(max(seq), 0) FROM log) AS seq,
	coalesce((SELECT hash FROM log ORDER BY seq DESC LIMIT 1), '') AS hash,
	(SELECT coalesce(max(row), 0) FROM delivery) AS anchored,
	(SELECT coalesce(max(attempt), 0) + 1 FROM attempt) AS next_attempt,
	(SELECT count(*) + 1 FROM job) AS next_job,
	coalesce((SELECT config_sha256 FROM run ORDER BY seq DESC LIMIT 1), '') AS config_sha256,
	coalesce((SELECT stopped <> '' FROM run ORDER BY seq DESC LIMIT 1), 1) AS "clean.bool"
