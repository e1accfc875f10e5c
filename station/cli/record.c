// SPDX-License-Identifier: MIT
// `gangway record`: shows and proves the ledger. Reads the database itself, with the station running or not.
#include "cli/record.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "cli/options.h"
#include "record/key.h"
#include "record/query.h"
#include "record/verify.h"

enum { SHOW_ROWS = 200 };

static const char usage[] =
        "usage: gangway record show [--json] SERIAL\n"
        "       gangway record verify [--heads FILE|DIR] [--key PUB] [--chain-only] [--timings]\n"
        "       gangway record export [--job J] [--serial S] [--image SHA256] [--from UTC] [--to UTC]\n"
        "                             [--format csv|json|bundle] [--out FILE|DIR]\n"
        "       gangway record report [NAME [KEY=VALUE...]] [--json]\n"
        "       gangway record backup FILE\n"
        "       gangway record dispose SERIAL scrapped|quarantine|released|retest|rework --reason TEXT\n"
        "       gangway record deliver [--folder DIR] [--command CMD] [--http URL] [--syslog] [--once | "
        "--status]\n"
        "       gangway record rotate-key\n"
        "all with [--state DIR | --db FILE]; $GANGWAY_STATE, else /var/lib/gangway\n"
        "\n"
        "show        the unit and all its attempts, newest first\n"
        "verify      walks the whole log, checks every head, builds the projections again and compares; exit "
        "1 with\n"
        "            one line when anything was altered. --heads: heads kept elsewhere; --key: the public "
        "key you hold\n"
        "export      attempts as CSV or JSON, or as a bundle that an auditor checks with nothing but what is "
        "in it\n"
        "report      the questions of db/reports/; without a NAME lists them\n"
        "backup      copies the ledger while the station runs\n"
        "dispose     says what is to become of a unit, by a running station: scrapped and quarantined units "
        "are refused;\n"
        "            retest and rework send one to be programmed again\n"
        "deliver     carries signed heads away as they come, and again until each destination has had them: "
        "a second\n"
        "            folder, a command with the file as $1, an HTTP POST, a line in syslog; --status shows "
        "what waits\n"
        "rotate-key  makes a new station key; at its next start the station's old key vouches for it\n";

static int complain(const struct err *e)
{
	fprintf(stderr, "gangway: %s\n", e->text);
	return EXIT_FAILED;
}

static const struct option longs[] = {{"state", required_argument, NULL, 's'},
        {"db", required_argument, NULL, 'd'}, {"heads", required_argument, NULL, 'H'},
        {"key", required_argument, NULL, 'k'}, {"json", no_argument, NULL, 'j'},
        {"chain-only", no_argument, NULL, 'c'}, {"timings", no_argument, NULL, 't'},
        {"format", required_argument, NULL, 'f'}, {"out", required_argument, NULL, 'o'},
        {"job", required_argument, NULL, 'p'}, {"serial", required_argument, NULL, 'p'},
        {"image", required_argument, NULL, 'p'}, {"from", required_argument, NULL, 'p'},
        {"to", required_argument, NULL, 'p'}, {"folder", required_argument, NULL, 'D'},
        {"command", required_argument, NULL, 'C'}, {"http", required_argument, NULL, 'U'},
        {"syslog", no_argument, NULL, 'L'}, {"once", no_argument, NULL, '1'},
        {"status", no_argument, NULL, 'S'}, {"reason", required_argument, NULL, 'r'}, {0}};

static void set_state(struct record_options *o, const char *state)
{
	STR_COPY(o->state, state);
	snprintf(o->database, sizeof(o->database), "%.*s/station.db", (int)sizeof(o->database) - 16, state);
}

// Any beginning of a time as the ledger has them, from the year on: they are compared as texts.
static bool is_utc(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00.000000Z";
	size_t length = strlen(text);
	if (length < 4 || length >= sizeof(shape))
		return false;
	for (size_t i = 0; i < length; i++)
		if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	return true;
}

static int take(void *context, const struct option *option, const char *value)
{
	struct record_options *o = context;
	switch (option->val) {
	case 's': set_state(o, value); return 0;
	case 'd': STR_COPY(o->database, value); return 0;
	case 'H': o->heads = value; return 0;
	case 'k': o->key = value; return 0;
	case 'j': o->json = true; return 0;
	case 'c': o->chain_only = true; return 0;
	case 't': o->timings = true; return 0;
	case 'f': o->format = value; return 0;
	case 'o': o->out = value; return 0;
	case 'D': o->to.folder = value; return 0;
	case 'C': o->to.command = value; return 0;
	case 'U': o->to.http = value; return 0;
	case 'L': o->to.syslog = true; return 0;
	case '1': o->once = true; return 0;
	case 'S': o->status = true; return 0;
	case 'r': o->reason = value; return 0;
	default: break;
	}
	if ((!strcmp(option->name, "from") || !strcmp(option->name, "to")) && !is_utc(value))
		return options_wrong("record", "--%s: not a UTC time such as 2026-01-31 or 2026-01-31T08:30",
		        option->name);
	if (json_object_set_new(o->parameters, option->name, json_string(value)) < 0)
		return options_wrong("record", "--%s: not a text in UTF-8", option->name);
	return 0;
}

static int parse(int argc, char **argv, struct record_options *o)
{
	const char *state = getenv("GANGWAY_STATE");
	const struct options options = {
	        .command = "record", .help = usage, .longs = longs, .take = take, .context = o};
	o->format = "csv";
	set_state(o, state && *state ? state : "/var/lib/gangway");
	return options_parse(&options, argc, argv);
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
        const struct record_options *o, const char *serial, json_t *unit, json_t *attempts, json_t *story)
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

