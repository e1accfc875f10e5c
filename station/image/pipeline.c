// SPDX-License-Identifier: MIT
// Source to sink through a decoder: three threads and two bounded rings.
#include "image/pipeline.h"

#include <errno.h>
#include <inttypes.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/ring.h"

enum { PIECE = 1024 * 1024, IN_SLOTS = 4, OUT_SLOTS = 8 };

// Workers that wait are woken when the sink runs dry, or after so much at the latest.
#define WAKE_BYTES (4 * MIB)

struct run {
	const struct pipeline *p;
	struct ring in, out;
	struct digest *source;
	pthread_mutex_t lock;
	struct err error; // the first one
	bool failed;
};

static void run_fail(struct run *run, const struct err *e)
{
	pthread_mutex_lock(&run->lock);
	if (!run->failed)
		run->error = *e;
	run->failed = true;
	pthread_mutex_unlock(&run->lock);
	ring_abort(&run->in);
	ring_abort(&run->out);
}

// One piece of the source; the file must be as long as it was.
static int read_piece(const struct pipeline *p, uint8_t *data, uint64_t at, size_t *size, struct err *e)
{
	size_t wanted = (size_t)u64_min(PIECE, p->file_size - at);
	ssize_t n = fd_pread_all(p->image_fd, data, wanted, at);
	if (n < 0)
		return err_fail(e, (int)-n, FAILURE_IMPORT_FAILED, "%s: cannot be read at %" PRIu64 ": %s",
		        p->image_name, at, strerror((int)-n));
	if ((size_t)n < wanted)
		return err_fail(e, EAGAIN, FAILURE_IMAGE_CHANGED,
		        "%s: became shorter while it was read; try again when it is complete", p->image_name);
	*size = wanted;
	return 0;
}

static void *read_main(void *context)
{
	struct run *run = context;
	uint64_t at = 0;
	struct ring_slot *slot;
	struct err e;
	do {
		slot = ring_fill_begin(&run->in);
		if (!slot)
			return NULL;
		if (read_piece(run->p, slot->data, at, &slot->size, &e) < 0) {
			run_fail(run, &e);
			return NULL;
		}
		digest_update(run->source, slot->data, slot->size);
		at += slot->size;
		slot->last = at == run->p->file_size;
		ring_fill_end(&run->in);
	} while (at < run->p->file_size);
	return NULL;
}

static void *sink_main(void *context)
{
	struct run *run = context;
	struct sink *sink = run->p->sink;
	struct err e;
	for (;;) {
		struct ring_slot *slot = ring_drain_begin(&run->out);
		if (!slot)
			return NULL;
		bool last = slot->last;
		int r = sink_write(sink, slot->data, slot->size, &e);
		if (r == 0 && last)
			r = sink_finish(sink, &e);
		if (r < 0) {
			run_fail(run, &e);
			return NULL;
		}
		if (ring_drain_end(&run->out) || sink->done - sink->woken >= WAKE_BYTES)
			sink_wake(sink);
		run->p->progress(run->p->context, sink->done);
		if (last)
			return NULL;
	}
}

// The output slot being filled, handed on when it is full or the last. False: aborted.
static bool out_next(struct run *run, struct ring_slot **slot, struct decode_io *io, bool last)
{
	if (*slot) {
		(*slot)->size = io->out_pos;
		(*slot)->last = last;
		ring_fill_end(&run->out);
	}
	*slot = NULL;
	if (last)
		return true;
	*slot = ring_fill_begin(&run->out);
	if (!*slot)
		return false;
	io->out = (*slot)->data;
	io->out_size = PIECE;
	io->out_pos = 0;
	return true;
}

