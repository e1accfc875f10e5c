// SPDX-License-Identifier: MIT
// The ledger's tables: numbered migrations make the log, projections are built from it.
#ifndef GANGWAY_RECORD_SCHEMA_H
#define GANGWAY_RECORD_SCHEMA_H

#include "record/db.h"

// The migrations this binary knows; PRAGMA user_version of an up-to-date ledger.
int schema_version(void);

// Makes log and projections in an empty database.
int schema_create(sqlite3 *db, struct err *e);

struct schema_change {
	int from, to; // user_version before and after; from == to when nothing was migrated
	bool created;
	bool rebuilt; // the projections were built anew from the log
};

// Brings the writer's database up to date: creates it, migrates it, and builds the projections again when they are
// not this binary's. `scratch_path` is a file it may use (removed after). A ledger of a newer version is refused
// (-EPROTO); so is one whose log has lost its guards (-EUCLEAN).
int schema_upgrade(sqlite3 *db, const char *scratch_path, struct schema_change *change, struct err *e);

// -EUCLEAN with a line that names the first table, index, view or trigger that is missing, foreign or not as it
// should be. `all` false: only the log's own.
int schema_check(sqlite3 *db, bool all, struct err *e);

#endif
