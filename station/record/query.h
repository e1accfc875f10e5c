// SPDX-License-Identifier: MIT
// Runs a query of db/ and gives its rows as JSON.
#ifndef GANGWAY_RECORD_QUERY_H
#define GANGWAY_RECORD_QUERY_H

#include <jansson.h>

#include "record/db.h"

/*
 * Parameters are bound by name (":serial" takes parameters.serial; what is missing is NULL, arrays and objects are
 * bound as JSON text), and ":limit" is `limit` + 1. At most `limit` rows are appended to the array `rows`, an object
 * each; *more tells whether there were others. A column named "x.json" holds JSON text and becomes x's value;
 * "x.bool" becomes true or false. A line of the statement that ends in "--if NAME" is left out unless NAME is given.
 */
int query_rows(sqlite3 *db, const char *sql, const json_t *parameters, unsigned limit, json_t *rows,
        bool *more, struct err *e);

// Calls `fn` for each row; what it returns below 0 ends the query and is returned (with *e as fn left it).
typedef int (*query_row_fn)(void *context, sqlite3_stmt *row);
int query_each(sqlite3 *db, const char *sql, const json_t *parameters, query_row_fn fn, void *context,
        struct err *e);

// As query_each(), with `limit` + 1 for ":limit".
int query_each_of(sqlite3 *db, const char *sql, const json_t *parameters, unsigned limit, query_row_fn fn,
        void *context, struct err *e);

// The current row as an object, with the column names' rules above. A new reference, NULL without memory.
json_t *query_row(sqlite3_stmt *row);

// As query_rows() with queries/NAME.sql; *out is a new array.
int query_named(sqlite3 *db, const char *name, const json_t *parameters, unsigned limit, json_t **out,
        bool *more, struct err *e);

// The first row, a new reference; JSON null when there is none.
int query_one(sqlite3 *db, const char *name, const json_t *parameters, json_t **out, struct err *e);

#endif
