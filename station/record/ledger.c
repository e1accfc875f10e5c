// SPDX-License-Identifier: MIT
// The ledger open for its one writer.
#include "record/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "core/failure.h"
#include "record/chain.h"
#include "record/ledger_inside.h"
#include "record/schema.h"

static void real_now(void *context, struct ledger_time *out)
{
	(void)context;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	out->utc_ns = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
	out->mono_ns = clock_mono_ns();
	out->synchronised = clock_synchronised();
}

static void utc_text(uint64_t utc_ns, char text[CLOCK_UTC_SIZE])
{
	time_t seconds = (time_t)(utc_ns / NSEC_PER_SEC);
	struct tm tm;
	char date[24];
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, CLOCK_UTC_SIZE, "%.19s.%06uZ", date, (unsigned)(utc_ns % NSEC_PER_SEC / 1000));
}

static int load_tail(struct ledger *l, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int64_t head = 0;
	int r = db_prepare(l->db, "SELECT seq, hash, utc FROM log ORDER BY seq DESC LIMIT 1", &s, e);
	if (r < 0)
		return r;
	STR_COPY(l->tail.hash, CHAIN_START);
	int step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		l->tail.seq = (uint64_t)sqlite3_column_int64(s, 0);
		STR_COPY(l->tail.hash, db_text(s, 1));
		STR_COPY(l->tail.utc, db_text(s, 2));
	} else if (step != SQLITE_DONE) {
		return db_error(l->db, e, "ledger");
	}
	r = db_number(l->db,
	        "SELECT coalesce(max(seq), 0) + (SELECT count(*) FROM log WHERE kind = 'head.delivered' AND "
	        "log.seq > (SELECT coalesce(max(seq), 0) FROM head)) FROM head",
	        &head, e);
	l->tail.unanchored = l->tail.seq - (uint64_t)head;
	l->committed = l->tail;
	return r;
}

// What the next row will rest on: the chain from the last head on (a thousand rows or so). `record verify` walks it all.
static int check_tail(struct ledger *l, struct err *e)
{
	int64_t head = 0;
	uint64_t rows = 0;
	char last[SHA256_HEX_SIZE];
	int r = db_number(l->db, "SELECT max(row) FROM head", &head, e);
	if (r == 0)
		r = chain_check_from(l->db, head > 0 ? (uint64_t)head : 1, &rows, last, e);
	return r == -EUCLEAN
	               ? err_prefix(e, "the ledger was tampered with ('gangway record verify' tells more)")
	               : r;
}

static int load_id(struct ledger *l, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(l->db, "SELECT id FROM ledger", &s, e);
	if (r == 0 && sqlite3_step(s) == SQLITE_ROW)
		STR_COPY(l->id, db_text(s, 0));
	return r;
}

static int open_parts(struct ledger *l, struct err *e)
{
	char path[PATH_MAX], scratch[PATH_MAX];
	bool made;
	snprintf(path, sizeof(path), "%s/station.db", l->state);
	snprintf(scratch, sizeof(scratch), "%s/station.db-rebuild", l->state);
	int r = db_open_write(path, &l->db, e);
	if (r == 0)
		r = schema_upgrade(l->db, scratch, &l->change, e);
	if (r == 0)
		r = db_prepare(l->db,
		        "INSERT INTO log(seq, utc, kind, body, prev, hash) VALUES (?, ?, ?, ?, ?, ?)",
		        &l->insert, e);
	if (r == 0)
		r = digest_new(&l->digest, "SHA256", e);
	if (r == 0)
		r = load_tail(l, e);
	if (r == 0)
		r = check_tail(l, e);
	if (r == 0)
		r = load_id(l, e);
	snprintf(path, sizeof(path), "%s/keys", l->state);
	if (r == 0)
		r = key_open(path, &l->key, &made, e);
	snprintf(path, sizeof(path), "%s/heads", l->state);
	return r < 0 ? r : fd_mkdir_all(path, 0755, e);
}

