// SPDX-License-Identifier: MIT
// Parts of a file that are decoded at the same time, each in a lane of its own, and drained in the file's order.
#ifndef GANGWAY_IMAGE_LANES_H
#define GANGWAY_IMAGE_LANES_H

#include "image/decode.h"
#include "image/ring.h"

/*
 * One thread fills lanes with encoded parts, in the file's order; `threads` decode them; one drains what comes out, in
 * the same order. A lane holds one part and up to LANE_SLOTS decoded pieces of it: its thread then waits for the drainer,
 * who waits for the foremost lane. So the memory is bounded whatever a part decodes to: lanes x (LANE_PART + slots x piece).
 *
 * A piece is as long as a huge page: what goes into the store's file in one write(2) stays together in the page cache,
 * where the file system can do that, and each board's worker then maps, writes, compares and unmaps it as one page.
 */
enum { LANES_MAX = DECODE_THREADS_MAX + 2, LANE_SLOTS = 4, LANE_PIECE = 2 * 1024 * 1024 };
#define LANE_PART (CUT_PART_MAX + LANE_PIECE)

struct lane {
	struct ring ring; // decoded pieces; the part's last one says so
	uint8_t *in;      // the encoded part, which begins at `at` in the file
	size_t in_size, in_room;
	uint64_t at;
	bool streamed; // decoded by the filling thread itself
	bool final;    // the file ends with it
};

// What a thread could not decode, told from that thread, once by each: the owner aborts.
typedef void lanes_failed(void *context, const struct err *e);

struct lanes {
	const struct decode_ops *ops;
	lanes_failed *failed;
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct lane lanes[LANES_MAX];
	pthread_t threads[DECODE_THREADS_MAX];
	unsigned count, thread_count;
	uint64_t filled, taken, drained; // parts, so far
	bool aborted, closed;
};

// Starts `threads`; 0: there is one lane and what fills it decodes (lane.streamed). lanes_destroy() joins them, after an abort
// or when all parts were drained.
int lanes_init(struct lanes *lanes, const struct decode_ops *ops, unsigned threads, lanes_failed *failed,
        void *context, struct err *e);
void lanes_destroy(struct lanes *lanes);

// The next empty lane, which is then the caller's. NULL: aborted.
struct lane *lanes_fill_begin(struct lanes *lanes);
// Appends encoded bytes to a part that has not yet been handed on; it may get LANE_PART bytes long.
int lane_append(struct lane *lane, const uint8_t *data, size_t size, struct err *e);
// Hands it on: to the threads, or, where `streamed` was set, to the drainer only.
void lanes_fill_end(struct lanes *lanes);

// The next part's lane. NULL: aborted.
struct lane *lanes_drain_begin(struct lanes *lanes);
// After its last piece.
void lanes_drain_end(struct lanes *lanes);

// Wakes all; they get NULL from now on.
void lanes_abort(struct lanes *lanes);

// One decoder that fills a lane's ring.
struct lane_decoder {
	struct lane *lane;
	const struct decode_ops *ops;
	void *state;
	struct ring_slot *slot;
	struct decode_io io;
};

// Decodes what is encoded in data. A decode_result, or -errno; -ECANCELED: aborted.
int lane_decode(struct lane_decoder *decoder, const uint8_t *data, size_t size, bool end, struct err *e);
// Hands on the last piece of the part.
void lane_end(struct lane_decoder *decoder);
// Puts where it failed in front of *e; `at`: where in the file the bytes of the last lane_decode() begin. Returns -e->num.
int lane_failed(const struct lane_decoder *decoder, uint64_t at, struct err *e);

#endif
