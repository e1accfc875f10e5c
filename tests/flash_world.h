// SPDX-License-Identifier: MIT
// A small world for tests of flash/: an image with its front, target files that hold an older image, one gang.
#ifndef GANGWAY_TESTS_FLASH_WORLD_H
#define GANGWAY_TESTS_FLASH_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "check.h"
#include "flash/gang.h"
#include "image/front.h"

enum { WORLD_DEADLINE_S = 120 };
#define OLD_BYTE 0xa5

struct world {
	struct loop *loop;
	struct image image;
	struct front front;
	int link_fd;    // a shared link for its boards; 0: none
	uint8_t *bytes; // the image
	uint64_t size;
};

// What came of one target.
struct outcome {
	struct world *world;
	struct gang_member *member;
	struct worker_report claimed, verdict;
	bool is_claimed, is_judged, has_ended, died, is_stuck;
	bool hold_go; // the test sends GO itself
	void (*on_progress)(struct outcome *o, const struct worker_report *r);
	unsigned progress_calls;
};

static inline void world_put_gpt(uint8_t *bytes, uint64_t offset)
{
	memcpy(bytes + offset, "EFI PART", 8);
}

// Ranges that lie in the commit piece, across its border, in the body and at the end; every byte by its place.
static inline void world_make(struct world *w, uint64_t size)
{
	const struct plan_range ranges[] = {
	        {.offset = 0, .length = 68 * KIB},
	        {.offset = 600 * KIB, .length = MIB},
	        {.offset = 2 * MIB + 4 * KIB, .length = 4 * KIB},
	        {.offset = 3 * MIB, .length = size - 3 * MIB},
	};
	struct err e = {0};
	*w = (struct world){.size = size, .bytes = calloc(1, size)};
	assert_int_equal(loop_new(&w->loop, &e), 0);
	assert_int_equal(front_new(ARRAY_SIZE(ranges), &w->front, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		for (uint64_t at = ranges[i].offset; at < ranges[i].offset + ranges[i].length; at++)
			w->bytes[at] = (uint8_t)(at * 2654435761u >> 13);
	world_put_gpt(w->bytes, 512);
	if (size % 512 == 0)
		world_put_gpt(w->bytes, size - 512);
	struct image_front *f = w->front.map;
	f->image_size = size;
	f->block_size = 4096;
	f->gpt_sector = 512;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		f->ranges[i] = ranges[i];
		f->mapped_bytes += ranges[i].length;
		digest_sha256(w->bytes + ranges[i].offset, ranges[i].length, f->ranges[i].sha256);
	}
	w->image = (struct image){
	        .lock_fd = -1, .wake_fd = eventfd(0, EFD_CLOEXEC), .front_fd = dup(w->front.fd)};
	w->image.data_fd = open("image.data", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(fd_pwrite_all(w->image.data_fd, w->bytes, size, 0), 0);
	assert_int_equal(image_map(&w->image, &e), 0);
}

static inline void world_import(struct world *w, uint64_t front, bool confirm)
{
	front_advance(w->front.map, front);
	if (confirm)
		front_confirm(w->front.map);
	front_wake(w->image.wake_fd);
}

static inline void world_ready(struct world *w, uint64_t size)
{
	world_make(w, size);
	world_import(w, size, true);
}

static inline void world_end(struct world *w)
{
	image_close(&w->image);
	front_close(&w->front);
	w->loop = loop_free(w->loop);
	free(w->bytes);
}

// A target that holds an older image: bootable, no byte of it zero.
static inline void target_make(const char *path, uint64_t size)
{
	_cleanup_free_ uint8_t *old = malloc(size);
	memset(old, OLD_BYTE, size);
	world_put_gpt(old, 512);
	world_put_gpt(old, u64_down(size, 512) - 512);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(fd, old, size), 0);
}

static inline uint8_t *target_read(const char *path, uint64_t *size)
{
	char *data;
	size_t n;
	assert_int_equal(fd_read_file(path, 1 * GIB, &data, &n, NULL), 0);
	*size = n;
	return (uint8_t *)data;
}

// Law 6, as U-Boot looks: a GPT header at LBA 1, or one at the last LBA.
static inline bool target_boots(const char *path)
{
	uint64_t size;
	_cleanup_free_ uint8_t *data = target_read(path, &size);
	return !memcmp(data + 512, "EFI PART", 8) || !memcmp(data + u64_down(size, 512) - 512, "EFI PART", 8);
}

// Not a byte of it was written since target_make().
static inline bool target_is_old(const char *path)
{
	uint64_t size;
	_cleanup_free_ uint8_t *data = target_read(path, &size);
	for (uint64_t i = 0; i < size; i++)
		if (data[i] != OLD_BYTE && i / 512 != 1 && i / 512 != size / 512 - 1)
			return false;
	return !memcmp(data + 512, "EFI PART", 8) && !memcmp(data + size - 512, "EFI PART", 8);
}

// Whether the mapped bytes of [from, to) are the image's.
static inline bool target_holds(const struct world *w, const char *path, uint64_t from, uint64_t to)
{
	uint64_t size;
	_cleanup_free_ uint8_t *data = target_read(path, &size);
	const struct image_front *f = w->image.front;
	for (uint32_t i = 0; i < f->range_count; i++) {
		uint64_t at = u64_max(from, f->ranges[i].offset);
		uint64_t end = u64_min(to, f->ranges[i].offset + f->ranges[i].length);
		if (at < end && memcmp(data + at, w->bytes + at, end - at) != 0)
			return false;
	}
	return true;
}

static inline bool target_holds_image(const struct world *w, const char *path)
{
	return target_holds(w, path, 0, w->size);
}

static inline void on_claimed(void *context, struct gang_member *m, const struct worker_report *r)
{
	struct outcome *o = context;
	o->claimed = *r;
	o->is_claimed = true;
	if (!o->hold_go)
		gang_go(m);
}

static inline void on_progress(void *context, struct gang_member *m, const struct worker_report *r)
{
	struct outcome *o = context;
	(void)m;
	o->progress_calls++;
	if (o->on_progress)
		o->on_progress(o, r);
}

static inline void on_verdict(void *context, struct gang_member *m, const struct worker_report *r)
{
	struct outcome *o = context;
	assert_false(o->is_judged);
	o->verdict = *r;
	o->is_judged = true;
	gang_release(m, true);
}

static inline void on_ended(void *context, struct gang_member *m, bool ejected, bool died)
{
	struct outcome *o = context;
	(void)ejected;
	(void)m;
	assert_true(o->is_judged);
	o->has_ended = true;
	o->died = died;
}

static inline void on_stuck(void *context, struct gang_member *m)
{
	struct outcome *o = context;
	(void)m;
	o->is_stuck = true;
}

static inline struct worker_job job_for(const char *path)
{
	struct worker_job job = {.task = WORKER_WRITE};
	STR_COPY(job.expect.node, path);
	return job;
}

// An image that is imported and a board that holds an older one: the job to program "board".
static inline struct worker_job world_with_board(struct world *w, uint64_t image_size, uint64_t board_size)
{
	world_ready(w, image_size);
	target_make("board", board_size);
	return job_for("board");
}

static inline void job_fault(struct worker_job *job, enum board_fault_kind kind, uint64_t offset)
{
	job->model.faults[0] = (struct board_fault){.kind = kind, .offset = offset};
}

static inline void start(struct world *w, const struct worker_job *job, struct outcome *o)
{
	static const struct gang_events events = {on_claimed, on_progress, on_verdict, on_ended, on_stuck};
	struct err e = {0};
	o->world = w;
	assert_int_equal(
	        gang_add(w->loop, &w->image, job, w->link_fd ? w->link_fd : -1, &events, o, &o->member, &e),
	        0);
}

static inline void wait_for(struct outcome *o, const bool *what)
{
	uint64_t deadline = clock_mono_ns() + WORLD_DEADLINE_S * NSEC_PER_SEC;
	while (!*what) {
		assert_true(clock_mono_ns() < deadline);
		assert_int_equal(loop_round(o->world->loop, 1000), 0);
	}
}

static inline void finish(struct outcome *o)
{
	wait_for(o, &o->has_ended);
	o->member = gang_free(o->member);
}

static inline void run(struct world *w, const struct worker_job *job, struct outcome *o)
{
	start(w, job, o);
	finish(o);
}

// For main() to return: gang_add() starts this very program as its worker.
#define world_main(argc, argv, tests)                                                   \
	((argc) > 1 && !strcmp((argv)[1], "worker") ? worker_role((argc)-1, (argv) + 1) \
	                                            : cmocka_run_group_tests(tests, NULL, NULL))

#endif