// A key that was rotated while the station ran is the ledger's from its next start on: until then the old one signs.
static int find_key_before(struct ledger *l, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	_cleanup_key_ struct key *old = NULL;
	char folder[PATH_MAX];
	int r = db_prepare(l->db, "SELECT fingerprint FROM key ORDER BY seq DESC LIMIT 1", &s, e);
	if (r < 0 || sqlite3_step(s) != SQLITE_ROW || !strcmp(db_text(s, 0), key_fingerprint(l->key)))
		return r;
	snprintf(folder, sizeof(folder), "%.*s/keys", (int)sizeof(l->state), l->state);
	if (key_open_old(folder, &old, NULL) == 0 && !strcmp(db_text(s, 0), key_fingerprint(old)))
		l->before = steal_ptr(&old);
	return 0;
}

// A ledger that was there and is not any more is restored, not silently begun anew: its heads are the witness.
static int check_not_lost(const char *state, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	snprintf(path, sizeof(path), "%s/station.db", state);
	if (stat(path, &st) == 0 && st.st_size > 0)
		return 0;
	snprintf(path, sizeof(path), "%s/heads", state);
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "head-", 5))
			return err_set(e, EUCLEAN,
			        "%s/station.db: the ledger is gone, but %s/heads has heads of it: restore a "
			        "backup, or move heads/ and keys/ away to begin another ledger",
			        state, state);
	return 0;
}

int ledger_open(const char *state, const struct ledger_clock *clock, struct ledger **out, struct err *e)
{
	_cleanup_ledger_ struct ledger *l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(e, ENOMEM, "ledger");
	if (strlen(state) >= sizeof(l->state))
		return err_sys(e, ENAMETOOLONG, "%s", state);
	STR_COPY(l->state, state);
	l->clock = clock ? *clock : (struct ledger_clock){.now = real_now};
	int r = check_not_lost(state, e);
	if (r == 0)
		r = open_parts(l, e);
	if (r == 0)
		r = find_key_before(l, e);
	if (r == 0)
		*out = steal_ptr(&l);
	return r;
}

struct ledger *ledger_free(struct ledger *l)
{
	if (l) {
		sqlite3_finalize(l->insert);
		sqlite3_close_v2(l->db);
		digest_free(l->digest);
		key_free(l->key);
		key_free(l->before);
		free(l);
	}
	return NULL;
}

sqlite3 *ledger_db(struct ledger *l)
{
	return l->db;
}

int ledger_begin(struct ledger *l, struct err *e)
{
	l->committed = l->tail;
	return db_exec(l->db, "BEGIN IMMEDIATE", e);
}

int ledger_commit(struct ledger *l, struct err *e)
{
	int r = db_exec(l->db, "COMMIT", e);
	if (r == 0)
		l->committed = l->tail;
	return r;
}

void ledger_rollback(struct ledger *l)
{
	if (!sqlite3_get_autocommit(l->db))
		(void)db_exec(l->db, "ROLLBACK", NULL);
	l->tail = l->committed;
}

int ledger_insert(struct ledger *l, const char *kind, const json_t *body, uint64_t utc_ns,
        struct ledger_row *out, struct err *e)
{
	_cleanup_free_ char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9));
	char utc[CLOCK_UTC_SIZE], hash[SHA256_HEX_SIZE];
	if (!text)
		return err_sys(e, ENOMEM, "ledger");
	utc_text(utc_ns, utc);
	struct chain_row row = {l->tail.seq + 1, utc, kind, l->tail.hash, text, strlen(utc), strlen(kind),
	        strlen(l->tail.hash), strlen(text)};
	chain_hash(l->digest, &row, hash);
	sqlite3_bind_int64(l->insert, 1, (sqlite3_int64)row.seq);
	db_bind_text(l->insert, 2, utc, row.utc_size);
	db_bind_text(l->insert, 3, kind, row.kind_size);
	db_bind_text(l->insert, 4, text, row.body_size);
	db_bind_text(l->insert, 5, l->tail.hash, row.prev_size);
	db_bind_text(l->insert, 6, hash, SHA256_HEX_SIZE - 1);
	int r = 0;
	if (sqlite3_step(l->insert) != SQLITE_DONE) {
		bool refusal = db_is_refusal(l->db);
		r = db_error(l->db, e, kind);
		r = refusal ? LEDGER_REFUSED : r;
	}
	sqlite3_reset(l->insert);
	sqlite3_clear_bindings(l->insert);
	if (r != 0)
		return r;
	l->tail.seq++;
	// Word of a delivered head wants no head of its own: that one would be delivered, too.
	l->tail.unanchored += strcmp(kind, "head.delivered") != 0;
	STR_COPY(l->tail.hash, hash);
	STR_COPY(l->tail.utc, utc);
	if (out) {
		out->seq = row.seq;
		STR_COPY(out->hash, hash);
	}
	return 0;
}

