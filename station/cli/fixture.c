// SPDX-License-Identifier: MIT
// `gangway fixture show|check|learn|watch`: which port is which slot.
#include "cli/fixture.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "board/board.h"
#include "cli/command.h"

static int usage(FILE *to)
{
	fputs("usage: gangway fixture show  [--profile FILE] [--base PORT] [--bytes N]   the USB tree, with "
	      "slots\n"
	      "                             and boards, and what the host has to carry\n"
	      "       gangway fixture check --profile FILE [--base PORT] [--bytes N]   does the tree fit it, "
	      "and\n"
	      "                             can the host carry it? exit 1 if not\n"
	      "       gangway fixture learn --output FILE [--slots N] [--name NAME] [--columns N]\n"
	      "                             asks for a board in slot 1, 2, 3 ... and writes the profile\n"
	      "       gangway fixture watch --profile FILE [--base PORT]   boards as they come and go\n",
	        to);
	return to == stdout ? EXIT_OK : EXIT_USAGE;
}

static bool parse_count(const char *text, uint64_t limit, uint64_t *out)
{
	return board_bytes_parse(text, out) && *out >= 1 && *out <= limit;
}

static bool set_option(struct fixture_options *o, int option, const char *value)
{
	uint64_t number = 0;
	switch (option) {
	case 'p':
	case 'o': o->profile = value; return true;
	case 'b': o->base = value; return true;
	case 'n': o->name = value; return true;
	case 'c':
		if (!parse_count(value, BOARD_SLOTS_MAX, &number))
			return false;
		o->columns = (unsigned)number;
		return true;
	case 's':
		if (!parse_count(value, BOARD_SLOTS_MAX, &number))
			return false;
		o->slots = (unsigned)number;
		return true;
	case 'B':
		if (!parse_count(value, UINT64_C(1) << 42, &number))
			return false;
		o->bytes = number;
		return true;
	default: return false;
	}
}

static bool parse_options(int argc, char **argv, struct fixture_options *o)
{
	static const struct option options[] = {
	        {"profile", required_argument, NULL, 'p'},
	        {"output", required_argument, NULL, 'o'},
	        {"base", required_argument, NULL, 'b'},
	        {"name", required_argument, NULL, 'n'},
	        {"columns", required_argument, NULL, 'c'},
	        {"slots", required_argument, NULL, 's'},
	        {"bytes", required_argument, NULL, 'B'},
	        {0},
	};
	int option;
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!set_option(o, option, optarg)) {
			if (option != '?')
				fprintf(stderr, "gangway fixture: '%s' is not a value for that option\n",
				        optarg);
			return false;
		}
	return optind == argc;
}

int cmd_fixture(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct fixture_options *, struct err *);
		bool needs_profile;
	} actions[] = {
	        {"show", fixture_show, false},
	        {"check", fixture_check, true},
	        {"learn", fixture_learn, true},
	        {"watch", fixture_watch, true},
	};
	struct fixture_options options = {0};
	struct err e = {0};
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")))
		return usage(stdout);
	for (size_t i = 0; argc >= 2 && i < ARRAY_SIZE(actions); i++) {
		if (strcmp(argv[1], actions[i].name) != 0)
			continue;
		if (!parse_options(argc - 1, argv + 1, &options) ||
		        (actions[i].needs_profile && !options.profile))
			return usage(stderr);
		int r = actions[i].run(&options, &e);
		if (r < 0)
			fprintf(stderr, "gangway fixture: %s\n", e.text);
		return r < 0 ? EXIT_FAILED : r;
	}
	return usage(stderr);
}
