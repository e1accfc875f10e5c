// SPDX-License-Identifier: MIT
// The projections, built anew from the log.
#include "record/replay.h"

#include <errno.h>

#include "base/clock.h"

enum { ROWS_A_LOOK = 1024 }; // between two looks at the clock

struct watch {
	const struct replay_progress *progress;
	uint64_t total, rows, began_ns, told_ns;
};

static int watch_begin(struct watch *watch, sqlite3 *from, struct err *e)
{
	int64_t total = 0;
	int r = watch->progress ? db_number(from, "SELECT max(seq) FROM log", &total, e) : 0;
	watch->total = (uint64_t)total;
	watch->began_ns = watch->told_ns = clock_mono_ns();
	return r;
}

static void watch_row(struct watch *watch)
{
	if (++watch->rows % ROWS_A_LOOK || !watch->progress)
		return;
	uint64_t now = clock_mono_ns();
	if (now - watch->told_ns < NSEC_PER_SEC || watch->rows > watch->total)
		return;
	watch->told_ns = now;
	double left = (double)(watch->total - watch->rows) / (double)watch->rows;
	watch->progress->told(watch->progress->context, watch->rows, watch->total,
	        left * (double)(now - watch->began_ns) / (double)NSEC_PER_SEC);
}

static int put_row(sqlite3_stmt *read, sqlite3_stmt *write, sqlite3 *to, struct err *e)
{
	int r = 0;
	for (int i = 0; i < 6; i++)
		sqlite3_bind_value(write, i + 1, sqlite3_column_value(read, i));
	if (sqlite3_step(write) != SQLITE_DONE) {
		char what[96];
		snprintf(what, sizeof(what), "row %lld (%.40s)", (long long)sqlite3_column_int64(read, 0),
		        db_text(read, 2));
		r = db_is_refusal(to) ? err_set(e, EUCLEAN, "%s: %s", what, sqlite3_errmsg(to))
		                      : db_error(to, e, what);
	}
	sqlite3_reset(write);
	return r;
}

// Puts the log's rows up to `last` into another database. `watch` NULL: nobody waits.
static int pour(
        sqlite3 *from, sqlite3 *to, const char *insert, uint64_t last, struct watch *watch, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *read = NULL, *write = NULL;
	int r = db_prepare(from,
	        "SELECT seq, utc, kind, body, prev, hash FROM log WHERE seq <= ? ORDER BY seq", &read, e);
	if (r == 0)
		r = db_prepare(to, insert, &write, e);
	if (r == 0)
		r = db_exec(to, "BEGIN", e);
	if (r < 0)
		return r;
	sqlite3_bind_int64(read, 1, (sqlite3_int64)last);
	int step = SQLITE_DONE;
	while (r == 0 && (step = sqlite3_step(read)) == SQLITE_ROW) {
		r = put_row(read, write, to, e);
		if (watch)
			watch_row(watch);
	}
	if (r == 0 && step != SQLITE_DONE)
		r = db_error(from, e, "ledger");
	return r < 0 ? r : db_exec(to, "COMMIT", e);
}

int replay_log(sqlite3 *from, sqlite3 *to, const struct replay_progress *progress, struct err *e)
{
	struct watch watch = {.progress = progress};
	int r = watch_begin(&watch, from, e);
	return r < 0 ? r
	             : pour(from, to,
	                       "INSERT INTO log(seq, utc, kind, body, prev, hash) VALUES (?, ?, ?, ?, ?, ?)",
	                       INT64_MAX, &watch, e);
}

int replay_leave_fields(sqlite3 *db, struct err *e)
{
	return db_exec(db, "DROP TRIGGER row_has_its_fields", e);
}

// The rule's own text, hung on a view: what is put there is checked and kept nowhere.
static int fields_only(sqlite3 *db, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(db,
	        "SELECT replace(sql, 'BEFORE INSERT ON log', 'INSTEAD OF INSERT ON row') FROM sqlite_schema "
	        "WHERE name = 'row_has_its_fields'",
	        &s, e);
	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return db_error(db, e, "ledger");
	char *rule = sqlite3_mprintf(
	        "DROP TRIGGER row_has_its_fields; CREATE VIEW row AS SELECT * FROM log; %s", db_text(s, 0));
	sqlite3_reset(s); // else the schema would be in use
	r = rule ? db_exec(db, rule, e) : err_sys(e, ENOMEM, "ledger");
	sqlite3_free(rule);
	return r;
}

int replay_fields(sqlite3 *from, sqlite3 *scratch, uint64_t last, struct err *e)
{
	int r = fields_only(scratch, e);
	return r < 0 ? r : pour(from, scratch, "INSERT INTO row VALUES (?, ?, ?, ?, ?, ?)", last, NULL, e);
}

int replay_shed_indexes(sqlite3 *db, char **script, struct err *e)
{
	static const char names[] =
	        "'attempt_unit', 'attempt_job', 'attempt_slot', 'attempt_image', 'attempt_plan', "
	        "'attempt_close_time', 'unit_end'";
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	char *list = sqlite3_mprintf(
	        "SELECT group_concat(sql, ';'), group_concat('DROP INDEX ' || name, ';') FROM sqlite_schema "
	        "WHERE type = 'index' AND name IN (%s)",
	        names);
	int r = list ? db_prepare(db, list, &s, e) : err_sys(e, ENOMEM, "ledger");
	sqlite3_free(list);
	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return db_error(db, e, "ledger");
	char *again = sqlite3_mprintf("%s", db_text(s, 0)), *drop = sqlite3_mprintf("%s", db_text(s, 1));
	sqlite3_reset(s); // else the schema would be in use
	r = again && drop ? db_exec(db, drop, e) : err_sys(e, ENOMEM, "ledger");
	sqlite3_free(drop);
	if (r < 0 || !script)
		sqlite3_free(again);
	else
		*script = again;
	return r;
}
