// SPDX-License-Identifier: MIT
// A command's options, read by getopt_long(3) and complained about in our own words.
#include "cli/options.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/command.h"

enum { LONGS_MAX = 96 };

int options_wrong(const char *command, const char *format, ...)
{
	char text[400];
	struct err line; // err_set() makes it one printable line
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	err_set(&line, 0, "%s", text);
	fprintf(stderr, "gangway %s: %s; see 'gangway %s --help'\n", command, line.text, command);
	return -1;
}

int options_exit(int parsed)
{
	return parsed < 0 ? EXIT_USAGE : EXIT_OK;
}

// What getopt_long() answered with '?' or ':', and left in optind and optopt.
static int complain(const struct options *o, int answer, char **argv)
{
	const char *word = argv[optind - 1];
	bool is_long = !strncmp(word, "--", 2);
	char letter[3] = {'-', (char)optopt, '\0'};
	if (answer == ':')
		return options_wrong(o->command, "%s needs a value", is_long ? word : letter);
	if (optopt == 0)
		return options_wrong(o->command, "unknown option '%s'", word);
	if (is_long && strchr(word, '='))
		return options_wrong(o->command, "'%s': this option takes no value", word);
	return options_wrong(o->command, "unknown option '%s'", letter);
}

static const struct option *find(const struct option *longs, int value)
{
	while (longs->name && longs->val != value)
		longs++;
	return longs->name ? longs : NULL;
}

static int take(const struct options *o, const struct option *option)
{
	if (!option) // a short form without a long one: a mistake of ours
		return options_wrong(o->command, "unknown option");
	if (option->val != 'h' || !o->help)
		return o->take(o->context, option, optarg);
	fputs(o->help, stdout);
	return 1;
}

int options_parse(const struct options *o, int argc, char **argv)
{
	struct option longs[LONGS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
	char shorts[32];
	for (size_t i = 0; i < LONGS_MAX && o->longs[i].name; i++)
		longs[1 + i] = o->longs[i];
	snprintf(shorts, sizeof(shorts), ":h%s", o->shorts ? o->shorts : "");
	optind = 0; // glibc's way to start anew, whatever was read before (getopt(3))
	opterr = 0;
	for (int answer, r, index = -1; (answer = getopt_long(argc, argv, shorts, longs, &index)) != -1;
	        index = -1) {
		if (answer == '?' || answer == ':')
			return complain(o, answer, argv);
		r = take(o, index >= 0 ? &longs[index] : find(longs, answer));
		if (r != 0)
			return r;
	}
	return 0;
}
