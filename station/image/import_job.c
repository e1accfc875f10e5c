// SPDX-License-Identifier: MIT
// One import, inside the importer: from the store where it is there, else decoded into it.
#include "image/import_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/failure.h"
#include "image/pipeline.h"
#include "image/sandbox.h"

#define PROGRESS_NS (100 * NSEC_PER_MSEC)

void import_job_init(struct import_job *job)
{
	*job = (struct import_job){.store = STORE_NONE,
	        .hint = STORE_HINT_NONE,
	        .entry = STORE_NEW_NONE,
	        .front = FRONT_NONE,
	        .stored = {.data_fd = -1, .front_fd = -1, .wake_fd = -1, .lock_fd = -1}};
	pthread_mutex_init(&job->lock, NULL);
}

void import_job_close(struct import_job *job)
{
	store_new_drop(&job->store, &job->entry);
	store_hint_release(&job->store, &job->hint);
	front_close(&job->front);
	image_close(&job->stored);
	job->bmap = bmap_free(job->bmap);
	free(job->ranges);
	job->ranges = NULL;
	store_detach(&job->store);
	pthread_mutex_destroy(&job->lock);
}

int import_job_prepare(struct import_job *job, struct err *e)
{
	int r = store_attach(job->store_path, true, &job->store, e);
	clock_boot_id(job->boot_id);
	return r < 0 ? r : sandbox_enter(job->store.dir, e);
}

void import_tell(struct import_message *message, const int *fds, size_t fd_count, bool wait)
{
	for (;;) {
		int r = fd_send_packet(IMPORTER_FD_SOCKET, message, sizeof(*message), fds, fd_count);
		if (r != -EAGAIN || !wait)
			return; // a parent that is gone is noticed by the other thread
		struct pollfd room = {.fd = IMPORTER_FD_SOCKET, .events = POLLOUT};
		if (poll(&room, 1, -1) < 0 && errno != EINTR)
			return;
	}
}

void import_note(const char *format, ...)
{
	struct import_message note = {.type = IMPORT_NOTE};
	va_list args;
	va_start(args, format);
	vsnprintf(note.text, sizeof(note.text), format, args);
	va_end(args);
	import_tell(&note, NULL, 0, true);
}

void import_job_tell_failure(const struct import_job *job, const struct err *e)
{
	struct import_message failed = {
	        .type = IMPORT_FAILED, .num = e->num, .failure = (uint32_t)e->failure};
	if (!failed.failure)
		failed.failure = FAILURE_IMPORT_FAILED;
	STR_COPY(failed.text, e->text);
	if (job->front.map) {
		struct err whole = *e;
		whole.failure = (int)failed.failure;
		front_fail(job->front.map, &whole);
		front_wake(IMPORTER_FD_WAKE);
	}
	import_tell(&failed, NULL, 0, true);
}

static void tell_progress(void *context, uint64_t done)
{
	struct import_job *job = context;
	uint64_t now = clock_mono_ns();
	if (now - job->told_ns < PROGRESS_NS)
		return;
	job->told_ns = now;
	struct import_message progress = {.type = IMPORT_PROGRESS, .decoded = done, .total = job->image_size};
	import_tell(&progress, NULL, 0, false);
}

static void tell_ready(const struct import_job *job, bool stored, const int fds[IMPORT_READY_FDS])
{
	struct import_message ready = {.type = IMPORT_READY, .stored = stored};
	STR_COPY(ready.bmap_sha256, job->meta.bmap_sha256);
	import_tell(&ready, fds, IMPORT_READY_FDS, true);
}

static void tell_done(const struct import_job *job)
{
	struct import_message done = {.type = IMPORT_DONE, .unchanged = job->unchanged};
	STR_COPY(done.key, job->meta.key);
	STR_COPY(done.source_sha256, job->meta.source_sha256);
	import_tell(&done, NULL, 0, true);
}

