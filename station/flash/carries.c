// SPDX-License-Identifier: MIT
// Whether a board holds this plan already: law 7 for boards without a serial number.
#include <fcntl.h>

#include "base/fd.h"
#include "flash/claim.h"

static bool all_zero(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i])
			return false;
	return true;
}

/*
 * The commit piece is written last and only after all else was verified (law 6): a board that holds all of it was
 * programmed to its end with this plan, or with one that boots the same. Nothing but zeros says nothing.
 */
bool claim_carries(const struct claim *claim, const struct image *image)
{
	const struct image_front *front = image->front;
	uint64_t size = u64_min(PLAN_COMMIT_BYTES, u64_min(front->image_size, claim->found.size));
	bool known = image_front_state(front) == IMAGE_CONFIRMED || image_front_offset(front) >= size;
	_cleanup_free_ uint8_t *device = NULL;
	_cleanup_free_ uint8_t *wanted = malloc(PLAN_COMMIT_BYTES);
	if (!known || !wanted || posix_memalign((void **)&device, 4 * KIB, PLAN_COMMIT_BYTES) != 0)
		return false;
	uint64_t whole = u64_down(size, claim->sector ? claim->sector : 512);
	if (fd_pread_all(claim->fd, device, whole, 0) != (ssize_t)whole ||
	        fd_pread_all(image->data_fd, wanted, whole, 0) != (ssize_t)whole)
		return false;
	bool something = false;
	for (uint32_t i = 0; i < front->range_count && front->ranges[i].offset < whole; i++) {
		uint64_t at = front->ranges[i].offset, n = u64_min(front->ranges[i].length, whole - at);
		if (memcmp(device + at, wanted + at, n) != 0)
			return false;
		something = something || !all_zero(wanted + at, n);
	}
	return something;
}
