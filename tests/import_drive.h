// SPDX-License-Identifier: MIT
// Runs one import to its end and keeps what its owner heard.
#ifndef GANGWAY_TESTS_IMPORT_DRIVE_H
#define GANGWAY_TESTS_IMPORT_DRIVE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/loop.h"
#include "check.h"
#include "core/failure.h"
#include "image/import.h"

struct drive {
	struct loop *loop;
	struct import *import;
	unsigned readies, dones, failures, notes;
	bool stored;
	enum image_state state_at_ready;
	uint64_t front_at_ready;
	struct err error;
	char note[480]; // all of them, joined
	char codec[16];
	void (*on_ready)(struct drive *drive);
	bool quiet;
};

static inline void drive_ready(void *context, struct import *import)
{
	struct drive *d = context;
	const struct image *image = import_image(import);
	d->readies++;
	d->import = import;
	d->stored = import_was_stored(import);
	d->state_at_ready = image_front_state(image->front);
	d->front_at_ready = image_front_offset(image->front);
	STR_COPY(d->codec, import_codec(import));
	if (d->on_ready)
		d->on_ready(d);
}

static inline void drive_note(void *context, struct import *import, const char *text)
{
	struct drive *d = context;
	(void)import;
	size_t used = strlen(d->note);
	snprintf(d->note + used, sizeof(d->note) - used, "%s\n", text);
	d->notes++;
}

static inline void drive_done(void *context, struct import *import)
{
	struct drive *d = context;
	(void)import;
	d->dones++;
	loop_stop(d->loop, 0);
}

static inline void drive_failed(void *context, struct import *import, const struct err *e)
{
	struct drive *d = context;
	(void)import;
	d->failures++;
	d->error = *e;
	loop_stop(d->loop, 1);
}

static const struct import_events drive_events = {
        .ready = drive_ready, .note = drive_note, .done = drive_done, .failed = drive_failed};

// 0 when it started; the caller runs the loop.
static inline int drive_start(
        struct drive *d, const char *store, const char *image, const char *bmap, bool holes, uint64_t limit)
{
	_cleanup_close_ int image_fd = open(image, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int bmap_fd = bmap ? open(bmap, O_RDONLY | O_CLOEXEC) : -1;
	struct import_request request = {.image_fd = image_fd,
	        .bmap_fd = bmap_fd,
	        .image_name = image,
	        .bmap_name = bmap,
	        .store = store,
	        .store_limit = limit,
	        .holes_unmapped = holes};
	if (image_fd < 0 || (bmap && bmap_fd < 0))
		return -1;
	return import_start(d->loop, &request, &drive_events, d, &d->import, &d->error);
}

// 0: done, 1: failed, other: could not even start. drive_end() frees.
static inline int drive_run(
        struct drive *d, const char *store, const char *image, const char *bmap, bool holes, uint64_t limit)
{
	if (loop_new(&d->loop, &d->error) < 0 || drive_start(d, store, image, bmap, holes, limit) < 0)
		return -1;
	return loop_run(d->loop);
}

static inline void drive_end(struct drive *d)
{
	d->import = import_free(d->import);
	d->loop = loop_free(d->loop);
}

static inline void shell(const char *command)
{
	int status = system(command);
	if (status != 0)
		fail_msg("%s: status %d", command, status);
}

// How many entries a folder has.
static inline unsigned count_in(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned n = 0;
	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static inline void same_bytes(const struct image *image, const char *path)
{
	static char a[65536], b[65536];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t at = 0;
	for (;;) {
		ssize_t n = fd_pread_all(fd, a, sizeof(a), at);
		assert_int_equal(n, fd_pread_all(image->data_fd, b, sizeof(b), at));
		assert_true(n >= 0);
		if (n == 0)
			break;
		assert_memory_equal(a, b, n);
		at += (uint64_t)n;
	}
	assert_int_equal(at, image->front->image_size);
}

// a.img: 5 MiB and 900 bytes, of noise and a hole of 2 MiB; its bmap by Debian's bmaptool; its compressed forms.
#define A_SIZE 5243780
static inline int make_a(void **state)
{
	(void)state;
	if (access("made", F_OK) != 0)
		// The same noise each time: with random bytes a damage that a test does is none, once in 256 runs.
		shell("mkdir made; cd made; truncate -s 5243780 a.img;"
		      "python3 -c 'import random, sys; "
		      "sys.stdout.buffer.write(random.Random(1).randbytes(3146628))' >noise;"
		      "head -c 1048576 noise | dd of=a.img conv=notrunc status=none;"
		      "tail -c 2098052 noise | dd of=a.img bs=65536 seek=48 conv=notrunc status=none; rm "
		      "noise;"
		      "bmaptool -q create -o a.bmap a.img; xz -0kT2 --block-size=1MiB a.img; gzip -1k a.img;"
		      "bzip2 -1k a.img; zstd -q1 a.img; lz4 -q a.img a.img.lz4");
	shell("rm -rf store fresh copy *.img* *.bmap; cp -a made/* .");
	return 0;
}

// One import that must succeed, with the bytes of a.img.
static inline bool import_a(const char *image, const char *bmap, struct drive *d)
{
	*d = (struct drive){0};
	int r = drive_run(d, "store", image, bmap, false, 0);
	if (r != 0)
		fail_msg("%s: %s", image, d->error.text);
	assert_int_equal(d->readies, 1);
	assert_int_equal(image_front_state(import_image(d->import)->front), IMAGE_CONFIRMED);
	same_bytes(import_image(d->import), "a.img");
	drive_end(d);
	return d->stored;
}

#endif
