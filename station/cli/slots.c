// SPDX-License-Identifier: MIT
// `gangway slots`
#include <errno.h>

#include "cli/command.h"
#include "cli/options.h"
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
		view.whole = true;
		slotview_apply(&view, snapshot);
		slotview_draw(&view);
		slotview_free(&view);
	}
	json_decref(snapshot);
	return code;
}

struct slots_options {
	const char *state;
	bool once, json;
};

static int take(void *context, const struct option *option, const char *value)
{
	struct slots_options *o = context;
	switch (option->val) {
	case 's': o->state = value; return 0;
	case 'o': o->once = true; return 0;
	default: o->json = true; return 0;
	}
}

int cmd_slots(int argc, char **argv)
{
	static const struct option longs[] = {{"state", required_argument, NULL, 's'},
	        {"once", no_argument, NULL, 'o'}, {"json", no_argument, NULL, 'j'}, {0}};
	struct slots_options o = {.state = cli_state_default()};
	const struct options options = {
	        .command = "slots", .help = usage, .longs = longs, .take = take, .context = &o};
	int r = options_parse(&options, argc, argv);
	if (r == 0 && optind != argc)
		r = options_wrong("slots", "no argument is wanted, not '%s'", argv[optind]);
	if (r != 0)
		return options_exit(r);
	return o.once || o.json ? show_once(o.state, o.json) : follow(o.state);
}
