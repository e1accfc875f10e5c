// SPDX-License-Identifier: MIT
// `gangway station`
#include "daemon/station.h"

#include <getopt.h>

#include "base/child.h"
#include "cli/command.h"
#include "cli/state.h"

static const char usage[] =
        "usage: gangway station --config FILE\n"
        "\n"
        "Runs the station that FILE describes: [station] state= name= listen= store_limit= stall_ms= "
        "eject=,\n"
        "[fixture] kind= and its settings, [match] and [heads] (docs/ledger.md). The first SIGTERM or Ctrl-C "
        "lets the boards under way\n"
        "finish, the second cancels them.\n";

int cmd_station(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
	        {"control-fd", no_argument, NULL, 'f'}, // from `gangway demo`
	        {"help", no_argument, NULL, 'h'}, {0}};
	const char *path = NULL;
	int option, control_fd = -1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (option == 'c')
			path = optarg;
		else if (option == 'f')
			control_fd = CHILD_FD_FIRST;
		else
			return EXIT_USAGE;
	}
	if (!path || optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	struct err e = {0};
	struct station_config config;
	int r = control_fd >= 0 ? child_enter(1, &e) : 0;
	if (r == 0)
		r = station_config_load(path, &config, &e);
	if (r < 0) {
		cli_complain("station", &e);
		return EXIT_FAILED;
	}
	int code = station_run(&config, control_fd);
	station_config_free(&config);
	return code;
}
