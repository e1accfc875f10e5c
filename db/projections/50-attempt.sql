-- Attempts, the units they were made on, and the slots they were made in.
CREATE TABLE attempt(
	attempt                INTEGER PRIMARY KEY,
	open_seq               INTEGER NOT NULL,
	close_seq              INTEGER, -- of attempt.close or attempt.interrupted
	run                    INTEGER NOT NULL,
	job                    TEXT NOT NULL,
	unit                   TEXT NOT NULL, -- the serial; '#attempt', its first one, for a board without one
	number                 INTEGER NOT NULL, -- 1: this unit's first attempt
	slot                   TEXT NOT NULL,
	port                   TEXT NOT NULL,
	fixture                TEXT NOT NULL,
	hub                    TEXT NOT NULL,
	serial                 TEXT NOT NULL,
	serial_source          TEXT NOT NULL,
	boot_id                TEXT NOT NULL,
	diskseq                INTEGER,
	size                   INTEGER,
	usb_id                 TEXT NOT NULL,
	uboot                  TEXT NOT NULL,
	blank                  TEXT NOT NULL,
	node                   TEXT NOT NULL,
	image                  TEXT NOT NULL,
	image_key              TEXT NOT NULL,
	plan_sha256            TEXT NOT NULL,
	tool                   TEXT NOT NULL,
	kernel                 TEXT NOT NULL,
	config_sha256          TEXT NOT NULL,
	operator               TEXT NOT NULL,
	disposition            TEXT NOT NULL, -- first, retest, rework
	reason                 TEXT NOT NULL,
	retry_of               INTEGER, -- the attempt before on this very board, which was not unplugged in between
	clock_synchronised     INTEGER NOT NULL,
	opened                 TEXT NOT NULL,
	opened_mono_ns         INTEGER,
	-- until it is closed: 'open' and nothing
	result                 TEXT NOT NULL DEFAULT 'open', -- open, pass, fail, unverified, aborted, interrupted
	counted                INTEGER NOT NULL DEFAULT 0, -- 1: it counts for yield (a PASS, or a FAIL that blames the device)
	code                   TEXT NOT NULL DEFAULT '',
	blame                  TEXT NOT NULL DEFAULT '',
	text                   TEXT NOT NULL DEFAULT '',
	closed                 TEXT NOT NULL DEFAULT '',
	bytes_written          INTEGER NOT NULL DEFAULT 0,
	bytes_verified         INTEGER NOT NULL DEFAULT 0,
	readback_sha256        TEXT NOT NULL DEFAULT '',
	extras_sha256          TEXT NOT NULL DEFAULT '',
	extras_readback_sha256 TEXT NOT NULL DEFAULT '',
	verify_method          TEXT NOT NULL DEFAULT '',
	write_s                REAL,
	verify_s               REAL,
	retries                INTEGER,
	stages                 TEXT NOT NULL DEFAULT '[]',
	acknowledged           TEXT NOT NULL DEFAULT '',
	leaving                TEXT NOT NULL DEFAULT '' -- left, back, stuck: what came of letting its board go
) STRICT;
CREATE INDEX attempt_unit ON attempt(unit, attempt);
CREATE INDEX attempt_job ON attempt(job, result, attempt);
CREATE INDEX attempt_slot ON attempt(slot, attempt);
CREATE INDEX attempt_image ON attempt(image_key, result);
CREATE INDEX attempt_plan ON attempt(plan_sha256, result);
CREATE INDEX attempt_close_time ON attempt(closed);
CREATE INDEX attempt_result ON attempt(result, attempt);

CREATE TABLE unit(
	unit          TEXT PRIMARY KEY,
	serial        TEXT NOT NULL,
	serial_source TEXT NOT NULL,
	size          INTEGER,
	usb_id        TEXT NOT NULL,
	attempts      INTEGER NOT NULL DEFAULT 0,
	first_attempt INTEGER NOT NULL,
	last_attempt  INTEGER NOT NULL,
	result        TEXT NOT NULL DEFAULT '', -- the last verdict; '' until there is one
	result_attempt INTEGER,
	returned      INTEGER NOT NULL DEFAULT 0, -- times it was loaded again after a verdict
	disposition   TEXT NOT NULL DEFAULT '' -- '', scrapped, quarantine, released; retest or rework until its next attempt
) STRICT, WITHOUT ROWID;

