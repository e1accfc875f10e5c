// SPDX-License-Identifier: MIT
// Rows of a query as a table for a spreadsheet (CSV, RFC 4180).
#include "record/table.h"

#include <errno.h>

#include "record/query.h"

struct table {
	FILE *to;
	unsigned rows;
	bool head, more;
	const char *cursor;
	int64_t last; // the last row's cursor
};

static void put_text(FILE *to, const char *text, bool number)
{
	bool formula = !number && *text && strchr("=+-@\t\r", *text);
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

// A column's name without the suffix that tells query.c how to read it.
static void put_name(FILE *to, const char *name)
{
	const char *dot = strrchr(name, '.');
	bool suffix = dot && (!strcmp(dot, ".json") || !strcmp(dot, ".bool"));
	fprintf(to, "%.*s", suffix ? (int)(dot - name) : (int)strlen(name), name);
}

static void put_head(struct table *table, sqlite3_stmt *s)
{
	for (int i = 0; i < sqlite3_column_count(s); i++) {
		if (i)
			fputc(',', table->to);
		put_name(table->to, sqlite3_column_name(s, i));
	}
	fputs("\r\n", table->to);
}

// 1 ends the query: the table is full.
static int take_row(void *context, sqlite3_stmt *s)
{
	struct table *table = context;
	if (table->rows == TABLE_ROWS_MAX || ftell(table->to) > TABLE_BYTES_MAX) {
		table->more = true;
		return 1;
	}
	if (table->rows++ == 0 && table->head)
		put_head(table, s);
	for (int i = 0; i < sqlite3_column_count(s); i++) {
		int type = sqlite3_column_type(s, i);
		if (i)
			fputc(',', table->to);
		if (table->cursor && !strcmp(sqlite3_column_name(s, i), table->cursor))
			table->last = sqlite3_column_int64(s, i);
		put_text(table->to, db_text(s, i), type == SQLITE_INTEGER || type == SQLITE_FLOAT);
	}
	fputs("\r\n", table->to);
	return 0;
}

// A table without rows still says what its columns would be.
static int put_empty(sqlite3 *db, const char *sql, struct table *table, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(db, sql, &s, e);
	if (r == 0)
		put_head(table, s);
	return r;
}

int table_answer(sqlite3 *db, const char *sql, const json_t *parameters, const char *cursor, json_t **out,
        struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	struct table table = {.cursor = cursor, .head = json_is_true(json_object_get(parameters, "head"))};
	table.to = open_memstream(&text, &size);
	int r = table.to ? query_each_of(db, sql, parameters, TABLE_ROWS_MAX, take_row, &table, e)
	                 : err_sys(e, ENOMEM, "table");
	if (r >= 0 && table.head && !table.rows)
		r = put_empty(db, sql, &table, e);
	bool failed = table.to && ferror(table.to);
	if (table.to && (fclose(table.to) != 0 || failed) && r >= 0)
		r = err_sys(e, ENOMEM, "table");
	if (r < 0)
		return r;
	json_int_t offset = json_integer_value(json_object_get(parameters, "offset"));
	json_int_t next = cursor ? table.last : offset + (json_int_t)table.rows;
	json_t *csv = json_stringn(text, size);
	*out = json_pack("{s:o,s:i,s:o}", "csv", csv ? csv : json_string("(not UTF-8)\r\n"), "rows",
	        (int)table.rows, "next", table.more ? json_integer(next) : json_null());
	return *out ? 0 : err_sys(e, ENOMEM, "table");
}
