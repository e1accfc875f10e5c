// SPDX-License-Identifier: MIT
// `gangway record`: shows and proves the ledger. Reads the database itself, with the station running or not.
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>

#include "cli/command.h"
#include "record/query.h"
#include "record/verify.h"

enum { SHOW_ROWS = 200 };

static const char usage[] = "usage: gangway record show [--state DIR] [--json] SERIAL\n"
                            "       gangway record verify [--state DIR | --db FILE] [--heads FILE|DIR] "
                            "[--key PUB] [--chain-only] [--timings]\n"
                            "\n"
                            "show    the unit and all its attempts, newest first\n"
                            "verify  walks the whole log, checks every head, builds the projections again "
                            "and compares; exit 1 with one\n"
                            "        line when anything was altered. --heads: heads kept elsewhere; --key: "
                            "the station's public key\n";

struct options {
	char database[PATH_MAX];
	const char *heads, *key;
	bool json, chain_only, timings;
};

static int complain(const struct err *e)
{
	fprintf(stderr, "gangway: %s\n", e->text);
	return EXIT_FAILED;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"state", required_argument, NULL, 's'},
	        {"db", required_argument, NULL, 'd'}, {"heads", required_argument, NULL, 'H'},
	        {"key", required_argument, NULL, 'k'}, {"json", no_argument, NULL, 'j'},
	        {"chain-only", no_argument, NULL, 'c'}, {"timings", no_argument, NULL, 't'},
	        {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = getenv("GANGWAY_STATE");
	snprintf(o->database, sizeof(o->database), "%s/station.db",
	        state && *state ? state : "/var/lib/gangway");
	int c;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		switch (c) {
		case 's': snprintf(o->database, sizeof(o->database), "%s/station.db", optarg); break;
		case 'd': STR_COPY(o->database, optarg); break;
		case 'H': o->heads = optarg; break;
		case 'k': o->key = optarg; break;
		case 'j': o->json = true; break;
		case 'c': o->chain_only = true; break;
		case 't': o->timings = true; break;
		case 'h': fputs(usage, stdout); return -1;
		default: fputs(usage, stderr); return EXIT_USAGE;
		}
	}
	return 0;
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));
	return text && *text ? text : "-";
}

static void print_attempt(const json_t *row)
{
	printf("  attempt %-6lld %-27s slot %-4s %-11s %s\n",
	        (long long)json_integer_value(json_object_get(row, "attempt")), text_of(row, "opened"),
	        text_of(row, "slot"), text_of(row, "result"), text_of(row, "code"));
	printf("    job %s  image %s  plan %.16s  read back %.16s  by %s\n", text_of(row, "job"),
	        text_of(row, "image"), text_of(row, "plan_sha256"), text_of(row, "readback_sha256"),
	        text_of(row, "verify_method"));
	if (*json_string_value(json_object_get(row, "text")))
		printf("    %s\n", text_of(row, "text"));
}

static void print_unit(const json_t *unit, const json_t *attempts, const json_t *story)
{
	size_t i;
	json_t *row;
	printf("%s  %s  (%lld attempts, returned %lld times%s%s)\n", text_of(unit, "unit"),
	        text_of(unit, "result"), (long long)json_integer_value(json_object_get(unit, "attempts")),
	        (long long)json_integer_value(json_object_get(unit, "returned")),
	        *json_string_value(json_object_get(unit, "disposition")) ? ", " : "",
	        json_string_value(json_object_get(unit, "disposition")));
	json_array_foreach(attempts, i, row)
	{
		print_attempt(row);
	}
	json_array_foreach(story, i, row)
	{
		printf("  %s  %s %s %s\n", text_of(row, "utc"), text_of(row, "what"), text_of(row, "slot"),
		        text_of(row, "text"));
	}
}

static int print_story(
        const struct options *o, const char *serial, json_t *unit, json_t *attempts, json_t *story)
{
	if (json_is_null(unit) && json_array_size(story) == 0) {
		fprintf(stderr, "gangway: unit '%s': the ledger %s knows no such serial\n", serial,
		        o->database);
		return EXIT_FAILED;
	}
	if (o->json) {
		json_t *all = json_pack("{s:O,s:O,s:O}", "unit", unit, "attempts", attempts, "story", story);
		int r = all ? json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : -1;
		json_decref(all);
		putchar('\n');
		return r < 0 ? EXIT_FAILED : EXIT_OK;
	}
	if (json_is_null(unit))
		printf("%s  never programmed\n", serial);
	else
		print_unit(unit, attempts, story);
	return EXIT_OK;
}

static int show(const struct options *o, const char *serial)
{
	_cleanup_db_ sqlite3 *db = NULL;
	struct err e = {0};
	json_t *unit = NULL, *attempts = NULL, *story = NULL;
	json_t *parameters = json_pack("{s:s}", "serial", serial);
	bool more = false;
	int r = parameters ? db_open_read(o->database, &db, &e) : err_set(&e, EINVAL, "serial: is not UTF-8");
	if (r == 0)
		r = query_one(db, "unit", parameters, &unit, &e);
	if (r == 0)
		r = query_named(db, "records", parameters, SHOW_ROWS, &attempts, &more, &e);
	if (r == 0)
		r = query_named(db, "unit-story", parameters, SHOW_ROWS, &story, &more, &e);
	int code = r < 0 ? complain(&e) : print_story(o, serial, unit, attempts, story);
	json_decref(parameters);
	json_decref(unit);
	json_decref(attempts);
	json_decref(story);
	return code;
}

static void print_report(const struct options *o, const struct verify_report *report)
{
	unsigned long long rows = report->rows, anchored = report->anchored;
	printf("ledger %s: %llu rows, nothing was altered; ", report->ledger, rows);
	if (!anchored)
		printf("not anchored: no head was given\n");
	else
		printf("anchored to row %llu%s\n", anchored,
		        report->own_heads ? " (by the heads beside it; heads kept elsewhere prove more)"
		                          : "");
	if (anchored < rows)
		printf("rows %llu to %llu are unanchored: no head covers them yet\n", anchored + 1, rows);
	if (report->own_key && report->heads)
		printf("the key is the ledger's own word; --key takes the one you were given\n");
	if (o->timings)
		printf("chain %.3f s (%.0f rows a second), projections %.3f s\n", report->chain_s,
		        report->chain_s > 0 ? (double)rows / report->chain_s : 0, report->projections_s);
}

static int verify(const struct options *o)
{
	struct err e = {0};
	struct verify_report report;
	struct verify_request request = {o->database, o->heads, o->key, o->chain_only};
	if (verify_ledger(&request, &report, &e) < 0)
		return complain(&e);
	print_report(o, &report);
	return EXIT_OK;
}

int cmd_record(int argc, char **argv)
{
	struct options o = {0};
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		fputs(usage, argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	int r = parse(argc - 1, argv + 1, &o);
	if (r != 0)
		return r < 0 ? EXIT_OK : r;
	int words = argc - 1 - optind;
	if (!strcmp(argv[1], "show") && words == 1)
		return show(&o, argv[1 + optind]);
	if (!strcmp(argv[1], "verify") && words == 0)
		return verify(&o);
	fputs(usage, stderr);
	return EXIT_USAGE;
}
