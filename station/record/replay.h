// SPDX-License-Identifier: MIT
// The projections, built anew from the log: for a ledger that another gangway wrote, and for a verification.
#ifndef GANGWAY_RECORD_REPLAY_H
#define GANGWAY_RECORD_REPLAY_H

#include "record/db.h"

// Hears once a second how far a replay is, and about how many seconds are left.
struct replay_progress {
	void (*told)(void *context, uint64_t rows, uint64_t total, double left_s);
	void *context;
};

// Copies the log row by row into `to` (made by schema_create), whose triggers check every rule and build the
// projections. -EUCLEAN names the row that broke a rule. `progress` NULL: nobody waits.
int replay_log(sqlite3 *from, sqlite3 *to, const struct replay_progress *progress, struct err *e);

// The rule about a row's fields needs nothing but the row, and is a fifth of a replay: replay_leave_fields() takes it off
// `db`, replay_fields() holds it alone against the rows up to `last`, on another processor. It changes `scratch` (made by
// schema_create) and puts no row there. -EUCLEAN names the row, as replay_log() would.
int replay_leave_fields(sqlite3 *db, struct err *e);
int replay_fields(sqlite3 *from, sqlite3 *scratch, uint64_t last, struct err *e);

// Drops the indexes that only questions need, no rule: keeping them up to date is a third of a replay. *script makes
// them again, word for word; sqlite3_free() it. `script` NULL: nobody will ask.
int replay_shed_indexes(sqlite3 *db, char **script, struct err *e);

#endif
