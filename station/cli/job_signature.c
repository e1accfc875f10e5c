// SPDX-License-Identifier: MIT
// `gangway job signature`, and the file a board signature is kept in.
#include "cli/job_signature.h"

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

static int call(const char *state, const char *cmd, json_t *args)
{
	json_t *shown = NULL;
	int code = cli_call("job", state, cmd, args, NULL, 0, &shown);
	if (code == EXIT_OK)
		cli_print_json(shown);
	json_decref(shown);
	return code;
}

int job_signature_run(const char *state, const json_t *args, int argc, char **argv)
{
	static const char *const commands[][2] = {{"show", "job.signature.show"},
	        {"approve", "job.signature.approve"}, {"reject", "job.signature.reject"}};
	const char *verb = argc ? argv[0] : "show";
	json_t *given = json_object_get(args, "signature_approved"),
	       *reason = json_object_get(args, "reason");
	for (size_t i = 0; argc <= 1 && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(verb, commands[i][0]) != 0)
			continue;
		json_t *out = json_object();
		if (given)
			json_object_set(out, "signature", given);
		if (reason)
			json_object_set(out, "reason", reason);
		return call(state, commands[i][1], out);
	}
	fputs("usage: gangway job signature [show]\n"
	      "       gangway job signature approve|reject [--signature FILE] [--reason TEXT]\n",
	        stderr);
	return EXIT_USAGE;
}
