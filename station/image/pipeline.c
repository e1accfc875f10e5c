// SPDX-License-Identifier: MIT
// Source to sink through a decoder: threads and bounded rings between them.
#include "image/pipeline.h"

#include <errno.h>
#include <inttypes.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/lanes.h"

enum { PIECE = 1024 * 1024, IN_SLOTS = 4 }; // encoded

// Workers that wait are woken when the sink runs dry, or after so much at the latest.
#define WAKE_BYTES (4 * MIB)

struct run {
	const struct pipeline *p;
	struct ring in;     // encoded
	struct lanes lanes; // decoded
	struct ring *
	        read; // what is read goes there: to `in`, or, where nothing is to be decoded, to the sink at once
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
	lanes_abort(&run->lanes);
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
		slot = ring_fill_begin(run->read);
		if (!slot)
			return NULL;
		if (read_piece(run->p, slot->data, at, &slot->size, &e) < 0) {
			run_fail(run, &e);
			return NULL;
		}
		digest_update(run->source, slot->data, slot->size);
		at += slot->size;
		slot->last = at == run->p->file_size;
		ring_fill_end(run->read);
	} while (at < run->p->file_size);
	return NULL;
}

// Stores what comes out of a lane. 0, or -errno; -ECANCELED: another thread has failed.
static int sink_lane(struct run *run, struct lane *lane, struct err *e)
{
	struct sink *sink = run->p->sink;
	for (;;) {
		struct ring_slot *slot = ring_drain_begin(&lane->ring);
		if (!slot)
			return -ECANCELED;
		bool last = slot->last;
		int r = sink_write(sink, slot->data, slot->size, e);
		if (r < 0)
			return r;
		if (ring_drain_end(&lane->ring) || sink->done - sink->woken >= WAKE_BYTES)
			sink_wake(sink);
		run->p->progress(run->p->context, sink->done);
		if (last)
			return 0;
	}
}

static void *sink_main(void *context)
{
	struct run *run = context;
	struct err e;
	for (;;) {
		struct lane *lane = lanes_drain_begin(&run->lanes);
		if (!lane)
			return NULL;
		bool final = lane->final;
		int r = sink_lane(run, lane, &e);
		if (r == 0 && final)
			r = sink_finish(run->p->sink, &e);
		if (r < 0 && r != -ECANCELED)
			run_fail(run, &e);
		if (r < 0)
			return NULL;
		lanes_drain_end(&run->lanes);
		if (final)
			return NULL;
	}
}

// Decodes what the lane holds already, and all that follows in the file.
static int stream_pieces(struct run *run, struct lane_decoder *decoder, bool end, uint64_t *at, struct err *e)
{
	const struct lane *lane = decoder->lane;
	int r = lane->in_size ? lane_decode(decoder, lane->in, lane->in_size, end, e) : DECODE_MORE;
	for (uint64_t next = lane->at + lane->in_size; r == DECODE_MORE;) {
		const struct ring_slot *in = ring_drain_begin(&run->in);
		if (!in)
			return -ECANCELED;
		*at = next;
		next += in->size;
		r = lane_decode(decoder, in->data, in->size, in->last, e);
		ring_drain_end(&run->in);
	}
	return r;
}

// The rest of the file in one go; `end`: the lane holds all of it.
static int stream_rest(struct run *run, struct lane *lane, bool end, struct err *e)
{
	struct lane_decoder decoder = {.lane = lane, .ops = run->p->ops};
	uint64_t at = lane->at;
	lane->streamed = lane->final = true;
	lanes_fill_end(&run->lanes);
	int r = decoder.ops->open(&decoder.state, e);
	if (r < 0)
		return r;
	r = stream_pieces(run, &decoder, end, &at, e);
	decoder.ops->close(decoder.state);
	if (r < 0)
		return r == -ECANCELED ? r : lane_failed(&decoder, at, e);
	lane_end(&decoder);
	return 0;
}

