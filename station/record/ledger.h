// SPDX-License-Identifier: MIT
// The ledger open for its one writer: rows appended in transactions, the chain, the heads.
#ifndef GANGWAY_RECORD_LEDGER_H
#define GANGWAY_RECORD_LEDGER_H

#include <jansson.h>

#include "record/db.h"
#include "record/head.h"

struct ledger;

// What a row's time is made of. The real one reads the clocks; tests bring their own.
struct ledger_time {
	uint64_t utc_ns; // since 1970
	uint64_t mono_ns;
	bool synchronised;
};
struct ledger_clock {
	void (*now)(void *context, struct ledger_time *out);
	void *context;
};

struct ledger_row {
	uint64_t seq;
	char hash[SHA256_HEX_SIZE];
};

// Opens STATE/station.db, creating or upgrading it, and the station's key. `clock` NULL: the real one; copied.
int ledger_open(const char *state, const struct ledger_clock *clock, struct ledger **out, struct err *e);
struct ledger *ledger_free(struct ledger *ledger); // NULL
static inline void ledger_freep(struct ledger **ledger)
{
	*ledger = ledger_free(*ledger);
}
#define _cleanup_ledger_ _cleanup_(ledger_freep)

// Before ledger_start(): attempts that are not to be closed as interrupted, for the station that opened them lives and
// only its recorder was started again. `live` is their numbers, "12,13"; borrowed for the ledger's life, NULL: none.
void ledger_keep(struct ledger *ledger, const char *live);

// Whether this very row is in the log: 1 or 0.
int ledger_has(struct ledger *ledger, const struct ledger_row *row, struct err *e);

// Whether a row of this kind and body stands behind row `since`: 1 and *row when it does, 0 when not.
int ledger_find(struct ledger *ledger, uint64_t since, const char *kind, const json_t *body,
        struct ledger_row *row, struct err *e);

// The rows of a recorder's start (docs/ledger.md), committed. *interrupted is a new array of the attempts closed.
int ledger_start(struct ledger *ledger, json_t **interrupted, struct err *e);

// A transaction. After a failed one the caller frees the ledger and opens it again: what an fsync that failed has
// left in the kernel's and SQLite's caches is not to be relied on.
int ledger_begin(struct ledger *ledger, struct err *e);
int ledger_commit(struct ledger *ledger, struct err *e);
void ledger_rollback(struct ledger *ledger);

// One row within a transaction. LEDGER_REFUSED and *e when the row breaks a rule (the transaction goes on); another
// negative answer means that the database failed.
enum { LEDGER_REFUSED = 1 };
int ledger_append(
        struct ledger *ledger, const char *kind, const json_t *body, struct ledger_row *row, struct err *e);

// Within a transaction: says in a row of its own that the clock was moved, or changed its synchronisation, since the
// last row. ledger_append() does as much by itself.
int ledger_note_clock(struct ledger *ledger, struct err *e);

// A signed head over all rows so far, as a row within the transaction.
int ledger_append_head(struct ledger *ledger, const char *reason, struct ledger_row *row, struct err *e);

// Whether a head belongs behind a row of this kind; rows that no head covers yet.
bool ledger_wants_head(const char *kind);
uint64_t ledger_unanchored(const struct ledger *ledger);

// Writes the head files that are not yet in STATE/heads/. Only heads of committed rows are seen.
int ledger_publish(struct ledger *ledger, struct err *e);

sqlite3 *ledger_db(struct ledger *ledger);

// What `ready` hands to the station (docs/ledger.md, "resume"); `interrupted` is borrowed. A new reference.
int ledger_resume(struct ledger *ledger, json_t *interrupted, json_t **out, struct err *e);

#endif
