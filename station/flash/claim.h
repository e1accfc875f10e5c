// SPDX-License-Identifier: MIT
// Opening a target, and law 1: what is open must be what was meant, and nobody else's.
#ifndef GANGWAY_FLASH_CLAIM_H
#define GANGWAY_FLASH_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "board/board.h"
#include "flash/walk.h"
#include "flash/worker.h"
#include "image/image.h"

struct claim {
	int fd;          // O_DIRECT, unless !direct
	int tail_fd;     // a regular file's second descriptor, through the page cache; -1: none
	bool block;      // a block device, or a regular file
	bool direct;     // past the page cache
	uint32_t sector; // bytes: what direct I/O must fit
	char label[256]; // for messages: the job's label, or the node
	struct board_identity found;
};

/*
 * Opens job->expect.node and makes every check on what is open then, not on what the name said before: type,
 * rdev, diskseq, size and port against `expect` where it says them; and for writing: not mounted, not held, no
 * swap, not the system's own disk, not read-only, direct I/O. e->failure is set. Reads at most one sector.
 */
int claim_open(const struct worker_job *job, struct claim *out, struct err *e);
void claim_close(struct claim *claim);

// What claim_open() asks of a USB disk beside its numbers: the LUN, the serial and the product (the job's signature),
// by what sysfs says of it while it is open: its number cannot become another disk's until it is closed. `root` stands
// before /sys: "" but in tests. What is on no USB port (loop, file) passes.
int claim_product(const char *root, const struct worker_job *job, const struct claim *claim, struct err *e);

// The checks that need no opening, for a caller that wants to refuse early: exists, a block device or a file,
// and for writing, in nobody's use. Fills in *st. Replaces none of claim_open()'s.
int claim_look(const struct worker_job *job, struct stat *st, struct err *e);

// Whether image and target fit: size, sector size, range borders. The front has passed the GPT header's place.
int claim_fits(const struct claim *claim, const struct layout *layout, const struct image_front *front,
        struct err *e);

// The board under the open descriptor has left.
bool claim_is_gone(const struct claim *claim);

// Whether the mapped bytes below 1 MiB on the device are the image's already (false while they are not known, or are
// nothing but zeros). Reads at most that much.
bool claim_carries(const struct claim *claim, const struct image *image);

// SCSI START STOP UNIT with LoEj (SBC-3, 5.25), as `eject` does: the way to end U-Boot's `ums` (since v2024.04).
int claim_eject(const struct claim *claim, struct err *e);

#endif
