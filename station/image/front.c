// SPDX-License-Identifier: MIT
// Making fronts: the shared mapping through which workers follow an import.
#include "image/front.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/failure.h"

static int front_map(struct front *front, struct err *e)
{
	front->map = mmap(NULL, front->size, PROT_READ | PROT_WRITE, MAP_SHARED, front->fd, 0);
	if (front->map == MAP_FAILED) {
		front->map = NULL;
		return err_sys(e, errno, "the import's front cannot be mapped");
	}
	return 0;
}

int front_new(uint64_t range_count, struct front *out, struct err *e)
{
	struct front front = {.fd = -1, .size = front_bytes(range_count)};
	if (range_count > FRONT_RANGES_MAX)
		return err_fail(e, EFBIG, FAILURE_IMPORT_FAILED, "more than %d ranges", FRONT_RANGES_MAX);
	front.fd = memfd_create("gangway-front", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (front.fd < 0 || ftruncate(front.fd, (off_t)front.size) < 0 ||
	        fcntl(front.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		int r = err_sys(e, errno, "the import's front");
		front_close(&front);
		return r;
	}
	int r = front_map(&front, e);
	if (r < 0) {
		front_close(&front);
		return r;
	}
	front.map->magic = IMAGE_FRONT_MAGIC;
	front.map->range_count = (uint32_t)range_count;
	*out = front;
	return 0;
}

void front_close(struct front *front)
{
	if (front->map)
		munmap(front->map, front->size);
	fd_close(&front->fd);
	*front = FRONT_NONE;
}

int front_adopt(int fd, struct front *out, struct err *e)
{
	struct front front = {.fd = -1};
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || !(seals & F_SEAL_GROW) || fstat(fd, &st) < 0 ||
	        (uint64_t)st.st_size < front_bytes(0) || (uint64_t)st.st_size > front_bytes(FRONT_RANGES_MAX))
		return err_set(e, EPROTO, "the importer sent a front that cannot be used");
	front.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	front.size = (size_t)st.st_size;
	int r = front.fd < 0 ? err_sys(e, errno, "the import's front") : front_map(&front, e);
	if (r == 0 && fcntl(front.fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0)
		r = err_sys(e, errno, "the import's front cannot be sealed");
	if (r < 0) {
		front_close(&front);
		return r;
	}
	*out = front;
	return 0;
}

bool front_is_sound(const struct image_front *front, size_t size)
{
	if (size < front_bytes(0) || front->magic != IMAGE_FRONT_MAGIC)
		return false;
	uint32_t count = front->range_count;
	if (count == 0 || size != front_bytes(count) || front->image_size == 0 ||
	        front->image_size > INT64_MAX)
		return false;
	if (!plan_is_sound(front->ranges, count, front->image_size) ||
	        plan_bytes(front->ranges, count) != front->mapped_bytes)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (front->ranges[i].source != PLAN_STORE)
			return false;
	return front->gpt_sector == 0 || front->gpt_sector == 512 || front->gpt_sector == 4096;
}

void front_advance(struct image_front *front, uint64_t offset)
{
	atomic_store_explicit(&front->front, offset, memory_order_release);
}

void front_confirm(struct image_front *front)
{
	atomic_store_explicit(&front->state, IMAGE_CONFIRMED, memory_order_release);
}

void front_fail(struct image_front *front, const struct err *e)
{
	front->failure = (uint32_t)e->failure;
	STR_COPY(front->error, e->text);
	atomic_store_explicit(&front->state, IMAGE_FAILED, memory_order_release);
}

void front_wake(int wake_fd)
{
	uint64_t one = 1;
	// It cannot fill up: 2^64 - 2 wake-ups.
	if (write(wake_fd, &one, sizeof(one)) < 0)
		return;
}

uint32_t front_gpt_sector(int data_fd)
{
	static const uint32_t sectors[] = {512, 4096};
	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++) {
		char signature[8];
		if (fd_pread_all(data_fd, signature, sizeof(signature), sectors[i]) == sizeof(signature) &&
		        !memcmp(signature, "EFI PART", sizeof(signature)))
			return sectors[i];
	}
	return 0;
}
