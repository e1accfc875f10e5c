// SPDX-License-Identifier: MIT
// The .sql files of db/, embedded in the binary.
#include "record/sql.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *sql_text(const char *path)
{
	for (const struct sql_file *file = sql_files; file->path; file++)
		if (!strcmp(file->path, path))
			return file->text;
	return NULL;
}

const char *sql_find(const char *folder, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s.sql", folder, name);
	return sql_text(path);
}

static bool in_folder(const char *path, const char *folder)
{
	size_t length = strlen(folder);
	return !strncmp(path, folder, length) && path[length] == '/';
}

const struct sql_file *sql_next(const char *folder, const struct sql_file *previous)
{
	const struct sql_file *file = previous ? previous + 1 : sql_files;
	while (file->path && !in_folder(file->path, folder))
		file++;
	return file->path ? file : NULL;
}
