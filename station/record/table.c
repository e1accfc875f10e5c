// SPDX-License-Identifier: MIT
// Rows of a query as a table for a spreadsheet (CSV, RFC 4180).
#include "record/table.h"

#include <errno.h>

#include "record/csv.h"
#include "record/query.h"

struct table {
	FILE *to;
	unsigned rows;
	bool head, more;
	const char *cursor;
	int64_t last; // the last row's cursor
};

// 1 ends the query: the table is full.
static int take_row(void *context, sqlite3_stmt *s)
{
	struct table *table = context;
	if (table->rows == TABLE_ROWS_MAX || ftell(table->to) > TABLE_BYTES_MAX) {
		table->more = true;
		return 1;
	}
	if (table->rows++ == 0 && table->head)
		csv_head(table->to, s);
	for (int i = 0; table->cursor && i < sqlite3_column_count(s); i++)
		if (!strcmp(sqlite3_column_name(s, i), table->cursor))
			table->last = sqlite3_column_int64(s, i);
	csv_row(table->to, s, false);
	return 0;
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
		r = csv_head_of(db, sql, table.to, e);
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
