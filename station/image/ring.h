// SPDX-License-Identifier: MIT
// A bounded ring of buffers between two threads: one fills, one drains, each waits for the other.
#ifndef GANGWAY_IMAGE_RING_H
#define GANGWAY_IMAGE_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { RING_SLOTS_MAX = 16 };

struct ring_slot {
	uint8_t *data; // `slot_size` bytes
	size_t size;   // filled
	bool last;     // nothing comes behind it
};

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct ring_slot slots[RING_SLOTS_MAX];
	unsigned count, slot_count;
	unsigned fill, drain; // indices
	size_t slot_size;
	bool aborted;
};

int ring_init(struct ring *ring, unsigned slots, size_t slot_size, struct err *e);
void ring_destroy(struct ring *ring);

// The next empty slot; NULL when the ring was aborted.
struct ring_slot *ring_fill_begin(struct ring *ring);
void ring_fill_end(struct ring *ring);

// The next full slot; NULL when the ring was aborted.
struct ring_slot *ring_drain_begin(struct ring *ring);
// True when nothing more is waiting: the drainer is about to wait.
bool ring_drain_end(struct ring *ring);

// Wakes both sides; they get NULL from now on.
void ring_abort(struct ring *ring);

#endif
