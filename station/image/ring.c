// SPDX-License-Identifier: MIT
// A bounded ring of buffers between two threads.
#include "image/ring.h"

#include <errno.h>

#include "base/util.h"

int ring_init(struct ring *ring, unsigned slots, size_t slot_size, struct err *e)
{
	*ring = (struct ring){.slot_count = slots, .slot_size = slot_size};
	pthread_mutex_init(&ring->lock, NULL);
	pthread_cond_init(&ring->changed, NULL);
	for (unsigned i = 0; i < slots; i++) {
		ring->slots[i].data = malloc(slot_size);
		if (!ring->slots[i].data) {
			ring_destroy(ring);
			return err_sys(e, ENOMEM, "buffers of %zu bytes", slot_size);
		}
	}
	return 0;
}

void ring_destroy(struct ring *ring)
{
	for (unsigned i = 0; i < ring->slot_count; i++)
		free(ring->slots[i].data);
	pthread_cond_destroy(&ring->changed);
	pthread_mutex_destroy(&ring->lock);
	*ring = (struct ring){0};
}

struct ring_slot *ring_fill_begin(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (ring->count == ring->slot_count && !ring->aborted)
		pthread_cond_wait(&ring->changed, &ring->lock);
	struct ring_slot *slot = ring->aborted ? NULL : &ring->slots[ring->fill];
	pthread_mutex_unlock(&ring->lock);
	if (slot) {
		slot->size = 0;
		slot->last = false;
	}
	return slot;
}

void ring_fill_end(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->fill = (ring->fill + 1) % ring->slot_count;
	ring->count++;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

struct ring_slot *ring_drain_begin(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (ring->count == 0 && !ring->aborted)
		pthread_cond_wait(&ring->changed, &ring->lock);
	struct ring_slot *slot = ring->aborted ? NULL : &ring->slots[ring->drain];
	pthread_mutex_unlock(&ring->lock);
	return slot;
}

bool ring_drain_end(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->drain = (ring->drain + 1) % ring->slot_count;
	bool empty = --ring->count == 0;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
	return empty;
}

void ring_abort(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->aborted = true;
	pthread_cond_broadcast(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}
