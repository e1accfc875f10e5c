// SPDX-License-Identifier: MIT
// Verification of a whole ledger: chain, heads, rules, projections.
#include "record/verify.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "record/chain.h"
#include "record/compare.h"
#include "record/head.h"
#include "record/replay.h"
#include "record/schema.h"

struct verification {
	const struct verify_request *request;
	struct verify_report *report;
	sqlite3 *db;
	struct key *key;         // from elsewhere, or NULL
	sqlite3_stmt *row_hash;  // by seq
	sqlite3_stmt *key_by_id; // by fingerprint
};

// What needs nothing of the other checks is done on another processor meanwhile.
struct aside {
	const struct verify_request *request;
	uint64_t rows;
	int result;
	struct err e;
};

static double seconds_since(uint64_t start_ns)
{
	return (double)(clock_mono_ns() - start_ns) / (double)NSEC_PER_SEC;
}

static int read_id(struct verification *v, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(
	        v->db, "SELECT body ->> 'id' FROM log WHERE seq = 1 AND kind = 'ledger.open'", &s, e);
	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return err_set(e, EUCLEAN, "row 1 is not ledger.open: the beginning is missing");
	STR_COPY(v->report->ledger, db_text(s, 0));
	return 0;
}

// The key a head was signed with: the one from elsewhere if there is one, else as the ledger's key rows say.
static int key_of_head(struct verification *v, const struct head *head, struct key **own,
        const struct key **out, struct err *e)
{
	if (v->key && !strcmp(key_fingerprint(v->key), head->key)) {
		*out = v->key;
		return 0;
	}
	sqlite3_reset(v->key_by_id);
	db_bind_text(v->key_by_id, 1, head->key, strlen(head->key));
	if (sqlite3_step(v->key_by_id) != SQLITE_ROW)
		return err_set(e, EUCLEAN,
		        "the head of row %llu is signed with key %.16s, which this ledger never had",
		        (unsigned long long)head->seq, head->key);
	int r = key_parse_public(db_text(v->key_by_id, 0), own, e);
	if (r == 0)
		*out = *own;
	return r < 0 ? -EUCLEAN : 0;
}

static int check_signature(struct verification *v, const struct head *head, struct err *e)
{
	_cleanup_key_ struct key *own = NULL;
	const struct key *key = NULL;
	int r = key_of_head(v, head, &own, &key, e);
	if (r < 0)
		return r;
	if (!head_verify(head, key))
		return err_set(e, EUCLEAN, "the head of row %llu has a wrong signature",
		        (unsigned long long)head->seq);
	return 0;
}

// A head that is true: its row is there, with that hash.
static int check_head(struct verification *v, const struct head *head, const char *from, struct err *e)
{
	if (strcmp(head->ledger, v->report->ledger) != 0)
		return err_set(e, EUCLEAN, "%s: is of ledger %.36s, this one is %.36s", from, head->ledger,
		        v->report->ledger);
	int r = check_signature(v, head, e);
	if (r < 0)
		return err_prefix(e, "%s", from);
	if (head->seq > v->report->rows)
		return err_set(e, EUCLEAN, "%s: row %llu and before were cut off: the log ends at row %llu",
		        from, (unsigned long long)head->seq, (unsigned long long)v->report->rows);
	sqlite3_reset(v->row_hash);
	sqlite3_bind_int64(v->row_hash, 1, (sqlite3_int64)head->seq);
	if (sqlite3_step(v->row_hash) != SQLITE_ROW || strcmp(db_text(v->row_hash, 0), head->row_hash) != 0)
		return err_set(e, EUCLEAN,
		        "%s: row %llu or a row before it was rewritten: its hash is not the one that was "
		        "signed",
		        from, (unsigned long long)head->seq);
	v->report->heads++;
	return 0;
}

static int check_head_file(struct verification *v, const char *path, struct err *e)
{
	struct head head;
	int r = head_read(path, &head, e);
	if (r == 0)
		r = check_head(v, &head, path, e);
	if (r == 0)
		v->report->anchored = u64_max(v->report->anchored, head.seq);
	return r == -EINVAL ? -EUCLEAN : r;
}

static int is_head_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return !strncmp(entry->d_name, "head-", 5) && length > 5 &&
	       !strcmp(entry->d_name + length - 5, ".json");
}

static int check_heads(struct verification *v, const char *path, bool must_exist, struct err *e)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return must_exist || errno != ENOENT ? err_sys(e, errno, "%s: heads cannot be read", path)
		                                     : 0;
	if (!S_ISDIR(st.st_mode))
		return check_head_file(v, path, e);
	struct dirent **found = NULL;
	int n = scandir(path, &found, is_head_file, alphasort);
	if (n < 0)
		return err_sys(e, errno, "%s: heads cannot be read", path);
	int r = n == 0 && must_exist ? err_set(e, ENOENT, "%s: there is no head in this folder", path) : 0;
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];
		snprintf(file, sizeof(file), "%s/%s", path, found[i]->d_name);
		if (r == 0)
			r = check_head_file(v, file, e);
		free(found[i]);
	}
	free(found);
	return r;
}

