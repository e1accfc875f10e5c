// SPDX-License-Identifier: MIT
// The table of sub-commands, nothing else.
#include "cli/command.h"

int main(int argc, char **argv)
{
	static const struct command commands[] = {
	        {"version", cmd_version, "prints the version", COMMAND_USER},
	};
	return command_run(commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
