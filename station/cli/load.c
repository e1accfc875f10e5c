// SPDX-License-Identifier: MIT
// A one-shot import.
#include "cli/load.h"

#include <errno.h>
#include <limits.h>

#include "board/board.h"
#include "cli/options.h"
#include "cli/source.h"
#include "core/failure.h"
#include "image/store.h"
#include "image/windows.h"

int load_option(struct load_options *o, const struct option *option, const char *value)
{
	switch (option->val) {
	case LOAD_OPTION_BMAP: o->bmap = value; return 0;
	case LOAD_OPTION_HOLES: o->holes = true; return 0;
	case LOAD_OPTION_STORE: o->store = value; return 0;
	default: break;
	}
	if (!board_bytes_parse(value, &o->window) || o->window < WINDOW_BYTES_MIN ||
	        o->window > WINDOW_BYTES_MAX || o->window % WINDOW_BLOCK)
		return options_wrong(o->command, "--window is 4K to 64M, in whole blocks of 512 bytes");
	return 0;
}

static void on_ready(void *context, struct import *import)
{
	(void)context;
	(void)import;
}

static void on_progress(void *context, struct import *import, uint64_t decoded, uint64_t total)
{
	(void)context;
	(void)import;
	(void)decoded;
	(void)total;
}

static void on_note(void *context, struct import *import, const char *text)
{
	(void)context;
	(void)import;
	fprintf(stderr, "gangway: %s\n", text);
}

static void on_done(void *context, struct import *import)
{
	struct load *load = context;
	(void)import;
	load->done = true;
	loop_stop(load->loop, 0);
}

static void on_failed(void *context, struct import *import, const struct err *e)
{
	struct load *load = context;
	(void)import;
	if (load->error)
		*load->error = *e;
	loop_stop(load->loop, -(e->num ? e->num : EIO));
}

static const struct import_events events = {
        .ready = on_ready, .progress = on_progress, .note = on_note, .done = on_done, .failed = on_failed};

static int store_path(const struct load_options *o, char *store, size_t size, struct err *e)
{
	if (!o->store)
		return store_default_path(store, size, e);
	str_copy(store, size, o->store);
	return 0;
}

static int start(const struct load_options *o, struct load *load, struct err *e)
{
	char bmap_name[PATH_MAX] = "", store[PATH_MAX];
	_cleanup_close_ int bmap_fd = -1;
	_cleanup_close_ int image_fd = -1;
	int r = source_open_image(o->image, &image_fd, e);
	if (r == 0)
		r = source_open_bmap(o->image, o->bmap, bmap_name, sizeof(bmap_name), &bmap_fd, e);
	if (r == 0)
		r = store_path(o, store, sizeof(store), e);
	if (r < 0)
		return r;
	const struct import_request request = {.image_fd = image_fd,
	        .bmap_fd = bmap_fd,
	        .image_name = o->image,
	        .bmap_name = bmap_fd >= 0 ? bmap_name : NULL,
	        .store = store,
	        .holes_unmapped = o->holes};
	return import_start(load->loop, &request, &events, load, &load->import, e);
}

// The digests that are made of the store vouch for boards, so the store is held against the plan first.
static int check_store(const struct load *load, bool *matches, struct err *e)
{
	const struct image_front *front = load->image->front;
	int r = 0;
	*matches = true;
	for (uint32_t i = 0; r == 0 && *matches && i < front->range_count; i++)
		r = image_check_range(load->image, &front->ranges[i], matches, e);
	return r;
}

static int import_once(const struct load_options *options, struct load *load, bool *matches, struct err *e)
{
	load->done = false;
	int r = start(options, load, e);
	if (r == 0)
		r = loop_run(load->loop);
	if (r == 0 && !load->done)
		r = err_set(e, EIO, "%s: the import ended without a word", options->image);
	if (r < 0)
		return r;
	load->image = import_image(load->import);
	return check_store(load, matches, e);
}

int load_image(const struct load_options *options, struct load *out, struct err *e)
{
	char store[PATH_MAX], key[SHA256_HEX_SIZE];
	bool matches = true;
	*out = (struct load){.error = e};
	int r = store_path(options, store, sizeof(store), e);
	if (r == 0)
		r = loop_new(&out->loop, e);
	if (r == 0)
		r = import_once(options, out, &matches, e);
	if (r < 0 || matches)
		return r;
	fprintf(stderr, "gangway: the stored image is damaged: importing it again\n");
	STR_COPY(key, out->image->key);
	out->import = import_free(out->import); // gives up the entry's lock
	r = store_remove(store, key, e);
	if (r == 0 || r == -ENOENT)
		r = import_once(options, out, &matches, e);
	if (r == 0 && !matches)
		r = err_fail(e, EILSEQ, FAILURE_STORE_DAMAGED,
		        "the stored image is damaged again: check the disk that %s is on", store);
	return r;
}

void load_close(struct load *load)
{
	load->import = import_free(load->import);
	load->loop = loop_free(load->loop);
}

void load_plan_digest(const struct load *load, char hex[SHA256_HEX_SIZE])
{
	const struct image_front *front = load->image->front;
	uint8_t digest[DIGEST_SHA256_SIZE];
	plan_digest(front->ranges, front->range_count, digest);
	digest_hex(digest, sizeof(digest), hex);
}