-- The last eight characters backwards: people read the end of a label.
CREATE INDEX unit_end ON unit(substr(unit, -1, 1) || substr(unit, -2, 1) || substr(unit, -3, 1) || substr(unit, -4, 1)
	|| substr(unit, -5, 1) || substr(unit, -6, 1) || substr(unit, -7, 1) || substr(unit, -8, 1));

CREATE TABLE slot(
	slot         TEXT PRIMARY KEY,
	attempt      INTEGER NOT NULL, -- the last one
	acknowledged INTEGER NOT NULL DEFAULT 0,
	attempts     INTEGER NOT NULL DEFAULT 0,
	pass         INTEGER NOT NULL DEFAULT 0,
	fail         INTEGER NOT NULL DEFAULT 0, -- that blame the device
	failed_in_a_row INTEGER NOT NULL DEFAULT 0 -- likewise
) STRICT, WITHOUT ROWID;

CREATE TABLE refusal(
	seq     INTEGER PRIMARY KEY,
	utc     TEXT NOT NULL,
	slot    TEXT NOT NULL,
	serial  TEXT NOT NULL,
	job     TEXT NOT NULL,
	code    TEXT NOT NULL,
	text    TEXT NOT NULL
) STRICT;
CREATE INDEX refusal_serial ON refusal(serial);

CREATE TABLE returned(
	seq     INTEGER PRIMARY KEY,
	utc     TEXT NOT NULL,
	slot    TEXT NOT NULL,
	serial  TEXT NOT NULL,
	attempt INTEGER -- the verdict it came back with
) STRICT;
CREATE INDEX returned_serial ON returned(serial);

CREATE TABLE disposition(
	seq         INTEGER PRIMARY KEY,
	utc         TEXT NOT NULL,
	serial      TEXT NOT NULL,
	disposition TEXT NOT NULL, -- scrapped, quarantine, released; retest or rework when a held board was released
	reason      TEXT NOT NULL,
	operator    TEXT NOT NULL
) STRICT;
CREATE INDEX disposition_serial ON disposition(serial);

CREATE TABLE serial_number(
	serial   TEXT PRIMARY KEY,
	pool     TEXT NOT NULL,
	number   INTEGER, -- within the pool
	attempt  INTEGER NOT NULL,
	reserved TEXT NOT NULL,
	state    TEXT NOT NULL DEFAULT 'reserved' -- consumed by a PASS, void after anything else
) STRICT, WITHOUT ROWID;
CREATE INDEX serial_number_attempt ON serial_number(attempt);
CREATE INDEX serial_number_pool ON serial_number(pool, number);
CREATE INDEX serial_number_reserved ON serial_number(attempt) WHERE state = 'reserved';

-- What a row of an attempt says, taken out of its body once: a body is parsed anew in every trigger, and each ->> searches it.
-- VALUES, never SELECT: SQLite would put the row into a table of its own first.
CREATE VIEW attempt_begin(seq, utc, attempt, unit, job, slot, port, fixture, hub, serial, serial_source, boot_id, diskseq, size, usb_id, uboot,
	blank, node, image, image_key, plan_sha256, tool, kernel, config_sha256, operator, disposition, reason, retry_of, mono_ns)
AS SELECT * FROM (VALUES (0, '', 0, '', '', '', '', '', '', '', '', '', 0, 0, '', '', '', '', '', '', '', '', '', '', '', '', '', 0, 0));

CREATE VIEW attempt_end(seq, utc, kind, attempt, result, code, blame, text, bytes_written, bytes_verified, plan_sha256, image_key, diskseq,
	readback_sha256, extras_sha256, extras_readback_sha256, verify_method, write_s, verify_s, retries, retry, summary_sha256, stages)
AS SELECT * FROM (VALUES (0, '', '', 0, '', '', '', '', 0, 0, '', '', 0, '', '', '', '', 0, 0, 0, 0, '', ''));

