// SPDX-License-Identifier: MIT
// Compares the stored projections with those built from the log.
#include "record/compare.h"

#include <errno.h>

// Order by all primary key columns, so that both sides come in the same order.
static int ordered_query(sqlite3 *db, const char *table, char **out, int *key_columns, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(db,
	        "SELECT group_concat(printf('\"%w\"', name)), count(*) FROM "
	        "(SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk)",
	        &s, e);
	if (r < 0)
		return r;
	db_bind_text(s, 1, table, strlen(table));
	if (sqlite3_step(s) != SQLITE_ROW)
		return db_error(db, e, table);
	*key_columns = sqlite3_column_int(s, 1);
	*out = sqlite3_mprintf("SELECT %s, * FROM \"%w\" ORDER BY %s", db_text(s, 0), table, db_text(s, 0));
	return *out ? 0 : err_sys(e, ENOMEM, "%s", table);
}

static int real_order(double x, double y)
{
	return (x > y) - (x < y);
}

static int text_order(sqlite3_stmt *a, sqlite3_stmt *b, int i)
{
	const char *x = db_text(a, i), *y = db_text(b, i);
	int size_x = sqlite3_column_bytes(a, i), size_y = sqlite3_column_bytes(b, i);
	int order = memcmp(x, y, (size_t)(size_x < size_y ? size_x : size_y));
	return order ? order : size_x - size_y;
}

static int value_order(sqlite3_stmt *a, sqlite3_stmt *b, int i)
{
	int type = sqlite3_column_type(a, i), order = type - sqlite3_column_type(b, i);
	if (order != 0 || type == SQLITE_NULL)
		return order;
	if (type == SQLITE_FLOAT)
		return real_order(sqlite3_column_double(a, i), sqlite3_column_double(b, i));
	if (type != SQLITE_INTEGER)
		return text_order(a, b, i);
	sqlite3_int64 x = sqlite3_column_int64(a, i), y = sqlite3_column_int64(b, i);
	return (x > y) - (x < y);
}

static int key_order(sqlite3_stmt *a, sqlite3_stmt *b, int keys)
{
	for (int i = 0; i < keys; i++) {
		int order = value_order(a, b, i);
		if (order)
			return order;
	}
	return 0;
}

static void name_row(sqlite3_stmt *s, const char *table, int keys, char *text, size_t size)
{
	int used = snprintf(text, size, "%s", table);
	for (int i = 0; i < keys && used > 0 && (size_t)used < size; i++)
		used += snprintf(text + used, size - (size_t)used, " %.60s", db_text(s, i));
}

static int compare_values(
        sqlite3_stmt *stored, sqlite3_stmt *built, const char *table, int keys, struct err *e)
{
	char row[160];
	for (int i = keys; i < sqlite3_column_count(built); i++) {
		if (!value_order(stored, built, i))
			continue;
		name_row(built, table, keys, row, sizeof(row));
		return err_set(e, EUCLEAN, "table %s: %s is '%.60s', but the log says '%.60s'", row,
		        sqlite3_column_name(built, i), db_text(stored, i), db_text(built, i));
	}
	return 0;
}

static int compare_rows(sqlite3_stmt *stored, sqlite3_stmt *built, const char *table, int keys, struct err *e)
{
	char row[160];
	int s = sqlite3_step(stored), b = sqlite3_step(built);
	while (s == SQLITE_ROW || b == SQLITE_ROW) {
		int order = s != SQLITE_ROW ? 1 : b != SQLITE_ROW ? -1 : key_order(stored, built, keys);
		if ((s != SQLITE_ROW && s != SQLITE_DONE) || (b != SQLITE_ROW && b != SQLITE_DONE))
			break;
		name_row(order > 0 ? built : stored, table, keys, row, sizeof(row));
		if (order)
			return err_set(e, EUCLEAN, "table %s: %s", row,
			        order > 0 ? "is missing, but the log has it" : "the log knows nothing of it");
		int r = compare_values(stored, built, table, keys, e);
		if (r < 0)
			return r;
		s = sqlite3_step(stored);
		b = sqlite3_step(built);
	}
	if (s != SQLITE_DONE)
		return db_error(sqlite3_db_handle(stored), e, table);
	return b == SQLITE_DONE ? 0 : db_error(sqlite3_db_handle(built), e, table);
}

static int compare_table(sqlite3 *stored, sqlite3 *built, const char *table, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL, *b = NULL;
	char *sql = NULL;
	int keys = 0;
	int r = ordered_query(built, table, &sql, &keys, e);
	if (r == 0)
		r = db_prepare(stored, sql, &s, e);
	if (r == 0)
		r = db_prepare(built, sql, &b, e);
	sqlite3_free(sql);
	return r < 0 ? r : compare_rows(s, b, table, keys, e);
}

int compare_projections(sqlite3 *stored, sqlite3 *built, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *tables = NULL;
	int r = db_prepare(built,
	        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'log' ORDER BY rowid",
	        &tables, e);
	int step = SQLITE_DONE;
	while (r == 0 && (step = sqlite3_step(tables)) == SQLITE_ROW)
		r = compare_table(stored, built, db_text(tables, 0), e);
	return r < 0 || step == SQLITE_DONE ? r : db_error(built, e, "ledger");
}
