// SPDX-License-Identifier: MIT
// One image through the store, for a command that needs all of it and no station.
#ifndef GANGWAY_CLI_LOAD_H
#define GANGWAY_CLI_LOAD_H

#include <stdbool.h>

#include "base/loop.h"
#include "image/import.h"

struct load_options {
	const char *image;
	const char *bmap;  // NULL: looked for beside the image
	const char *store; // NULL: store_default_path()
	bool holes;        // a raw image without bmap: its holes are unmapped
};

struct load {
	struct loop *loop;
	struct import *import;
	const struct image *image; // complete
	bool done;
	struct err *error;
};

// Imports the image, or finds it in the store, and waits until it is confirmed. Notes go to stderr. After success and
// failure alike load_close() is to be called.
int load_image(const struct load_options *options, struct load *out, struct err *e);
void load_close(struct load *load);
#define _cleanup_load_ _cleanup_(load_close)

// SHA-256 over the plan's lines, in hex: the image's name in ledger and summaries.
void load_plan_digest(const struct load *load, char hex[SHA256_HEX_SIZE]);

#endif
