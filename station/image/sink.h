// SPDX-License-Identifier: MIT
// Where decoded bytes end: hashed range by range, written into the store's data file, the front behind them.
#ifndef GANGWAY_IMAGE_SINK_H
#define GANGWAY_IMAGE_SINK_H

#include "base/digest.h"
#include "image/bmap.h"
#include "image/front.h"

struct sink {
	const char *image_name, *bmap_name; // borrowed, for messages
	const struct bmap *bmap;            // borrowed; NULL: none
	int data_fd;                        // borrowed; -1: nothing is kept
	int wake_fd;                        // borrowed
	uint64_t size_limit; // the image's size where it is known; else the most the store takes
	bool size_known;
	struct image_front *front; // borrowed; NULL while the size is not known

	struct plan_range *ranges; // the front's, `own`, or the caller's
	struct plan_range *own;
	size_t count, room; // ranges there are; `own`'s room
	size_t at;          // the range being filled
	uint64_t done;      // bytes that went by
	uint64_t woken;     // where the front stood at the last wake-up
	struct digest *sha256,
	        *bmaps; // of the range being filled; bmaps NULL where SHA-256 is the bmap's too
};

// With a front its ranges are used; else the caller sets `ranges` and `count`, or the size is not known.
// Frees nothing on failure: call sink_close().
int sink_open(struct sink *sink, struct err *e);
void sink_close(struct sink *sink);

// The next decoded bytes.
int sink_write(struct sink *sink, const uint8_t *data, size_t size, struct err *e);
// Tells the workers, if the front has moved since the last time.
void sink_wake(struct sink *sink);
// After the last byte: all sizes and counts must hold.
int sink_finish(struct sink *sink, struct err *e);

#endif
