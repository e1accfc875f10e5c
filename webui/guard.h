// SPDX-License-Identifier: MIT
// Who may ask, and who may change something: the Host, Origin and token rules.
#ifndef GANGWAY_WEBUI_GUARD_H
#define GANGWAY_WEBUI_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { GUARD_NAMES_MAX = 8, GUARD_TOKEN_BYTES = 16 };

struct guard {
	char names[GUARD_NAMES_MAX][256]; // host names that requests may use, lower case
	size_t name_count;
	char token[2 * GUARD_TOKEN_BYTES + 1];
};

// Allows "localhost" and the machine's own name (alone and with ".local"), and draws a new token.
int guard_init(struct guard *guard, struct err *e);

// One more allowed host name. -ENOSPC when there are GUARD_NAMES_MAX.
int guard_allow(struct guard *guard, const char *name, struct err *e);

/*
 * Whether a Host header names this station: an IP address, or an allowed name, with or without a port. A page
 * that rebinds its own DNS name to our address still sends its own name here, and is refused.
 */
bool guard_host(const struct guard *guard, const char *host);

// Whether an Origin header ("http://HOST") is of the page that this very Host serves (RFC 6454). NULL: no.
bool guard_origin(const char *origin, const char *host);

// Compares in constant time. NULL: no.
bool guard_token(const struct guard *guard, const char *token);

#endif
