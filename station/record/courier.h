// SPDX-License-Identifier: MIT
// The courier: carries signed heads away from the station, to where its owner cannot rewrite them.
#ifndef GANGWAY_RECORD_COURIER_H
#define GANGWAY_RECORD_COURIER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

// Where heads go; NULL or false: not there.
struct courier_destinations {
	const char *folder;  // a second folder (another disk, a mounted share): the file, whole or not at all
	const char *command; // run by /bin/sh with the file's path as $1; exit 0 is delivered
	const char *http;    // http://HOST[:PORT]/PATH: POST of the file; any 2xx is delivered
	bool syslog;         // one line in the system's log
};

// The kinds of destinations, each with its marker STATE/delivered/KIND.json.
enum { COURIER_KINDS = 4 };
extern const char *const courier_kinds[COURIER_KINDS];

enum { COURIER_COMMAND_S = 30, COURIER_HTTP_S = 10, COURIER_SYSLOG_S = 10 };

// Delivers what each destination has not had yet, oldest first, and remembers it in STATE/delivered/. A destination
// that fails keeps the others from nothing, and is tried again by the next call. 0: all is delivered; else -errno and
// *e of the last failure. Blocks: for a process of its own.
int courier_deliver(const char *state, const struct courier_destinations *destinations, struct err *e);

// [{"destination","target","row","waiting","since","error"}]: a new reference. "since": when the oldest that waits was
// signed, "" when none does.
int courier_status(const char *state, json_t **out, struct err *e);

// Who watches a courier: hears its status after each round, and is gone when `fd` says so.
struct courier_watch {
	int fd;
	void (*told)(void *context, const json_t *status);
	void *context;
};

// Delivers, then waits for new heads and, after a failure, 1 s to 5 min. Ends with an error or, once more delivering what
// is there, when its watch (NULL: none) has gone.
int courier_run(const char *state, const struct courier_destinations *destinations,
        const struct courier_watch *watch, struct err *e);

// The station's child: gangway courier STATE KIND=TARGET...
int courier_role(int argc, char **argv);

#endif