// The heads that are rows: their signatures too, so that a forged one is found even where no file is kept.
static int check_head_rows(struct verification *v, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(v->db, "SELECT seq, body FROM log WHERE kind = 'head' ORDER BY seq", &s, e);
	int step = SQLITE_DONE;
	while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
		char from[32];
		struct head head = {0};
		snprintf(from, sizeof(from), "row %lld", (long long)sqlite3_column_int64(s, 0));
		json_t *body = json_loads(db_text(s, 1), 0, NULL);
		r = head_from_json(body, &head, e);
		STR_COPY(head.ledger, v->report->ledger);
		r = r < 0 ? err_set(e, EUCLEAN, "%s: is not a head", from) : check_head(v, &head, from, e);
		json_decref(body);
	}
	return r < 0 || step == SQLITE_DONE ? r : db_error(v->db, e, "ledger");
}

// A key that followed another was endorsed by it, unless it was lost; and the key from elsewhere is among them.
static int check_keys(struct verification *v, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	_cleanup_key_ struct key *before = NULL;
	bool known = !v->key;
	int r = db_prepare(v->db,
	        "SELECT seq, body ->> 'public', body ->> 'fingerprint', body ->> 'reason', body ->> "
	        "'endorsed' "
	        "FROM log WHERE kind = 'key' ORDER BY seq",
	        &s, e);
	while (r == 0 && sqlite3_step(s) == SQLITE_ROW) {
		_cleanup_key_ struct key *key = NULL;
		char text[256];
		long long seq = (long long)sqlite3_column_int64(s, 0);
		if (key_parse_public(db_text(s, 1), &key, e) < 0 ||
		        strcmp(key_fingerprint(key), db_text(s, 2)) != 0)
			return err_set(e, EUCLEAN, "row %lld: the key is not the one it names", seq);
		snprintf(text, sizeof(text), "gangway-key-1\n%s\n%s\n", v->report->ledger, db_text(s, 2));
		if (!strcmp(db_text(s, 3), "rotated") &&
		        (!before || !key_verify(before, text, db_text(s, 4))))
			return err_set(e, EUCLEAN, "row %lld: the key before did not sign this one", seq);
		known = known || !strcmp(key_fingerprint(v->key), db_text(s, 2));
		key_free(before);
		before = steal_ptr(&key);
	}
	if (r == 0 && !known)
		return err_set(
		        e, EUCLEAN, "the key given (%.16s) never was this ledger's", key_fingerprint(v->key));
	return r;
}

static int check_file(sqlite3 *db, const char *path, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(db, "PRAGMA integrity_check(1)", &s, e);
	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return db_error(db, e, "ledger");
	if (strcmp(db_text(s, 0), "ok") != 0)
		return err_set(
		        e, EUCLEAN, "%s: the file is damaged: %.200s; restore a backup", path, db_text(s, 0));
	return 0;
}

// A connection of its own: it may see rows that came since, which are not looked at.
static void *aside_main(void *context)
{
	struct aside *a = context;
	_cleanup_db_ sqlite3 *db = NULL, *scratch = NULL;
	int r = db_open_read(a->request->database, &db, &a->e);
	if (r == 0)
		r = check_file(db, a->request->database, &a->e);
	if (r == 0)
		r = db_open_scratch(&scratch, &a->e);
	if (r == 0)
		r = schema_create(scratch, &a->e);
	if (r == 0)
		r = replay_fields(db, scratch, a->rows, &a->e);
	a->result = r;
	return NULL;
}

static int check_projections(struct verification *v, struct err *e)
{
	_cleanup_db_ sqlite3 *built = NULL;
	uint64_t start = clock_mono_ns();
	int r = db_open_scratch(&built, e);
	if (r == 0)
		r = schema_create(built, e);
	if (r == 0)
		r = replay_shed_indexes(built, NULL, e);
	if (r == 0)
		r = replay_leave_fields(built, e);
	if (r == 0)
		r = replay_log(v->db, built, v->request->progress, e);
	if (r == 0)
		r = compare_projections(v->db, built, e);
	v->report->projections_s = seconds_since(start);
	return r;
}

static int check_chain(struct verification *v, struct err *e)
{
	uint64_t start = clock_mono_ns();
	int r = chain_check(v->db, &v->report->rows, v->report->last_hash, e);
	v->report->chain_s = seconds_since(start);
	return r;
}

