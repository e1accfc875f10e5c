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

-- An attempt's share, once it is closed; `first` when it is its unit's first counted one in this job.
CREATE VIEW share AS
SELECT attempt.attempt, attempt.job, attempt.unit, attempt.slot, substr(attempt.closed, 1, 10) AS day, attempt.counted,
	attempt.result = 'pass' AS pass,
	attempt.result = 'fail' AND attempt.counted AS fail,
	attempt.result = 'fail' AND NOT attempt.counted AS fail_other,
	attempt.result = 'unverified' AS unverified,
	attempt.result = 'aborted' AS aborted,
	attempt.result = 'interrupted' AS interrupted,
	attempt.counted AND coalesce(job_unit.counted, 0) = 0 AS first,
	coalesce(job_unit.day, '') AS old_day, coalesce(job_unit.slot, '') AS old_slot, coalesce(job_unit.passed, 0) AS old_passed,
	attempt.counted AND coalesce(job_unit.day, '') <> '' AS moves
FROM attempt LEFT JOIN job_unit ON job_unit.job = attempt.job AND job_unit.unit = attempt.unit;

-- Fires on the projection, so that it runs after the attempt has its verdict whatever the order of triggers on the log.
CREATE TRIGGER attempt_counts AFTER UPDATE OF result ON attempt WHEN OLD.result = 'open'
BEGIN
	INSERT INTO yield_day(day, job, slot) SELECT day, job, slot FROM share WHERE attempt = NEW.attempt
	ON CONFLICT DO NOTHING;

	UPDATE yield_day SET units = units - share.moves, units_pass = units_pass - share.old_passed
	FROM share WHERE share.attempt = NEW.attempt
	AND yield_day.day = share.old_day AND yield_day.job = share.job AND yield_day.slot = share.old_slot;

	UPDATE yield_day SET
		pass = yield_day.pass + share.pass, fail = yield_day.fail + share.fail,
		fail_other = yield_day.fail_other + share.fail_other, unverified = yield_day.unverified + share.unverified,
		aborted = yield_day.aborted + share.aborted, interrupted = yield_day.interrupted + share.interrupted,
		first_units = first_units + share.first, first_pass = first_pass + (share.first AND share.pass),
		units = units + share.counted, units_pass = units_pass + share.pass
	FROM share WHERE share.attempt = NEW.attempt
	AND yield_day.day = share.day AND yield_day.job = share.job AND yield_day.slot = share.slot;

	UPDATE job SET
		pass = job.pass + share.pass, fail = job.fail + share.fail, fail_other = job.fail_other + share.fail_other,
		unverified = job.unverified + share.unverified, aborted = job.aborted + share.aborted,
		interrupted = job.interrupted + share.interrupted,
		first_units = first_units + share.first, first_pass = first_pass + (share.first AND share.pass),
		units = units + share.counted - share.moves, units_pass = units_pass + share.pass - share.old_passed
	FROM share WHERE share.attempt = NEW.attempt AND job.job = share.job;

	INSERT INTO job_unit(job, unit, counted, day, slot, passed)
	SELECT job, unit, counted, CASE WHEN counted THEN day ELSE '' END, CASE WHEN counted THEN slot ELSE '' END, pass
	FROM share WHERE attempt = NEW.attempt
	ON CONFLICT(job, unit) DO UPDATE SET counted = job_unit.counted + excluded.counted, passed = excluded.passed,
		day = CASE WHEN excluded.counted THEN excluded.day ELSE job_unit.day END,
		slot = CASE WHEN excluded.counted THEN excluded.slot ELSE job_unit.slot END;
END;
