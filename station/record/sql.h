// SPDX-License-Identifier: MIT
// The .sql files of db/, embedded in the binary.
#ifndef GANGWAY_RECORD_SQL_H
#define GANGWAY_RECORD_SQL_H

#include <stddef.h>

struct sql_file {
	const char *path; // "queries/jobs.sql": the folder and name under db/
	const char *text;
};

// In db/sql.S; in the order they are to be run within a folder; ends with a NULL path.
extern const struct sql_file sql_files[];

// The text of the file with this very path (bundle files are not SQL), or NULL.
const char *sql_text(const char *path);

// The text of FOLDER/NAME.sql, or NULL.
const char *sql_find(const char *folder, const char *name);

// The next file of a folder after `previous` (NULL: the first), or NULL.
const struct sql_file *sql_next(const char *folder, const struct sql_file *previous);

#endif
