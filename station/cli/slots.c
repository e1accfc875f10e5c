// SPDX-License-Identifier: MIT
// `gangway slots`
#include <errno.h>
#include <getopt.h>

#include "cli/command.h"
#include "cli/slotview.h"
#include "cli/state.h"

static const char usage[] =
        "usage: gangway slots [--state DIR] [--once] [--json]\n"
        "\n"
        "Shows the station's slots, live; with --once as they are now. --json prints the\n"
        "station's snapshot (docs/protocol.md).\n";

static int follow(const char *state)
{
	_cleanup_(control_disconnectp) struct control_connection *connection = NULL;
	struct slotview view;
	struct err e = {0};
	int r = control_connect(state, &connection, &e);
	if (r == 0)
		r = control_call(connection, "subscribe", NULL, NULL, 0, NULL, &e);
	slotview_init(&view, false);
	while (r == 0) {
		json_t *event = NULL;
		r = control_event(connection, -1, &event, &e);
		if (r == 0)
			slotview_apply(&view, event);
		json_decref(event);
		slotview_draw(&view);
	}
	slotview_free(&view);
	cli_complain("slots", &e);
	return EXIT_FAILED;
}

static int show_once(const char *state, bool json)
{
	json_t *snapshot = NULL;
	int code = cli_call("slots", state, "state", NULL, NULL, 0, &snapshot);
	if (code == EXIT_OK && json) {
		cli_print_json(snapshot);
	} else if (code == EXIT_OK) {
		struct slotview view;
		slotview_init(&view, false);
		slotview_apply(&view, snapshot);
		slotview_draw(&view);
		slotview_free(&view);
	}
	json_decref(snapshot);
	return code;
}

int cmd_slots(int argc, char **argv)
{
	static const struct option options[] = {{"state", required_argument, NULL, 's'},
	        {"once", no_argument, NULL, 'o'}, {"json", no_argument, NULL, 'j'},
	        {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = cli_state_default();
	bool once = false, json = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': state = optarg; break;
		case 'o': once = true; break;
		case 'j': json = true; break;
		case 'h': fputs(usage, stdout); return EXIT_OK;
		default: return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return once || json ? show_once(state, json) : follow(state);
}
