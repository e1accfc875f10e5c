// SPDX-License-Identifier: MIT
// `gangway fixture`: what its actions share.
#ifndef GANGWAY_CLI_FIXTURE_H
#define GANGWAY_CLI_FIXTURE_H

#include "base/err.h"

struct fixture_options {
	const char *profile;      // --profile, and --output of learn
	const char *base;         // --base
	const char *name;         // --name
	unsigned columns;         // --columns
	unsigned slots;           // --slots: learn ends after so many; 0: at Enter
	unsigned long long bytes; // --bytes: what a cycle writes to each board, for the time estimate
};

// Each returns an exit code, or -errno with *e set.
int fixture_show(const struct fixture_options *o, struct err *e);
int fixture_check(const struct fixture_options *o, struct err *e);
int fixture_learn(const struct fixture_options *o, struct err *e);
int fixture_watch(const struct fixture_options *o, struct err *e);

#endif