CREATE TRIGGER attempt_opens AFTER INSERT ON log WHEN NEW.kind = 'attempt.open'
BEGIN
	INSERT INTO attempt_begin
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'attempt', CASE NEW.body ->> 'serial' WHEN '' THEN
			coalesce((SELECT unit FROM attempt WHERE attempt = NEW.body ->> 'retry_of'), '#' || (NEW.body ->> 'attempt')) ELSE NEW.body ->> 'serial' END,
		coalesce(NEW.body ->> 'job', ''), NEW.body ->> 'slot', NEW.body ->> 'port', coalesce(NEW.body ->> 'fixture', ''), coalesce(NEW.body ->> 'hub', ''),
		NEW.body ->> 'serial', NEW.body ->> 'serial_source', NEW.body ->> 'boot_id', NEW.body ->> 'diskseq',
		NEW.body ->> 'size', coalesce(NEW.body ->> 'usb_id', ''), coalesce(NEW.body ->> 'uboot', ''),
		coalesce(NEW.body ->> 'blank_check', NEW.body ->> 'blank', ''), coalesce(NEW.body ->> 'node', ''), NEW.body ->> 'image',
		nullif(NEW.body ->> 'image_key', ''), nullif(NEW.body ->> 'plan_sha256', ''), NEW.body ->> 'tool', NEW.body ->> 'kernel',
		NEW.body ->> 'config_sha256', NEW.body ->> 'operator', NEW.body ->> 'disposition', coalesce(NEW.body ->> 'reason', ''),
		NEW.body ->> 'retry_of', NEW.body ->> 'mono_ns');
END;

CREATE TRIGGER attempt_ends AFTER INSERT ON log WHEN NEW.kind IN ('attempt.close', 'attempt.interrupted')
BEGIN
	INSERT INTO attempt_end
	VALUES (NEW.seq, NEW.utc, NEW.kind, NEW.body ->> 'attempt', coalesce(NEW.body ->> 'result', 'interrupted'), coalesce(NEW.body ->> 'code', 'interrupted'),
		coalesce(NEW.body ->> 'blame', 'station'), NEW.body ->> 'text', coalesce(NEW.body ->> 'bytes_written', 0),
		coalesce(NEW.body ->> 'bytes_verified', 0), coalesce(NEW.body ->> 'plan_sha256', ''), coalesce(NEW.body ->> 'image_key', ''),
		NEW.body ->> 'diskseq', coalesce(NEW.body ->> 'readback_sha256', ''), coalesce(NEW.body ->> 'extras_sha256', ''),
		coalesce(NEW.body ->> 'extras_readback_sha256', ''), coalesce(NEW.body ->> 'verify_method', ''), NEW.body ->> 'write_s',
		NEW.body ->> 'verify_s', NEW.body ->> 'retries', coalesce(NEW.body ->> 'retry', 0), coalesce(NEW.body ->> 'summary_sha256', ''),
		coalesce(NEW.body -> 'stages', '[]'));
END;

