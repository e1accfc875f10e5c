// SPDX-License-Identifier: MIT
// An image cut into windows of RAM: how a board that has no more than that reads, checks and writes it.
#ifndef GANGWAY_IMAGE_WINDOWS_H
#define GANGWAY_IMAGE_WINDOWS_H

#include <stdint.h>

#include "image/image.h"

// U-Boot counts an eMMC in blocks of this size, whatever the chip's own (drivers/mmc/mmc.c: MMC_MAX_BLOCK_LEN).
#define WINDOW_BLOCK 512u

#define WINDOW_BYTES_MIN UINT64_C(4096)
#define WINDOW_BYTES_MAX (64 * MIB)

/*
 * What of the image is cut. A board may only boot when all else is there and read back (law 6), so the parts that make
 * it boot are cut apart from the rest: KEY is LBA 0-1, HEAD the other mapped bytes below PLAN_COMMIT_BYTES, TAIL the
 * last PLAN_TAIL_BYTES, BODY all between.
 */
enum window_area { WINDOW_BODY, WINDOW_HEAD, WINDOW_TAIL, WINDOW_KEY, WINDOW_ALL };

// Bytes of the image that lie together; the offset is a multiple of WINDOW_BLOCK, and so is the length of all but the
// image's last.
struct window_extent {
	uint64_t offset, length;
};

// Extents that fill one buffer, one after the other, and the digest over them.
struct window {
	size_t first, count; // its extents
	uint64_t length;     // bytes of all of them
	uint8_t sha256[DIGEST_SHA256_SIZE];
};

struct windows {
	struct window_extent *extents;
	struct window *list;
	size_t extent_count, count;
};

// Cuts the mapped bytes of one area into windows of at most `bytes` (a multiple of WINDOW_BLOCK) and hashes each one
// from the store. The image is complete. The caller frees *out; NULL on failure.
int windows_cut(const struct image *image, enum window_area area, uint64_t bytes, struct windows **out,
        struct err *e);
// The same without hashing, and so without reading the store: all digests are zeros.
int windows_lay(const struct image *image, enum window_area area, uint64_t bytes, struct windows **out,
        struct err *e);
struct windows *windows_free(struct windows *windows); // always NULL
static inline void windows_freep(struct windows **windows)
{
	*windows = windows_free(*windows);
}
#define _cleanup_windows_ _cleanup_(windows_freep)

// Reads the bytes of a window from the store into `buffer`, zeros behind them up to a whole block.
int windows_read(
        const struct windows *windows, const struct window *window, int data_fd, void *buffer, struct err *e);

static inline uint64_t window_blocks(uint64_t bytes)
{
	return (bytes + WINDOW_BLOCK - 1) / WINDOW_BLOCK;
}

#endif
