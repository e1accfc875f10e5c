// SPDX-License-Identifier: MIT
// Where the bytes of each write come from: straight from the mapped store, nothing is copied.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
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

/*
 * What follows is for an image larger than memory, see image/herd.h. Used pages are unmapped by each worker and
 * dropped from the page cache by the last one that needs them; both only advise the kernel.
 */
#define DROP_BYTES (4 * MIB)

void write_join(struct program *p)
{
	p->herd_member = p->spec.herd && p->spec.job->task == WORKER_WRITE
	                         ? herd_join(p->spec.herd, clock_mono_ns())
	                         : -1;
}

void write_leave(struct program *p)
{
	if (p->herd_member >= 0)
		herd_leave(p->spec.herd, p->herd_member);
	p->herd_member = -1;
}

static int body_taken(void *context, const struct walk_piece *piece, const uint8_t *data)
{
	struct program *p = context;
	(void)data;
	uint64_t now, end = u64_down(piece->offset + piece->length, 4 * KIB), from = p->dropped;
	if (p->herd_member < 0 || end < from + DROP_BYTES)
		return 0;
	now = clock_mono_ns();
	herd_note(p->spec.herd, p->herd_member, end, now);
	p->dropped = end;
	(void)madvise((void *)(uintptr_t)(p->map + from), end - from, MADV_DONTNEED);
	if (herd_is_last(p->spec.herd, p->herd_member, end, p->spec.job->window, now))
		(void)posix_fadvise(
		        p->spec.image->data_fd, (off_t)from, (off_t)(end - from), POSIX_FADV_DONTNEED);
	return 0;
}

const struct sweep_ops write_blank_ops = {
        .op = DISK_WRITE, .memory = blank_memory, .finished = program_sweep_ended};
const struct sweep_ops write_body_ops = {.op = DISK_WRITE,
        .ready = is_there,
        .memory = body_memory,
        .take = body_taken,
        .finished = program_sweep_ended};
const struct sweep_ops write_commit_ops = {
        .op = DISK_WRITE, .memory = commit_memory, .finished = program_sweep_ended};