-- First the rules, then what they allow. CASE instead of IN (three and more): SQLite would build a b-tree for the list at every row.
CREATE TRIGGER attempt_opened INSTEAD OF INSERT ON attempt_begin
BEGIN
	SELECT RAISE(ABORT, 'this attempt number was used before or is out of order')
	WHERE NEW.attempt <= (SELECT coalesce(max(attempt), 0) FROM attempt);

	SELECT RAISE(ABORT, 'its job is not open')
	WHERE NEW.job <> '' AND NOT EXISTS (SELECT 1 FROM job WHERE job = NEW.job AND closed = '');

	SELECT RAISE(ABORT, 'its serial was not reserved for it')
	WHERE NEW.serial_source IN ('allocated', 'station-counter') AND NOT EXISTS (
		SELECT 1 FROM serial_number WHERE serial = NEW.serial AND state = 'reserved' AND attempt IN (NEW.attempt, NEW.retry_of));

	SELECT RAISE(ABORT, 'the attempt before it is still open, or was of another board')
	WHERE NEW.retry_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt = NEW.retry_of
		AND result <> 'open' AND serial = NEW.serial AND slot = NEW.slot);

	SELECT RAISE(ABORT, 'its disposition is none of first, retest, rework')
	WHERE CASE NEW.disposition WHEN 'first' THEN 0 WHEN 'retest' THEN 0 WHEN 'rework' THEN 0 ELSE 1 END;

	SELECT RAISE(ABORT, 'the unit is scrapped or in quarantine')
	WHERE NEW.serial <> '' AND (SELECT disposition FROM unit WHERE unit = NEW.serial) IN ('scrapped', 'quarantine');

	SELECT RAISE(ABORT, 'a unit that has passed is programmed again only as rework and with a reason')
	WHERE (NEW.disposition <> 'rework' OR NEW.reason = '') AND (SELECT result FROM unit WHERE unit = NEW.unit) = 'pass';

	-- Sent to be programmed again, and here it is: that holds for one attempt.
	INSERT INTO unit(unit, serial, serial_source, size, usb_id, attempts, first_attempt, last_attempt)
	VALUES (NEW.unit, NEW.serial, NEW.serial_source, NEW.size, NEW.usb_id, 1, NEW.attempt, NEW.attempt)
	ON CONFLICT(unit) DO UPDATE SET last_attempt = excluded.last_attempt, size = coalesce(excluded.size, size),
		usb_id = excluded.usb_id, serial_source = excluded.serial_source, attempts = attempts + 1,
		disposition = CASE WHEN disposition IN ('retest', 'rework') THEN '' ELSE disposition END;

	INSERT INTO attempt(attempt, open_seq, run, job, unit, number, slot, port, fixture, hub, serial, serial_source,
		boot_id, diskseq, size, usb_id, uboot, blank, node, image, image_key, plan_sha256, tool, kernel, config_sha256,
		operator, disposition, reason, retry_of, clock_synchronised, opened, opened_mono_ns)
	SELECT NEW.attempt, NEW.seq, coalesce(run.seq, 0), NEW.job, NEW.unit, unit.attempts,
		NEW.slot, NEW.port, NEW.fixture, NEW.hub, NEW.serial, NEW.serial_source, NEW.boot_id, NEW.diskseq, NEW.size, NEW.usb_id, NEW.uboot,
		NEW.blank, NEW.node, coalesce(NEW.image, job.image, ''), coalesce(NEW.image_key, job.image_key, ''),
		coalesce(NEW.plan_sha256, job.plan_sha256, ''), coalesce(NEW.tool, run.version, ''), coalesce(NEW.kernel, run.kernel, ''),
		coalesce(NEW.config_sha256, run.config_sha256, ''), coalesce(NEW.operator, job.operator, ''),
		NEW.disposition, NEW.reason, NEW.retry_of,
		coalesce((SELECT clock.body ->> 'synchronised' FROM log AS clock WHERE clock.kind = 'clock' ORDER BY clock.seq DESC LIMIT 1), 0),
		NEW.utc, NEW.mono_ns
	FROM unit
	LEFT JOIN run ON run.seq = (SELECT max(seq) FROM run)
	LEFT JOIN job ON job.job = NEW.job
	WHERE unit.unit = NEW.unit;

	INSERT INTO slot(slot, attempt, attempts) VALUES (NEW.slot, NEW.attempt, 1)
	ON CONFLICT(slot) DO UPDATE SET attempt = excluded.attempt, attempts = attempts + 1, acknowledged = 0;

	-- A retry goes on with the number that its board was given.
	UPDATE serial_number SET attempt = NEW.attempt
	WHERE serial = NEW.serial AND attempt = NEW.retry_of AND state = 'reserved';

	-- One whose attempt was never opened: the station died between the two rows. See serial_orphaned.
	UPDATE serial_number SET state = 'void' WHERE state = 'reserved' AND attempt < NEW.attempt
	AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.attempt = serial_number.attempt);
END;

