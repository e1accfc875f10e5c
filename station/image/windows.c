// SPDX-License-Identifier: MIT
// Cutting an image into windows.
#include "image/windows.h"

#include <errno.h>
#include <inttypes.h>

#include "base/fd.h"
#include "core/failure.h"

struct bounds {
	uint64_t from, to;
};

static struct bounds area_bounds(enum window_area area, uint64_t size)
{
	const uint64_t key = 2 * WINDOW_BLOCK;
	uint64_t head = u64_min(PLAN_COMMIT_BYTES, size), tail = head;
	if (size > head + PLAN_TAIL_BYTES)
		tail = u64_max(head, u64_down(size - PLAN_TAIL_BYTES, PLAN_TAIL_BYTES));
	switch (area) {
	case WINDOW_KEY: return (struct bounds){0, u64_min(key, size)};
	case WINDOW_HEAD: return (struct bounds){u64_min(key, size), head};
	case WINDOW_BODY: return (struct bounds){head, tail};
	case WINDOW_TAIL: return (struct bounds){tail, size};
	case WINDOW_ALL: break;
	}
	return (struct bounds){0, size};
}

struct cutting {
	struct windows *out;
	size_t extent_room, window_room;
	uint64_t bytes;
	bool open; // the last window takes more
};

static int grow(void **array, size_t *room, size_t used, size_t size, struct err *e)
{
	if (used < *room)
		return 0;
	size_t more = *room ? *room * 2 : 64;
	void *grown = reallocarray(*array, more, size);
	if (!grown)
		return err_sys(e, ENOMEM, "windows");
	*array = grown;
	*room = more;
	return 0;
}

static int open_window(struct cutting *c, struct err *e)
{
	struct windows *w = c->out;
	void *list = w->list;
	int r = grow(&list, &c->window_room, w->count, sizeof(*w->list), e);
	w->list = list;
	if (r == 0)
		w->list[w->count++] = (struct window){.first = w->extent_count};
	c->open = r == 0;
	return r;
}

static int add_extent(struct cutting *c, uint64_t offset, uint64_t length, struct err *e)
{
	struct windows *w = c->out;
	void *extents = w->extents;
	int r = c->open ? 0 : open_window(c, e);
	if (r == 0)
		r = grow(&extents, &c->extent_room, w->extent_count, sizeof(*w->extents), e);
	w->extents = extents;
	if (r < 0)
		return r;
	struct window *window = &w->list[w->count - 1];
	w->extents[w->extent_count++] = (struct window_extent){offset, length};
	window->count++;
	window->length += length;
	// What ends inside a block cannot be followed in the buffer by whole blocks.
	c->open = window->length < c->bytes && length % WINDOW_BLOCK == 0;
	return 0;
}

static int add_range(struct cutting *c, const struct plan_range *range, struct bounds b, struct err *e)
{
	uint64_t at = u64_max(range->offset, b.from), end = u64_min(range->offset + range->length, b.to);
	if (at < end && at % WINDOW_BLOCK)
		return err_set(e, EINVAL,
		        "the mapped range at byte %" PRIu64
		        " does not begin on a block of %u bytes: a board cannot read it alone; make the bmap "
		        "with whole blocks",
		        range->offset, WINDOW_BLOCK);
	while (at < end) {
		const struct windows *w = c->out;
		uint64_t used = c->open ? w->list[w->count - 1].length : 0;
		uint64_t length = u64_min(end - at, c->bytes - used);
		int r = add_extent(c, at, length, e);
		if (r < 0)
			return r;
		at += length;
	}
	return 0;
}

int windows_read(
        const struct windows *windows, const struct window *window, int data_fd, void *buffer, struct err *e)
{
	uint8_t *to = buffer;
	for (size_t i = 0; i < window->count; i++) {
		const struct window_extent *x = &windows->extents[window->first + i];
		ssize_t n = fd_pread_all(data_fd, to, x->length, x->offset);
		if (n < 0 || (uint64_t)n < x->length)
			return err_fail(e, n < 0 ? (int)-n : EIO, FAILURE_STORE_ERROR,
			        "the stored image cannot be read at byte %" PRIu64
			        "; check the disk the store is on",
			        x->offset);
		to += x->length;
	}
	memset(to, 0, window_blocks(window->length) * WINDOW_BLOCK - window->length);
	return 0;
}

static int hash_all(struct windows *w, const struct image *image, uint64_t bytes, struct err *e)
{
	_cleanup_free_ uint8_t *buffer = malloc(bytes);
	if (!buffer)
		return err_sys(e, ENOMEM, "a window of %" PRIu64 " bytes", bytes);
	for (size_t i = 0; i < w->count; i++) {
		int r = windows_read(w, &w->list[i], image->data_fd, buffer, e);
		if (r < 0)
			return r;
		digest_sha256(buffer, w->list[i].length, w->list[i].sha256);
	}
	return 0;
}

int windows_lay(
        const struct image *image, enum window_area area, uint64_t bytes, struct windows **out, struct err *e)
{
	const struct image_front *front = image->front;
	_cleanup_windows_ struct windows *windows = calloc(1, sizeof(*windows));
	*out = NULL;
	if (!windows)
		return err_sys(e, ENOMEM, "windows");
	struct cutting cutting = {.out = windows, .bytes = bytes};
	struct bounds bounds = area_bounds(area, front->image_size);
	for (size_t i = 0; i < front->range_count; i++) {
		int r = add_range(&cutting, &front->ranges[i], bounds, e);
		if (r < 0)
			return r;
	}
	*out = steal_ptr(&windows);
	return 0;
}

int windows_cut(
        const struct image *image, enum window_area area, uint64_t bytes, struct windows **out, struct err *e)
{
	int r = windows_lay(image, area, bytes, out, e);
	if (r == 0)
		r = hash_all(*out, image, bytes, e);
	if (r < 0)
		*out = windows_free(*out);
	return r;
}

struct windows *windows_free(struct windows *windows)
{
	if (windows) {
		free(windows->extents);
		free(windows->list);
		free(windows);
	}
	return NULL;
}
