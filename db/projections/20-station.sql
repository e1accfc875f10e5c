-- The station: its runs, its keys and signed heads, notes and corrections.
CREATE TABLE ledger(
	seq    INTEGER PRIMARY KEY CHECK (seq = 1),
	id     TEXT NOT NULL,
	opened TEXT NOT NULL
) STRICT;

CREATE TABLE run(
	seq           INTEGER PRIMARY KEY,
	station       TEXT NOT NULL,
	version       TEXT NOT NULL,
	kernel        TEXT NOT NULL,
	boot_id       TEXT NOT NULL,
	config_sha256 TEXT NOT NULL,
	heads         TEXT, -- where signed heads are to go; '': nowhere; NULL: older stations did not say
	started       TEXT NOT NULL,
	stopped       TEXT NOT NULL DEFAULT '', -- '': it runs, or it ended without a word
	reason        TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE key(
	seq         INTEGER PRIMARY KEY,
	fingerprint TEXT NOT NULL,
	public      TEXT NOT NULL,
	reason      TEXT NOT NULL,
	since       TEXT NOT NULL
) STRICT;

CREATE TABLE head(
	seq       INTEGER PRIMARY KEY, -- the head row's own
	row       INTEGER NOT NULL,    -- the row it speaks of
	row_hash  TEXT NOT NULL,
	signed    TEXT NOT NULL,
	reason    TEXT NOT NULL,
	key       TEXT NOT NULL,
	signature TEXT NOT NULL
) STRICT;
CREATE INDEX head_row ON head(row);

-- Heads that have left the station: only they anchor what they cover. A destination gets them in order.
CREATE TABLE delivery(
	seq         INTEGER PRIMARY KEY,
	row         INTEGER NOT NULL, -- of the head
	destination TEXT NOT NULL,    -- folder, command, http, syslog
	target      TEXT NOT NULL,
	utc         TEXT NOT NULL
) STRICT;
CREATE INDEX delivery_row ON delivery(row);
CREATE INDEX delivery_destination ON delivery(destination, row);

CREATE TABLE correction(
	seq      INTEGER PRIMARY KEY,
	row      INTEGER NOT NULL,
	field    TEXT NOT NULL,
	value    TEXT NOT NULL,
	reason   TEXT NOT NULL,
	operator TEXT NOT NULL,
	utc      TEXT NOT NULL
) STRICT;
CREATE INDEX correction_row ON correction(row);

CREATE TRIGGER ledger_open_is_row_1 INSTEAD OF INSERT ON log_asks WHEN (NEW.kind = 'ledger.open') <> (NEW.seq = 1)
BEGIN
	SELECT RAISE(ABORT, 'ledger.open is the first row, and only the first');
END;

CREATE TRIGGER ledger_open INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'ledger.open'
BEGIN
	INSERT INTO ledger(seq, id, opened) VALUES (NEW.seq, NEW.body ->> 'id', NEW.utc);
END;

CREATE TRIGGER station_start INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'station.start'
BEGIN
	INSERT INTO run(seq, station, version, kernel, boot_id, config_sha256, heads, started)
	VALUES (NEW.seq, NEW.body ->> 'station', NEW.body ->> 'version', NEW.body ->> 'kernel', NEW.body ->> 'boot_id',
		coalesce(NEW.body ->> 'config_sha256', ''), NEW.body ->> 'heads', NEW.utc);
END;

CREATE TRIGGER station_stop_is_clean INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'station.stop'
BEGIN
	SELECT RAISE(ABORT, 'the station stops while an attempt is open') WHERE EXISTS (SELECT 1 FROM attempt WHERE result = 'open');
	SELECT RAISE(ABORT, 'the station stops without having started')
	WHERE NOT EXISTS (SELECT 1 FROM run WHERE seq = (SELECT max(seq) FROM run) AND stopped = '');
END;

CREATE TRIGGER station_stop INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'station.stop'
BEGIN
	UPDATE run SET stopped = NEW.utc, reason = NEW.body ->> 'reason' WHERE seq = (SELECT max(seq) FROM run);
END;

CREATE TRIGGER key_known INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'key'
BEGIN
	INSERT INTO key(seq, fingerprint, public, reason, since)
	VALUES (NEW.seq, NEW.body ->> 'fingerprint', NEW.body ->> 'public', NEW.body ->> 'reason', NEW.utc);
END;

CREATE TRIGGER head_is_true INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'head'
BEGIN
	SELECT RAISE(ABORT, 'the head names another hash than the row has')
	WHERE NEW.body ->> 'row_hash' IS NOT (SELECT hash FROM log WHERE seq = NEW.body ->> 'seq');

	SELECT RAISE(ABORT, 'the head is not signed with the ledger''s current key')
	WHERE NEW.body ->> 'key' IS NOT (SELECT fingerprint FROM key ORDER BY seq DESC LIMIT 1);
END;

CREATE TRIGGER head_signed INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'head'
BEGIN
	INSERT INTO head(seq, row, row_hash, signed, reason, key, signature)
	VALUES (NEW.seq, NEW.body ->> 'seq', NEW.body ->> 'row_hash', NEW.body ->> 'signed', NEW.body ->> 'reason',
		NEW.body ->> 'key', NEW.body ->> 'signature');
END;

CREATE TRIGGER head_delivered_is_a_head INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'head.delivered'
BEGIN
	SELECT RAISE(ABORT, 'what was delivered is no head of this ledger')
	WHERE NOT EXISTS (SELECT 1 FROM head WHERE row = NEW.body ->> 'seq' AND row_hash = NEW.body ->> 'row_hash');
END;

CREATE TRIGGER head_delivered INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'head.delivered'
BEGIN
	INSERT INTO delivery(seq, row, destination, target, utc)
	VALUES (NEW.seq, NEW.body ->> 'seq', NEW.body ->> 'destination', NEW.body ->> 'target', NEW.utc);
END;

CREATE TRIGGER correction_points_back INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'correction'
BEGIN
	SELECT RAISE(ABORT, 'a correction points at an earlier row and has a reason')
	WHERE NOT EXISTS (SELECT 1 FROM log WHERE seq = NEW.body ->> 'row') OR NEW.body ->> 'reason' = '';
END;

CREATE TRIGGER correction_made INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'correction'
BEGIN
	INSERT INTO correction(seq, row, field, value, reason, operator, utc)
	VALUES (NEW.seq, NEW.body ->> 'row', coalesce(NEW.body ->> 'field', ''), coalesce(NEW.body ->> 'value', ''),
		NEW.body ->> 'reason', coalesce(NEW.body ->> 'operator', ''), NEW.utc);
END;
