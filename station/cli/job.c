// SPDX-License-Identifier: MIT
// `gangway job`
#include <errno.h>
#include <stdbool.h>

#include "base/util.h"
#include "cli/command.h"
#include "cli/job_signature.h"
#include "cli/options.h"
#include "cli/state.h"
#include "daemon/recipe.h"

enum { OPTIONS_MAX = 64, OPTION_NAME_SIZE = 40 };

static const char usage[] = "usage: gangway job open [OPTION...] IMAGE\n"
                            "       gangway job close | start | show [JOB]\n"
                            "       gangway job signature [show | approve | reject] [--signature FILE | "
                            "--sha256 HEX] [--reason TEXT]\n"
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
	      "  --sha256 HEX\n        'signature approve' or 'reject': of the one that was shown; another "
	      "one is left alone\n"
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
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		known = known || !strcmp(verb, verbs[i][0]);
	if (!strcmp(verb, "open"))
		options_wrong("job", "open wants one image's name");
	else if (known)
		options_wrong(
		        "job", "%s wants %s", verb, verb[1] == 'h' ? "one job at the most" : "nothing more");
	else
		options_wrong("job", "open, close, show, signature or start is wanted%s%s",
		        argc ? ", not " : "", verb);
	return EXIT_USAGE;
}

static int set_number(json_t *args, const char *key, const char *option, const char *text)
{
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (*text && !*end && !errno && json_object_set_new(args, key, json_integer(value)) == 0)
		return 0;
	return options_wrong("job", "--%s %s: not a number", option, text);
}

static int set_field(const struct job_options *o, const struct recipe_field *field, const char *text)
{
	char name[OPTION_NAME_SIZE];
	option_name(field, name, sizeof(name));
	if (!strcmp(field->name, "signature") && strcmp(text, "off") != 0 && strcmp(text, "learn") != 0)
		return json_object_set_new(o->args, "signature_approved", job_signature_load(text));
	if (field->type == RECIPE_NUMBER || field->type == RECIPE_QUANTITY)
		return set_number(o->args, field->name, name, text);
	if (json_object_set_new(o->args, field->name, json_string(text)) == 0)
		return 0;
	return options_wrong("job", "--%s: not a text in UTF-8", name);
}

// Behind OPTION_FIELD comes a field's index.
enum { OPTION_NO_VERIFY = 1000, OPTION_REASON, OPTION_SHA256, OPTION_STATE, OPTION_JSON, OPTION_FIELD };

static int take(void *context, const struct option *option, const char *value)
{
	struct job_options *o = context;
	size_t count;
	const struct recipe_field *fields = recipe_fields(&count);
	switch (option->val) {
	case 'h': print_usage(stdout); return 1;
	case OPTION_NO_VERIFY: return json_object_set_new(o->args, "verify", json_false());
	case OPTION_REASON:
	case OPTION_SHA256:
		return json_object_set_new(o->args, option->name, json_string(value))
		               ? options_wrong("job", "--%s: not a text in UTF-8", option->name)
		               : 0;
	case OPTION_STATE: o->state = value; return 0;
	case OPTION_JSON: o->json = true; return 0;
	default: return set_field(o, &fields[option->val - OPTION_FIELD], value);
	}
}

int cmd_job(int argc, char **argv)
{
	static const struct option fixed[] = {{"no-verify", no_argument, NULL, OPTION_NO_VERIFY},
	        {"reason", required_argument, NULL, OPTION_REASON},
	        {"sha256", required_argument, NULL, OPTION_SHA256},
	        {"state", required_argument, NULL, OPTION_STATE}, {"json", no_argument, NULL, OPTION_JSON},
	        {0}};
	struct option longs[OPTIONS_MAX + ARRAY_SIZE(fixed)] = {0};
	char names[OPTIONS_MAX][OPTION_NAME_SIZE];
	struct job_options o = {.state = cli_state_default(), .args = json_object()};
	const struct options options = {.command = "job", .longs = longs, .take = take, .context = &o};
	size_t count, used = 0;
	const struct recipe_field *fields = recipe_fields(&count);
	for (size_t i = 0; i < count && i < OPTIONS_MAX; i++) {
		option_name(&fields[i], names[i], sizeof(names[i]));
		if (fields[i].help)
			longs[used++] =
			        (struct option){names[i], required_argument, NULL, OPTION_FIELD + (int)i};
	}
	memcpy(longs + used, fixed, sizeof(fixed));
	int r = options_parse(&options, argc, argv);
	int code = r == 0 ? run(&o, argc - optind, argv + optind) : options_exit(r);
	json_decref(o.args);
	return code;
}