// The source as the hint knows it.
static void identity_of(const struct import_job *job, char identity[SHA256_HEX_SIZE])
{
	_cleanup_free_ char *text = NULL;
	uint8_t digest[DIGEST_SHA256_SIZE] = {0};
	int n = asprintf(&text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s %s", job->device,
	        job->inode, job->file_size, job->mtime_ns, job->meta.bmap_sha256, job->meta.mapping,
	        job->image_name);
	if (n >= 0)
		digest_sha256(text, (size_t)n, digest);
	digest_hex(digest, sizeof(digest), identity);
}

static struct pipeline pipeline_of(struct import_job *job)
{
	return (struct pipeline){.image_name = job->image_name,
	        .image_fd = IMPORTER_FD_IMAGE,
	        .file_size = job->file_size,
	        .progress = tell_progress,
	        .context = job};
}

// A file that was written to while it was read may have been read half old, half new.
static int check_unchanged(const struct import_job *job, struct err *e)
{
	struct stat st;
	if (fstat(IMPORTER_FD_IMAGE, &st) < 0)
		return err_sys(e, errno, "%s", job->image_name);
	uint64_t mtime_ns = (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	if (S_ISREG(st.st_mode) && ((uint64_t)st.st_size != job->file_size || mtime_ns != job->mtime_ns))
		return err_fail(e, EAGAIN, FAILURE_IMAGE_CHANGED,
		        "%s: changed while it was read; try again when it is complete", job->image_name);
	return 0;
}

// Before the source is read: what its mark is to prove. Without a mark it is hashed the next time, too.
static void sync_source(struct import_job *job)
{
	if (job->mark[0] && settled_sync(IMPORTER_FD_IMAGE) < 0)
		job->mark[0] = '\0';
}

// After it was read. "": it was written to meanwhile, or its times prove nothing.
static const char *mark_of_read(const struct import_job *job, char now[SETTLED_MARK_SIZE])
{
	settled_mark(IMPORTER_FD_IMAGE, job->boot_id, clock_utc_ns(), now);
	return strcmp(now, job->mark) == 0 ? now : "";
}

static int set_hint(struct import_job *job, const char *key, struct err *e)
{
	char mark[SETTLED_MARK_SIZE];
	return store_hint_set(&job->hint, key, mark_of_read(job, mark), e);
}

// Opens an entry. -ENOENT: there is none to be used.
static int open_stored(struct import_job *job, const char *key, enum image_state state, struct err *e)
{
	char damaged[200];
	struct store_meta meta;
	struct err why;
	int r = store_entry_open(&job->store, key, state, &job->stored, &job->front, &meta, damaged, &why);
	if (r == 0) {
		job->meta = meta;
		job->image_size = meta.image_size;
		return 0;
	}
	if (r == -ENOENT && *damaged)
		import_note("%s; importing it again", why.text);
	if (r != -ENOENT)
		*e = why;
	return r;
}

static int hash_source(struct import_job *job, char source[SHA256_HEX_SIZE], struct err *e)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct pipeline pipeline = pipeline_of(job);
	job->hashing = true;
	sync_source(job);
	int r = pipeline_hash(&pipeline, digest, e);
	job->hashing = false;
	if (r == 0)
		r = check_unchanged(job, e);
	if (r == 0)
		digest_hex(digest, sizeof(digest), source);
	return r;
}

static void ready_stored(const struct import_job *job)
{
	tell_ready(job, true, (int[]){job->stored.data_fd, job->front.fd, job->stored.lock_fd});
}

// What hashing has told of the source goes into its hint, unless another import has put another key there.
static int hint_hashed(struct import_job *job, bool same, struct err *e)
{
	char identity[SHA256_HEX_SIZE];
	identity_of(job, identity);
	int r = store_hint_lock(&job->store, identity, &job->hint, e);
	if (r == 0 && !same)
		r = store_hint_set(&job->hint, "", "", e);
	else if (r == 0 && !strcmp(job->hint.key, job->meta.key))
		r = set_hint(job, job->meta.key, e);
	store_hint_release(&job->store, &job->hint);
	return r;
}

static bool is_unchanged(const struct import_job *job)
{
	return job->trust_times && job->mark[0] && !strcmp(job->mark, job->hint.mark);
}

