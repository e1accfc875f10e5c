// SPDX-License-Identifier: MIT
// Making fronts: the shared mapping through which workers follow an import.
#ifndef GANGWAY_IMAGE_FRONT_H
#define GANGWAY_IMAGE_FRONT_H

#include "image/image.h"

// More ranges than any bmap of BMAP_FILE_MAX can hold.
#define FRONT_RANGES_MAX (4 * 1024 * 1024)

struct front {
	int fd;                  // a memfd that can neither shrink nor grow
	struct image_front *map; // readable and writable
	size_t size;
};
#define FRONT_NONE ((struct front){.fd = -1})

static inline size_t front_bytes(uint64_t range_count)
{
	return sizeof(struct image_front) + range_count * sizeof(struct plan_range);
}

// A new front, GROWING, with `range_count` empty ranges.
int front_new(uint64_t range_count, struct front *out, struct err *e);
void front_close(struct front *front);

// Maps a received front for writing too, then seals it so that nobody else ever can. The parent does so: it must
// be able to say IMAGE_FAILED when the importer has died.
int front_adopt(int fd, struct front *out, struct err *e);

// Whether all of a front of `size` bytes can be relied on: magic, counts, sound ranges that fit the image.
// It may come from an importer that a malicious file has taken over.
bool front_is_sound(const struct image_front *front, size_t size);

void front_advance(struct image_front *front, uint64_t offset);
void front_confirm(struct image_front *front);
void front_fail(struct image_front *front, const struct err *e);

// Rings the wake eventfd.
void front_wake(int wake_fd);

// 512 or 4096 where the data file has a GPT header, else 0 (UEFI 2.10, 5.3.2: "EFI PART" at LBA 1).
uint32_t front_gpt_sector(int data_fd);

#endif
