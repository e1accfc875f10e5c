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

-- Fires on the projection, so that it runs after the attempt has its verdict whatever the order of triggers on the log.
CREATE TRIGGER attempt_counts AFTER UPDATE OF result ON attempt WHEN OLD.result = 'open'
BEGIN
	INSERT INTO job_unit(job, unit) VALUES (NEW.job, NEW.unit) ON CONFLICT DO NOTHING;
	INSERT INTO yield_day(day, job, slot) VALUES (substr(NEW.closed, 1, 10), NEW.job, NEW.slot) ON CONFLICT DO NOTHING;

	-- Where the unit counted until now: it moves (a counted attempt), or is no longer PASS there.
	UPDATE yield_day SET units = units - NEW.counted,
		units_pass = units_pass - (SELECT passed FROM job_unit WHERE job = NEW.job AND unit = NEW.unit)
	WHERE (day, job, slot) = (SELECT day, job, slot FROM job_unit WHERE job = NEW.job AND unit = NEW.unit);

	UPDATE yield_day SET
		pass = pass + (NEW.result = 'pass'),
		fail = fail + (NEW.result = 'fail' AND NEW.counted),
		fail_other = fail_other + (NEW.result = 'fail' AND NOT NEW.counted),
		unverified = unverified + (NEW.result = 'unverified'),
		aborted = aborted + (NEW.result = 'aborted'),
		interrupted = interrupted + (NEW.result = 'interrupted'),
		first_units = first_units + (NEW.counted AND (SELECT counted FROM job_unit WHERE job = NEW.job AND unit = NEW.unit) = 0),
		first_pass = first_pass + (NEW.result = 'pass' AND (SELECT counted FROM job_unit WHERE job = NEW.job AND unit = NEW.unit) = 0),
		units = units + NEW.counted,
		units_pass = units_pass + (NEW.result = 'pass')
	WHERE day = substr(NEW.closed, 1, 10) AND job = NEW.job AND slot = NEW.slot;

	UPDATE job SET
		pass = pass + (NEW.result = 'pass'),
		fail = fail + (NEW.result = 'fail' AND NEW.counted),
		fail_other = fail_other + (NEW.result = 'fail' AND NOT NEW.counted),
		unverified = unverified + (NEW.result = 'unverified'),
		aborted = aborted + (NEW.result = 'aborted'),
		interrupted = interrupted + (NEW.result = 'interrupted'),
		first_units = first_units + (NEW.counted AND (SELECT counted FROM job_unit WHERE job = NEW.job AND unit = NEW.unit) = 0),
		first_pass = first_pass + (NEW.result = 'pass' AND (SELECT counted FROM job_unit WHERE job = NEW.job AND unit = NEW.unit) = 0),
		units = units + (NEW.counted AND (SELECT counted FROM job_unit WHERE job = NEW.job AND unit = NEW.unit) = 0),
		units_pass = units_pass + (NEW.result = 'pass') - (SELECT passed FROM job_unit WHERE job = NEW.job AND unit = NEW.unit),
		units_made = units_made + (NEW.result IN ('pass', 'unverified')) - (SELECT made FROM job_unit WHERE job = NEW.job AND unit = NEW.unit)
	WHERE job = NEW.job;

	UPDATE job_unit SET
		counted = counted + NEW.counted,
		passed = NEW.result = 'pass',
		made = NEW.result IN ('pass', 'unverified'),
		day = CASE WHEN NEW.counted THEN substr(NEW.closed, 1, 10) ELSE day END,
		slot = CASE WHEN NEW.counted THEN NEW.slot ELSE slot END
	WHERE job = NEW.job AND unit = NEW.unit;
END;
