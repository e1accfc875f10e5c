// SPDX-License-Identifier: MIT
// The ledger's tables: numbered migrations make the log, projections are built from it.
#include "record/schema.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "record/replay.h"
#include "record/sql.h"

static int run_folder(sqlite3 *db, const char *folder, int skip, struct err *e)
{
	int n = 0;
	for (const struct sql_file *file = sql_next(folder, NULL); file; file = sql_next(folder, file)) {
		if (n++ < skip)
			continue;
		int r = db_exec(db, file->text, e);
		if (r < 0)
			return err_prefix(e, "%s", file->path);
	}
	return 0;
}

int schema_version(void)
{
	int n = 0;
	for (const struct sql_file *file = sql_next("migrations", NULL); file;
	        file = sql_next("migrations", file))
		n++;
	return n;
}

static int set_version(sqlite3 *db, struct err *e)
{
	char sql[64];
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", schema_version());
	return db_exec(db, sql, e);
}

int schema_create(sqlite3 *db, struct err *e)
{
	int r = run_folder(db, "migrations", 0, e);
	if (r == 0)
		r = run_folder(db, "projections", 0, e);
	return r < 0 ? r : set_version(db, e);
}

// What the schema should be: made in memory by the same files.
static int model_open(bool all, sqlite3 **out, struct err *e)
{
	_cleanup_db_ sqlite3 *model = NULL;
	int r = db_open_scratch(&model, e);
	if (r == 0)
		r = run_folder(model, "migrations", 0, e);
	if (r == 0 && all)
		r = run_folder(model, "projections", 0, e);
	if (r == 0)
		*out = steal_ptr(&model);
	return r;
}

#define SCHEMA_OBJECTS                                             \
	"SELECT name, type, coalesce(sql, '') FROM sqlite_schema " \
	"WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND (?1 OR tbl_name = 'log') ORDER BY name, type"

// Both lists are sorted by name: a merge finds what only one has and what differs.
static int compare_objects(sqlite3_stmt *have, sqlite3_stmt *want, bool all, struct err *e)
{
	int h = sqlite3_step(have), w = sqlite3_step(want);
	while (h == SQLITE_ROW || w == SQLITE_ROW) {
		int order = h != SQLITE_ROW   ? 1
		            : w != SQLITE_ROW ? -1
		                              : strcmp(db_text(have, 0), db_text(want, 0));
		if (order > 0)
			return err_set(e, EUCLEAN, "the ledger's %s %s is missing", db_text(want, 1),
			        db_text(want, 0));
		// Projections hang triggers on the log too; those are of interest only when all is compared.
		if (order < 0 && all)
			return err_set(e, EUCLEAN, "the %s %s is not the ledger's", db_text(have, 1),
			        db_text(have, 0));
		if (order == 0 && strcmp(db_text(have, 2), db_text(want, 2)) != 0)
			return err_set(e, EUCLEAN, "the ledger's %s %s was changed", db_text(have, 1),
			        db_text(have, 0));
		h = sqlite3_step(have);
		if (order == 0)
			w = sqlite3_step(want);
	}
	return h == SQLITE_DONE && w == SQLITE_DONE ? 0 : db_error(sqlite3_db_handle(have), e, "ledger");
}

int schema_check(sqlite3 *db, bool all, struct err *e)
{
	_cleanup_db_ sqlite3 *model = NULL;
	_cleanup_statement_ sqlite3_stmt *have = NULL, *want = NULL;
	int r = model_open(all, &model, e);
	if (r == 0)
		r = db_prepare(db, SCHEMA_OBJECTS, &have, e);
	if (r == 0)
		r = db_prepare(model, SCHEMA_OBJECTS, &want, e);
	if (r < 0)
		return r;
	sqlite3_bind_int(have, 1, all);
	sqlite3_bind_int(want, 1, all);
	return compare_objects(have, want, all, e);
}

// Whether the live projections were made by this binary's files.
static int projections_are_current(sqlite3 *db, bool *current, struct err *e)
{
	_cleanup_db_ sqlite3 *model = NULL;
	_cleanup_statement_ sqlite3_stmt *have = NULL, *want = NULL;
	static const char kinds[] =
	        "SELECT group_concat(kind || fields) FROM (SELECT * FROM kind ORDER BY kind)";
	*current = false;
	int r = schema_check(db, true, e);
	if (r == -EUCLEAN)
		return 0;
	if (r == 0)
		r = model_open(true, &model, e);
	if (r == 0)
		r = db_prepare(db, kinds, &have, e);
	if (r == 0)
		r = db_prepare(model, kinds, &want, e);
	if (r < 0)
		return r;
	if (sqlite3_step(have) != SQLITE_ROW || sqlite3_step(want) != SQLITE_ROW)
		return db_error(db, e, "ledger");
	*current = !strcmp(db_text(have, 0), db_text(want, 0));
	return 0;
}

// Runs a statement for each row of `list`, whose one column is that statement's text.
static int for_each(sqlite3 *db, const char *list, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *rows = NULL;
	_cleanup_free_ char *script = strdup("");
	int r = db_prepare(db, list, &rows, e);
	int step = SQLITE_DONE;
	while (r == 0 && (step = sqlite3_step(rows)) == SQLITE_ROW) {
		char *longer = NULL;
		if (asprintf(&longer, "%s%s;\n", script, db_text(rows, 0)) < 0)
			return err_sys(e, ENOMEM, "ledger");
		free(script);
		script = longer;
	}
	if (r == 0 && step != SQLITE_DONE)
		r = db_error(db, e, "ledger");
	// Not while the list is being read: the statements change what it lists.
	sqlite3_reset(rows);
	return r < 0 ? r : db_exec(db, script, e);
}

