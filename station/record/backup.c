// SPDX-License-Identifier: MIT
// A backup of the ledger while the station runs (sqlite.org/backup.html).
#include "record/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/fd.h"
#include "record/chain.h"

static int copy(sqlite3 *from, sqlite3 *to, struct err *e)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return db_error(to, e, "backup");
	// In one step: one view of the ledger, and the station's commits go on beside it (WAL).
	int step = sqlite3_backup_step(backup, -1);
	int code = sqlite3_backup_finish(backup);
	return step == SQLITE_DONE && code == SQLITE_OK ? 0 : db_error(to, e, "backup");
}

static int make(sqlite3 *db, const char *path, uint64_t *rows, struct err *e)
{
	_cleanup_db_ sqlite3 *to = NULL;
	char last[SHA256_HEX_SIZE];
	int r = db_open_write(path, &to, e);
	if (r == 0)
		r = copy(db, to, e);
	if (r == 0)
		r = chain_check(to, rows, last, e) < 0
		            ? err_prefix(e, "the copy of %s", sqlite3_db_filename(db, "main"))
		            : 0;
	// One file, complete by itself, that opens on a read-only medium too.
	if (r == 0)
		r = db_exec(to, "PRAGMA wal_checkpoint(TRUNCATE)", e);
	return r;
}

int backup_ledger(sqlite3 *db, const char *path, uint64_t *rows, struct err *e)
{
	char part[PATH_MAX];
	if (access(path, F_OK) == 0)
		return err_set(e, EEXIST, "%s: is there already; name a new file", path);
	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return err_sys(e, ENAMETOOLONG, "%s", path);
	_cleanup_close_ int fd =
	        open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644); // SQLite says not why
	if (fd < 0)
		return err_sys(e, errno, "%s: cannot be made", path);
	int r = make(db, part, rows, e);
	if (r == 0 && rename(part, path) < 0)
		r = err_sys(e, errno, "%s: cannot be named", path);
	if (r < 0)
		unlink(part);
	return r;
}
