// SPDX-License-Identifier: MIT
// `gangway job`
#include <getopt.h>
#include <stdbool.h>

#include "cli/command.h"
#include "cli/state.h"

static const char usage[] =
        "usage: gangway job open [OPTION...] IMAGE\n"
        "       gangway job close | show | start\n"
        "\n"
        "  --wanted N               how many good units are wanted; no limit otherwise\n"
        "  --start auto|scan|start  boards start by themselves (auto), when their serial is scanned, or on "
        "START\n"
        "  --verify hash|compare    each board's read-back is hashed (hash), or compared with the stored "
        "image, "
        "which\n"
        "                           is hashed once for all boards: for many boards or few cores\n"
        "  --no-verify              nothing is read back: the best result is UNVERIFIED\n"
        "  --unmapped keep|zero     what becomes of the areas the image does not map (keep)\n"
        "  --serial optional|required  whether boards without a serial number wait for one (optional)\n"
        "  --lun N                  the board's disk (0)\n"
        "  --order T --customer T --product T --revision T --lot T --job-revision T   the work order, for "
        "the ledger\n"
        "  --state DIR, --json\n";

struct job_options {
	const char *state;
	json_t *args;
	bool json;
};

static void print_job(const json_t *job)
{
	const json_t *wanted = json_object_get(job, "wanted");
	char of[32] = "";
	if (json_is_integer(wanted))
		snprintf(of, sizeof(of), " of %lld wanted", (long long)json_integer_value(wanted));
	printf("job %s: %s, image %s, pass %lld%s, fail %lld, in flight %lld\n",
	        json_string_value(json_object_get(job, "id")),
	        json_string_value(json_object_get(job, "state")),
	        json_string_value(json_object_get(job, "image")),
	        (long long)json_integer_value(json_object_get(job, "pass")), of,
	        (long long)json_integer_value(json_object_get(job, "fail")),
	        (long long)json_integer_value(json_object_get(job, "inflight")));
}

static int job_call(const struct job_options *o, const char *cmd, json_t *args)
{
	json_t *job = NULL;
	int code = cli_call("job", o->state, cmd, args, NULL, 0, &job);
	if (code == EXIT_OK && o->json)
		cli_print_json(job);
	else if (code == EXIT_OK && json_object_get(job, "id"))
		print_job(job);
	json_decref(job);
	return code;
}

static int run(const struct job_options *o, int argc, char **argv)
{
	const char *verb = argc ? argv[0] : "";
	if (!strcmp(verb, "open") && argc == 2) {
		json_object_set_new(o->args, "image", json_string(argv[1]));
		return job_call(o, "job.open", json_incref(o->args));
	}
	if (argc == 1 && !strcmp(verb, "close"))
		return job_call(o, "job.close", NULL);
	if (argc == 1 && !strcmp(verb, "show"))
		return job_call(o, "job.show", NULL);
	if (argc == 1 && !strcmp(verb, "start"))
		return job_call(o, "job.start", NULL);
	fputs(usage, stderr);
	return EXIT_USAGE;
}

// True when the option was a good one.
static bool set_number(json_t *args, const char *key, const char *text)
{
	char *end;
	long long value = strtoll(text, &end, 10);
	if (*text && !*end && json_object_set_new(args, key, json_integer(value)) == 0)
		return true;
	fprintf(stderr, "gangway job: --%s %s: not a number\n", key, text);
	return false;
}

int cmd_job(int argc, char **argv)
{
	static const struct option options[] = {{"start", required_argument, NULL, 't'},
	        {"unmapped", required_argument, NULL, 't'}, {"serial", required_argument, NULL, 't'},
	        {"order", required_argument, NULL, 't'}, {"customer", required_argument, NULL, 't'},
	        {"product", required_argument, NULL, 't'}, {"revision", required_argument, NULL, 't'},
	        {"lot", required_argument, NULL, 't'}, {"job_revision", required_argument, NULL, 't'},
	        {"job-revision", required_argument, NULL, 'r'}, {"wanted", required_argument, NULL, 'i'},
	        {"lun", required_argument, NULL, 'i'}, {"verify", required_argument, NULL, 't'},
	        {"no-verify", no_argument, NULL, 'v'}, {"state", required_argument, NULL, 's'},
	        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct job_options o = {.state = cli_state_default(), .args = json_object()};
	int option, which, code = -1;
	while (code < 0 && (option = getopt_long(argc, argv, "", options, &which)) != -1) {
		switch (option) {
		case 't': json_object_set_new(o.args, options[which].name, json_string(optarg)); break;
		case 'r': json_object_set_new(o.args, "job_revision", json_string(optarg)); break;
		case 'i':
			if (!set_number(o.args, options[which].name, optarg))
				code = EXIT_USAGE;
			break;
		case 'v': json_object_set_new(o.args, "verify", json_false()); break;
		case 's': o.state = optarg; break;
		case 'j': o.json = true; break;
		case 'h':
			fputs(usage, stdout);
			code = EXIT_OK;
			break;
		default: code = EXIT_USAGE;
		}
	}
	if (code < 0)
		code = run(&o, argc - optind, argv + optind);
	json_decref(o.args);
	return code;
}