// What the hint names is used at once, and confirmed when the source was hashed again or has not changed since it was.
static int use_hinted(struct import_job *job, struct err *e)
{
	char source[SHA256_HEX_SIZE];
	store_hint_release(&job->store, &job->hint); // whoever waits for it can go on
	ready_stored(job);
	if (job->unchanged) {
		tell_done(job);
		return 0;
	}
	int r = hash_source(job, source, e);
	if (r < 0)
		return r;
	bool same = strcmp(source, job->meta.source_sha256) == 0;
	r = hint_hashed(job, same, e);
	if (r < 0)
		return r;
	if (!same)
		return err_fail(e, EAGAIN, FAILURE_IMAGE_CHANGED,
		        "%s: is not what it was when it was stored, though its size and time are; run it "
		        "again",
		        job->image_name);
	front_confirm(job->front.map);
	front_wake(IMPORTER_FD_WAKE);
	tell_done(job);
	return 0;
}

// A copy of a source that is stored, or one whose time has changed: found by its digest. -ENOENT: it is another.
static int use_same(struct import_job *job, struct err *e)
{
	char source[SHA256_HEX_SIZE], key[SHA256_HEX_SIZE];
	bool may = false;
	int r = store_may_hold(&job->store, &job->meta, &may, e);
	if (r == 0 && !may)
		return -ENOENT;
	if (r == 0)
		r = hash_source(job, source, e);
	if (r < 0)
		return r;
	store_key(source, job->meta.bmap_sha256, job->meta.mapping, key);
	r = open_stored(job, key, IMAGE_CONFIRMED, e);
	if (r == 0)
		r = set_hint(job, key, e);
	if (r < 0)
		return r;
	ready_stored(job);
	tell_done(job);
	return 0;
}

// The front, filled in with the geometry.
static int make_front(struct import_job *job, const struct plan_range *ranges, size_t count, struct err *e)
{
	int r = front_new(count, &job->front, e);
	if (r < 0)
		return r;
	struct image_front *front = job->front.map;
	memcpy(front->ranges, ranges, count * sizeof(*ranges));
	front->image_size = job->image_size;
	front->mapped_bytes = plan_bytes(ranges, count);
	front->block_size = job->bmap ? (uint32_t)job->bmap->block_size : 4096;
	job->meta.image_size = front->image_size;
	job->meta.mapped_bytes = front->mapped_bytes;
	return 0;
}

// The parent gets its own read-only view of the data, and the shared lock.
static int hand_out(struct import_job *job, struct err *e)
{
	_cleanup_close_ int data = openat(job->entry.dir, "data", O_RDONLY | O_CLOEXEC);
	if (data < 0)
		return err_sys(e, errno, "the store's entry");
	tell_ready(job, false, (int[]){data, job->front.fd, job->entry.share});
	return 0;
}

static int set_length(const struct import_job *job, struct err *e)
{
	if (ftruncate(job->entry.data, (off_t)job->image_size) == 0)
		return 0;
	return err_fail(e, errno, errno == EFBIG ? FAILURE_STORE_FULL : FAILURE_STORE_ERROR,
	        "store %s: cannot hold a file of %" PRIu64 " bytes: %s", job->store.path, job->image_size,
	        strerror(errno));
}

static int begin_entry(struct import_job *job, uint64_t *left, struct err *e)
{
	uint64_t bytes = plan_bytes(job->ranges, job->range_count);
	int r = store_new_open(&job->store, bytes, job->store_limit, &job->entry, left, e);
	if (r < 0 || !job->image_size)
		return r;
	r = set_length(job, e);
	if (r == 0)
		r = make_front(job, job->ranges, job->range_count, e);
	if (r == 0 && !job->hold)
		r = hand_out(job, e);
	return r;
}

