// SPDX-License-Identifier: MIT
// The blank check: whether somebody has written to a disk before, and what is on it. Reads little, writes nothing.
#ifndef GANGWAY_FLASH_BLANK_H
#define GANGWAY_FLASH_BLANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flash/claim.h"
#include "image/image.h"

enum blank_verdict {
	BLANK_NOT_LOOKED,
	BLANK_YES,
	BLANK_NO,
	BLANK_UNFINISHED, // a programming that did not come to its end (law 6 left it without its headers)
	BLANK_UNREADABLE,
	BLANK_TOO_SLOW,
};

enum { BLANK_TEXT_SIZE = 160 };

struct blank {
	uint32_t verdict; // enum blank_verdict
	char text
	        [BLANK_TEXT_SIZE]; // "GPT with 3 partitions (vfat, ext4)", "ext4 on the whole disk", "data at 1 MiB"
};

/*
 * Looks at the first 128 KiB, the last 32 KiB and at most 84 places of 8 KiB in between. Blank is what reads as zeros or
 * as ones everywhere: which of the two an erased eMMC gives is the vendor's choice (JESD84-B51, ERASED_MEM_CONT).
 *
 * That is enough to find what people write: a partition table, boot code or a file system without one lies in the head
 * (the tail has GPT's backup); partitions start at powers of two; a board of an earlier revision has its data where this
 * image has its own, so the image's ranges are looked at; the rest is spread evenly, which misses data that fills a
 * tenth of a disk less than once in a hundred times. It does not prove that a disk was never written to.
 *
 * 8 KiB, because U-Boot answers reads of 8 blocks or less from its block cache (drivers/block/blkcache.c). After 15
 * seconds it gives up: BLANK_TOO_SLOW.
 */
void blank_look(const struct claim *claim, const struct image *image, struct blank *out);

// "blank", "not blank: GPT with 3 partitions", ...; "" when nobody looked.
void blank_text(const struct blank *blank, char *text, size_t size);

// --- what a piece of a disk is: for blank.c and its tests ----------------------------------------------------

// All zeros, or all ones.
bool blank_is_empty(const uint8_t *data, size_t size);

// The file system or the like that starts at data (size bytes of it): "ext4", "btrfs", "LVM", ...; NULL: none known.
const char *blank_file_system(const uint8_t *data, size_t size);

enum { BLANK_PARTITIONS_MAX = 128 };

struct blank_table {
	const char *kind;                     // "GPT", "MBR"; NULL: no table
	unsigned count;                       // partitions
	uint64_t start[BLANK_PARTITIONS_MAX]; // bytes
};

// The partition table in a disk's first bytes.
void blank_find_table(const uint8_t *head, size_t size, struct blank_table *out);

#endif
