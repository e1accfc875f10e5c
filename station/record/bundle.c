// SPDX-License-Identifier: MIT
// The bundle: an export that proves itself to an auditor who has nothing of ours.
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "record/export.h"
#include "record/export_inside.h"
#include "record/head.h"
#include "record/query.h"
#include "record/sql.h"

struct bundle {
	sqlite3 *db;
	const char *folder;
	struct export_scope scope;
	uint64_t anchor;    // the row of the head that covers the scope's last row; 0: none does
	uint64_t delivered; // ... and of the newest one up to there that has left the station
	uint64_t until;     // the row that says so
	char delivered_to[16], delivered_utc[CLOCK_UTC_SIZE];
	char ledger[48];
	FILE *rows;
	struct err *e;
};

static void widen(struct export_scope *scope, sqlite3_int64 row)
{
	if (row <= 0)
		return;
	if (!scope->first || (uint64_t)row < scope->first)
		scope->first = (uint64_t)row;
	scope->last = u64_max(scope->last, (uint64_t)row);
}

static int column_of(sqlite3_stmt *row, const char *name)
{
	for (int i = 0; i < sqlite3_column_count(row); i++)
		if (!strcmp(sqlite3_column_name(row, i), name))
			return i;
	return 0;
}

void export_scope_add(struct export_scope *scope, sqlite3_stmt *row)
{
	widen(scope, sqlite3_column_int64(row, column_of(row, "open_seq")));
	widen(scope, sqlite3_column_int64(row, column_of(row, "close_seq")));
	json_object_set_new(scope->jobs, db_text(row, column_of(row, "job")), json_true());
	json_object_set_new(scope->plans, db_text(row, column_of(row, "plan_sha256")), json_true());
}

static FILE *create(struct bundle *b, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", b->folder, name);
	FILE *f = fopen(path, "wxe");
	if (!f)
		err_sys(b->e, errno, "%s: cannot be created", path);
	return f;
}

static int finish(FILE *f, const char *path, struct err *e)
{
	int failed = fflush(f) != 0 || ferror(f) || fsync(fileno(f)) < 0;
	int num = errno;
	failed |= fclose(f) != 0;
	return failed ? err_sys(e, num ? num : EIO, "%s: cannot be written", path) : 0;
}

static int write_records(struct bundle *b, const json_t *parameters, uint64_t *count)
{
	char path[PATH_MAX];
	FILE *f = create(b, "records.csv", path);
	if (!f)
		return -b->e->num;
	int r = export_csv_scope(b->db, parameters, f, &b->scope, count, b->e);
	int end = finish(f, path, b->e);
	if (r == 0 && *count == 0)
		return err_set(b->e, ENOENT, "the ledger has no such attempts; nothing is exported");
	return r < 0 ? r : end;
}

// The rows of `sql`, whose one parameter is :key, for each key of the set.
static int for_keys(struct bundle *b, const json_t *set, const char *sql, query_row_fn fn)
{
	const char *key;
	json_t *value;
	union {
		const json_t *in;
		json_t *out;
	} keys = {.in = set}; // the macro only reads
	json_object_foreach(keys.out, key, value)
	{
		json_t *parameters = json_pack("{s:s}", "key", key);
		int r = query_each(b->db, sql, parameters, fn, b, b->e);
		json_decref(parameters);
		if (r < 0)
			return r;
	}
	return 0;
}

static int widen_row(void *context, sqlite3_stmt *s)
{
	struct bundle *b = context;
	widen(&b->scope, sqlite3_column_int64(s, 0));
	return 0;
}

static int write_plan(void *context, sqlite3_stmt *s)
{
	struct bundle *b = context;
	char path[PATH_MAX], name[SHA256_HEX_SIZE + 16];
	widen(&b->scope, sqlite3_column_int64(s, 0));
	snprintf(name, sizeof(name), "plan-%.64s.txt", db_text(s, 1));
	FILE *f = create(b, name, path);
	if (!f)
		return -b->e->num;
	fputs(db_text(s, 2), f);
	return finish(f, path, b->e);
}

