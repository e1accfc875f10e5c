// SPDX-License-Identifier: MIT
// Where the bytes of each write come from: straight from the mapped store, nothing is copied.
#include <errno.h>
#include <sys/mman.h>

#include "flash/program.h"

// The store's pages are asked for this far ahead: io_submit(2) would wait for missing ones, and the disk with it.
#define PREFETCH_BYTES (8 * MIB)

static const uint8_t zeros[WALK_PIECE_BYTES] __attribute__((aligned(4096)));

static bool is_there(void *context, const struct walk_piece *piece)
{
	const struct program *p = context;
	const struct image_front *front = p->spec.image->front;
	return piece->run.source != PLAN_STORE ||
	       piece->offset + piece->length <= image_front_offset(front) ||
	       image_front_state(front) == IMAGE_CONFIRMED;
}

static void prefetch(struct program *p, const struct walk_piece *piece)
{
	uint64_t run_end = piece->run.offset + piece->run.length;
	uint64_t from = u64_max(p->prefetched, u64_down(piece->offset, 4 * KIB));
	uint64_t to = u64_min(run_end, piece->offset + PREFETCH_BYTES);
	to = u64_min(to, image_front_offset(p->spec.image->front));
	if (to <= from || (to < run_end && to - from < PREFETCH_BYTES / 2))
		return;
	p->prefetched = u64_down(to, 4 * KIB);
	// Only advice: if it cannot be followed, the pages are read when they are needed.
	(void)madvise((void *)(uintptr_t)(p->map + from), to - from, MADV_WILLNEED);
}

/*
 * The last piece may end inside a sector; the disk then reads on to the sector's end. There the mapping gives
 * zeros: the rest of a file's last page is zero-filled (mmap(2)).
 */
static const void *body_memory(void *context, const struct walk_piece *piece)
{
	struct program *p = context;
	if (piece->run.source != PLAN_STORE)
		return zeros;
	prefetch(p, piece);
	return p->map + piece->offset;
}

static const void *blank_memory(void *context, const struct walk_piece *piece)
{
	(void)context;
	(void)piece;
	return zeros;
}

// What was read back is compared with the private copy, so it is the copy that goes to the board.
static const void *commit_memory(void *context, const struct walk_piece *piece)
{
	const struct program *p = context;
	return program_reads_back(p) ? verify_copy(p, piece->offset) : p->map + piece->offset;
}

const struct sweep_ops write_blank_ops = {
        .op = DISK_WRITE, .memory = blank_memory, .finished = program_sweep_ended};
const struct sweep_ops write_body_ops = {
        .op = DISK_WRITE, .ready = is_there, .memory = body_memory, .finished = program_sweep_ended};
const struct sweep_ops write_commit_ops = {
        .op = DISK_WRITE, .memory = commit_memory, .finished = program_sweep_ended};
