// SPDX-License-Identifier: MIT
// U-Boot's legacy image format around a script: what `mkimage -T script` makes and `source` takes.
#ifndef GANGWAY_IMAGE_LEGACY_H
#define GANGWAY_IMAGE_LEGACY_H

#include <stddef.h>

#include "base/err.h"

// Wraps the text. `name` is shown by `mkimage -l` (31 characters are kept). The same input gives the same bytes (no
// time in it). The caller frees *out.
int legacy_script(
        const char *name, const char *text, size_t size, char **out, size_t *out_size, struct err *e);

#endif
