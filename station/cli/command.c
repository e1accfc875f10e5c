// SPDX-License-Identifier: MIT
// Finds the sub-command; `gangway help`.
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static void print_help(FILE *to, const struct command *commands, size_t count)
{
	fprintf(to, "gangway: programs many boards at once, reads every byte back, keeps the record.\n\n"
	            "usage: gangway COMMAND [ARGUMENT...]\n\n");
	for (size_t i = 0; i < count; i++)
		if (commands[i].kind == COMMAND_USER)
			fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n'gangway COMMAND --help' tells more.\n");
}

int command_run(const struct command *commands, size_t count, int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr, commands, count);
		return EXIT_USAGE;
	}
	const char *name = argv[1];
	if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_help(stdout, commands, count);
		return EXIT_OK;
	}
	if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "gangway: no command '%s'; 'gangway help' lists them\n", name);
	return EXIT_USAGE;
}
