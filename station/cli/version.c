// SPDX-License-Identifier: MIT
// `gangway version`
#include <stdio.h>

#include "cli/command.h"

int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("gangway %s\n", GANGWAY_VERSION);
	return EXIT_OK;
}
