// SPDX-License-Identifier: MIT
// Where decoded bytes end: hashed range by range, written into the store's data file, the front behind them.
#include "image/sink.h"

#include <errno.h>
#include <inttypes.h>

#include "base/fd.h"
#include "core/failure.h"

enum { ZERO_STEP = 64 * 1024 };

int sink_open(struct sink *s, struct err *e)
{
	int r = digest_new(&s->sha256, "sha256", e);
	if (r == 0 && s->bmap && *s->bmap->checksum_type && strcmp(s->bmap->checksum_type, "sha256") != 0)
		r = digest_new(&s->bmaps, s->bmap->checksum_type, e);
	if (s->front) {
		s->ranges = s->front->ranges;
		s->count = s->front->range_count;
	}
	return r;
}

void sink_close(struct sink *s)
{
	s->sha256 = digest_free(s->sha256);
	s->bmaps = digest_free(s->bmaps);
	free(s->own);
	s->own = NULL;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return data[0] == 0 && !memcmp(data, data + 1, size - 1);
}

static int write_failed(const struct sink *s, int num, struct err *e)
{
	if (num == ENOSPC || num == EDQUOT)
		return err_fail(e, num, FAILURE_STORE_FULL,
		        "%s: the store's disk is full at %" PRIu64 " MiB; free space there", s->image_name,
		        s->done / MIB);
	return err_fail(e, num, FAILURE_STORE_ERROR, "%s: the store cannot be written: %s; check its disk",
	        s->image_name, strerror(num));
}

// Zeros need no writing: the file was empty, and its holes read as zeros.
static int write_data(const struct sink *s, const uint8_t *data, size_t size, uint64_t offset, struct err *e)
{
	for (size_t at = 0; at < size;) {
		size_t end = at;
		while (end < size) {
			size_t n = (size_t)u64_min(ZERO_STEP, size - end);
			if (is_zero(data + end, n))
				break;
			end += n;
		}
		int r = end > at ? fd_pwrite_all(s->data_fd, data + at, end - at, offset + at) : 0;
		if (r < 0)
			return write_failed(s, -r, e);
		at = end + (size_t)u64_min(ZERO_STEP, size - end);
	}
	return 0;
}

static int bad_range(const struct sink *s, const struct bmap_range *wanted, struct err *e)
{
	const struct plan_range *range = &s->ranges[s->at];
	return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
	        "%s: bytes %" PRIu64 " to %" PRIu64 " do not have the digest that %s:%u states; "
	        "image and bmap do not belong together, or one is damaged",
	        s->image_name, range->offset, range->offset + range->length - 1, s->bmap_name, wanted->line);
}

static int finish_range(struct sink *s, struct err *e)
{
	uint8_t sha256[DIGEST_MAX_SIZE], other[DIGEST_MAX_SIZE];
	digest_final(s->sha256, sha256);
	digest_reset(s->sha256);
	const uint8_t *got = sha256;
	if (s->bmaps) {
		digest_final(s->bmaps, other);
		digest_reset(s->bmaps);
		got = other;
	}
	const struct bmap_range *wanted = s->bmap ? &s->bmap->ranges[s->at] : NULL;
	if (wanted && wanted->digest_size && memcmp(got, wanted->digest, wanted->digest_size) != 0)
		return bad_range(s, wanted, e);
	memcpy(s->ranges[s->at].sha256, sha256, DIGEST_SHA256_SIZE);
	s->at++;
	return 0;
}

// Without a known size the ranges are made as the bytes come.
static int add_range(struct sink *s, struct err *e)
{
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct plan_range *grown = reallocarray(s->own, room, sizeof(*grown));
		if (!grown)
			return err_sys(e, ENOMEM, "%s: %zu ranges", s->image_name, room);
		s->ranges = s->own = grown;
		s->room = room;
	}
	s->own[s->count++] = (struct plan_range){.offset = s->done, .length = PLAN_RANGE_BYTES};
	return 0;
}

// Takes what lies in one range, or in one gap. Returns how much.
static int take_part(struct sink *s, const uint8_t *data, size_t size, size_t *taken, struct err *e)
{
	int r = 0;
	if (s->at == s->count && !s->size_known)
		r = add_range(s, e);
	if (r < 0)
		return r;
	const struct plan_range *range = s->at < s->count ? &s->ranges[s->at] : NULL;
	if (!range || s->done < range->offset) {
		*taken = range ? (size_t)u64_min(size, range->offset - s->done) : size;
		s->done += *taken;
		return 0;
	}
	uint64_t end = range->offset + range->length;
	*taken = (size_t)u64_min(size, end - s->done);
	digest_update(s->sha256, data, *taken);
	if (s->bmaps)
		digest_update(s->bmaps, data, *taken);
	r = s->data_fd < 0 ? 0 : write_data(s, data, *taken, s->done, e);
	if (r < 0)
		return r;
	s->done += *taken;
	return s->done == end ? finish_range(s, e) : 0;
}

static int too_large(const struct sink *s, struct err *e)
{
	if (!s->size_known)
		return err_fail(e, EFBIG, FAILURE_STORE_FULL,
		        "%s: decodes to more than the %" PRIu64
		        " MiB that the store has room for; free space on its disk, or raise its limit",
		        s->image_name, s->size_limit / MIB);
	return err_fail(e, EFBIG, FAILURE_IMPORT_FAILED,
	        "%s: decodes to more than the %" PRIu64 " bytes that %s states", s->image_name, s->size_limit,
	        s->bmap ? s->bmap_name : "it");
}

int sink_write(struct sink *s, const uint8_t *data, size_t size, struct err *e)
{
	if (size > s->size_limit - s->done)
		return too_large(s, e);
	while (size) {
		size_t taken = 0;
		int r = take_part(s, data, size, &taken, e);
		if (r < 0)
			return r;
		data += taken;
		size -= taken;
	}
	if (!s->front)
		return 0;
	// Both places where a GPT header can stand have gone by, unless the image is tiny.
	if (image_front_offset(s->front) == 0)
		s->front->gpt_sector = front_gpt_sector(s->data_fd);
	front_advance(s->front, s->done);
	return 0;
}

void sink_wake(struct sink *s)
{
	if (s->front && s->done != s->woken) {
		s->woken = s->done;
		front_wake(s->wake_fd);
	}
}

int sink_finish(struct sink *s, struct err *e)
{
	if (s->done == 0)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED, "%s: holds no data", s->image_name);
	if (s->size_known && s->done != s->size_limit)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
		        "%s: decodes to %" PRIu64 " bytes, but %s states %" PRIu64, s->image_name, s->done,
		        s->bmap ? s->bmap_name : "it", s->size_limit);
	if (!s->size_known && s->at < s->count) {
		s->own[s->at].length = s->done - s->own[s->at].offset;
		int r = finish_range(s, e);
		if (r < 0)
			return r;
	}
	sink_wake(s);
	return 0;
}
