// SPDX-License-Identifier: MIT
// Block maps (.bmap): which blocks of an image hold data, and their digests.
#ifndef GANGWAY_IMAGE_BMAP_H
#define GANGWAY_IMAGE_BMAP_H

#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "core/plan.h"

/*
 * The format has no standard but its reference, https://github.com/yoctoproject/bmaptool. Versions 1.0 to 2.0 are
 * read (1.4 is 2.0, mis-numbered), 2.0 is written. Unmapped blocks mean "don't care", not "zero".
 */

// A file of this size holds half a million ranges, more than 2 TiB of the worst fragmented 4 KiB blocks need.
#define BMAP_FILE_MAX (64 * MIB)

struct bmap_range {
	uint64_t first, last; // blocks, both included
	uint32_t line;        // in the file, for messages
	uint32_t digest_size; // 0: the range has none
	uint8_t digest[DIGEST_MAX_SIZE];
};

struct bmap {
	unsigned major, minor;
	uint64_t image_size; // bytes; need not be a multiple of block_size
	uint64_t block_size; // a power of two
	uint64_t blocks;
	uint64_t mapped_blocks;
	const char *checksum_type; // "sha256" and its kin: of the file and of each range; "" in 1.0
	struct bmap_range *ranges; // in order, no overlap, inside the image
	size_t count;
};

// Parses and checks a whole file. Each fault has its own message, "NAME:LINE: reason"; all are FAILURE_IMPORT_FAILED.
// The caller frees *out.
int bmap_parse(const char *name, const char *data, size_t size, struct bmap **out, struct err *e);

// Reads the file behind fd from its start and parses it. sha256 is of the whole file.
int bmap_load(int fd, const char *name, uint8_t sha256[DIGEST_SHA256_SIZE], struct bmap **out, struct err *e);

struct bmap *bmap_free(struct bmap *bmap); // always NULL
static inline void bmap_freep(struct bmap **bmap)
{
	*bmap = bmap_free(*bmap);
}
#define _cleanup_bmap_ _cleanup_(bmap_freep)

// A range in bytes: the image's last block may be cut short.
uint64_t bmap_range_offset(const struct bmap *bmap, const struct bmap_range *range);
uint64_t bmap_range_length(const struct bmap *bmap, const struct bmap_range *range);

// The ranges as a plan's, their digests still unknown. The caller frees *out.
int bmap_plan(const struct bmap *bmap, struct plan_range **out, struct err *e);

// Decodes an image (raw or compressed) without keeping it: size, counts and range digests must hold. Shutting the
// process in first (sandbox.h) is for the caller: the bytes may be malicious.
int bmap_check_image(
        const struct bmap *bmap, const char *bmap_name, int fd, const char *image_name, struct err *e);

// Maps what a raw image's filesystem stores (SEEK_DATA, SEEK_HOLE) and hashes it with SHA-256.
int bmap_of_image(int fd, const char *name, struct bmap **out, struct err *e);

// The text of a 2.0 file, with its own checksum filled in. The caller frees *text.
int bmap_text(const struct bmap *bmap, char **text, size_t *size, struct err *e);

#endif
