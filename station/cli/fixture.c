// SPDX-License-Identifier: MIT
// `gangway fixture show|check|learn|watch`: which port is which slot.
#include "cli/fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "board/board.h"
#include "cli/command.h"
#include "cli/options.h"

static const char help[] =
        "usage: gangway fixture show  [--profile FILE] [--base PORT] [--bytes N]   the USB tree, with "
        "slots\n"
        "                             and boards, and what the host has to carry\n"
        "       gangway fixture check --profile FILE [--base PORT] [--bytes N]   does the tree fit it, "
        "and\n"
        "                             can the host carry it? exit 1 if not\n"
        "       gangway fixture learn --output FILE [--slots N] [--name NAME] [--columns N]\n"
        "                             asks for a board in slot 1, 2, 3 ... and writes the profile\n"
        "       gangway fixture watch --profile FILE [--base PORT]   boards as they come and go\n";

static bool parse_count(const char *text, uint64_t limit, uint64_t *out)
{
	return board_bytes_parse(text, out) && *out >= 1 && *out <= limit;
}

static int take_count(const struct option *option, const char *text, uint64_t limit, uint64_t *out)
{
	if (parse_count(text, limit, out))
		return 0;
	return options_wrong(
	        "fixture", "--%s %s: not a number from 1 to %" PRIu64, option->name, text, limit);
}

static int take(void *context, const struct option *option, const char *value)
{
	struct fixture_options *o = context;
	uint64_t number = 0;
	int r = 0;
	switch (option->val) {
	case 'p':
	case 'o': o->profile = value; break;
	case 'b': o->base = value; break;
	case 'n': o->name = value; break;
	case 'c':
		r = take_count(option, value, BOARD_SLOTS_MAX, &number);
		o->columns = (unsigned)number;
		break;
	case 's':
		r = take_count(option, value, BOARD_SLOTS_MAX, &number);
		o->slots = (unsigned)number;
		break;
	default:
		r = take_count(option, value, UINT64_C(1) << 42, &number);
		o->bytes = number;
		break;
	}
	return r;
}

static int parse(int argc, char **argv, struct fixture_options *o)
{
	static const struct option longs[] = {
	        {"profile", required_argument, NULL, 'p'},
	        {"output", required_argument, NULL, 'o'},
	        {"base", required_argument, NULL, 'b'},
	        {"name", required_argument, NULL, 'n'},
	        {"columns", required_argument, NULL, 'c'},
	        {"slots", required_argument, NULL, 's'},
	        {"bytes", required_argument, NULL, 'B'},
	        {0},
	};
	const struct options options = {
	        .command = "fixture", .help = help, .longs = longs, .take = take, .context = o};
	int r = options_parse(&options, argc, argv);
	if (r == 0 && argc - optind > 1)
		r = options_wrong("fixture", "one word is wanted, not '%s'", argv[optind + 1]);
	return r;
}

int cmd_fixture(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct fixture_options *, struct err *);
		const char *needs; // where a profile is read, or written
	} actions[] = {
	        {"show", fixture_show, NULL},
	        {"check", fixture_check, "--profile"},
	        {"learn", fixture_learn, "--output"},
	        {"watch", fixture_watch, "--profile"},
	};
	struct fixture_options options = {0};
	struct err e = {0};
	int r = parse(argc, argv, &options);
	if (r != 0)
		return options_exit(r);
	const char *verb = optind < argc ? argv[optind] : "";
	size_t i = 0;
	while (i < ARRAY_SIZE(actions) && strcmp(verb, actions[i].name) != 0)
		i++;
	if (i == ARRAY_SIZE(actions))
		r = options_wrong(
		        "fixture", "show, check, learn or watch is wanted%s%s", *verb ? ", not " : "", verb);
	else if (actions[i].needs && !options.profile)
		r = options_wrong("fixture", "%s wants %s FILE", verb, actions[i].needs);
	if (r != 0)
		return options_exit(r);
	r = actions[i].run(&options, &e);
	if (r < 0)
		fprintf(stderr, "gangway fixture: %s\n", e.text);
	return r < 0 ? EXIT_FAILED : r;
}
