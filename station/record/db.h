// SPDX-License-Identifier: MIT
// SQLite as the ledger uses it: how it is opened, and its errors as ours.
#ifndef GANGWAY_RECORD_DB_H
#define GANGWAY_RECORD_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/util.h"

static inline void db_closep(sqlite3 **db)
{
	sqlite3_close_v2(*db);
	*db = NULL;
}
static inline void db_finalizep(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
}
#define _cleanup_db_        _cleanup_(db_closep)
#define _cleanup_statement_ _cleanup_(db_finalizep)

// Opens (or creates) the ledger for its one writer: WAL, synchronous=FULL, foreign to nobody else's writes.
int db_open_write(const char *path, sqlite3 **out, struct err *e);

// Opens a ledger to read it, with the station running or not, also a copy on a read-only medium. Nothing is
// written through it (query_only). -ENOENT when there is no such file.
int db_open_read(const char *path, sqlite3 **out, struct err *e);

// A private database that lives as long as the connection, in memory and spilling to a temporary file.
int db_open_scratch(sqlite3 **out, struct err *e);

// *e from the connection's last error, -errno; `what` names the row, or is "ledger" for the file.
int db_error(sqlite3 *db, struct err *e, const char *what);

// Whether the last error says that the row broke a rule (a constraint or a trigger), not that the disk failed.
bool db_is_refusal(sqlite3 *db);

int db_exec(sqlite3 *db, const char *sql, struct err *e);
int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *e);

// The one number (0 if NULL or no row) that a query yields.
int db_number(sqlite3 *db, const char *sql, int64_t *out, struct err *e);

// A column's text, "" for NULL; valid until the next step.
const char *db_text(sqlite3_stmt *statement, int column);

// Binds text that stays valid until the statement is reset.
void db_bind_text(sqlite3_stmt *statement, int index, const char *text, size_t size);

#endif
