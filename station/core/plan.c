// SPDX-License-Identifier: MIT
// The plan: which bytes go where, and what their digests must be.
#include "core/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

void plan_digest_line(
        struct digest *d, uint64_t offset, uint64_t length, const uint8_t sha256[DIGEST_SHA256_SIZE])
{
	char hex[SHA256_HEX_SIZE], line[2 * 20 + SHA256_HEX_SIZE + 3];
	digest_hex(sha256, DIGEST_SHA256_SIZE, hex);
	int n = snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 " %s\n", offset, length, hex);
	digest_update(d, line, (size_t)n);
}

void plan_digest(const struct plan_range *ranges, size_t count, uint8_t out[DIGEST_SHA256_SIZE])
{
	_cleanup_digest_ struct digest *d = NULL;
	if (digest_new(&d, "sha256", NULL) < 0)
		abort(); // without SHA-256 there is nothing to be said of any board
	for (size_t i = 0; i < count; i++)
		plan_digest_line(d, ranges[i].offset, ranges[i].length, ranges[i].sha256);
	uint8_t full[DIGEST_MAX_SIZE];
	digest_final(d, full);
	memcpy(out, full, DIGEST_SHA256_SIZE);
}

uint64_t plan_bytes(const struct plan_range *ranges, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += ranges[i].length;
	return sum;
}

bool plan_is_sound(const struct plan_range *ranges, size_t count, uint64_t size)
{
	uint64_t end = 0;
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].length == 0 || ranges[i].offset < end || ranges[i].offset > size ||
		        ranges[i].length > size - ranges[i].offset)
			return false;
		end = ranges[i].offset + ranges[i].length;
	}
	return true;
}

void plan_zero_digest(uint64_t length, uint8_t out[DIGEST_SHA256_SIZE])
{
	static const uint8_t zeros[64 * KIB];
	_cleanup_digest_ struct digest *d = NULL;
	if (digest_new(&d, "sha256", NULL) < 0)
		abort();
	while (length) {
		uint64_t n = u64_min(length, sizeof(zeros));
		digest_update(d, zeros, n);
		length -= n;
	}
	uint8_t full[DIGEST_MAX_SIZE];
	digest_final(d, full);
	memcpy(out, full, DIGEST_SHA256_SIZE);
}

static struct plan_range zero_range(uint64_t offset, uint64_t length)
{
	struct plan_range range = {.offset = offset, .length = length, .source = PLAN_ZERO};
	plan_zero_digest(length, range.sha256);
	return range;
}

int plan_gaps(const struct plan_range *ranges, size_t count, uint64_t size, struct plan_range **out,
        size_t *out_count)
{
	struct plan_range *gaps = calloc(count + 1, sizeof(*gaps));
	if (!gaps)
		return -ENOMEM;
	uint64_t end = 0;
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].offset > end)
			gaps[n++] = zero_range(end, ranges[i].offset - end);
		end = ranges[i].offset + ranges[i].length;
	}
	if (size > end)
		gaps[n++] = zero_range(end, size - end);
	*out = gaps;
	*out_count = n;
	return 0;
}