// The lane's part ends at `end`: hands it on. What came behind it begins the next one.
static int cut_here(struct run *run, struct lane **lane, size_t end, struct err *e)
{
	const struct lane *full = *lane;
	size_t rest = full->in_size - end;
	(*lane)->in_size = end;
	lanes_fill_end(&run->lanes);
	*lane = lanes_fill_begin(&run->lanes);
	if (!*lane)
		return -ECANCELED;
	(*lane)->at = full->at + end;
	return lane_append(*lane, full->in + end, rest, e); // nobody but this thread changes a part
}

// Cuts what the lane holds. CUT_MORE, CUT_LOST, or -errno.
static int cut_parts(struct run *run, struct lane **lane, struct cut *cut, bool last, struct err *e)
{
	size_t end;
	for (;;) {
		enum cut_result found = run->p->ops->cut(cut, (*lane)->in, (*lane)->in_size, last, &end);
		if (found == CUT_LOST || (found == CUT_MORE && (*lane)->in_size > CUT_PART_MAX))
			return CUT_LOST;
		if (found == CUT_MORE || (last && end == (*lane)->in_size))
			return CUT_MORE;
		int r = cut_here(run, lane, end, e);
		if (r < 0)
			return r;
		*cut = (struct cut){0};
	}
}

// Cuts the next piece of the file, a little at a time: what comes behind a border is copied to the next lane.
static int cut_piece(
        struct run *run, struct lane **lane, struct cut *cut, const struct ring_slot *in, struct err *e)
{
	enum { STEP = 64 * 1024 };
	int r = CUT_MORE;
	for (size_t at = 0; at < in->size && r >= 0;) {
		size_t n = r == CUT_LOST ? in->size - at : (size_t)u64_min(STEP, in->size - at);
		int appended = lane_append(*lane, in->data + at, n, e);
		if (appended < 0)
			return appended;
		at += n;
		if (r != CUT_LOST)
			r = cut_parts(run, lane, cut, in->last && at == in->size, e);
	}
	return r;
}

// Hands parts on until the file ends, or no border comes in sight: then all the rest is one.
static int cut_file(struct run *run, struct lane **lane, struct err *e)
{
	struct cut cut = {0};
	for (;;) {
		const struct ring_slot *in = ring_drain_begin(&run->in);
		if (!in)
			return -ECANCELED;
		bool last = in->last;
		int r = cut_piece(run, lane, &cut, in, e);
		ring_drain_end(&run->in);
		if (r < 0)
			return r;
		if (r == CUT_LOST)
			return stream_rest(run, *lane, last, e);
		if (last) {
			(*lane)->final = true;
			lanes_fill_end(&run->lanes);
			return 0;
		}
	}
}

// Told by whatever decodes.
static void decode_failed(void *context, const struct err *e)
{
	struct run *run = context;
	struct err named = *e;
	err_prefix(&named, "%s", run->p->image_name);
	run_fail(run, &named);
}

static void decode_main(struct run *run)
{
	struct err e;
	struct lane *lane = run->read == &run->in ? lanes_fill_begin(&run->lanes) : NULL;
	if (!lane)
		return;
	lane->at = 0;
	int r = run->lanes.thread_count ? cut_file(run, &lane, &e) : stream_rest(run, lane, false, &e);
	if (r < 0 && r != -ECANCELED)
		decode_failed(run, &e);
}

static int start_thread(pthread_t *thread, void *(*fn)(void *), struct run *run, struct err *e)
{
	int r = pthread_create(thread, NULL, fn, run);
	return r ? err_sys(e, r, "%s: a thread of the import", run->p->image_name) : 0;
}

// A raw file's bytes are the image's: they are read into the lane.
static void read_into_lane(struct run *run)
{
	struct lane *lane = lanes_fill_begin(&run->lanes);
	lane->streamed = lane->final = true;
	lanes_fill_end(&run->lanes);
	run->read = &lane->ring;
}

static int run_threads(struct run *run, struct err *e)
{
	pthread_t reader, sink;
	run->read = &run->in;
	if (!run->p->ops->step)
		read_into_lane(run);
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
	return 0;
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
		r = lanes_init(&run.lanes, p->ops, p->threads > 1 ? p->threads : 0, decode_failed, &run, e);
		if (r == 0) {
			r = run_threads(&run, e);
			lanes_destroy(&run.lanes);
		}
		if (run.failed) {
			*e = run.error;
			r = -e->num;
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
