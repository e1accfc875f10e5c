// SPDX-License-Identifier: MIT
// Parts of a file that are decoded at the same time, each in a lane of its own, and drained in the file's order.
#include "image/lanes.h"

#include <errno.h>
#include <inttypes.h>

#include "core/failure.h"

// The slot being filled goes on, and another one comes. False: aborted.
static bool next_slot(struct lane_decoder *d)
{
	if (d->slot) {
		d->slot->size = d->io.out_pos;
		ring_fill_end(&d->lane->ring);
	}
	d->slot = ring_fill_begin(&d->lane->ring);
	if (!d->slot)
		return false;
	d->io.out = d->slot->data;
	d->io.out_size = LANE_PIECE;
	d->io.out_pos = 0;
	return true;
}

int lane_decode(struct lane_decoder *d, const uint8_t *data, size_t size, bool end, struct err *e)
{
	struct decode_io *io = &d->io;
	io->in = data;
	io->in_size = size;
	io->in_pos = 0;
	io->in_end = end;
	for (;;) {
		if ((!d->slot || io->out_pos == io->out_size) && !next_slot(d))
			return -ECANCELED;
		int r = d->ops->step(d->state, io, e);
		if (r != DECODE_MORE)
			return r;
		if (io->in_pos == io->in_size && io->out_pos < io->out_size && !io->in_end)
			return DECODE_MORE;
	}
}

void lane_end(struct lane_decoder *d)
{
	if (!d->slot && !next_slot(d))
		return;
	d->slot->size = d->io.out_pos;
	d->slot->last = true;
	ring_fill_end(&d->lane->ring);
	d->slot = NULL;
}

int lane_failed(const struct lane_decoder *d, uint64_t at, struct err *e)
{
	if (e->failure != FAILURE_IMPORT_FAILED)
		return -e->num;
	return err_prefix(e, "near byte %" PRIu64, at + d->io.in_pos);
}

// The next part to be decoded, NULL when there will be none. Parts are taken in order: so the foremost lane, for which the
// drainer waits, always has a thread.
static struct lane *take(struct lanes *lanes)
{
	struct lane *lane = NULL;
	pthread_mutex_lock(&lanes->lock);
	for (;;) {
		while (lanes->taken == lanes->filled && !lanes->aborted && !lanes->closed)
			pthread_cond_wait(&lanes->changed, &lanes->lock);
		if (lanes->aborted || lanes->taken == lanes->filled)
			break;
		struct lane *next = &lanes->lanes[lanes->taken++ % lanes->count];
		if (!next->streamed) {
			lane = next;
			break;
		}
	}
	pthread_mutex_unlock(&lanes->lock);
	return lane;
}

static void *decode_main(void *context)
{
	struct lanes *lanes = context;
	struct lane *lane;
	void *state = NULL;
	while ((lane = take(lanes))) {
		struct err e;
		struct lane_decoder decoder = {.lane = lane, .ops = lanes->ops};
		int r = state ? 0 : lanes->ops->open(&state, &e);
		decoder.state = state;
		if (r == 0)
			r = lane_decode(&decoder, lane->in, lane->in_size, true, &e);
		if (r == -ECANCELED)
			break;
		if (r < 0) {
			lane_failed(&decoder, lane->at, &e);
			lanes->failed(lanes->context, &e);
			break;
		}
		lane_end(&decoder);
	}
	if (state)
		lanes->ops->close(state);
	return NULL;
}

static int start_threads(struct lanes *lanes, unsigned threads, struct err *e)
{
	for (; lanes->thread_count < threads; lanes->thread_count++) {
		int r = pthread_create(&lanes->threads[lanes->thread_count], NULL, decode_main, lanes);
		if (r)
			return err_sys(e, r, "a thread of the decoder");
	}
	return 0;
}

int lanes_init(struct lanes *lanes, const struct decode_ops *ops, unsigned threads, lanes_failed *failed,
        void *context, struct err *e)
{
	*lanes = (struct lanes){.ops = ops, .failed = failed, .context = context};
	pthread_mutex_init(&lanes->lock, NULL);
	pthread_cond_init(&lanes->changed, NULL);
	int r = 0;
	// One more is being filled, and one drained, while the threads decode.
	for (unsigned wanted = threads ? threads + 2 : 1; r == 0 && lanes->count < wanted;) {
		r = ring_init(&lanes->lanes[lanes->count].ring, LANE_SLOTS, LANE_PIECE, e);
		lanes->count += r == 0;
	}
	if (r == 0)
		r = start_threads(lanes, threads, e);
	if (r < 0) {
		lanes_abort(lanes);
		lanes_destroy(lanes);
	}
	return r;
}

void lanes_destroy(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	lanes->closed = true;
	pthread_cond_broadcast(&lanes->changed);
	pthread_mutex_unlock(&lanes->lock);
	for (unsigned i = 0; i < lanes->thread_count; i++)
		pthread_join(lanes->threads[i], NULL);
	for (unsigned i = 0; i < lanes->count; i++) {
		ring_destroy(&lanes->lanes[i].ring);
		free(lanes->lanes[i].in);
	}
	pthread_cond_destroy(&lanes->changed);
	pthread_mutex_destroy(&lanes->lock);
	*lanes = (struct lanes){0};
}

struct lane *lanes_fill_begin(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	while (lanes->filled - lanes->drained == lanes->count && !lanes->aborted)
		pthread_cond_wait(&lanes->changed, &lanes->lock);
	struct lane *lane = lanes->aborted ? NULL : &lanes->lanes[lanes->filled % lanes->count];
	pthread_mutex_unlock(&lanes->lock);
	if (lane) {
		lane->in_size = 0;
		lane->streamed = lane->final = false;
	}
	return lane;
}

int lane_append(struct lane *lane, const uint8_t *data, size_t size, struct err *e)
{
	size_t needed = lane->in_size + size, room = lane->in_room ? lane->in_room : LANE_PIECE;
	while (room < needed && room < LANE_PART)
		room = (size_t)u64_min(2 * room, LANE_PART);
	if (room < needed)
		return err_set(e, EOVERFLOW, "a part of %zu bytes", needed);
	if (room != lane->in_room) {
		uint8_t *grown = realloc(lane->in, room);
		if (!grown)
			return decode_no_memory(e);
		lane->in = grown;
		lane->in_room = room;
	}
	if (size)
		memcpy(lane->in + lane->in_size, data, size);
	lane->in_size = needed;
	return 0;
}

void lanes_fill_end(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	lanes->filled++;
	pthread_cond_broadcast(&lanes->changed);
	pthread_mutex_unlock(&lanes->lock);
}

struct lane *lanes_drain_begin(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	while (lanes->drained == lanes->filled && !lanes->aborted)
		pthread_cond_wait(&lanes->changed, &lanes->lock);
	struct lane *lane = lanes->aborted ? NULL : &lanes->lanes[lanes->drained % lanes->count];
	pthread_mutex_unlock(&lanes->lock);
	return lane;
}

void lanes_drain_end(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	lanes->drained++;
	pthread_cond_broadcast(&lanes->changed);
	pthread_mutex_unlock(&lanes->lock);
}

void lanes_abort(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	lanes->aborted = true;
	pthread_cond_broadcast(&lanes->changed);
	pthread_mutex_unlock(&lanes->lock);
	for (unsigned i = 0; i < lanes->count; i++)
		ring_abort(&lanes->lanes[i].ring);
}