-- Laws 2 and 3, held by the database itself: no PASS without a read-back that matches, none after an interruption.
CREATE TRIGGER attempt_closed INSTEAD OF INSERT ON attempt_end
BEGIN
	SELECT RAISE(ABORT, 'this attempt is not open')
	WHERE (SELECT result FROM attempt WHERE attempt = NEW.attempt) IS NOT 'open';

	SELECT RAISE(ABORT, 'its result is none of pass, fail, unverified, aborted')
	WHERE NEW.kind = 'attempt.close' AND CASE NEW.result WHEN 'pass' THEN 0 WHEN 'fail' THEN 0 WHEN 'unverified' THEN 0 WHEN 'aborted' THEN 0 ELSE 1 END;

	SELECT RAISE(ABORT, 'PASS without a read-back digest that equals the plan''s')
	WHERE NEW.result = 'pass' AND (NEW.plan_sha256 <> NEW.readback_sha256
		OR length(NEW.plan_sha256) <> 64 OR NEW.extras_sha256 <> NEW.extras_readback_sha256);

	SELECT RAISE(ABORT, 'PASS without having been verified')
	WHERE NEW.result = 'pass' AND (NEW.verify_method IN ('', 'none') OR NEW.bytes_verified <= 0);

	SELECT RAISE(ABORT, 'PASS by the board''s own word without the nonce it was asked with and its answer')
	WHERE NEW.result = 'pass' AND NEW.verify_method = 'on-target' AND (length(NEW.summary_sha256) <> 64
		OR length(coalesce((SELECT log.body ->> 'nonce' FROM attempt JOIN log ON log.seq = attempt.open_seq
			WHERE attempt.attempt = NEW.attempt), '')) <> 32);

	SELECT RAISE(ABORT, 'PASS with a plan that no image.add row holds')
	WHERE NEW.result = 'pass' AND NOT EXISTS (SELECT 1 FROM image WHERE plan_sha256 = NEW.plan_sha256);

	SELECT RAISE(ABORT, 'PASS and UNVERIFIED carry no failure code')
	WHERE NEW.result IN ('pass', 'unverified') AND (NEW.code <> '' OR NEW.blame <> '');

	SELECT RAISE(ABORT, 'only a FAIL is tried again') WHERE NEW.retry AND NEW.result <> 'fail';

	SELECT RAISE(ABORT, 'FAIL and ABORTED carry a failure code and whom it blames')
	WHERE NEW.result IN ('fail', 'aborted') AND (NEW.code = ''
		OR CASE NEW.blame WHEN 'device' THEN 0 WHEN 'store' THEN 0 WHEN 'import' THEN 0 WHEN 'station' THEN 0 WHEN 'operator' THEN 0 ELSE 1 END);

	UPDATE attempt SET
		close_seq = NEW.seq,
		closed = NEW.utc,
		result = NEW.result,
		counted = NEW.result = 'pass' OR (NEW.result = 'fail' AND NEW.blame = 'device'),
		code = NEW.code,
		blame = NEW.blame,
		text = NEW.text,
		bytes_written = NEW.bytes_written,
		bytes_verified = NEW.bytes_verified,
		plan_sha256 = coalesce(nullif(NEW.plan_sha256, ''), plan_sha256),
		diskseq = coalesce(NEW.diskseq, diskseq),
		image_key = coalesce(nullif(NEW.image_key, ''), nullif(image_key, ''),
			(SELECT key FROM image WHERE plan_sha256 = NEW.plan_sha256 ORDER BY seq DESC LIMIT 1), ''),
		readback_sha256 = NEW.readback_sha256,
		extras_sha256 = NEW.extras_sha256,
		extras_readback_sha256 = NEW.extras_readback_sha256,
		verify_method = NEW.verify_method,
		write_s = NEW.write_s,
		verify_s = NEW.verify_s,
		retries = NEW.retries,
		stages = NEW.stages
	WHERE attempt = NEW.attempt;

	UPDATE unit SET result = NEW.result, result_attempt = NEW.attempt
	WHERE unit = (SELECT unit FROM attempt WHERE attempt = NEW.attempt);

	UPDATE slot SET
		pass = pass + (NEW.result = 'pass'),
		fail = fail + (NEW.result = 'fail' AND NEW.blame = 'device'),
		failed_in_a_row = CASE WHEN NEW.result = 'pass' THEN 0 ELSE failed_in_a_row + (NEW.result = 'fail' AND NEW.blame = 'device') END
	WHERE slot = (SELECT slot FROM attempt WHERE attempt = NEW.attempt);

	UPDATE serial_number SET state = CASE NEW.result WHEN 'pass' THEN 'consumed' ELSE 'void' END
	WHERE attempt = NEW.attempt AND state = 'reserved' AND NEW.retry IS NOT 1;
END;

CREATE TRIGGER slot_refused INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'slot.refused'
BEGIN
	INSERT INTO refusal(seq, utc, slot, serial, job, code, text)
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'slot', coalesce(NEW.body ->> 'serial', ''), coalesce(NEW.body ->> 'job', ''),
		NEW.body ->> 'code', NEW.body ->> 'text');

	UPDATE job SET refused = refused + 1 WHERE job = NEW.body ->> 'job';
END;

