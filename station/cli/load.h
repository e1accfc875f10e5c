// SPDX-License-Identifier: MIT
// One image through the store, for a command that needs all of it and no station.
#ifndef GANGWAY_CLI_LOAD_H
#define GANGWAY_CLI_LOAD_H

#include <getopt.h>
#include <stdbool.h>

#include "base/loop.h"
#include "image/import.h"

struct load_options {
	const char *command; // for complaints
	const char *image;
	const char *bmap;  // NULL: looked for beside the image
	const char *store; // NULL: store_default_path()
	bool holes;        // a raw image without bmap: its holes are unmapped
	uint64_t window;   // bytes that a board takes at a time (image/windows.h)
};

// What such commands have in common, for their own tables.
enum { LOAD_OPTION_BMAP = 512, LOAD_OPTION_HOLES, LOAD_OPTION_STORE, LOAD_OPTION_WINDOW };
#define LOAD_OPTIONS                                                   \
	{"bmap", required_argument, NULL, LOAD_OPTION_BMAP},           \
	        {"holes", no_argument, NULL, LOAD_OPTION_HOLES},       \
	        {"store", required_argument, NULL, LOAD_OPTION_STORE}, \
	{                                                              \
		"window", required_argument, NULL, LOAD_OPTION_WINDOW  \
	}

// Takes one of LOAD_OPTIONS; as options_take.
int load_option(struct load_options *options, const struct option *option, const char *value);

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
