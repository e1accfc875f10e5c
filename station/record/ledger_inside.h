// SPDX-License-Identifier: MIT
// What the parts of the ledger share.
#ifndef GANGWAY_RECORD_LEDGER_INSIDE_H
#define GANGWAY_RECORD_LEDGER_INSIDE_H

#include <limits.h>

#include "record/ledger.h"
#include "record/schema.h"

struct tail {
	uint64_t seq;
	char hash[SHA256_HEX_SIZE];
	char utc[CLOCK_UTC_SIZE];
	uint64_t unanchored;
};

struct ledger {
	const char *live; // attempts not to be closed at the start
	sqlite3 *db;
	sqlite3_stmt *insert;
	struct digest *digest;
	struct key *key;
	struct key *before; // still the ledger's: a rotation waits for the next start; else NULL
	struct ledger_clock clock;
	struct schema_change change;
	struct tail tail, committed;
	int64_t clock_offset_ns; // UTC minus monotonic, as of the last row
	bool synchronised;
	bool clock_known;
	int64_t published; // the last head row whose file is written
	char id[48];
	char state[PATH_MAX - 64];
};

// Puts a row behind the last one as it is: no clock row, no check but the database's own rules. 0, LEDGER_REFUSED, or the
// database's failure; `out` may be NULL.
int ledger_insert(struct ledger *l, const char *kind, const json_t *body, uint64_t utc_ns,
        struct ledger_row *out, struct err *e);

#endif
