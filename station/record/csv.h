// SPDX-License-Identifier: MIT
// A query's rows as lines of CSV (RFC 4180).
#ifndef GANGWAY_RECORD_CSV_H
#define GANGWAY_RECORD_CSV_H

#include <stdio.h>

#include "record/db.h"

// The column names, without the suffix (".json", ".bool") that tells query.c how to read one.
void csv_head(FILE *to, sqlite3_stmt *row);

// Those of the query `sql`, which has no row: a table without rows still says what its columns would be.
int csv_head_of(sqlite3 *db, const char *sql, FILE *to, struct err *e);

// The current row. Text that a spreadsheet would take for a formula (it starts with = + - @, a tab or a carriage
// return) gets a ' in front, numbers never (https://owasp.org/www-community/attacks/CSV_Injection); `exact` leaves
// every byte as it is, for a program that compares them. A failed write shows in ferror(to).
void csv_row(FILE *to, sqlite3_stmt *row, bool exact);

#endif
