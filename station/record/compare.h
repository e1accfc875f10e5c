// SPDX-License-Identifier: MIT
// Compares the stored projections with those built from the log.
#ifndef GANGWAY_RECORD_COMPARE_H
#define GANGWAY_RECORD_COMPARE_H

#include "record/db.h"

// Every table but the log, row by row in the order of its primary key. -EUCLEAN names table, row and column.
int compare_projections(sqlite3 *stored, sqlite3 *built, struct err *e);

#endif
