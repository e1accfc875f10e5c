// SPDX-License-Identifier: MIT
// The plan: which bytes go where, and what their digests must be.
#ifndef GANGWAY_CORE_PLAN_H
#define GANGWAY_CORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

// Without a bmap the image is cut into ranges of this length.
#define PLAN_RANGE_BYTES (64 * MIB)

// The mapped bytes below this offset are the commit piece: written and read back last (law 6).
#define PLAN_COMMIT_BYTES (1 * MIB)

// The image's last bytes are held back with the commit piece: on a device of just the image's size they hold
// the backup GPT header, from which U-Boot boots when the primary one is gone (disk/part_efi.c).
#define PLAN_TAIL_BYTES (4 * KIB)

enum plan_source {
	PLAN_STORE,  // the image's bytes at the same offset
	PLAN_ZERO,   // zeros
	PLAN_INLINE, // bytes made for this unit (later)
};

// Bytes [offset, offset + length) of device and image alike. length > 0.
struct plan_range {
	uint64_t offset;
	uint64_t length;
	uint8_t sha256[DIGEST_SHA256_SIZE]; // of these bytes; all zero until it is known
	uint32_t source;                    // enum plan_source
	uint32_t reserved;
};

// SHA-256 over one line per range in order, "OFFSET LENGTH SHA256HEX\n" in decimal bytes. Every range's digest
// must be known. The same function over read-back digests gives the read-back digest: equal iff all match.
void plan_digest(const struct plan_range *ranges, size_t count, uint8_t out[DIGEST_SHA256_SIZE]);

// One of those lines into a running SHA-256, for who meets the ranges one by one.
void plan_digest_line(
        struct digest *d, uint64_t offset, uint64_t length, const uint8_t sha256[DIGEST_SHA256_SIZE]);

// The sum of the ranges' lengths.
uint64_t plan_bytes(const struct plan_range *ranges, size_t count);

// Checks what the rest relies on: lengths > 0, in order, no overlap, no overflow, all within `size`.
bool plan_is_sound(const struct plan_range *ranges, size_t count, uint64_t size);

// The gaps between sound ranges and up to `size`, as ZERO ranges with their digests. The caller frees *out.
// 0, or -ENOMEM.
int plan_gaps(const struct plan_range *ranges, size_t count, uint64_t size, struct plan_range **out,
        size_t *out_count);

// SHA-256 of `length` zeros, without allocating them.
void plan_zero_digest(uint64_t length, uint8_t out[DIGEST_SHA256_SIZE]);

#endif