// What the records rest on besides their own rows: jobs, images, corrections.
static int find_scope(struct bundle *b)
{
	char sql[200];
	int r = for_keys(b, b->scope.jobs,
	        "SELECT seq FROM job WHERE job = :key UNION ALL "
	        "SELECT seq FROM log WHERE kind = 'job.close' AND body ->> 'job' = :key",
	        widen_row);
	if (r == 0)
		r = for_keys(b, b->scope.plans,
		        "SELECT image.seq, plan_sha256, log.body ->> 'plan' FROM image JOIN log USING (seq) "
		        "WHERE plan_sha256 = :key ORDER BY image.seq LIMIT 1",
		        write_plan);
	snprintf(sql, sizeof(sql), "SELECT seq FROM correction WHERE row BETWEEN %llu AND %llu",
	        (unsigned long long)b->scope.first, (unsigned long long)b->scope.last);
	return r < 0 ? r : query_each(b->db, sql, NULL, widen_row, b, b->e);
}

static int take_delivery(void *context, sqlite3_stmt *s)
{
	struct bundle *b = context;
	b->delivered = (uint64_t)sqlite3_column_int64(s, 0);
	b->until = (uint64_t)sqlite3_column_int64(s, 1);
	STR_COPY(b->delivered_to, db_text(s, 2));
	STR_COPY(b->delivered_utc, db_text(s, 3));
	return 0;
}

// The first head behind the last row that has left the station; without one the first that is signed, and the newest
// that has left.
static int find_anchor(struct bundle *b)
{
	char sql[320];
	int64_t row = 0;
	unsigned long long last = b->scope.last;
	snprintf(sql, sizeof(sql),
	        "SELECT row, min(seq), destination, utc FROM delivery WHERE row = coalesce((SELECT min(row) "
	        "FROM "
	        "delivery WHERE row >= %llu), (SELECT max(row) FROM delivery)) AND row >= %llu GROUP BY row",
	        last, (unsigned long long)b->scope.first);
	int r = query_each(b->db, sql, NULL, take_delivery, b, b->e);
	snprintf(sql, sizeof(sql),
	        "SELECT coalesce((SELECT min(row) FROM head WHERE row >= %llu), (SELECT max(row) FROM head), "
	        "0)",
	        last);
	if (r == 0)
		r = db_number(b->db, sql, &row, b->e);
	b->anchor = b->delivered >= last ? b->delivered : (uint64_t)row;
	return r;
}

static uint64_t last_row(const struct bundle *b)
{
	return u64_max(u64_max(b->scope.last, b->anchor), b->until);
}

static int write_log_row(void *context, sqlite3_stmt *s)
{
	struct bundle *b = context;
	// The body as a string: its very bytes are what is hashed.
	json_t *row = json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "seq", (json_int_t)sqlite3_column_int64(s, 0),
	        "utc", db_text(s, 1), "kind", db_text(s, 2), "body", db_text(s, 3), "prev", db_text(s, 4),
	        "hash", db_text(s, 5));
	int r = row ? json_dumpf(row, b->rows, JSON_COMPACT) : -1;
	json_decref(row);
	fputc('\n', b->rows);
	return r < 0 ? err_set(b->e, EIO, "a row cannot be exported") : 0;
}

static int write_rows(struct bundle *b)
{
	char path[PATH_MAX], sql[160];
	snprintf(sql, sizeof(sql),
	        "SELECT seq, utc, kind, body, prev, hash FROM log WHERE seq BETWEEN %llu AND %llu ORDER BY "
	        "seq",
	        (unsigned long long)b->scope.first, (unsigned long long)last_row(b));
	b->rows = create(b, "rows.jsonl", path);
	if (!b->rows)
		return -b->e->num;
	int r = query_each(b->db, sql, NULL, write_log_row, b, b->e);
	int end = finish(b->rows, path, b->e);
	return r < 0 ? r : end;
}

static int write_one_head(void *context, sqlite3_stmt *s)
{
	struct bundle *b = context;
	char folder[PATH_MAX];
	struct head head = {0};
	json_t *body = json_loads(db_text(s, 0), 0, NULL);
	int r = head_from_json(body, &head, b->e);
	json_decref(body);
	STR_COPY(head.ledger, b->ledger);
	snprintf(folder, sizeof(folder), "%s/heads", b->folder);
	return r < 0 ? r : head_write(&head, folder, b->e);
}

