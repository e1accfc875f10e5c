-- Jobs: a recipe (image and policies) with its work order, and how far it has come.
CREATE TABLE job(
	seq          INTEGER PRIMARY KEY,
	job          TEXT NOT NULL UNIQUE,
	image        TEXT NOT NULL,
	image_key    TEXT NOT NULL,
	plan_sha256  TEXT NOT NULL,
	wanted       INTEGER, -- units; NULL: no limit
	start        TEXT NOT NULL,
	verify       INTEGER NOT NULL,
	unmapped     TEXT NOT NULL,
	lun          INTEGER NOT NULL,
	work_order   TEXT NOT NULL,
	customer     TEXT NOT NULL,
	product      TEXT NOT NULL,
	revision     TEXT NOT NULL,
	lot          TEXT NOT NULL,
	job_revision TEXT NOT NULL,
	operator     TEXT NOT NULL,
	opened       TEXT NOT NULL,
	closed       TEXT NOT NULL DEFAULT '', -- '': open
	close_reason TEXT NOT NULL DEFAULT '', -- '': nobody has ended it; else, while it is open: it waits for boards under way
	-- attempts
	pass         INTEGER NOT NULL DEFAULT 0,
	fail         INTEGER NOT NULL DEFAULT 0, -- that blame the device
	fail_other   INTEGER NOT NULL DEFAULT 0, -- that blame something else
	unverified   INTEGER NOT NULL DEFAULT 0,
	aborted      INTEGER NOT NULL DEFAULT 0,
	interrupted  INTEGER NOT NULL DEFAULT 0,
	refused      INTEGER NOT NULL DEFAULT 0, -- boards turned away before any byte
	-- units (60-yield.sql)
	first_units  INTEGER NOT NULL DEFAULT 0,
	first_pass   INTEGER NOT NULL DEFAULT 0,
	units        INTEGER NOT NULL DEFAULT 0,
	units_pass   INTEGER NOT NULL DEFAULT 0,
	units_made   INTEGER NOT NULL DEFAULT 0, -- that are PASS or, where nothing is verified, UNVERIFIED
	signature_row INTEGER -- the last word on its board signature; NULL: none
) STRICT;
CREATE INDEX job_lot ON job(lot);
CREATE INDEX job_order ON job(work_order);
CREATE INDEX job_image ON job(image_key);
CREATE INDEX job_open ON job(seq) WHERE closed = '';

CREATE TRIGGER job_open_is_new INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'job.open'
BEGIN
	SELECT RAISE(ABORT, 'this job id was used before') WHERE EXISTS (SELECT 1 FROM job WHERE job = NEW.body ->> 'job');
	SELECT RAISE(ABORT, 'the wanted quantity is not above 0') WHERE NEW.body ->> 'wanted' <= 0;
END;

CREATE TRIGGER job_opened INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'job.open'
BEGIN
	INSERT INTO job(seq, job, image, image_key, plan_sha256, wanted, start, verify, unmapped, lun,
		work_order, customer, product, revision, lot, job_revision, operator, opened)
	VALUES (NEW.seq, NEW.body ->> 'job', NEW.body ->> 'image', coalesce(NEW.body ->> 'image_key', ''),
		coalesce(NEW.body ->> 'plan_sha256', ''), NEW.body ->> 'wanted', NEW.body ->> 'start', NEW.body ->> 'verify',
		NEW.body ->> 'unmapped', NEW.body ->> 'lun', coalesce(NEW.body ->> 'order', ''), coalesce(NEW.body ->> 'customer', ''),
		coalesce(NEW.body ->> 'product', ''), coalesce(NEW.body ->> 'revision', ''), coalesce(NEW.body ->> 'lot', ''),
		coalesce(NEW.body ->> 'job_revision', ''), coalesce(NEW.body ->> 'operator', ''), NEW.utc);
END;

CREATE TRIGGER job_signature_is_of_an_open_one INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'job.signature'
BEGIN
	SELECT RAISE(ABORT, 'this job is not open') WHERE NOT EXISTS (SELECT 1 FROM job WHERE job = NEW.body ->> 'job' AND closed = '');
	SELECT RAISE(ABORT, 'a signature is approved or rejected') WHERE NEW.body ->> 'state' NOT IN ('approved', 'rejected');
END;

CREATE TRIGGER job_signature INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'job.signature'
BEGIN
	UPDATE job SET signature_row = NEW.seq WHERE job = NEW.body ->> 'job';
END;

CREATE TRIGGER job_close_is_of_an_open_one INSTEAD OF INSERT ON log_asks WHEN NEW.kind IN ('job.closing', 'job.close')
BEGIN
	SELECT RAISE(ABORT, 'this job is not open') WHERE NOT EXISTS (SELECT 1 FROM job WHERE job = NEW.body ->> 'job' AND closed = '');
END;

CREATE TRIGGER job_closing INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'job.closing'
BEGIN
	UPDATE job SET close_reason = NEW.body ->> 'reason' WHERE job = NEW.body ->> 'job';
END;

CREATE TRIGGER job_closed INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'job.close'
BEGIN
	UPDATE job SET closed = NEW.utc, close_reason = NEW.body ->> 'reason' WHERE job = NEW.body ->> 'job';
END;
