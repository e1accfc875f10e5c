// SPDX-License-Identifier: MIT
// `gangway station`
#include "daemon/station.h"

#include "base/child.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/state.h"

static const char usage[] =
        "usage: gangway station --config FILE\n"
        "\n"
        "Runs the station that FILE describes: [station] state= name= listen= host= store_limit= stall_ms= "
        "eject=\n"
        "power_off_ms=, [fixture] kind= and its settings, [match] and [heads]; deploy/station.ini "
        "(installed: "
        "share/doc/gangway/)\n"
        "shows every setting. The first SIGTERM or Ctrl-C lets the boards under way finish, the second "
        "cancels them.\n";

struct station_options {
	const char *path;
	int control_fd;
};

static int take(void *context, const struct option *option, const char *value)
{
	struct station_options *o = context;
	if (option->val == 'c')
		o->path = value;
	else
		o->control_fd = CHILD_FD_FIRST;
	return 0;
}

int cmd_station(int argc, char **argv)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
	        {"control-fd", no_argument, NULL, 'f'}, // from `gangway demo`
	        {0}};
	struct station_options o = {.control_fd = -1};
	const struct options options = {
	        .command = "station", .help = usage, .longs = longs, .take = take, .context = &o};
	int r = options_parse(&options, argc, argv);
	if (r == 0 && optind != argc)
		r = options_wrong("station", "no argument is wanted, not '%s'", argv[optind]);
	else if (r == 0 && !o.path)
		r = options_wrong("station", "--config FILE is needed");
	if (r != 0)
		return options_exit(r);
	struct err e = {0};
	struct station_config config;
	r = o.control_fd >= 0 ? child_enter(1, &e) : 0;
	if (r == 0)
		r = station_config_load(o.path, &config, &e);
	if (r < 0) {
		cli_complain("station", &e);
		return EXIT_FAILED;
	}
	int code = station_run(&config, o.control_fd);
	station_config_free(&config);
	return code;
}
