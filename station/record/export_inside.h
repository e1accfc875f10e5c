// SPDX-License-Identifier: MIT
// What the parts of an export share.
#ifndef GANGWAY_RECORD_EXPORT_INSIDE_H
#define GANGWAY_RECORD_EXPORT_INSIDE_H

#include <jansson.h>
#include <stdio.h>

#include "record/db.h"

// Which rows of the log the exported records rest on.
struct export_scope {
	uint64_t first, last; // rows; 0: none
	json_t *jobs, *plans; // sets: the keys count
};

// Takes in a row of queries/export.sql.
void export_scope_add(struct export_scope *scope, sqlite3_stmt *row);

// As export_csv(), filling `scope` (NULL: none).
int export_csv_scope(sqlite3 *db, const json_t *parameters, FILE *to, struct export_scope *scope,
        uint64_t *count, struct err *e);

#endif
