// SPDX-License-Identifier: MIT
// Part of an image.
#include "image/subset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/front.h"

// Where what is withheld ends at the front, and begins at the end: as flash/walk.h holds it back.
struct borders {
	uint64_t head, tail;
};

static struct borders borders_of(const struct image_front *front)
{
	uint64_t size = front->image_size, head = u64_min(PLAN_COMMIT_BYTES, size);
	uint64_t tail = u64_down(size - u64_min(size, PLAN_TAIL_BYTES), PLAN_TAIL_BYTES);
	return (struct borders){head, u64_max(head, tail)};
}

struct cut {
	const struct image *image;
	struct plan_range *to;
	uint32_t count;
};

// The bytes of `range` in [from, to) as a range of their own, if there are any.
static int add(struct cut *c, const struct plan_range *range, uint64_t from, uint64_t to, struct err *e)
{
	uint64_t begin = u64_max(range->offset, from), end = u64_min(range->offset + range->length, to);
	if (begin >= end)
		return 0;
	struct plan_range *out = &c->to[c->count++];
	*out = (struct plan_range){.offset = begin, .length = end - begin, .source = PLAN_STORE};
	if (end - begin == range->length) {
		memcpy(out->sha256, range->sha256, sizeof(out->sha256));
		return 0;
	}
	_cleanup_free_ uint8_t *buffer = malloc(MIB);
	_cleanup_digest_ struct digest *d = NULL;
	uint8_t full[DIGEST_MAX_SIZE];
	if (!buffer)
		return err_sys(e, ENOMEM, "part of an image");
	int r = digest_new(&d, "sha256", e);
	for (uint64_t at = begin; r == 0 && at < end;) {
		ssize_t n = fd_pread_all(c->image->data_fd, buffer, (size_t)u64_min(MIB, end - at), at);
		if (n <= 0)
			return err_fail(e, n < 0 ? (int)-n : EIO, FAILURE_STORE_ERROR,
			        "the stored image cannot be read at byte %" PRIu64, at);
		digest_update(d, buffer, (size_t)n);
		at += (uint64_t)n;
	}
	if (r == 0) {
		digest_final(d, full);
		memcpy(out->sha256, full, sizeof(out->sha256));
	}
	return r;
}

static int cut_range(struct cut *c, const struct plan_range *range, struct borders b, struct err *e)
{
	bool matches = true;
	uint64_t end = range->offset + range->length;
	if (range->offset >= b.head && end <= b.tail)
		return 0;
	int r = image_check_range(c->image, range, &matches, e);
	if (r < 0)
		return r;
	if (!matches)
		return err_fail(e, EILSEQ, FAILURE_STORE_DAMAGED,
		        "the stored image is damaged at byte %" PRIu64 " or behind; import it again",
		        range->offset);
	r = add(c, range, 0, b.head, e);
	return r == 0 ? add(c, range, b.tail, UINT64_MAX, e) : r;
}

static void fill_front(struct image_front *to, const struct image_front *from, uint32_t count)
{
	to->gpt_sector = from->gpt_sector;
	to->image_size = from->image_size;
	to->block_size = from->block_size;
	to->range_count = count;
	to->mapped_bytes = plan_bytes(to->ranges, count);
	front_advance(to, from->image_size);
	front_confirm(to);
}

static int dup_fds(const struct image *image, int front_fd, struct image *out, struct err *e)
{
	*out = (struct image){.data_fd = fcntl(image->data_fd, F_DUPFD_CLOEXEC, 0),
	        .front_fd = fcntl(front_fd, F_DUPFD_CLOEXEC, 0),
	        .wake_fd = fcntl(image->wake_fd, F_DUPFD_CLOEXEC, 0),
	        .lock_fd = -1};
	if (out->data_fd < 0 || out->front_fd < 0 || out->wake_fd < 0)
		return err_sys(e, errno, "part of an image");
	memcpy(out->source_sha256, image->source_sha256, sizeof(out->source_sha256));
	return image_map(out, e);
}

int image_withheld(const struct image *image, struct image *out, struct err *e)
{
	const struct image_front *from = image->front;
	struct borders b = borders_of(from);
	// A range can be cut in two at the most: its part in the head and its part in the tail.
	_cleanup_free_ struct plan_range *ranges = calloc(2 * (size_t)from->range_count + 1, sizeof(*ranges));
	struct cut c = {.image = image, .to = ranges};
	struct front front = FRONT_NONE;
	int r = ranges ? 0 : err_sys(e, ENOMEM, "part of an image");
	*out = (struct image){.data_fd = -1, .front_fd = -1, .wake_fd = -1, .lock_fd = -1};
	for (uint32_t i = 0; r == 0 && i < from->range_count; i++)
		r = cut_range(&c, &from->ranges[i], b, e);
	if (r == 0 && !c.count)
		r = err_set(e, EINVAL,
		        "this image has nothing that could be withheld until the board has answered: it "
		        "cannot be verified on the target");
	if (r == 0)
		r = front_new(c.count, &front, e);
	if (r < 0)
		return r;
	memcpy(front.map->ranges, ranges, c.count * sizeof(*ranges));
	fill_front(front.map, from, c.count);
	r = dup_fds(image, front.fd, out, e);
	front_close(&front);
	if (r < 0)
		image_close(out);
	return r;
}
