// SPDX-License-Identifier: MIT
// A command's options: one way to read them, one line for each mistake.
#ifndef GANGWAY_CLI_OPTIONS_H
#define GANGWAY_CLI_OPTIONS_H

#include <getopt.h>

/*
 * Takes one option. 0: go on; 1: the command has done what was asked (its own --help) and ends with EXIT_OK; -1: wrong,
 * and said so with options_wrong().
 */
typedef int (*options_take)(void *context, const struct option *option, const char *value);

struct options {
	const char *command;        // "image script"
	const char *help;           // what --help and -h print; NULL: `take` is given the option 'h'
	const char *shorts;         // as getopt(3) wants them, without h; each has a long form with its value
	const struct option *longs; // without "help"; ends with {0}
	options_take take;
	void *context;
};

// Reads the options behind argv[0], wherever they stand. As `take` answers; then optind is the first word that is no
// option. An unknown option, or one without its value, is -1 and was complained about.
int options_parse(const struct options *options, int argc, char **argv);

// "gangway COMMAND: TEXT; see 'gangway COMMAND --help'" on stderr. Always -1.
int options_wrong(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A command's exit code for what options_parse() answered, which is not 0.
int options_exit(int parsed);

#endif
