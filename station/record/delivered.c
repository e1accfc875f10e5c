// SPDX-License-Identifier: MIT
// What has left the station, into the ledger: the courier's markers in STATE/delivered become rows.
#include "record/delivered.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>

#include "base/fd.h"
#include "record/courier.h"
#include "record/db.h"

int delivered_watch(const char *state, struct err *e)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%s/delivered", state);
	int r = fd_mkdir_all(folder, 0755, e);
	if (r < 0)
		return r;
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0 || inotify_add_watch(watch, folder, IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
		r = err_sys(e, errno, "%s: cannot be watched", folder);
		fd_close(&watch);
		return r;
	}
	return watch;
}

void delivered_seen(int watch)
{
	char buffer[4096];
	while (read(watch, buffer, sizeof(buffer)) > 0)
		;
}

// The row of a marker, as a new reference; NULL: it has had nothing, or is from before these were kept.
static json_t *row_of(const char *state, const char *kind)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/delivered/%s.json", state, kind);
	json_t *marker = json_load_file(path, 0, NULL), *row = NULL;
	const char *ledger, *hash, *target;
	json_int_t seq;
	if (json_unpack(marker, "{s:s,s:s,s:s,s:I}", "ledger", &ledger, "row_hash", &hash, "target", &target,
	            "row", &seq) == 0 &&
	        *ledger && *hash)
		row = json_pack("{s:s,s:s,s:I,s:s}", "destination", kind, "target", target, "seq", seq,
		        "row_hash", hash);
	json_decref(marker);
	return row;
}

// Also false for a head of another ledger, or of rows that a restore has taken away.
static int is_new(struct ledger *ledger, const json_t *row, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	const char *kind = json_string_value(json_object_get(row, "destination"));
	const char *target = json_string_value(json_object_get(row, "target"));
	const char *hash = json_string_value(json_object_get(row, "row_hash"));
	int r = db_prepare(ledger_db(ledger),
	        "SELECT EXISTS (SELECT 1 FROM head WHERE row = ?1 AND row_hash = ?2) AND NOT EXISTS "
	        "(SELECT 1 FROM delivery WHERE row = ?1 AND destination = ?3 AND target = ?4)",
	        &s, e);
	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, json_integer_value(json_object_get(row, "seq")));
	db_bind_text(s, 2, hash, strlen(hash));
	db_bind_text(s, 3, kind, strlen(kind));
	db_bind_text(s, 4, target, strlen(target));
	return sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0)
	                                     : db_error(ledger_db(ledger), e, "head.delivered");
}

// Whether the marker of this kind is new; when it is, and `note`, its row is written.
static int take(struct ledger *ledger, const char *state, const char *kind, bool note, struct err *e)
{
	json_t *row = row_of(state, kind);
	int new = row ? is_new(ledger, row, e) : 0;
	int r = new > 0 && note ? ledger_append(ledger, "head.delivered", row, NULL, e) : 0;
	json_decref(row);
	return new < 0 ? new : r == LEDGER_REFUSED ? -EINVAL : r < 0 ? r : new;
}

int delivered_is_new(struct ledger *ledger, const char *state, struct err *e)
{
	for (size_t i = 0; i < COURIER_KINDS; i++) {
		int r = take(ledger, state, courier_kinds[i], false, e);
		if (r != 0)
			return r;
	}
	return 0;
}

int delivered_note(struct ledger *ledger, const char *state, struct err *e)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < COURIER_KINDS; i++)
		r = take(ledger, state, courier_kinds[i], true, e);
	return r < 0 ? r : 0;
}

int64_t delivered_to_row(struct ledger *ledger, struct err *e)
{
	int64_t row = 0;
	int r = db_number(ledger_db(ledger), "SELECT coalesce(max(row), 0) FROM delivery", &row, e);
	return r < 0 ? r : row;
}
