// SPDX-License-Identifier: MIT
// Imports: a source file (and its bmap) into the store, in a process of its own with no other rights.
#ifndef GANGWAY_IMAGE_IMPORT_H
#define GANGWAY_IMAGE_IMPORT_H

#include "base/loop.h"
#include "image/image.h"

enum import_mapping {
	IMPORT_MAP_BMAP,  // the bmap says what is mapped
	IMPORT_MAP_ALL,   // no bmap: every byte is mapped
	IMPORT_MAP_HOLES, // no bmap: a raw file's holes stay unmapped (asked for)
};

struct import_request {
	int image_fd;           // borrowed; the source as given, O_RDONLY
	int bmap_fd;            // borrowed; -1: none
	const char *image_name; // for messages, and as the store's hint
	const char *bmap_name;  // for messages; NULL: none
	const char *store;      // the store's folder; made when it is not there
	uint64_t store_limit;   // bytes the store may use; least recently used entries go; 0: no limit
	bool holes_unmapped;    // without a bmap
	bool trust_times; // a source that was hashed before and is unchanged by its times is not hashed again (settled.h)
};

/*
 * What the owner hears, in this order. Called from the loop.
 *   ready     once: the geometry is known and boards may start; `image` is open (front mapped). Where the size is
 *             not known in advance, or the archive is small or does not end as a whole one does, this comes only at
 *             the end, with the front there. On a hit in the store the front is there at once.
 *   progress  as the import goes on (not more than ten times a second); for showing only: workers follow `front`.
 *   done      once, last: confirmed and published; the importer has ended. key and source_sha256 are filled in. The
 *             front says IMAGE_CONFIRMED earlier, before the entry was synced to the store's disk.
 *   failed    once, last, with or without `ready` before it: *e has failure and text. Workers see IMAGE_FAILED too.
 */
struct import;
struct import_events {
	void (*ready)(void *context, struct import *import);
	void (*progress)(void *context, struct import *import, uint64_t decoded, uint64_t image_size_or_0);
	void (*note)(void *context, struct import *import,
	        const char *text); // e.g. "no bmap: every byte is mapped"
	void (*done)(void *context, struct import *import);
	void (*failed)(void *context, struct import *import, const struct err *e);
};

// Starts the importer. The strings and descriptors of the request are not needed after the call.
int import_start(struct loop *loop, const struct import_request *request, const struct import_events *events,
        void *context, struct import **out, struct err *e);

// The image: valid from ready on, owned by the import until import_free().
struct image *import_image(struct import *import);

// "raw", "gzip", "xz", "bzip2", "zstd", "lz4"; "" before the importer has looked.
const char *import_codec(const struct import *import);
// True when no decoding was needed.
bool import_was_stored(const struct import *import);
// After `done`: true when the source's times told that it is what was hashed before (trust_times).
bool import_was_unchanged(const struct import *import);

// Stops a running import (what it wrote is dropped) and frees it. Safe inside its own callbacks. NULL is fine.
struct import *import_free(struct import *import);

// Looks beside an image for its bmap, stripping extensions one by one: a.wic.xz -> a.wic.xz.bmap, a.wic.bmap,
// a.bmap. An open descriptor, the name in `found`; -1 when there is none; other -errno on failure.
int import_find_bmap(const char *image_path, char *found, size_t size, struct err *e);

// The importer role's main: argv as from import_start().
int import_role(int argc, char **argv);

#endif