int ledger_has(struct ledger *l, const struct ledger_row *row, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(l->db, "SELECT 1 FROM log WHERE seq = ? AND hash = ?", &s, e);
	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)row->seq);
	db_bind_text(s, 2, row->hash, strlen(row->hash));
	r = sqlite3_step(s);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return db_error(l->db, e, "ledger");
	return r == SQLITE_ROW;
}

int ledger_find(struct ledger *l, uint64_t since, const char *kind, const json_t *body,
        struct ledger_row *row, struct err *e)
{
	_cleanup_free_ char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9));
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	if (!text)
		return err_sys(e, ENOMEM, "ledger");
	int r = db_prepare(l->db,
	        "SELECT seq, hash FROM log WHERE seq > ?1 AND kind = ?2 AND body = ?3 ORDER BY seq", &s, e);
	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)since);
	db_bind_text(s, 2, kind, strlen(kind));
	db_bind_text(s, 3, text, strlen(text));
	r = sqlite3_step(s);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? 0 : db_error(l->db, e, kind);
	row->seq = (uint64_t)sqlite3_column_int64(s, 0);
	STR_COPY(row->hash, db_text(s, 1));
	return 1;
}

static int insert_clock(
        struct ledger *l, const char *reason, const struct ledger_time *now, double by_s, struct err *e)
{
	json_t *body = json_pack("{s:s,s:b}", "reason", reason, "synchronised", now->synchronised);
	if (body && l->tail.utc[0])
		json_object_set_new(body, "was", json_string(l->tail.utc));
	if (body && by_s != 0)
		json_object_set_new(body, "by_s", json_real(by_s));
	int r = body ? ledger_insert(l, "clock", body, now->utc_ns, NULL, e) : err_sys(e, ENOMEM, "ledger");
	json_decref(body);
	return r == LEDGER_REFUSED ? -EINVAL : r;
}

// Says in a row of its own what the clock did since the last row. A second is far above what disciplining a clock
// does between two rows, and far below what matters to a record.
static int check_clock(struct ledger *l, struct ledger_time *now, struct err *e)
{
	l->clock.now(l->clock.context, now);
	char utc[CLOCK_UTC_SIZE];
	utc_text(now->utc_ns, utc);
	int64_t offset = (int64_t)(now->utc_ns - now->mono_ns);
	double moved_s = (double)(offset - l->clock_offset_ns) / (double)NSEC_PER_SEC;
	const char *reason = NULL;
	if (strcmp(utc, l->tail.utc) < 0)
		reason = "moved back";
	else if (!l->clock_known)
		reason = "start";
	else if (moved_s > 1)
		reason = "moved forward";
	else if (now->synchronised != l->synchronised)
		reason = now->synchronised ? "synchronised" : "unsynchronised";
	bool moved = l->clock_known && (moved_s > 1 || moved_s < -1);
	l->clock_offset_ns = offset;
	l->synchronised = now->synchronised;
	l->clock_known = true;
	return reason ? insert_clock(l, reason, now, moved ? moved_s : 0, e) : 0;
}

