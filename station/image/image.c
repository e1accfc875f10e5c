// SPDX-License-Identifier: MIT
// A decoded image as its users hold it.
#include "image/image.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/front.h"

int image_map(struct image *image, struct err *e)
{
	struct stat st;
	if (fstat(image->front_fd, &st) < 0)
		return err_sys(e, errno, "the image's front");
	size_t size = (size_t)st.st_size;
	if ((uint64_t)st.st_size < front_bytes(0) || (uint64_t)st.st_size > front_bytes(FRONT_RANGES_MAX))
		return err_set(e, EPROTO, "the image's front has a size that cannot be");
	const struct image_front *front = mmap(NULL, size, PROT_READ, MAP_SHARED, image->front_fd, 0);
	if (front == MAP_FAILED)
		return err_sys(e, errno, "the image's front cannot be mapped");
	image->front = front;
	image->front_size = size;
	if (front_is_sound(front, size))
		return 0;
	image->front = NULL;
	union {
		const struct image_front *in;
		void *out;
	} mapping = {.in = front};
	munmap(mapping.out, size);
	return err_set(e, EPROTO, "the image's front is not sound");
}

void image_close(struct image *image)
{
	union {
		const struct image_front *in;
		void *out;
	} mapping = {.in = image->front};
	if (image->front)
		munmap(mapping.out, image->front_size);
	fd_close(&image->data_fd);
	fd_close(&image->front_fd);
	fd_close(&image->wake_fd);
	fd_close(&image->lock_fd);
	if (image->proof_fd > 0)
		fd_close(&image->proof_fd);
	if (image->target_fd > 0)
		fd_close(&image->target_fd);
	*image = IMAGE_NONE;
}

int image_check_range(const struct image *image, const struct plan_range *range, bool *matches, struct err *e)
{
	_cleanup_free_ uint8_t *buffer = malloc(MIB);
	_cleanup_digest_ struct digest *d = NULL;
	if (!buffer)
		return err_sys(e, ENOMEM, "checking the stored image");
	int r = digest_new(&d, "sha256", e);
	if (r < 0)
		return r;
	uint64_t end = range->offset + range->length;
	for (uint64_t at = range->offset; at < end;) {
		size_t wanted = (size_t)u64_min(MIB, end - at);
		ssize_t n = fd_pread_all(image->data_fd, buffer, wanted, at);
		if (n < 0)
			return err_fail(e, (int)-n, FAILURE_STORE_ERROR,
			        "the stored image cannot be read at %" PRIu64 ": %s", at, strerror((int)-n));
		if ((size_t)n < wanted) {
			*matches = false;
			return 0;
		}
		digest_update(d, buffer, wanted);
		at += wanted;
	}
	uint8_t got[DIGEST_MAX_SIZE];
	digest_final(d, got);
	*matches = !memcmp(got, range->sha256, DIGEST_SHA256_SIZE);
	return 0;
}
