-- Yield, kept up to date row by row, so that a month's is a sum over days and not over attempts.
--
-- First-pass yield = first_pass / first_units: of the units with a counted attempt, those whose first one was PASS.
-- Final yield = units_pass / units: of the same units, those that are PASS now. A unit counts on the day and in the
-- slot of its last counted attempt. Counted are PASS and a FAIL that blames the device; others say nothing of a unit,
-- but a unit that had passed and was then left in between (aborted, unverified) is not PASS any more.

-- What yield knows of a unit within a job.
CREATE TABLE job_unit(
	job          TEXT NOT NULL,
	unit         TEXT NOT NULL,
	counted      INTEGER NOT NULL DEFAULT 0, -- its counted attempts
	day          TEXT NOT NULL DEFAULT '',   -- where it counts in yield_day
	slot         TEXT NOT NULL DEFAULT '',
	passed       INTEGER NOT NULL DEFAULT 0,
	made         INTEGER NOT NULL DEFAULT 0, -- PASS or UNVERIFIED: it counts against the wanted quantity
	PRIMARY KEY (job, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE yield_day(
	day         TEXT NOT NULL, -- of the close, UTC
	job         TEXT NOT NULL,
	slot        TEXT NOT NULL,
	pass        INTEGER NOT NULL DEFAULT 0,
	fail        INTEGER NOT NULL DEFAULT 0,
	fail_other  INTEGER NOT NULL DEFAULT 0,
	unverified  INTEGER NOT NULL DEFAULT 0,
	aborted     INTEGER NOT NULL DEFAULT 0,
	interrupted INTEGER NOT NULL DEFAULT 0,
	first_units INTEGER NOT NULL DEFAULT 0,
	first_pass  INTEGER NOT NULL DEFAULT 0,
	units       INTEGER NOT NULL DEFAULT 0,
	units_pass  INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (day, job, slot)
) STRICT, WITHOUT ROWID;

-- A closed attempt beside what yield knew of its unit before it.
CREATE VIEW attempt_counting(job, unit, day, slot, result, counted, counted_before, passed_before, made_before, day_before, slot_before)
AS SELECT * FROM (VALUES ('', '', '', '', '', 0, 0, 0, 0, '', ''));

-- Fires on the projection, so that it runs after the attempt has its verdict whatever the order of triggers on the log.
CREATE TRIGGER attempt_counts AFTER UPDATE OF result ON attempt WHEN OLD.result = 'open'
BEGIN
	INSERT INTO attempt_counting
	VALUES (NEW.job, NEW.unit, substr(NEW.closed, 1, 10), NEW.slot, NEW.result, NEW.counted,
		coalesce((SELECT counted FROM job_unit WHERE job = NEW.job AND unit = NEW.unit), 0),
		coalesce((SELECT passed FROM job_unit WHERE job = NEW.job AND unit = NEW.unit), 0),
		coalesce((SELECT made FROM job_unit WHERE job = NEW.job AND unit = NEW.unit), 0),
		(SELECT day FROM job_unit WHERE job = NEW.job AND unit = NEW.unit),
		(SELECT slot FROM job_unit WHERE job = NEW.job AND unit = NEW.unit));
END;

CREATE TRIGGER attempt_counted INSTEAD OF INSERT ON attempt_counting
BEGIN
	-- Where the unit counted until now: it moves (a counted attempt), or is no longer PASS there.
	UPDATE yield_day SET units = units - NEW.counted, units_pass = units_pass - NEW.passed_before
	WHERE day = NEW.day_before AND job = NEW.job AND slot = NEW.slot_before;

	INSERT INTO yield_day(day, job, slot, pass, fail, fail_other, unverified, aborted, interrupted, first_units, first_pass, units, units_pass)
	VALUES (NEW.day, NEW.job, NEW.slot, NEW.result = 'pass', NEW.result = 'fail' AND NEW.counted, NEW.result = 'fail' AND NOT NEW.counted,
		NEW.result = 'unverified', NEW.result = 'aborted', NEW.result = 'interrupted', NEW.counted AND NEW.counted_before = 0,
		NEW.result = 'pass' AND NEW.counted_before = 0, NEW.counted, NEW.result = 'pass')
	ON CONFLICT DO UPDATE SET pass = pass + excluded.pass, fail = fail + excluded.fail, fail_other = fail_other + excluded.fail_other,
		unverified = unverified + excluded.unverified, aborted = aborted + excluded.aborted, interrupted = interrupted + excluded.interrupted,
		first_units = first_units + excluded.first_units, first_pass = first_pass + excluded.first_pass,
		units = units + excluded.units, units_pass = units_pass + excluded.units_pass;

	UPDATE job SET
		pass = pass + (NEW.result = 'pass'),
		fail = fail + (NEW.result = 'fail' AND NEW.counted),
		fail_other = fail_other + (NEW.result = 'fail' AND NOT NEW.counted),
		unverified = unverified + (NEW.result = 'unverified'),
		aborted = aborted + (NEW.result = 'aborted'),
		interrupted = interrupted + (NEW.result = 'interrupted'),
		first_units = first_units + (NEW.counted AND NEW.counted_before = 0),
		first_pass = first_pass + (NEW.result = 'pass' AND NEW.counted_before = 0),
		units = units + (NEW.counted AND NEW.counted_before = 0),
		units_pass = units_pass + (NEW.result = 'pass') - NEW.passed_before,
		units_made = units_made + (NEW.result IN ('pass', 'unverified')) - NEW.made_before
	WHERE job = NEW.job;

	INSERT INTO job_unit(job, unit, counted, day, slot, passed, made)
	VALUES (NEW.job, NEW.unit, NEW.counted, CASE WHEN NEW.counted THEN NEW.day ELSE '' END, CASE WHEN NEW.counted THEN NEW.slot ELSE '' END,
		NEW.result = 'pass', NEW.result IN ('pass', 'unverified'))
	ON CONFLICT DO UPDATE SET counted = counted + excluded.counted, passed = excluded.passed, made = excluded.made,
		day = CASE WHEN NEW.counted THEN NEW.day ELSE day END, slot = CASE WHEN NEW.counted THEN NEW.slot ELSE slot END;
END;