CREATE TRIGGER slot_acknowledged INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'slot.ack'
BEGIN
	UPDATE slot SET acknowledged = 1
	WHERE slot = NEW.body ->> 'slot' AND (NEW.body ->> 'attempt' IS NULL OR attempt = NEW.body ->> 'attempt');

	UPDATE attempt SET acknowledged = NEW.utc WHERE attempt = NEW.body ->> 'attempt' AND acknowledged = '';
END;

CREATE TRIGGER slot_released INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'slot.release'
BEGIN
	INSERT INTO disposition(seq, utc, serial, disposition, reason, operator)
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'serial', NEW.body ->> 'disposition', NEW.body ->> 'reason',
		coalesce(NEW.body ->> 'operator', ''));
END;

CREATE TRIGGER unit_returned INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'unit.returned'
BEGIN
	INSERT INTO returned(seq, utc, slot, serial, attempt)
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'slot', NEW.body ->> 'serial', NEW.body ->> 'attempt');

	UPDATE unit SET returned = returned + 1 WHERE unit = NEW.body ->> 'serial';
END;

CREATE TRIGGER unit_leaving INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'unit.leaving'
BEGIN
	UPDATE attempt SET leaving = NEW.body ->> 'outcome' WHERE attempt = NEW.body ->> 'attempt';
END;

CREATE TRIGGER unit_disposition_is_known INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'unit.disposition'
BEGIN
	SELECT RAISE(ABORT, 'a disposition is scrapped, quarantine, released, retest or rework, of a unit with a serial, and has a reason')
	WHERE NEW.body ->> 'disposition' NOT IN ('scrapped', 'quarantine', 'released', 'retest', 'rework')
	OR NEW.body ->> 'serial' = '' OR NEW.body ->> 'reason' = '';
END;

CREATE TRIGGER unit_disposition INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'unit.disposition'
BEGIN
	INSERT INTO disposition(seq, utc, serial, disposition, reason, operator)
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'serial', NEW.body ->> 'disposition', NEW.body ->> 'reason',
		coalesce(NEW.body ->> 'operator', ''));

	UPDATE unit SET disposition = NEW.body ->> 'disposition' WHERE unit = NEW.body ->> 'serial';
END;

CREATE TRIGGER serial_reserve_is_new INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'serial.reserve'
BEGIN
	SELECT RAISE(ABORT, 'this serial was handed out before')
	WHERE EXISTS (SELECT 1 FROM serial_number WHERE serial = NEW.body ->> 'serial');

	SELECT RAISE(ABORT, 'a unit has this serial already')
	WHERE EXISTS (SELECT 1 FROM unit WHERE unit = NEW.body ->> 'serial' AND first_attempt <> NEW.body ->> 'attempt');

	SELECT RAISE(ABORT, 'a serial is reserved for an attempt that is open, or the next to be opened')
	WHERE (SELECT result FROM attempt WHERE attempt = NEW.body ->> 'attempt') IS NOT 'open'
	AND NEW.body ->> 'attempt' <= (SELECT coalesce(max(attempt), 0) FROM attempt);
END;

CREATE TRIGGER serial_reserved INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'serial.reserve'
BEGIN
	INSERT INTO serial_number(serial, pool, number, attempt, reserved)
	VALUES (NEW.body ->> 'serial', NEW.body ->> 'pool', NEW.body ->> 'number', NEW.body ->> 'attempt', NEW.utc);
END;

CREATE TRIGGER serial_void_is_reserved INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'serial.void'
BEGIN
	SELECT RAISE(ABORT, 'only a serial that is reserved, and whose attempt has ended, becomes void')
	WHERE NOT EXISTS (SELECT 1 FROM serial_number JOIN attempt USING (attempt)
		WHERE serial_number.serial = NEW.body ->> 'serial' AND state = 'reserved' AND result <> 'open');
END;

CREATE TRIGGER serial_voided INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'serial.void'
BEGIN
	UPDATE serial_number SET state = 'void' WHERE serial = NEW.body ->> 'serial';
END;

-- A serial whose attempt was never opened (the station died between the two rows) is void as soon as that is certain;
-- so is one that was kept for a retry, when the station that would have made it is gone.
CREATE TRIGGER serial_orphaned INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'station.start'
BEGIN
	UPDATE serial_number SET state = 'void' WHERE state = 'reserved'
	AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.attempt = serial_number.attempt AND result = 'open');
END;
