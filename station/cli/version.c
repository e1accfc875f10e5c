// SPDX-License-Identifier: MIT
// `gangway version`
#include <stdio.h>

#include "cli/command.h"
#include "cli/options.h"

int cmd_version(int argc, char **argv)
{
	static const struct option none[] = {{0}};
	const struct options options = {
	        .command = "version", .help = "usage: gangway version\n", .longs = none};
	int r = options_parse(&options, argc, argv);
	if (r == 0 && optind != argc)
		r = options_wrong("version", "no argument is wanted, not '%s'", argv[optind]);
	if (r != 0)
		return options_exit(r);
	printf("gangway %s\n", GANGWAY_VERSION);
	return EXIT_OK;
}
