// SPDX-License-Identifier: MIT
// What a command reads: an image, and the bmap that belongs to it.
#ifndef GANGWAY_CLI_SOURCE_H
#define GANGWAY_CLI_SOURCE_H

#include <stddef.h>

#include "base/err.h"

// Each: the caller's descriptor in *fd, or -errno and one line in *e with FAILURE_IMPORT_FAILED.
int source_open_image(const char *path, int *fd, struct err *e);

// `bmap` NULL: the one beside the image, *fd -1 when there is none. Its name goes to `name`.
int source_open_bmap(const char *image, const char *bmap, char *name, size_t size, int *fd, struct err *e);

#endif
