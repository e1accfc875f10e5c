// SPDX-License-Identifier: MIT
// `gangway record export`, `report`, `deliver` and `backup`.
#include <errno.h>
#include <limits.h>

#include "cli/record.h"
#include "record/backup.h"
#include "record/export.h"
#include "record/pages.h"
#include "record/query.h"
#include "record/sql.h"

enum { REPORT_ROWS = 10000 };

static int complain(const struct err *e)
{
	fprintf(stderr, "gangway: %s\n", e->text);
	return EXIT_FAILED;
}

int record_export(const struct record_options *o)
{
	_cleanup_db_ sqlite3 *db = NULL;
	struct err e = {0};
	uint64_t count = 0;
	bool bundle = !strcmp(o->format, "bundle"), json = !strcmp(o->format, "json");
	if ((!bundle && !json && strcmp(o->format, "csv") != 0) || (bundle && !o->out)) {
		fputs("gangway: --format is csv, json or bundle, and a bundle needs --out FOLDER\n", stderr);
		return EXIT_USAGE;
	}
	if (db_open_read(o->database, &db, &e) < 0)
		return complain(&e);
	if (bundle) {
		if (export_bundle(db, o->parameters, o->out, &count, &e) < 0)
			return complain(&e);
		printf("%llu attempts in %s; './verify-ledger .' there checks them\n",
		        (unsigned long long)count, o->out);
		return EXIT_OK;
	}
	_cleanup_fclose_ FILE *file = o->out ? fopen(o->out, "wxe") : NULL;
	if (o->out && !file)
		return err_sys(&e, errno, "%s: cannot be created", o->out), complain(&e);
	int r = json ? export_json(db, o->parameters, file ? file : stdout, &count, &e)
	             : export_csv(db, o->parameters, file ? file : stdout, &count, &e);
	return r < 0 ? complain(&e) : EXIT_OK;
}

static void print_cell(const json_t *value, bool last)
{
	const char *end = last ? "\n" : "\t";
	if (json_is_string(value))
		printf("%s%s", json_string_value(value), end);
	else if (json_is_integer(value))
		printf("%lld%s", (long long)json_integer_value(value), end);
	else if (json_is_real(value))
		printf("%.9g%s", json_real_value(value), end);
	else
		printf("%s%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "", end);
}

static void print_row(const json_t *row, bool head)
{
	const char *key;
	json_t *value;
	union {
		const json_t *in;
		json_t *out;
	} object = {.in = row}; // the macro only reads
	size_t left = json_object_size(row);
	json_object_foreach(object.out, key, value)
	{
		left--;
		if (head)
			printf("%s%s", key, left ? "\t" : "\n");
		else
			print_cell(value, left == 0);
	}
}

static void list_reports(FILE *to)
{
	fputs("reports:\n", to);
	for (const struct sql_file *file = sql_next("reports", NULL); file;
	        file = sql_next("reports", file)) {
		const char *name = strchr(file->path, '/') + 1;
		const char *about = file->text + strspn(file->text, "- ");
		fprintf(to, "  %-18.*s %.*s\n", (int)strcspn(name, "."), name, (int)strcspn(about, "\n"),
		        about);
	}
}

static long long number_of(const json_t *parameters, const char *name)
{
	const char *text = json_string_value(json_object_get(parameters, name));
	return text ? strtoll(text, NULL, 10) : 0;
}

int record_report(const struct record_options *o, const char *name)
{
	_cleanup_db_ sqlite3 *db = NULL;
	struct err e = {0};
	bool more = false;
	size_t i;
	json_t *row, *rows = json_array();
	const char *sql = name ? sql_find("reports", name) : NULL;
	if (!sql) {
		if (name)
			fprintf(stderr, "gangway: there is no report '%s'\n", name);
		list_reports(name ? stderr : stdout);
		json_decref(rows);
		return name ? EXIT_USAGE : EXIT_OK;
	}
	int r = db_open_read(o->database, &db, &e);
	if (r == 0)
		r = pages_check_parameters(db, name, sql, o->parameters, &e);
	if (r == 0)
		r = query_rows(db, sql, o->parameters, REPORT_ROWS, rows, &more, &e);
	if (r == 0 && o->json)
		r = json_dumpf(rows, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	if (r == 0 && !o->json) {
		print_row(json_array_get(rows, 0), true);
		json_array_foreach(rows, i, row)
		{
			print_row(row, false);
		}
	}
	if (r == 0 && !json_array_size(rows))
		fprintf(stderr, "gangway: report '%s': no rows\n", name);
	if (more)
		fprintf(stderr, "gangway: only %d rows; offset=%lld goes on\n", REPORT_ROWS,
		        number_of(o->parameters, "offset") + REPORT_ROWS);
	json_decref(rows);
	return r < 0 ? complain(&e) : EXIT_OK;
}

static int deliver_status(const struct record_options *o)
{
	struct err e = {0};
	json_t *all = NULL, *row;
	size_t i;
	bool waiting = false;
	if (courier_status(o->state, &all, &e) < 0)
		return complain(&e);
	json_array_foreach(all, i, row)
	{
		json_int_t n = json_integer_value(json_object_get(row, "waiting"));
		printf("%-8s %s: delivered to row %lld, %lld waiting  %s\n",
		        json_string_value(json_object_get(row, "destination")),
		        json_string_value(json_object_get(row, "target")),
		        (long long)json_integer_value(json_object_get(row, "row")), (long long)n,
		        json_string_value(json_object_get(row, "error")));
		waiting |= n > 0;
	}
	json_decref(all);
	return waiting ? EXIT_FAILED : EXIT_OK;
}

int record_deliver(const struct record_options *o)
{
	struct err e = {0};
	if (o->status)
		return deliver_status(o);
	if (!o->to.folder && !o->to.command && !o->to.http && !o->to.syslog) {
		fputs("gangway: deliver where? --folder, --command, --http or --syslog\n", stderr);
		return EXIT_USAGE;
	}
	int r = o->once ? courier_deliver(o->state, &o->to, &e) : courier_run(o->state, &o->to, NULL, &e);
	return r < 0 ? complain(&e) : EXIT_OK;
}

int record_backup(const struct record_options *o, const char *path)
{
	_cleanup_db_ sqlite3 *db = NULL;
	struct err e = {0};
	uint64_t rows = 0;
	int r = db_open_read(o->database, &db, &e);
	if (r == 0)
		r = backup_ledger(db, path, &rows, &e);
	if (r < 0)
		return complain(&e);
	printf("%s: %llu rows, chain checked; 'gangway record verify --db %s --heads FOLDER' checks all of "
	       "it\n",
	        path, (unsigned long long)rows, path);
	return EXIT_OK;
}
