// SPDX-License-Identifier: MIT
// What the commands that talk to a station share.
#include "cli/state.h"

#include "cli/command.h"

const char *cli_state_default(void)
{
	const char *state = getenv("GANGWAY_STATE");
	return state && state[0] ? state : "/var/lib/gangway";
}

void cli_complain(const char *command, const struct err *e)
{
	fprintf(stderr, "gangway %s: %s\n", command, e->text);
}

int cli_call(const char *command, const char *state, const char *cmd, json_t *args, const int *fds,
        size_t fd_count, json_t **result)
{
	_cleanup_(control_disconnectp) struct control_connection *connection = NULL;
	struct err e = {0};
	int r = control_connect(state, &connection, &e);
	if (r < 0)
		json_decref(args);
	else
		r = control_call(connection, cmd, args, fds, fd_count, result, &e);
	if (r < 0)
		cli_complain(command, &e);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

void cli_print_json(const json_t *object)
{
	char *text = json_dumps(object, JSON_INDENT(2));
	if (text)
		puts(text);
	free(text);
}