// What SQL cannot check: digests, and the closed list of codes.
static int check_body(const char *kind, const json_t *body, struct err *e)
{
	const char *code = json_string_value(json_object_get(body, "code"));
	if (code && *code && failure_from_code(code) == FAILURE_NONE)
		return err_set(e, EINVAL, "%s: '%s' is no failure code", kind, code);
	if (strcmp(kind, "image.add") != 0)
		return 0;
	const json_t *plan = json_object_get(body, "plan");
	const char *expect = json_string_value(json_object_get(body, "plan_sha256"));
	uint8_t digest[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	if (!json_is_string(plan) || !expect)
		return err_set(e, EINVAL, "%s: the plan is missing", kind);
	digest_sha256(json_string_value(plan), json_string_length(plan), digest);
	digest_hex(digest, sizeof(digest), hex);
	return strcmp(hex, expect)
	               ? err_set(e, EINVAL, "%s: the plan's text does not have the plan's digest", kind)
	               : 0;
}

static void name_refused(const json_t *body, struct err *e)
{
	const json_t *attempt = json_object_get(body, "attempt");
	const char *job = json_string_value(json_object_get(body, "job"));
	if (json_is_integer(attempt))
		(void)err_prefix(
		        e, "refused by the ledger: attempt %lld", (long long)json_integer_value(attempt));
	else if (job)
		(void)err_prefix(e, "refused by the ledger: job %.60s", job);
	else
		(void)err_prefix(e, "refused by the ledger");
}

int ledger_append(
        struct ledger *l, const char *kind, const json_t *body, struct ledger_row *row, struct err *e)
{
	struct ledger_time now;
	struct err own = {0};
	int r = check_body(kind, body, &own) < 0 ? LEDGER_REFUSED : 0;
	if (r == 0)
		r = check_clock(l, &now, &own);
	if (r == 0)
		r = ledger_insert(l, kind, body, now.utc_ns, row, &own);
	if (r == LEDGER_REFUSED)
		name_refused(body, &own);
	if (r != 0 && e)
		*e = own;
	return r;
}

int ledger_note_clock(struct ledger *l, struct err *e)
{
	struct ledger_time now;
	return check_clock(l, &now, e);
}

bool ledger_wants_head(const char *kind)
{
	return !strcmp(kind, "job.close") || !strcmp(kind, "station.stop");
}

uint64_t ledger_unanchored(const struct ledger *l)
{
	return l->tail.unanchored;
}

int ledger_append_head(struct ledger *l, const char *reason, struct ledger_row *row, struct err *e)
{
	struct ledger_time now;
	int r = check_clock(l, &now, e);
	if (r < 0)
		return r;
	struct head head = {.seq = l->tail.seq};
	STR_COPY(head.ledger, l->id);
	STR_COPY(head.row_hash, l->tail.hash);
	STR_COPY(head.reason, reason);
	utc_text(now.utc_ns, head.signed_utc);
	r = head_sign(&head, l->before ? l->before : l->key, e);
	json_t *body = r == 0 ? head_body(&head) : NULL;
	if (r == 0)
		r = body ? ledger_insert(l, "head", body, now.utc_ns, row, e) : err_sys(e, ENOMEM, "ledger");
	json_decref(body);
	if (r == 0)
		l->tail.unanchored = 0;
	return r;
}

static void head_from_row(const struct ledger *l, sqlite3_stmt *s, struct head *head)
{
	*head = (struct head){.seq = (uint64_t)sqlite3_column_int64(s, 1)};
	STR_COPY(head->ledger, l->id);
	STR_COPY(head->row_hash, db_text(s, 2));
	STR_COPY(head->signed_utc, db_text(s, 3));
	STR_COPY(head->reason, db_text(s, 4));
	STR_COPY(head->key, db_text(s, 5));
	STR_COPY(head->signature, db_text(s, 6));
}

// A head file is evidence: another one of the same name is never written over, and never taken for this one.
static int check_published(const struct head *head, const char *path, struct err *e)
{
	struct head there = {0};
	int r = head_read(path, &there, e);
	if (r == 0 &&
	        (strcmp(there.ledger, head->ledger) != 0 || strcmp(there.row_hash, head->row_hash) != 0))
		r = err_set(e, EEXIST,
		        "%s: holds another head of row %llu: the ledger was restored beside the heads of a "
		        "later "
		        "one; move the folder away and keep it: it is evidence",
		        path, (unsigned long long)head->seq);
	return r;
}

int ledger_publish(struct ledger *l, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	char folder[PATH_MAX], path[PATH_MAX];
	snprintf(folder, sizeof(folder), "%.*s/heads", (int)sizeof(l->state), l->state);
	int r = db_prepare(l->db,
	        "SELECT seq, row, row_hash, signed, reason, key, signature FROM head WHERE seq > ? ORDER BY "
	        "seq",
	        &s, e);
	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, l->published);
	while (r == 0 && sqlite3_step(s) == SQLITE_ROW) {
		struct head head;
		head_from_row(l, s, &head);
		snprintf(path, sizeof(path), "%.*s/heads/head-%012llu.json", (int)sizeof(l->state), l->state,
		        (unsigned long long)head.seq);
		r = access(path, F_OK) < 0 ? head_write(&head, folder, e) : check_published(&head, path, e);
		if (r == 0)
			l->published = sqlite3_column_int64(s, 0);
	}
	return r;
}
