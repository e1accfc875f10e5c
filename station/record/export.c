// SPDX-License-Identifier: MIT
// Exports of the ledger: CSV and JSON.
#include "record/export.h"

#include <errno.h>

#include "record/csv.h"
#include "record/export_inside.h"
#include "record/query.h"
#include "record/sql.h"

struct csv {
	FILE *to;
	uint64_t count;
	struct export_scope *scope;
};

static int take_row(void *context, sqlite3_stmt *s)
{
	struct csv *csv = context;
	if (csv->count++ == 0)
		csv_head(csv->to, s);
	// In a bundle the table is compared with the log.
	csv_row(csv->to, s, csv->scope != NULL);
	if (csv->scope)
		export_scope_add(csv->scope, s);
	return 0;
}

static int finish(FILE *to, struct err *e)
{
	return fflush(to) != 0 || ferror(to) ? err_sys(e, errno ? errno : EIO, "the export cannot be written")
	                                     : 0;
}

int export_csv_scope(sqlite3 *db, const json_t *parameters, FILE *to, struct export_scope *scope,
        uint64_t *count, struct err *e)
{
	struct csv csv = {.to = to, .scope = scope};
	const char *sql = sql_find("queries", "export");
	int r = query_each(db, sql, parameters, take_row, &csv, e);
	if (r == 0 && !csv.count)
		r = csv_head_of(db, sql, to, e);
	*count = csv.count;
	return r < 0 ? r : finish(to, e);
}

int export_csv(sqlite3 *db, const json_t *parameters, FILE *to, uint64_t *count, struct err *e)
{
	return export_csv_scope(db, parameters, to, NULL, count, e);
}

static int json_row(void *context, sqlite3_stmt *s)
{
	struct csv *out = context;
	json_t *row = query_row(s);
	if (!row)
		return -ENOMEM;
	fputs(out->count++ ? ",\n" : "\n", out->to);
	int r = json_dumpf(row, out->to, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(row);
	return r < 0 ? -EIO : 0;
}

int export_json(sqlite3 *db, const json_t *parameters, FILE *to, uint64_t *count, struct err *e)
{
	struct csv out = {.to = to};
	json_t *state = NULL;
	int r = query_one(db, "state", NULL, &state, e);
	if (r < 0)
		return r;
	fprintf(to, "{\"ledger\":\"%s\",\"rows\":%lld,\"hash\":\"%s\",\"records\":[",
	        json_string_value(json_object_get(state, "ledger")),
	        (long long)json_integer_value(json_object_get(state, "seq")),
	        json_string_value(json_object_get(state, "hash")));
	json_decref(state);
	r = query_each(db, sql_find("queries", "export"), parameters, json_row, &out, e);
	fputs("\n]}\n", to);
	*count = out.count;
	return r < 0 ? r : finish(to, e);
}
