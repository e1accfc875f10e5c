// SPDX-License-Identifier: MIT
// The hash chain over the log's rows.
#ifndef GANGWAY_RECORD_CHAIN_H
#define GANGWAY_RECORD_CHAIN_H

#include "base/digest.h"
#include "record/db.h"

// The first row's prev.
#define CHAIN_START "0000000000000000000000000000000000000000000000000000000000000000"

struct chain_row {
	uint64_t seq;
	const char *utc, *kind, *prev, *body;
	size_t utc_size, kind_size, prev_size, body_size;
};

// SHA-256 over "seq\nutc\nkind\nprev\nbody", lower-case hex. `d` is a SHA-256, reset by this.
void chain_hash(struct digest *d, const struct chain_row *row, char hash[SHA256_HEX_SIZE]);

// Walks the whole log. -EUCLEAN names the first row that is missing, out of order or edited. *rows is how many there
// are, `last` the last one's hash.
int chain_check(sqlite3 *db, uint64_t *rows, char last[SHA256_HEX_SIZE], struct err *e);

// As chain_check(), from row `from` (> 0) on: the row before it is taken as it is.
int chain_check_from(sqlite3 *db, uint64_t from, uint64_t *rows, char last[SHA256_HEX_SIZE], struct err *e);

#endif
