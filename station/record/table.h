// SPDX-License-Identifier: MIT
// Rows of a query as a table for a spreadsheet (CSV, RFC 4180).
#ifndef GANGWAY_RECORD_TABLE_H
#define GANGWAY_RECORD_TABLE_H

#include <jansson.h>

#include "record/db.h"

enum { TABLE_ROWS_MAX = 5000, TABLE_BYTES_MAX = 1024 * 1024 };

/*
 * *out is {"csv","rows","next"}: at most TABLE_ROWS_MAX rows or about TABLE_BYTES_MAX bytes; with "head" true in
 * `parameters` a line of column names first. "next" is null, or what to go on with: the last row's column `cursor`, or
 * with `cursor` NULL the offset. Text that a spreadsheet would take for a formula gets a ' in front
 * (https://owasp.org/www-community/attacks/CSV_Injection); numbers are left alone.
 */
int table_answer(sqlite3 *db, const char *sql, const json_t *parameters, const char *cursor, json_t **out,
        struct err *e);

#endif
