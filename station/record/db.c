// SPDX-License-Identifier: MIT
// SQLite as the ledger uses it.
#include "record/db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { DB_BUSY_MS = 5000, DB_CHECKPOINT_PAGES = 1000 };

static int db_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL: return ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return EBUSY;
	case SQLITE_CONSTRAINT: return EINVAL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return EUCLEAN;
	case SQLITE_CANTOPEN: return ENOENT;
	case SQLITE_NOMEM: return ENOMEM;
	case SQLITE_INTERRUPT: return ETIMEDOUT;
	case SQLITE_READONLY: return EROFS;
	case SQLITE_TOOBIG: return EFBIG;
	case SQLITE_PERM:
	case SQLITE_AUTH: return EACCES;
	default: return EIO;
	}
}

static const char *db_hint(int code, const char *text)
{
	switch (code & 0xff) {
	case SQLITE_ERROR:
		return strncmp(text, "no such ", 8) ? ""
		                                    : "; the ledger's tables are another gangway's: start "
		                                      "the station once, it makes them "
		                                      "anew from the log";
	case SQLITE_FULL: return "; free space on the station's disk";
	case SQLITE_BUSY: return "; another program holds the ledger: close it";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return "; restore a backup, then 'gangway record verify'";
	case SQLITE_IOERR: return "; check the station's disk";
	default: return "";
	}
}

int db_error(sqlite3 *db, struct err *e, const char *what)
{
	int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
	if (code == SQLITE_IOERR_SHMSIZE)
		code = SQLITE_FULL; // https://sqlite.org/rescode.html: the volume may be out of space
	const char *file = db ? sqlite3_db_filename(db, "main") : NULL;
	if (!strcmp(what, "ledger") && file && *file)
		what = file;
	const char *text = db ? sqlite3_errmsg(db) : "no memory";
	return err_set(e, db_errno(code), "%s: %s%s", what, text, db_hint(code, text));
}

bool db_is_refusal(sqlite3 *db)
{
	int code = sqlite3_errcode(db) & 0xff;
	return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
}

int db_exec(sqlite3 *db, const char *sql, struct err *e)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, e, "ledger");
}

int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *e)
{
	return sqlite3_prepare_v3(db, sql, -1, 0, out, NULL) == SQLITE_OK ? 0 : db_error(db, e, "ledger");
}

int db_number(sqlite3 *db, const char *sql, int64_t *out, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	int r = db_prepare(db, sql, &statement, e);
	if (r < 0)
		return r;
	int step = sqlite3_step(statement);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		return db_error(db, e, "ledger");
	*out = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	return 0;
}

const char *db_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);
	return text ? (const char *)text : "";
}

void db_bind_text(sqlite3_stmt *statement, int index, const char *text, size_t size)
{
	// Fails only for a wrong index, which the statement's author would meet at once; step() then says so.
	(void)sqlite3_bind_text64(statement, index, text, size, SQLITE_STATIC, SQLITE_UTF8);
}

static int db_open(const char *path, int flags, sqlite3 **out, struct err *e)
{
	_cleanup_db_ sqlite3 *db = NULL;
	flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	// Counting its memory costs a lock at each allocation. Refused, and harmless, once SQLite runs.
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK)
		return db_error(db, e, path);
	sqlite3_busy_timeout(db, DB_BUSY_MS);
	// Not even a mistake in our own SQL can then write to the file past the tables.
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	*out = steal_ptr(&db);
	return 0;
}

int db_open_write(const char *path, sqlite3 **out, struct err *e)
{
	_cleanup_db_ sqlite3 *db = NULL;
	int r = db_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db, e);
	if (r < 0)
		return r;
	char pragmas[200];
	// Recursive triggers make even INSERT OR REPLACE fire the log's delete trigger.
	snprintf(pragmas, sizeof(pragmas),
	        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON;"
	        "PRAGMA wal_autocheckpoint = %d; PRAGMA cache_size = -8000;",
	        DB_CHECKPOINT_PAGES);
	r = db_exec(db, pragmas, e);
	if (r == 0)
		*out = steal_ptr(&db);
	return r;
}

// The schema is read once, so that a database that cannot be read says so here.
static int db_try_read(const char *uri, sqlite3 **out, struct err *e)
{
	_cleanup_db_ sqlite3 *db = NULL;
	int64_t ignored;
	int r = db_open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, &db, e);
	if (r == 0)
		r = db_exec(db, "PRAGMA query_only = ON; PRAGMA cache_size = -16000;", e);
	if (r == 0)
		r = db_number(db, "SELECT count(*) FROM sqlite_schema", &ignored, e);
	if (r == 0)
		*out = steal_ptr(&db);
	return r;
}

// sqlite.org/uri.html: '?', '#' and '%' in a file name are escaped.
static int db_uri(const char *path, const char *options, char *uri, size_t size)
{
	size_t used = (size_t)snprintf(uri, size, "file:");
	for (; *path && used + 4 < size; path++)
		used += (size_t)snprintf(uri + used, size - used, strchr("?#%", *path) ? "%%%02x" : "%c",
		        (unsigned char)*path);
	int tail = snprintf(uri + used, size - used, "?%s", options);
	return *path || used + (size_t)tail >= size ? -ENAMETOOLONG : 0;
}

int db_open_read(const char *path, sqlite3 **out, struct err *e)
{
	char uri[1024], wal[1024];
	struct stat st;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return err_set(
		        e, ENOENT, "%s: there is no ledger; name the station's folder with --state", path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, EISDIR,
		        "%s: is %s; name the ledger's file with --db, or the station's folder with --state",
		        path, S_ISDIR(st.st_mode) ? "a folder" : "no file");
	if (access(path, R_OK) < 0)
		return err_sys(e, errno, "%s: the ledger cannot be read", path);
	if (db_uri(path, "mode=ro", uri, sizeof(uri)) < 0)
		return err_sys(e, ENAMETOOLONG, "%s", path);
	int r = db_try_read(uri, out, e);
	// A copy in a folder that we may not write in: SQLite cannot make the -shm file that WAL wants. Without
	// a -wal beside it the file is all there is.
	snprintf(wal, sizeof(wal), "%s-wal", path);
	if (r == 0 || access(wal, F_OK) == 0 || (r != -ENOENT && r != -EROFS && r != -EIO))
		return r;
	if (db_uri(path, "mode=ro&immutable=1", uri, sizeof(uri)) < 0)
		return err_sys(e, ENAMETOOLONG, "%s", path);
	return db_try_read(uri, out, e);
}

int db_open_scratch(sqlite3 **out, struct err *e)
{
	_cleanup_db_ sqlite3 *db = NULL;
	int r = db_open("", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db, e);
	// Defensive mode keeps a journal, which a database that is thrown away does not need.
	if (r == 0)
		sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	if (r == 0)
		r = db_exec(db,
		        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -64000;",
		        e);
	if (r == 0)
		*out = steal_ptr(&db);
	return r;
}