// Decodes one input piece. A decode_result, or -errno; -ECANCELED when another thread has failed.
static int decode_piece(struct run *run, void *state, const struct ring_slot *in, struct ring_slot **out,
        struct decode_io *io, struct err *e)
{
	io->in = in->data;
	io->in_size = in->size;
	io->in_pos = 0;
	io->in_end = in->last;
	for (;;) {
		if (!*out || io->out_pos == io->out_size)
			if (!out_next(run, out, io, false))
				return -ECANCELED;
		int r = run->p->ops->step(state, io, e);
		if (r != DECODE_MORE)
			return r;
		if (io->in_pos == io->in_size && io->out_pos < io->out_size && !io->in_end)
			return DECODE_MORE;
	}
}

static int decode_all(struct run *run, void *state, struct err *e)
{
	struct ring_slot *out = NULL;
	struct decode_io io = {0};
	for (;;) {
		const struct ring_slot *in = ring_drain_begin(&run->in);
		if (!in)
			return -ECANCELED;
		int r = decode_piece(run, state, in, &out, &io, e);
		ring_drain_end(&run->in);
		if (r == DECODE_END) {
			out_next(run, &out, &io, true);
			return 0;
		}
		if (r < 0)
			return r;
	}
}

static void decode_main(struct run *run)
{
	void *state = NULL;
	struct err e = {0};
	int r = run->p->ops->open(&state, &e);
	if (r == 0) {
		r = decode_all(run, state, &e);
		run->p->ops->close(state);
	}
	if (r < 0 && r != -ECANCELED) {
		err_prefix(&e, "%s", run->p->image_name);
		run_fail(run, &e);
	}
}

static int start_thread(pthread_t *thread, void *(*fn)(void *), struct run *run, struct err *e)
{
	int r = pthread_create(thread, NULL, fn, run);
	return r ? err_sys(e, r, "%s: a thread of the import", run->p->image_name) : 0;
}

static int run_threads(struct run *run, struct err *e)
{
	pthread_t reader, sink;
	int r = start_thread(&reader, read_main, run, e);
	if (r < 0)
		return r;
	r = start_thread(&sink, sink_main, run, e);
	if (r < 0) {
		run_fail(run, e);
		pthread_join(reader, NULL);
		return r;
	}
	decode_main(run);
	pthread_join(sink, NULL);
	pthread_join(reader, NULL);
	if (!run->failed)
		return 0;
	*e = run->error;
	return -e->num;
}

int pipeline_run(const struct pipeline *p, uint8_t source_sha256[DIGEST_SHA256_SIZE], struct err *e)
{
	struct run run = {.p = p};
	uint8_t digest[DIGEST_MAX_SIZE];
	int r = digest_new(&run.source, "sha256", e);
	if (r < 0)
		return r;
	pthread_mutex_init(&run.lock, NULL);
	r = ring_init(&run.in, IN_SLOTS, PIECE, e);
	if (r == 0) {
		r = ring_init(&run.out, OUT_SLOTS, PIECE, e);
		if (r == 0) {
			r = run_threads(&run, e);
			ring_destroy(&run.out);
		}
		ring_destroy(&run.in);
	}
	pthread_mutex_destroy(&run.lock);
	digest_final(run.source, digest);
	memcpy(source_sha256, digest, DIGEST_SHA256_SIZE);
	run.source = digest_free(run.source);
	return r;
}

int pipeline_hash(const struct pipeline *p, uint8_t source_sha256[DIGEST_SHA256_SIZE], struct err *e)
{
	_cleanup_digest_ struct digest *d = NULL;
	_cleanup_free_ uint8_t *piece = malloc(PIECE);
	if (!piece)
		return err_sys(e, ENOMEM, "%s", p->image_name);
	int r = digest_new(&d, "sha256", e);
	for (uint64_t at = 0; r == 0 && at < p->file_size;) {
		size_t n = 0;
		r = read_piece(p, piece, at, &n, e);
		if (r < 0)
			break;
		digest_update(d, piece, n);
		at += n;
		p->progress(p->context, at);
	}
	if (r < 0)
		return r;
	uint8_t digest[DIGEST_MAX_SIZE];
	digest_final(d, digest);
	memcpy(source_sha256, digest, DIGEST_SHA256_SIZE);
	return 0;
}