static int show(const struct record_options *o, const char *serial)
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

// A head that only lies in the station's own folder proves nothing: who can rewrite the ledger can sign it, too.
static void print_own_heads(const struct verify_report *report)
{
	printf("signed to row %llu by the heads beside it\n", (unsigned long long)report->anchored);
	if (report->delivered)
		printf("anchored to row %llu by its own word: that head was delivered (%s) at %.19sZ; "
		       "--heads with "
		       "it proves that\n",
		        (unsigned long long)report->delivered, report->delivered_to, report->delivered_utc);
	else
		printf("not anchored: no head has left the station yet ([heads] in its configuration says "
		       "where to)\n");
}

static void print_report(const struct record_options *o, const struct verify_report *report)
{
	unsigned long long rows = report->rows, covered = report->anchored;
	printf("ledger %s: %llu rows, nothing was altered; ", report->ledger, rows);
	if (!covered)
		printf("not anchored: no head was given\n");
	else if (report->own_heads)
		print_own_heads(report);
	else
		printf("anchored to row %llu\n", covered);
	if (covered < rows)
		printf("rows %llu to %llu are %s: no head covers them yet\n", covered + 1, rows,
		        report->own_heads ? "unsigned" : "unanchored");
	if (report->own_key && report->heads)
		printf("the key is the ledger's own word; --key takes the one you were given\n");
	if (o->timings)
		printf("chain %.3f s (%.0f rows a second), projections %.3f s\n", report->chain_s,
		        report->chain_s > 0 ? (double)rows / report->chain_s : 0, report->projections_s);
}

static void show_progress(void *context, uint64_t rows, uint64_t total, double left_s)
{
	(void)context;
	fprintf(stderr, "\r\033[Kevery rule again, row by row: %llu %%, about %.0f s left",
	        (unsigned long long)(rows * 100 / total), left_s);
	(void)fflush(stderr);
}

static int verify(const struct record_options *o)
{
	struct err e = {0};
	struct verify_report report;
	const struct replay_progress progress = {.told = show_progress};
	struct verify_request request = {
	        o->database, o->heads, o->key, o->chain_only, isatty(STDERR_FILENO) ? &progress : NULL};
	int r = verify_ledger(&request, &report, &e);
	if (request.progress)
		fprintf(stderr, "\r\033[K");
	if (r < 0)
		return complain(&e);
	print_report(o, &report);
	return EXIT_OK;
}

static int rotate_key(const struct record_options *o)
{
	char folder[PATH_MAX];
	struct err e = {0};
	snprintf(folder, sizeof(folder), "%.*s/keys", (int)sizeof(folder) - 8, o->state);
	if (key_rotate(folder, &e) < 0)
		return complain(&e);
	printf("%s/station.pub is the new public key; start the station, whose old key then vouches for it\n",
	        folder);
	return EXIT_OK;
}

// KEY=VALUE words narrow a report.
static int take_words(struct record_options *o, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *sign = strchr(argv[i], '=');
		json_t *value = sign ? json_string(sign + 1) : NULL;
		char key[32];
		snprintf(key, sizeof(key), "%.*s", sign ? (int)(sign - argv[i]) : 0, argv[i]);
		if (!value || json_object_set_new(o->parameters, key, value) < 0)
			return -1;
	}
	return 0;
}

// What each verb wants behind it.
static const struct verb {
	const char *name;
	int least, most;
	const char *wants;
} verbs[] = {
        {"show", 1, 1, "one serial number"},
        {"verify", 0, 0, "nothing more"},
        {"export", 0, 0, "nothing more"},
        {"report", 0, INT_MAX, "a report's name and KEY=VALUE"},
        {"backup", 1, 1, "one file"},
        {"deliver", 0, 0, "nothing more"},
        {"dispose", 2, 2, "a serial number and what is to become of it"},
        {"rotate-key", 0, 0, "nothing more"},
};

static int check_words(int argc, char **argv)
{
	const char *name = argc ? argv[0] : "";
	size_t i = 0;
	while (i < ARRAY_SIZE(verbs) && strcmp(name, verbs[i].name) != 0)
		i++;
	if (i == ARRAY_SIZE(verbs))
		return options_wrong("record",
		        "show, verify, export, report, backup, dispose, deliver or rotate-key is wanted%s%s",
		        argc ? ", not " : "", name);
	if (argc - 1 < verbs[i].least || argc - 1 > verbs[i].most)
		return options_wrong("record", "%s wants %s", name, verbs[i].wants);
	return 0;
}

static int run(struct record_options *o, int argc, char **argv)
{
	const char *verb = argv[0];
	if (!strcmp(verb, "show"))
		return show(o, argv[1]);
	if (!strcmp(verb, "verify"))
		return verify(o);
	if (!strcmp(verb, "export"))
		return record_export(o);
	if (!strcmp(verb, "backup"))
		return record_backup(o, argv[1]);
	if (!strcmp(verb, "deliver"))
		return record_deliver(o);
	if (!strcmp(verb, "dispose"))
		return record_dispose(o, argv[1], argv[2]);
	if (!strcmp(verb, "rotate-key"))
		return rotate_key(o);
	if (argc > 1 && take_words(o, argc - 2, argv + 2) < 0)
		return options_exit(options_wrong("record", "report NAME wants KEY=VALUE words"));
	return record_report(o, argc > 1 ? argv[1] : NULL);
}

int cmd_record(int argc, char **argv)
{
	struct record_options o = {.parameters = json_object()};
	int r = parse(argc, argv, &o);
	if (r == 0)
		r = check_words(argc - optind, argv + optind);
	int code = r == 0 ? run(&o, argc - optind, argv + optind) : options_exit(r);
	json_decref(o.parameters);
	return code;
}
