// SPDX-License-Identifier: MIT
// `gangway job`
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>

#include "base/util.h"
#include "cli/command.h"
#include "cli/job_signature.h"
#include "cli/state.h"
#include "daemon/recipe.h"

enum { OPTIONS_MAX = 64, OPTION_NAME_SIZE = 40 };

static const char usage[] =
        "usage: gangway job open [OPTION...] IMAGE\n"
        "       gangway job close | start | show [JOB]\n"
        "       gangway job signature [show | approve | reject] [--signature FILE] [--reason TEXT]\n"
        "\n";

struct job_options {
	const char *state;
	json_t *args;
	bool json;
};

static void option_name(const struct recipe_field *field, char *name, size_t size)
{
	str_copy(name, size, field->option ? field->option : field->name);
	for (char *p = name; *p; p++)
		*p = *p == '_' ? '-' : *p;
}

// What of the recipe is not as it is by itself.
static void print_recipe(const json_t *job)
{
	struct recipe recipe;
	json_t *usual = json_object();
	size_t count;
	const struct recipe_field *fields = recipe_fields(&count);
	recipe_default(&recipe);
	recipe_write(&recipe, usual);
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(job, fields[i].name);
		if (!value || json_equal(value, json_object_get(usual, fields[i].name)))
			continue;
		_cleanup_free_ char *text = json_is_string(value)
		                                    ? strdup(json_string_value(value))
		                                    : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		char name[OPTION_NAME_SIZE];
		option_name(&fields[i], name, sizeof(name));
		printf("  %-16s %s\n", name, text ? text : "?");
	}
	json_decref(usual);
}

static void print_yields(const json_t *job)
{
	const json_t *first = json_object_get(job, "first_pass_yield"),
	             *final = json_object_get(job, "final_yield");
	if (json_is_real(first) && json_is_real(final))
		printf("  first-pass yield %.1f %%, final yield %.1f %%\n", 100 * json_real_value(first),
		        100 * json_real_value(final));
}

static void print_preflight(const json_t *job)
{
	size_t i;
	const json_t *line;
	json_array_foreach(json_object_get(job, "preflight"), i, line)
	{
		printf("  %s\n", json_string_value(line));
	}
}

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
	print_recipe(job);
	print_yields(job);
	print_preflight(job);
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

static void print_usage(FILE *to)
{
	size_t count;
	const struct recipe_field *fields = recipe_fields(&count);
	fputs(usage, to);
	for (size_t i = 0; i < count; i++) {
		char name[OPTION_NAME_SIZE];
		bool number = fields[i].type == RECIPE_NUMBER || fields[i].type == RECIPE_QUANTITY;
		option_name(&fields[i], name, sizeof(name));
		if (fields[i].help)
			fprintf(to, "  --%s %s\n        %s\n", name,
			        fields[i].words ? fields[i].words
			        : number        ? "N"
			                        : "TEXT",
			        fields[i].help);
	}
	fputs("  --signature FILE\n        this job's boards look like that: what 'job signature show' "
	      "printed, edited "
	      "or not\n"
	      "  --no-verify\n        as --verify none\n"
	      "  --state DIR, --json\n"
	      "\n"
	      "Of the words of a policy the first is what is done when none is given.\n",
	        to);
}

static int run(const struct job_options *o, int argc, char **argv)
{
	static const char *const verbs[][2] = {
	        {"close", "job.close"}, {"show", "job.show"}, {"start", "job.start"}};
	const char *verb = argc ? argv[0] : "";
	if (!strcmp(verb, "open") && argc == 2) {
		json_object_set_new(o->args, "image", json_string(argv[1]));
		return job_call(o, "job.open", json_incref(o->args));
	}
	if (!strcmp(verb, "signature"))
		return job_signature_run(o->state, o->args, argc - 1, argv + 1);
	if (!strcmp(verb, "show") && argc == 2)
		return job_call(o, "job.show", json_pack("{s:s}", "job", argv[1]));
	for (size_t i = 0; argc == 1 && i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verb, verbs[i][0]))
			return job_call(o, verbs[i][1], NULL);
	print_usage(stderr);
	return EXIT_USAGE;
}

static bool set_number(json_t *args, const char *key, const char *option, const char *text)
{
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (*text && !*end && !errno && json_object_set_new(args, key, json_integer(value)) == 0)
		return true;
	fprintf(stderr, "gangway job: --%s %s: not a number\n", option, text);
	return false;
}

// True when the option was a good one.
static bool set_field(const struct job_options *o, const struct recipe_field *field, const char *text)
{
	char name[OPTION_NAME_SIZE];
	option_name(field, name, sizeof(name));
	if (!strcmp(field->name, "signature") && strcmp(text, "off") != 0 && strcmp(text, "learn") != 0)
		return json_object_set_new(o->args, "signature_approved", job_signature_load(text)) == 0;
	if (field->type == RECIPE_NUMBER || field->type == RECIPE_QUANTITY)
		return set_number(o->args, field->name, name, text);
	if (json_object_set_new(o->args, field->name, json_string(text)) == 0)
		return true;
	fprintf(stderr, "gangway job: --%s: not a text in UTF-8\n", name);
	return false;
}

enum { OPTION_NO_VERIFY = 1000, OPTION_REASON, OPTION_STATE, OPTION_JSON, OPTION_HELP };

// An option's value is its field's index. 0 to go on, else what the command ends with.
static int take_option(struct job_options *o, int option)
{
	size_t count;
	const struct recipe_field *fields = recipe_fields(&count);
	switch (option) {
	case OPTION_NO_VERIFY: return json_object_set_new(o->args, "verify", json_false());
	case OPTION_REASON:
		return json_object_set_new(o->args, "reason", json_string(optarg)) ? EXIT_USAGE : 0;
	case OPTION_STATE: o->state = optarg; return 0;
	case OPTION_JSON: o->json = true; return 0;
	case OPTION_HELP: print_usage(stdout); return -1;
	default: break;
	}
	bool good = option >= 0 && (size_t)option < count && set_field(o, &fields[option], optarg);
	return good ? 0 : EXIT_USAGE;
}

int cmd_job(int argc, char **argv)
{
	static const struct option fixed[] = {{"no-verify", no_argument, NULL, OPTION_NO_VERIFY},
	        {"reason", required_argument, NULL, OPTION_REASON},
	        {"state", required_argument, NULL, OPTION_STATE}, {"json", no_argument, NULL, OPTION_JSON},
	        {"help", no_argument, NULL, OPTION_HELP}, {0}};
	struct option options[OPTIONS_MAX + ARRAY_SIZE(fixed)] = {0};
	char names[OPTIONS_MAX][OPTION_NAME_SIZE];
	struct job_options o = {.state = cli_state_default(), .args = json_object()};
	size_t count, used = 0;
	const struct recipe_field *fields = recipe_fields(&count);
	for (size_t i = 0; i < count && i < OPTIONS_MAX; i++) {
		option_name(&fields[i], names[i], sizeof(names[i]));
		if (fields[i].help)
			options[used++] = (struct option){names[i], required_argument, NULL, (int)i};
	}
	memcpy(options + used, fixed, sizeof(fixed));
	int option, code = 0;
	while (code == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		code = take_option(&o, option);
	if (code == 0)
		code = run(&o, argc - optind, argv + optind);
	json_decref(o.args);
	return code < 0 ? EXIT_OK : code;
}
