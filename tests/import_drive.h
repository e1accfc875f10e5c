// SPDX-License-Identifier: MIT
// Runs one import to its end and keeps what its owner heard.
#ifndef GANGWAY_TESTS_IMPORT_DRIVE_H
#define GANGWAY_TESTS_IMPORT_DRIVE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/loop.h"
#include "base/util.h"
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

// 0: done, 1: failed, other: could not even start. drive_end() frees.
static inline int drive_run(
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
	if (image_fd < 0 || (bmap && bmap_fd < 0) || loop_new(&d->loop, &d->error) < 0)
		return -1;
	if (import_start(d->loop, &request, &drive_events, d, &d->import, &d->error) < 0)
		return -1;
	return loop_run(d->loop);
}

static inline void drive_end(struct drive *d)
{
	d->import = import_free(d->import);
	d->loop = loop_free(d->loop);
}

#endif