// All that the migrations did not make.
static int drop_projections(sqlite3 *db, struct err *e)
{
	static const char of_type[] =
	        "SELECT printf('DROP %%s \"%%w\"', type, name) FROM sqlite_schema WHERE type = %Q "
	        "AND name NOT LIKE 'sqlite\\_%%' ESCAPE '\\' AND name NOT IN (%s)";
	static const char *const types[] = {"trigger", "view", "index", "table"};
	_cleanup_db_ sqlite3 *model = NULL;
	_cleanup_statement_ sqlite3_stmt *names = NULL;
	int r = model_open(false, &model, e);
	if (r == 0)
		r = db_prepare(model, "SELECT group_concat(quote(name)) FROM sqlite_schema", &names, e);
	if (r == 0 && sqlite3_step(names) != SQLITE_ROW)
		r = db_error(model, e, "ledger");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(types); i++) {
		char *list = sqlite3_mprintf(of_type, types[i], db_text(names, 0));
		r = list ? for_each(db, list, e) : err_sys(e, ENOMEM, "ledger");
		sqlite3_free(list);
	}
	return r;
}

// A line now and then for whoever waits for the station: minutes may pass for a ledger of years.
static void tell(void *context, uint64_t rows, uint64_t total, double left_s)
{
	uint64_t *next = context, percent = rows * 100 / total;
	if (percent < *next)
		return;
	*next = percent + 5;
	log_info("the ledger's tables: %llu %% are made, about %.0f s left", (unsigned long long)percent,
	        left_s);
}

// Thrown away should anything end it: it needs no journal.
static int build_scratch(sqlite3 *live, const char *path, struct err *e)
{
	_cleanup_db_ sqlite3 *built = NULL;
	uint64_t next = 0;
	const struct replay_progress progress = {.told = tell, .context = &next};
	int r = db_open_write(path, &built, e);
	if (r == 0)
		r = db_exec(built,
		        "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
		        "PRAGMA cache_size = -64000",
		        e);
	if (r == 0)
		r = schema_create(built, e);
	if (r == 0)
		r = replay_shed_indexes(built, NULL, e);
	return r < 0 ? r : replay_log(live, built, &progress, e);
}

static void tell_begin(sqlite3 *db)
{
	int64_t rows = 0;
	if (db_number(db, "SELECT count(*) FROM log", &rows, NULL) == 0)
		log_info("another gangway made this ledger's tables: they are made anew from its %lld rows, "
		         "boards wait until that is done",
		        (long long)rows);
}

// Builds the projections beside the ledger, then puts them in with one transaction.
static int rebuild(sqlite3 *db, const char *scratch_path, struct err *e)
{
	char *indexes = NULL;
	unlink(scratch_path);
	tell_begin(db);
	int r = build_scratch(db, scratch_path, e);
	if (r == 0) {
		char *attach = sqlite3_mprintf("ATTACH %Q AS built", scratch_path);
		r = attach ? db_exec(db, attach, e) : err_sys(e, ENOMEM, "ledger");
		sqlite3_free(attach);
	}
	if (r == 0)
		r = db_exec(db, "BEGIN IMMEDIATE", e);
	if (r == 0)
		r = drop_projections(db, e);
	if (r == 0)
		r = run_folder(db, "projections", 0, e);
	if (r == 0)
		r = db_exec(db, "DELETE FROM kind; DELETE FROM kind_field", e);
	if (r == 0)
		r = replay_shed_indexes(db, &indexes, e);
	if (r == 0)
		r = for_each(db,
		        "SELECT printf('INSERT INTO main.\"%w\" SELECT * FROM built.\"%w\"', name, name) "
		        "FROM built.sqlite_schema WHERE type = 'table' AND name <> 'log'",
		        e);
	if (r == 0)
		r = db_exec(db, indexes, e);
	if (r == 0)
		r = db_exec(db, "COMMIT; DETACH built", e);
	else if (!sqlite3_get_autocommit(db))
		(void)db_exec(db, "ROLLBACK", NULL);
	sqlite3_free(indexes);
	unlink(scratch_path);
	if (r == 0)
		log_info("the ledger's tables are made");
	return r < 0 ? err_prefix(e, "building the projections again") : 0;
}

static int migrate(sqlite3 *db, int from, struct err *e)
{
	int r = db_exec(db, "BEGIN IMMEDIATE", e);
	if (r == 0)
		r = run_folder(db, "migrations", from, e);
	if (r == 0 && from == 0)
		r = run_folder(db, "projections", 0, e);
	if (r == 0)
		r = set_version(db, e);
	if (r == 0)
		return db_exec(db, "COMMIT", e);
	if (!sqlite3_get_autocommit(db))
		(void)db_exec(db, "ROLLBACK", NULL);
	return r;
}

int schema_upgrade(sqlite3 *db, const char *scratch_path, struct schema_change *change, struct err *e)
{
	int64_t version = 0;
	bool current = false;
	*change = (struct schema_change){.to = schema_version()};
	int r = db_number(db, "PRAGMA user_version", &version, e);
	if (r < 0)
		return r;
	change->from = (int)version;
	change->created = version == 0;
	if (version > change->to)
		return err_set(e, EPROTO,
		        "the ledger is of version %d, this gangway knows up to %d; run the newer gangway",
		        (int)version, change->to);
	if (version < change->to)
		r = migrate(db, (int)version, e);
	if (r == 0)
		r = schema_check(db, false, e);
	if (r == -EUCLEAN)
		return err_prefix(e, "the ledger was tampered with ('gangway record verify' tells more)");
	if (r == 0)
		r = projections_are_current(db, &current, e);
	if (r < 0 || current)
		return r;
	change->rebuilt = true;
	return rebuild(db, scratch_path, e);
}
