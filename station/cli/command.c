// SPDX-License-Identifier: MIT
// Finds the sub-command; `gangway help`.
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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

/*
 * Whoever starts us may have closed a standard stream. What is opened next would get its number, and what is printed
 * would go into an image or a disk. In its place comes a descriptor with which the stream's own use fails.
 */
static int keep_standard_streams(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return -1;
	return 0;
}

// What was printed is part of what a command does.
static int end_output(int code)
{
	bool failed = ferror(stdout);
	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return code;
	fprintf(stderr, "gangway: standard output cannot be written%s%s: not all of it was printed\n",
	        errno ? ": " : "", errno ? strerror(errno) : "");
	return code == EXIT_OK ? EXIT_FAILED : code;
}

static int run(const struct command *command, int argc, char **argv)
{
	int code = command->run(argc, argv);
	return command->kind == COMMAND_USER ? end_output(code) : code;
}

int command_run(const struct command *commands, size_t count, int argc, char **argv)
{
	if (keep_standard_streams() < 0)
		return EXIT_FAILED;
	if (argc < 2) {
		print_help(stderr, commands, count);
		return EXIT_USAGE;
	}
	char option[] = "--help", *of_command[] = {argv[0], argv[argc - 1], option, NULL};
	const char *name = argv[1];
	if (!strcmp(name, "help") && argc == 3) { // "help write" is "write --help"
		name = argv[2];
		argv = of_command;
	}
	if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_help(stdout, commands, count);
		return end_output(EXIT_OK);
	}
	if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	fprintf(stderr, "gangway: no command '%s'; 'gangway help' lists them\n", name);
	return EXIT_USAGE;
}