// Where the size was not known: all that begin_entry() would have done.
static int late_front(struct import_job *job, const struct sink *sink, struct err *e)
{
	job->image_size = sink->done;
	int r = set_length(job, e);
	if (r == 0)
		r = make_front(job, sink->ranges, sink->count, e);
	if (r < 0)
		return r;
	job->front.map->gpt_sector = front_gpt_sector(job->entry.data);
	front_advance(job->front.map, job->image_size);
	return 0;
}

static int decode(struct import_job *job, uint64_t left, struct err *e)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	bool known = job->image_size != 0;
	struct sink sink = {.image_name = job->image_name,
	        .bmap_name = job->bmap_name,
	        .bmap = job->bmap,
	        .data_fd = job->entry.data,
	        .wake_fd = IMPORTER_FD_WAKE,
	        .size_known = known,
	        .size_limit = known ? job->image_size : left,
	        .front = job->front.map};
	struct pipeline pipeline = pipeline_of(job);
	pipeline.ops = job->ops;
	pipeline.sink = &sink;
	pipeline.threads = job->parts ? decode_lanes(job->ops, decode_threads()) : 0;
	sync_source(job);
	int r = sink_open(&sink, e);
	if (r == 0)
		r = pipeline_run(&pipeline, digest, e);
	if (r == 0)
		r = check_unchanged(job, e);
	if (r == 0 && !known)
		r = late_front(job, &sink, e);
	sink_close(&sink);
	if (r == 0)
		digest_hex(digest, sizeof(digest), job->meta.source_sha256);
	return r;
}

static int publish(struct import_job *job, struct err *e)
{
	store_key(job->meta.source_sha256, job->meta.bmap_sha256, job->meta.mapping, job->meta.key);
	int r = store_new_sync(&job->entry, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&job->lock);
	if (job->abandoned)
		r = err_set(e, ECANCELED, "abandoned");
	else
		r = store_new_publish(
		        &job->store, &job->entry, job->front.map, job->front.size, &job->meta, e);
	pthread_mutex_unlock(&job->lock);
	if (r == 0)
		r = set_hint(job, job->meta.key, e);
	return r;
}

static int import_fresh(struct import_job *job, struct err *e)
{
	uint64_t left = 0;
	bool known = job->image_size != 0;
	int r = begin_entry(job, &left, e);
	if (r == 0)
		r = decode(job, left, e);
	if (r < 0)
		return r;
	front_confirm(job->front.map);
	front_wake(IMPORTER_FD_WAKE);
	if (!known || job->hold)
		r = hand_out(job, e);
	if (r == 0)
		r = publish(job, e);
	if (r == 0)
		tell_done(job);
	return r;
}

static int run(struct import_job *job, struct err *e)
{
	char identity[SHA256_HEX_SIZE];
	int r = import_look(job, e);
	if (r < 0)
		return r;
	identity_of(job, identity);
	settled_mark(IMPORTER_FD_IMAGE, job->boot_id, clock_utc_ns(), job->mark);
	r = store_hint_lock(&job->store, identity, &job->hint, e);
	if (r < 0)
		return r;
	if (job->hint.key[0]) {
		job->unchanged = is_unchanged(job);
		r = open_stored(job, job->hint.key, job->unchanged ? IMAGE_CONFIRMED : IMAGE_GROWING, e);
		if (r != -ENOENT)
			return r < 0 ? r : use_hinted(job, e);
	}
	r = use_same(job, e);
	return r == -ENOENT ? import_fresh(job, e) : r;
}

void import_job_run(struct import_job *job)
{
	struct err e = {0};
	int r = run(job, &e);
	if (r == 0)
		return;
	// Removed before the parent hears of it: nothing half-done stays behind.
	pthread_mutex_lock(&job->lock);
	store_new_drop(&job->store, &job->entry);
	pthread_mutex_unlock(&job->lock);
	store_hint_release(&job->store, &job->hint);
	import_job_tell_failure(job, &e);
}

void import_job_abandon(struct import_job *job)
{
	pthread_mutex_lock(&job->lock);
	job->abandoned = true;
	if (job->entry.name[0])
		store_remove_tree(&job->store, job->entry.name);
	pthread_mutex_unlock(&job->lock);
}
