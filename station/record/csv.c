// SPDX-License-Identifier: MIT
// A query's rows as lines of CSV (RFC 4180).
#include "record/csv.h"

#include <string.h>

static void put_text(FILE *to, const char *text, bool as_it_is)
{
	bool formula = !as_it_is && *text && strchr("=+-@\t\r", *text);
	if (!formula && !strpbrk(text, "\",\r\n")) {
		fputs(text, to);
		return;
	}
	fputs(formula ? "\"'" : "\"", to);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

void csv_head(FILE *to, sqlite3_stmt *row)
{
	for (int i = 0; i < sqlite3_column_count(row); i++) {
		const char *name = sqlite3_column_name(row, i);
		const char *dot = strrchr(name, '.');
		bool suffix = dot && (!strcmp(dot, ".json") || !strcmp(dot, ".bool"));
		fprintf(to, "%s%.*s", i ? "," : "", suffix ? (int)(dot - name) : (int)strlen(name), name);
	}
	fputs("\r\n", to);
}

int csv_head_of(sqlite3 *db, const char *sql, FILE *to, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(db, sql, &s, e);
	if (r == 0)
		csv_head(to, s);
	return r;
}

void csv_row(FILE *to, sqlite3_stmt *row, bool exact)
{
	for (int i = 0; i < sqlite3_column_count(row); i++) {
		int type = sqlite3_column_type(row, i);
		if (i)
			fputc(',', to);
		put_text(to, db_text(row, i), exact || type == SQLITE_INTEGER || type == SQLITE_FLOAT);
	}
	fputs("\r\n", to);
}