static int write_heads(struct bundle *b)
{
	char folder[PATH_MAX], sql[200];
	snprintf(folder, sizeof(folder), "%s/heads", b->folder);
	snprintf(sql, sizeof(sql),
	        "SELECT log.body FROM head JOIN log USING (seq) WHERE row BETWEEN %llu AND %llu",
	        (unsigned long long)b->scope.first, (unsigned long long)b->anchor);
	int r = fd_mkdir_all(folder, 0755, b->e);
	return r < 0 ? r : query_each(b->db, sql, NULL, write_one_head, b, b->e);
}

static int write_key(void *context, sqlite3_stmt *s)
{
	struct bundle *b = context;
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/station-%lld.pub", b->folder, (long long)sqlite3_column_int64(s, 0));
	if (sqlite3_column_int(s, 2))
		snprintf(path, sizeof(path), "%s/station.pub", b->folder);
	return fd_write_file(path, db_text(s, 1), strlen(db_text(s, 1)), 0644, b->e);
}

static int write_readme(struct bundle *b, uint64_t count)
{
	char path[PATH_MAX];
	FILE *f = create(b, "README.txt", path);
	if (!f)
		return -b->e->num;
	fprintf(f,
	        "This folder holds %llu programming attempts from the ledger of a Gangway station,\n"
	        "with what is needed to check that nobody has altered them since.\n\n"
	        "ledger      %s\nrows        %llu to %llu of its log\nsigned to row %llu\n",
	        (unsigned long long)count, b->ledger, (unsigned long long)b->scope.first,
	        (unsigned long long)last_row(b), (unsigned long long)b->anchor);
	if (b->delivered)
		fprintf(f, "anchored to row %llu: that head left the station (%s) at %s\n\n",
		        (unsigned long long)b->delivered, b->delivered_to, b->delivered_utc);
	else
		fputs("not anchored: no head of these rows has left the station\n\n", f);
	fputs(sql_text("bundle/README.txt"), f);
	return finish(f, path, b->e);
}

static int write_verifier(struct bundle *b)
{
	char path[PATH_MAX];
	const char *text = sql_text("bundle/verify-ledger");
	snprintf(path, sizeof(path), "%s/verify-ledger", b->folder);
	return fd_write_file(path, text, strlen(text), 0755, b->e);
}

static int write_all(struct bundle *b, const json_t *parameters, uint64_t *count)
{
	json_t *state = NULL;
	int r = query_one(b->db, "state", NULL, &state, b->e);
	if (r < 0)
		return r;
	STR_COPY(b->ledger, json_string_value(json_object_get(state, "ledger")));
	json_decref(state);
	r = write_records(b, parameters, count);
	if (r == 0)
		r = find_scope(b);
	if (r == 0)
		r = find_anchor(b);
	if (r == 0)
		r = write_rows(b);
	if (r == 0)
		r = write_heads(b);
	if (r == 0)
		r = query_each(b->db,
		        "SELECT seq, public, seq = (SELECT max(seq) FROM key) FROM key ORDER BY seq", NULL,
		        write_key, b, b->e);
	if (r == 0)
		r = write_verifier(b);
	return r < 0 ? r : write_readme(b, *count);
}

int export_bundle(sqlite3 *db, const json_t *parameters, const char *folder, uint64_t *count, struct err *e)
{
	struct err own = {0};
	struct bundle b = {.db = db, .folder = folder, .e = &own};
	if (mkdir(folder, 0755) < 0)
		return err_sys(e, errno, "%s: cannot be made", folder);
	b.scope.jobs = json_object();
	b.scope.plans = json_object();
	// One view of the ledger throughout, whatever the station writes meanwhile.
	int r = db_exec(db, "BEGIN", &own);
	if (r == 0)
		r = write_all(&b, parameters, count);
	json_decref(b.scope.jobs);
	json_decref(b.scope.plans);
	if (r < 0 && e) {
		*e = own;
		(void)err_prefix(e, "%s (half done: remove it)", folder);
	}
	return r;
}
