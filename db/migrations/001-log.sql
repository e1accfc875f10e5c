-- The log: the one table that is the truth. docs/ledger.md says what its rows hold.
PRAGMA application_id = 0x47616e67; -- "Gang"

CREATE TABLE log(
	seq  INTEGER PRIMARY KEY,
	utc  TEXT NOT NULL CHECK (utc GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z' AND length(utc) = 27),
	kind TEXT NOT NULL,
	body TEXT NOT NULL CHECK (json_type(body) = 'object'),
	prev TEXT NOT NULL CHECK (length(prev) = 64),
	hash TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;

CREATE INDEX log_kind ON log(kind, seq);
CREATE INDEX log_utc ON log(utc);

CREATE TRIGGER log_is_never_updated BEFORE UPDATE ON log
BEGIN
	SELECT RAISE(ABORT, 'the log is append-only: a correction is a new row');
END;

CREATE TRIGGER log_is_never_deleted BEFORE DELETE ON log
BEGIN
	SELECT RAISE(ABORT, 'the log is append-only: nothing is ever deleted');
END;

CREATE TRIGGER log_is_in_order BEFORE INSERT ON log
BEGIN
	SELECT RAISE(ABORT, 'seq is not one more than the last row''s')
	WHERE NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM log);

	SELECT RAISE(ABORT, 'prev is not the last row''s hash')
	WHERE NEW.prev IS NOT coalesce((SELECT hash FROM log ORDER BY seq DESC LIMIT 1), printf('%064d', 0));

	SELECT RAISE(ABORT, 'utc is before the last row''s, and no clock row says so')
	WHERE NEW.kind IS NOT 'clock' AND NEW.utc < (SELECT utc FROM log ORDER BY seq DESC LIMIT 1);
END;
