// SPDX-License-Identifier: MIT
// Runs a query of db/ and gives its rows as JSON.
#include "record/query.h"

#include <errno.h>

#include "record/sql.h"

static int bind_value(sqlite3_stmt *s, int i, const json_t *value)
{
	if (!value || json_is_null(value))
		return sqlite3_bind_null(s, i);
	if (json_is_string(value))
		return sqlite3_bind_text(
		        s, i, json_string_value(value), (int)json_string_length(value), SQLITE_TRANSIENT);
	if (json_is_integer(value))
		return sqlite3_bind_int64(s, i, json_integer_value(value));
	if (json_is_real(value))
		return sqlite3_bind_double(s, i, json_real_value(value));
	if (json_is_boolean(value))
		return sqlite3_bind_int(s, i, json_is_true(value));
	char *text = json_dumps(value, JSON_COMPACT);
	return text ? sqlite3_bind_text(s, i, text, -1, free) : SQLITE_NOMEM;
}

static int bind_all(sqlite3 *db, sqlite3_stmt *s, const json_t *parameters, unsigned limit, struct err *e)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(s); i++) {
		const char *name = sqlite3_bind_parameter_name(s, i);
		if (!name)
			return err_set(e, EINVAL, "query: a parameter has no name");
		int code = !strcmp(name, ":limit") ? sqlite3_bind_int64(s, i, (sqlite3_int64)limit + 1)
		                                   : bind_value(s, i, json_object_get(parameters, name + 1));
		if (code != SQLITE_OK)
			return db_error(db, e, "query");
	}
	return 0;
}

static bool has_suffix(const char *name, const char *suffix, size_t *stem)
{
	size_t length = strlen(name), tail = strlen(suffix);
	*stem = length > tail ? length - tail : 0;
	return length > tail && !strcmp(name + length - tail, suffix);
}

static json_t *column_value(sqlite3_stmt *s, int i, bool is_json, bool is_bool)
{
	const char *text = db_text(s, i);
	switch (sqlite3_column_type(s, i)) {
	case SQLITE_NULL: return json_null();
	case SQLITE_INTEGER:
		if (is_bool)
			return json_boolean(sqlite3_column_int(s, i));
		return json_integer(sqlite3_column_int64(s, i));
	case SQLITE_FLOAT: return json_real(sqlite3_column_double(s, i));
	default: break;
	}
	if (is_json) {
		json_t *parsed = json_loads(text, JSON_DECODE_ANY, NULL);
		return parsed ? parsed : json_null();
	}
	// Text that is not UTF-8 can only be in a ledger that was tampered with.
	json_t *string = json_string(text);
	return string ? string : json_string("(not UTF-8)");
}

json_t *query_row(sqlite3_stmt *s)
{
	json_t *row = json_object();
	for (int i = 0; row && i < sqlite3_column_count(s); i++) {
		const char *name = sqlite3_column_name(s, i);
		size_t stem;
		bool is_json = has_suffix(name, ".json", &stem);
		bool is_bool = !is_json && has_suffix(name, ".bool", &stem);
		char key[64];
		snprintf(key, sizeof(key), "%.*s", is_json || is_bool ? (int)stem : 63, name);
		if (json_object_set_new(row, key, column_value(s, i, is_json, is_bool)) < 0) {
			json_decref(row);
			return NULL;
		}
	}
	return row;
}

static bool is_given(const json_t *parameters, const char *name, size_t length)
{
	char key[64];
	snprintf(key, sizeof(key), "%.*s", (int)length, name);
	const json_t *value = json_object_get(parameters, key);
	return value && !json_is_null(value);
}

// The statement without the lines that end in "--if NAME" for a NAME that was not given: a condition that is not
// there lets SQLite choose the index of those that are.
static char *narrow(const char *sql, const json_t *parameters)
{
	static const char mark[] = "--if ";
	char *out = malloc(strlen(sql) + 1), *to = out;
	for (const char *line = sql, *end; out && *line; line = end) {
		end = line + strcspn(line, "\n");
		size_t length = (size_t)(end - line);
		const char *found = memmem(line, length, mark, strlen(mark));
		const char *name = found ? found + strlen(mark) : end;
		end += *end == '\n';
		if (found && !is_given(parameters, name, strcspn(name, " \n\"")))
			continue;
		memcpy(to, line, (size_t)(end - line));
		to += end - line;
	}
	if (out)
		*to = 0;
	return out;
}

int query_each_of(sqlite3 *db, const char *sql, const json_t *parameters, unsigned limit, query_row_fn fn,
        void *context, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	_cleanup_free_ char *text = narrow(sql, parameters);
	int step = SQLITE_DONE;
	int r = text ? db_prepare(db, text, &s, e) : err_sys(e, ENOMEM, "query");
	if (r == 0)
		r = bind_all(db, s, parameters, limit, e);
	while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
		r = fn(context, s);
	if (r == 0 && step != SQLITE_DONE)
		r = db_error(db, e, "query");
	return r;
}

int query_each(
        sqlite3 *db, const char *sql, const json_t *parameters, query_row_fn fn, void *context, struct err *e)
{
	return query_each_of(db, sql, parameters, 0, fn, context, e);
}

struct page {
	json_t *rows;
	unsigned limit, count;
	struct err *e;
};

// 1 ends the query without an error.
static int take_row(void *context, sqlite3_stmt *s)
{
	struct page *page = context;
	if (page->count++ == page->limit)
		return 1;
	return json_array_append_new(page->rows, query_row(s)) < 0 ? err_sys(page->e, ENOMEM, "query") : 0;
}

int query_rows(sqlite3 *db, const char *sql, const json_t *parameters, unsigned limit, json_t *rows,
        bool *more, struct err *e)
{
	struct page page = {.rows = rows, .limit = limit, .e = e};
	int r = query_each_of(db, sql, parameters, limit, take_row, &page, e);
	*more = r == 1;
	return r < 0 ? r : 0;
}

int query_named(sqlite3 *db, const char *name, const json_t *parameters, unsigned limit, json_t **out,
        bool *more, struct err *e)
{
	const char *sql = sql_find("queries", name);
	if (!sql)
		return err_set(e, ENOENT, "query '%s': there is none of this name", name);
	json_t *rows = json_array();
	int r = rows ? query_rows(db, sql, parameters, limit, rows, more, e) : err_sys(e, ENOMEM, "query");
	if (r < 0)
		json_decref(rows);
	else
		*out = rows;
	return r;
}

int query_one(sqlite3 *db, const char *name, const json_t *parameters, json_t **out, struct err *e)
{
	json_t *rows = NULL;
	bool more;
	int r = query_named(db, name, parameters, 1, &rows, &more, e);
	if (r < 0)
		return r;
	json_t *row = json_array_get(rows, 0);
	*out = row ? json_incref(row) : json_null();
	json_decref(rows);
	return 0;
}
