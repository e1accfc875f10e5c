// SPDX-License-Identifier: MIT
// `gangway slot`: what a person does at a slot.
#include <getopt.h>
#include <stdbool.h>

#include "base/util.h"
#include "cli/command.h"
#include "cli/state.h"

static const char usage[] =
        "usage: gangway slot scan SLOT SERIAL\n"
        "       gangway slot ack | cancel SLOT\n"
        "       gangway slot release SLOT --reason TEXT\n"
        "all with [--state DIR] [--json]\n"
        "\n"
        "scan     gives the board in the slot its serial number\n"
        "ack      acknowledges a FAIL, REFUSED, HOLD or INTERRUPTED\n"
        "cancel   stops the board under way\n"
        "release  lets the board be programmed again; a unit that has passed needs a reason\n";

static int slot_call(const char *state, bool json, const char *verb, json_t *args)
{
	char cmd[32];
	json_t *slot = NULL;
	snprintf(cmd, sizeof(cmd), "slot.%.20s", verb);
	int code = cli_call("slot", state, cmd, args, NULL, 0, &slot);
	const char *tile = json_string_value(json_object_get(slot, "tile"));
	if (code == EXIT_OK && json)
		cli_print_json(slot);
	else if (code == EXIT_OK && tile)
		printf("slot %s: %s\n", json_string_value(json_object_get(slot, "slot")), tile);
	json_decref(slot);
	return code;
}

int cmd_slot(int argc, char **argv)
{
	static const struct option options[] = {{"state", required_argument, NULL, 's'},
	        {"reason", required_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'},
	        {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = cli_state_default(), *reason = "";
	bool json = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': state = optarg; break;
		case 'r': reason = optarg; break;
		case 'j': json = true; break;
		case 'h': fputs(usage, stdout); return EXIT_OK;
		default: return EXIT_USAGE;
		}
	}
	int words = argc - optind;
	const char *verb = words > 0 ? argv[optind] : "", *slot = words > 1 ? argv[optind + 1] : "";
	if (words == 3 && !strcmp(verb, "scan"))
		return slot_call(
		        state, json, verb, json_pack("{s:s,s:s}", "slot", slot, "serial", argv[optind + 2]));
	if (words == 2 && (!strcmp(verb, "ack") || !strcmp(verb, "cancel")))
		return slot_call(state, json, verb, json_pack("{s:s}", "slot", slot));
	if (words == 2 && !strcmp(verb, "release"))
		return slot_call(state, json, verb, json_pack("{s:s,s:s}", "slot", slot, "reason", reason));
	fputs(usage, stderr);
	return EXIT_USAGE;
}
