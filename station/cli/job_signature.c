// SPDX-License-Identifier: MIT
// `gangway job signature`, and the file a board signature is kept in.
#include "cli/job_signature.h"

#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "cli/command.h"
#include "cli/state.h"
#include "daemon/sign_json.h"

json_t *job_signature_load(const char *path)
{
	json_error_t error;
	struct signature signature;
	struct err e;
	json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *found = NULL;
	if (!file)
		fprintf(stderr, "gangway job: %s: line %d: %s\n", path, error.line, error.text);
	else if (sign_from_json(file, &signature, &e) < 0)
		fprintf(stderr, "gangway job: %s: %s\n", path, e.text);
	else
		found = sign_to_json(&signature);
	json_decref(file);
	return found;
}

// The digest of the signature inside; false: there is none yet.
static bool digest_of(const json_t *shown, char hex[SHA256_HEX_SIZE])
{
	struct signature signature;
	struct err e;
	if (!json_object_get(shown, "signature") || sign_from_json(shown, &signature, &e) < 0)
		return false;
	sign_sha256(&signature, hex);
	return true;
}

static int call(const char *state, const char *cmd, json_t *args)
{
	json_t *shown = NULL;
	char hex[SHA256_HEX_SIZE];
	int code = cli_call("job", state, cmd, args, NULL, 0, &shown);
	if (code == EXIT_OK && digest_of(shown, hex))
		json_object_set_new(shown, "sha256", json_string(hex));
	if (code == EXIT_OK)
		cli_print_json(shown);
	json_decref(shown);
	return code;
}

// What is answered is what was seen: said here, and named to the station, which refuses if it is another one by then.
static int name_what_is_shown(const char *state, const char *verb, json_t *out)
{
	json_t *shown = NULL;
	char hex[SHA256_HEX_SIZE];
	int code = cli_call("job", state, "job.signature.show", NULL, NULL, 0, &shown);
	if (code == EXIT_OK && digest_of(shown, hex)) {
		_cleanup_free_ char *text =
		        json_dumps(json_object_get(shown, "signature"), JSON_COMPACT | JSON_SORT_KEYS);
		fprintf(stderr, "gangway job: to %s: %s\n", verb, text ? text : hex);
		json_object_set_new(out, "sha256", json_string(hex));
	}
	json_decref(shown);
	return code;
}

int job_signature_run(const char *state, const json_t *args, int argc, char **argv)
{
	static const char *const commands[][2] = {{"show", "job.signature.show"},
	        {"approve", "job.signature.approve"}, {"reject", "job.signature.reject"}};
	const char *verb = argc ? argv[0] : "show";
	static const char *const names[][2] = {
	        {"signature_approved", "signature"}, {"sha256", "sha256"}, {"reason", "reason"}};
	for (size_t i = 0; argc <= 1 && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(verb, commands[i][0]) != 0)
			continue;
		json_t *out = json_object();
		for (size_t n = 0; i && n < ARRAY_SIZE(names); n++)
			if (json_object_get(args, names[n][0]))
				json_object_set(out, names[n][1], json_object_get(args, names[n][0]));
		bool named = !i || json_object_get(out, "signature") || json_object_get(out, "sha256");
		int code = named ? EXIT_OK : name_what_is_shown(state, verb, out);
		if (code == EXIT_OK)
			return call(state, commands[i][1], out);
		json_decref(out);
		return code;
	}
	fputs("usage: gangway job signature [show]\n"
	      "       gangway job signature approve|reject [--signature FILE | --sha256 HEX] [--reason "
	      "TEXT]\n",
	        stderr);
	return EXIT_USAGE;
}
