// SPDX-License-Identifier: MIT
// A backup of the ledger while the station runs.
#ifndef GANGWAY_RECORD_BACKUP_H
#define GANGWAY_RECORD_BACKUP_H

#include "record/db.h"

// Copies the ledger as it is at one moment into `path` (which must not be there), whole or not at all, and checks
// the copy's chain. *rows is how many it holds.
int backup_ledger(sqlite3 *db, const char *path, uint64_t *rows, struct err *e);

#endif