static int check_outside(struct verification *v, struct err *e)
{
	char beside[PATH_MAX];
	if (v->request->heads)
		return check_heads(v, v->request->heads, true, e);
	STR_COPY(beside, v->request->database);
	char *slash = strrchr(beside, '/');
	size_t folder = slash ? (size_t)(slash - beside) + 1 : 0;
	snprintf(beside + folder, sizeof(beside) - folder, "heads");
	v->report->own_heads = true;
	return check_heads(v, beside, false, e);
}

static int read_delivered(struct verification *v, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	struct verify_report *report = v->report;
	int r = db_prepare(v->db,
	        "SELECT max(body ->> 'seq'), body ->> 'destination', utc FROM log WHERE kind = "
	        "'head.delivered'",
	        &s, e);
	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return db_error(v->db, e, "ledger");
	report->delivered = (uint64_t)sqlite3_column_int64(s, 0);
	if (report->delivered) {
		STR_COPY(report->delivered_to, db_text(s, 1));
		STR_COPY(report->delivered_utc, db_text(s, 2));
	}
	return 0;
}

static int version_check(struct verification *v, struct err *e)
{
	int64_t version = 0;
	int r = db_number(v->db, "PRAGMA user_version", &version, e);
	if (r < 0 || version == schema_version())
		return r;
	if (version == 0)
		return err_set(e, EUCLEAN, "%s: is of version 0: it holds no ledger; restore a backup",
		        v->request->database);
	return err_set(e, EPROTO,
	        "the ledger is of version %d, this gangway knows %d; verify it with its own", (int)version,
	        schema_version());
}

// The log, its guards and rules.
static int check_schema(struct verification *v, struct err *e)
{
	return schema_check(v->db, false, e);
}

// What is made from the log. Another gangway's tables are no forgery, but nothing here can tell them from one.
static int check_tables(struct verification *v, struct err *e)
{
	struct err own = {0};
	int r = schema_check(v->db, true, &own);
	if (r == -EUCLEAN)
		return err_set(e, EUCLEAN,
		        "%s; the log and its heads are whole: if another version of gangway wrote this, "
		        "start "
		        "the station once (it makes its tables anew from the log) or verify with that "
		        "version",
		        own.text);
	if (r < 0)
		*e = own;
	return r;
}

// From the ground up: what a later check relies on was checked before.
static int check_rest(struct verification *v, struct err *e)
{
	static const struct {
		int (*check)(struct verification *, struct err *);
		bool of_chain;
	} checks[] = {
	        {check_schema, false},
	        {check_keys, true},
	        {check_head_rows, true},
	        {check_outside, true},
	        {read_delivered, true},
	        {check_tables, false},
	        {check_projections, false},
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(checks); i++)
		if (checks[i].of_chain || !v->request->chain_only)
			r = checks[i].check(v, e);
	return r;
}

// What is found aside comes first: a damaged file, or a row without its fields, is the cause of what else is found.
static int check_all(struct verification *v, struct err *e)
{
	struct aside aside = {.request = v->request};
	pthread_t thread;
	int r = check_chain(v, e);
	if (r == 0)
		r = read_id(v, e);
	if (r < 0 || v->request->chain_only)
		return r < 0 ? r : check_rest(v, e);
	aside.rows = v->report->rows;
	r = pthread_create(&thread, NULL, aside_main, &aside);
	if (r != 0)
		return err_sys(e, r, "ledger: a thread");
	r = check_rest(v, e);
	pthread_join(thread, NULL);
	if (aside.result == 0)
		return r;
	if (e)
		*e = aside.e;
	return aside.result;
}

static int prepare(struct verification *v, struct err *e)
{
	int r = db_open_read(v->request->database, &v->db, e);
	// One view of the ledger throughout, whatever the station writes meanwhile.
	if (r == 0)
		r = db_exec(v->db, "BEGIN", e);
	if (r == 0)
		r = version_check(v, e);
	if (r == 0)
		r = db_prepare(v->db, "SELECT hash FROM log WHERE seq = ?", &v->row_hash, e);
	if (r == 0)
		r = db_prepare(v->db,
		        "SELECT body ->> 'public' FROM log WHERE kind = 'key' AND body ->> 'fingerprint' = ?",
		        &v->key_by_id, e);
	if (r == 0 && v->request->key)
		r = key_read_public(v->request->key, &v->key, e);
	v->report->own_key = !v->request->key;
	return r;
}

int verify_ledger(const struct verify_request *request, struct verify_report *report, struct err *e)
{
	struct verification v = {.request = request, .report = report};
	*report = (struct verify_report){0};
	int r = prepare(&v, e);
	if (r == 0)
		r = check_all(&v, e);
	sqlite3_finalize(v.row_hash);
	sqlite3_finalize(v.key_by_id);
	key_free(v.key);
	db_closep(&v.db);
	return r;
}
