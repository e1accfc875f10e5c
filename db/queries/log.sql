-- Raw rows of the log, from :from_seq on. :kind keeps one kind.
SELECT seq, utc, kind, body AS "body.json", prev, hash
FROM log WHERE seq >= coalesce(:from_seq, 1) AND (:kind IS NULL OR kind = :kind)
ORDER BY seq LIMIT :limit
