// SPDX-License-Identifier: MIT
// The files by which a board programs itself: one compressed window each, and the script that takes them.
#ifndef GANGWAY_IMAGE_STICK_H
#define GANGWAY_IMAGE_STICK_H

#include "image/script.h"

#define STICK_FOLDER "gw" // of the windows; boot.scr is beside it

// Where the files go, in this order: windows (folder STICK_FOLDER), then boot.scr (folder NULL).
struct stick_sink {
	int (*add)(void *context, const char *folder, const char *name, const void *data, size_t size,
	        struct err *e);
	void *context;
};

// Cuts and compresses (gzip) the image; the image is complete. Deterministic. *bytes counts what was added.
int stick_make(const struct image *image, const struct script_spec *spec, const struct stick_sink *sink,
        uint64_t *bytes, struct err *e);

#endif
