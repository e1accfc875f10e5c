// SPDX-License-Identifier: MIT
// A library that one role alone needs, loaded when that role begins.
#ifndef GANGWAY_BASE_LATE_H
#define GANGWAY_BASE_LATE_H

#include <stddef.h>

#include "base/err.h"

/*
 * libmicrohttpd brings a TLS library along, libxml2 brings ICU and the C++ runtime: linked in, both took more than half of
 * the time in which any process of the binary starts, and each board has one. Whoever wraps such a library has functions
 * of the same names, which call what was found here.
 */
struct late_call {
	const char *name;
	void (**to)(void); // set to the library's function of this name
};

// Loads the library, for as long as the process lives. -ENOENT: it is not there, or lacks a function.
int late_load(const char *soname, const struct late_call *calls, size_t count, struct err *e);

#endif
