// SPDX-License-Identifier: MIT
// The hash chain over the log's rows.
#include "record/chain.h"

#include <errno.h>

void chain_hash(struct digest *d, const struct chain_row *row, char hash[SHA256_HEX_SIZE])
{
	uint8_t out[DIGEST_MAX_SIZE];
	char seq[24];
	int n = snprintf(seq, sizeof(seq), "%llu\n", (unsigned long long)row->seq);
	digest_reset(d);
	digest_update(d, seq, (size_t)n);
	digest_update(d, row->utc, row->utc_size);
	digest_update(d, "\n", 1);
	digest_update(d, row->kind, row->kind_size);
	digest_update(d, "\n", 1);
	digest_update(d, row->prev, row->prev_size);
	digest_update(d, "\n", 1);
	digest_update(d, row->body, row->body_size);
	digest_final(d, out);
	digest_hex(out, DIGEST_SHA256_SIZE, hash);
}

static const char *column(sqlite3_stmt *s, int i, size_t *size)
{
	const char *text = db_text(s, i);
	*size = (size_t)sqlite3_column_bytes(s, i);
	return text;
}

static bool same(const char *hash, const char *text, size_t size)
{
	return size == SHA256_HEX_SIZE - 1 && !memcmp(hash, text, size);
}

// `last` is the hash of the row before, then of this one.
static int check_row(
        struct digest *d, sqlite3_stmt *s, uint64_t expect, char last[SHA256_HEX_SIZE], struct err *e)
{
	struct chain_row row = {.seq = (uint64_t)sqlite3_column_int64(s, 0)};
	size_t stored_size;
	row.utc = column(s, 1, &row.utc_size);
	row.kind = column(s, 2, &row.kind_size);
	row.body = column(s, 3, &row.body_size);
	row.prev = column(s, 4, &row.prev_size);
	const char *stored = column(s, 5, &stored_size);
	if (sqlite3_column_int64(s, 0) < 1)
		return err_set(e, EUCLEAN, "row %lld was put in before the first",
		        (long long)sqlite3_column_int64(s, 0));
	if (row.seq != expect)
		return err_set(e, EUCLEAN, "row %llu is missing: after row %llu comes row %llu",
		        (unsigned long long)expect, (unsigned long long)expect - 1,
		        (unsigned long long)row.seq);
	if (!same(last, row.prev, row.prev_size))
		return err_set(e, EUCLEAN,
		        "row %llu (%.40s): its prev is not the hash of row %llu: a row was changed, put in "
		        "or taken out",
		        (unsigned long long)expect, row.kind, (unsigned long long)expect - 1);
	chain_hash(d, &row, last);
	if (!same(last, stored, stored_size))
		return err_set(e, EUCLEAN, "row %llu (%.40s): was edited: its content does not have its hash",
		        (unsigned long long)expect, row.kind);
	return 0;
}

// The hash that row `from` must name as its prev.
static int start_hash(sqlite3 *db, uint64_t from, char hash[SHA256_HEX_SIZE], struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	str_copy(hash, SHA256_HEX_SIZE, CHAIN_START);
	if (from == 1)
		return 0;
	int r = db_prepare(db, "SELECT hash FROM log WHERE seq = ?", &s, e);
	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)(from - 1));
	if (sqlite3_step(s) != SQLITE_ROW)
		return err_set(e, EUCLEAN, "row %llu is missing", (unsigned long long)from - 1);
	str_copy(hash, SHA256_HEX_SIZE, db_text(s, 0));
	return 0;
}

int chain_check_from(sqlite3 *db, uint64_t from, uint64_t *rows, char last[SHA256_HEX_SIZE], struct err *e)
{
	_cleanup_digest_ struct digest *d = NULL;
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = digest_new(&d, "SHA256", e);
	if (r == 0)
		r = start_hash(db, from, last, e);
	if (r == 0)
		r = db_prepare(db,
		        "SELECT seq, utc, kind, body, prev, hash FROM log WHERE seq >= ? ORDER BY seq", &s,
		        e);
	if (r < 0)
		return r;
	// A row with a number below 1 was put in: a whole walk meets it.
	sqlite3_bind_int64(s, 1, from == 1 ? INT64_MIN : (sqlite3_int64)from);
	uint64_t n = from - 1;
	int step = SQLITE_DONE;
	while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
		r = check_row(d, s, ++n, last, e);
	if (r == 0 && step != SQLITE_DONE)
		return db_error(db, e, "ledger");
	*rows = n;
	return r;
}

int chain_check(sqlite3 *db, uint64_t *rows, char last[SHA256_HEX_SIZE], struct err *e)
{
	return chain_check_from(db, 1, rows, last, e);
}
