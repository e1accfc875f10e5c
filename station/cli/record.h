// SPDX-License-Identifier: MIT
// What the parts of `gangway record` share.
#ifndef GANGWAY_CLI_RECORD_H
#define GANGWAY_CLI_RECORD_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "cli/command.h"
#include "record/courier.h"

struct record_options {
	char database[PATH_MAX];
	char state[PATH_MAX];
	const char *heads, *key;
	const char *format, *out, *reason;
	json_t *parameters; // what narrows an export or a report
	struct courier_destinations to;
	bool json, chain_only, timings, once, status;
};

// Each answers with an exit code.
int record_export(const struct record_options *o);
int record_report(const struct record_options *o, const char *name); // NULL: lists them
int record_deliver(const struct record_options *o);
int record_dispose(const struct record_options *o, const char *serial, const char *disposition);
int record_backup(const struct record_options *o, const char *path);

#endif
