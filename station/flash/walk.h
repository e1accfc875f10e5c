// SPDX-License-Identifier: MIT
// The walk over a board: which bytes are written and read back, in which pieces, and which are held back (law 6).
#ifndef GANGWAY_FLASH_WALK_H
#define GANGWAY_FLASH_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/plan.h"

/*
 * Pieces are cut at multiples of this in device addresses, so that all but the first and last of a range are
 * whole and aligned, whatever the range's own borders.
 */
#ifndef WALK_PIECE_BYTES // tests/bench/study builds others
#define WALK_PIECE_BYTES (512 * KIB)
#endif

/*
 * The areas of a board, in the order they are written:
 *
 *   BLANK    zeros over LBA 0-1 and the last LBA: primary and backup GPT header (UEFI 2.10, 5.3.2) are gone, so no
 *            old image boots either. No more than that: some SoCs keep boot code from LBA 2 on.
 *   BODY     all that is to be written, but for:
 *   HEAD     the mapped bytes below PLAN_COMMIT_BYTES, the commit piece, but for LBA 0-1;
 *   TAIL     the image's last PLAN_TAIL_BYTES where the image reaches into the device's last LBA: there the backup
 *            header is looked for. On a larger device nothing looks at the image's end, and it is BODY as the rest
 *            (not with `holds_tail`: what a board reads back itself is cut the same for all of them);
 *   KEY      LBA 0-1. TAIL and KEY together are what makes a board boot, so they are the last and shortest writes.
 *   HEADERS  what of BLANK no other area covers: read back, not written again.
 */
enum walk_area {
	WALK_BODY = 1,
	WALK_HEAD = 2,
	WALK_TAIL = 4,
	WALK_KEY = 8,
	WALK_COMMIT = WALK_HEAD | WALK_TAIL | WALK_KEY,
	WALK_PLAN = WALK_BODY | WALK_COMMIT,
	WALK_BLANK = 16,
	WALK_HEADERS = 32,
};

struct layout {
	const struct plan_range *ranges; // the image's STORE ranges, sound for image_size
	size_t count;
	uint64_t image_size, device_size;
	uint32_t lba;      // bytes of the sector that GPT headers are counted in
	uint32_t sector;   // bytes of the device's logical sector: what I/O must fit
	bool zero_all;     // ZERO ranges for everything unmapped, to the device's end
	bool holds_tail;   // TAIL also where the image ends before the device's last LBA
	bool zero_headers; // ZERO ranges for what BLANK wrote and no STORE range covers
};

// A run is one plan_range, or one ZERO range that this walk adds: at most PLAN_RANGE_BYTES of an unmapped area.
struct walk_run {
	uint64_t offset, length;
	enum plan_source source;
	size_t range; // index of the STORE range
};

struct walk_piece {
	uint64_t offset;
	uint32_t length;
	enum walk_area area;
	struct walk_run run; // the piece is all or part of it
};

struct walk {
	const struct layout *layout;
	unsigned areas; // mask of enum walk_area that is wanted; WALK_BLANK stands alone
	uint64_t at;    // device address reached
	size_t next;    // first range not walked to its end
	struct walk_run run;
	uint32_t
	        piece; // BODY from the store is cut at multiples of this instead, when it is more than WALK_PIECE_BYTES
};

// Starts at the device's beginning.
void walk_start(struct walk *walk, const struct layout *layout, unsigned areas);

// Starts at a run's beginning (of `piece`); walk_next() then goes on past its end, which the caller watches.
void walk_start_at(
        struct walk *walk, const struct layout *layout, unsigned areas, const struct walk_run *run);

// The next piece in device order; false at the end.
bool walk_next(struct walk *walk, struct walk_piece *piece);

// Where TAIL begins; the image's end where there is none.
uint64_t layout_tail(const struct layout *layout);

// Bytes that a walk over these areas passes.
uint64_t layout_bytes(const struct layout *layout, unsigned areas);

// Whether every range's borders fit the device's sectors (but for the image's own end).
bool layout_fits_sector(const struct layout *layout);

static inline bool walk_begins_run(const struct walk_piece *p)
{
	return p->offset == p->run.offset;
}
static inline bool walk_ends_run(const struct walk_piece *p)
{
	return p->offset + p->length == p->run.offset + p->run.length;
}

#endif
