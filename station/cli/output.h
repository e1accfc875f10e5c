// SPDX-License-Identifier: MIT
// Where a command puts what it has made: stdout, or what -o names.
#ifndef GANGWAY_CLI_OUTPUT_H
#define GANGWAY_CLI_OUTPUT_H

#include <stddef.h>

#include "base/err.h"

// Before the work: refuses an output that is a folder, a disk, or what it is to be made of. `path` NULL: stdout.
int output_look(const char *path, const char *source, struct err *e);

// A file appears whole or not at all, and behind a symbolic link if `path` is one. What is no file (a pipe, /dev/stdout, a
// terminal) is written to, and never replaced by one.
int output_put(const char *path, const void *data, size_t size, struct err *e);

#endif
