// SPDX-License-Identifier: MIT
// Where the bytes of each write come from: straight from the mapped store, nothing is copied.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "flash/program.h"

// The store's pages are asked for this far ahead: io_submit(2) would wait for missing ones, and the disk with it.
#define PREFETCH_BYTES (8 * MIB)
#define HUGE_BYTES     (2 * MIB)

static const uint8_t zeros[WALK_PIECE_BYTES] __attribute__((aligned(4096)));

static bool is_there(void *context, const struct walk_piece *piece)
{
	const struct program *p = context;
	const struct image_front *front = p->spec.image->front;
	return piece->run.source != PLAN_STORE ||
	       piece->offset + piece->length <= image_front_offset(front) ||
	       image_front_state(front) == IMAGE_CONFIRMED;
}

// Whether the page cache has the pages [from, to), judged by a few of them: asking for what is there costs as much
// as all else that the kernel does for a write.
static bool is_cached(const uint8_t *from, const uint8_t *to)
{
	unsigned char there = 1;
	for (; from < to && (there & 1); from += MIB)
		if (mincore((void *)(uintptr_t)from, 4 * KIB, &there) < 0)
			return false;
	return there & 1;
}

/*
 * The mapping asks for huge pages, so the touch of one page reads 4 MiB and waits for the first two of them
 * (do_sync_mmap_readahead(), mm/filemap.c): what is read so stays together in the page cache, as it was when it was
 * stored, and all boards' workers map and unmap it as one page. MADV_WILLNEED does not wait, but reads single pages. For
 * an image larger than memory that is right: it reads no more than what it is asked for.
 */
static void fetch(const struct program *p, uint64_t from, uint64_t to)
{
	// Only advice, both: if it cannot be followed, the pages are read when they are needed.
	if (p->spec.herd) {
		(void)madvise((void *)(uintptr_t)(p->map + from), to - from, MADV_WILLNEED);
		return;
	}
	for (; from < to; from = u64_down(from, HUGE_BYTES) + HUGE_BYTES)
		(void)madvise((void *)(uintptr_t)(p->map + from), 4 * KIB, MADV_POPULATE_READ);
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
	if (!is_cached(p->map + from, p->map + to))
		fetch(p, from, to);
}

/*
 * One fault maps what the page cache has of 64 KiB around it (fault_around_bytes, mm/memory.c). io_submit(2) then
 * finds the pages mapped and pins them without a lock; missing ones it would look up one by one, at four times the
 * CPU. A page that the store has lost is left to it: it gives EFAULT.
 */
#define FAULT_AROUND_BYTES (64 * KIB)

static void map_around(const struct program *p, const struct walk_piece *piece)
{
	uintptr_t at = (uintptr_t)(p->map + piece->offset), end = at + piece->length;
	at -= at % (4 * KIB);
	for (; at < end; at += FAULT_AROUND_BYTES - at % FAULT_AROUND_BYTES)
		(void)madvise((void *)at, 4 * KIB, MADV_POPULATE_READ);
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
	map_around(p, piece);
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
 * Used pages leave the mapping while the disk is busy: left in it they would all go when the worker ends, 0.2 s for
 * each 4 GB, which the board would wait for. For an image larger than memory, see image/herd.h, they are also
 * dropped from the page cache by the last worker that needs them. Both only advise the kernel. A huge page goes as a
 * whole: the kernel would first map it anew, page by page, to take a part of it away.
 */
#define DROP_BYTES (4 * MIB)

void write_join(struct program *p)
{
	p->herd_member =
	        p->spec.herd && worker_writes(p->spec.job) ? herd_join(p->spec.herd, clock_mono_ns()) : -1;
}

void write_leave(struct program *p)
{
	if (p->herd_member >= 0)
		herd_leave(p->spec.herd, p->herd_member);
	p->herd_member = -1;
}

bool write_give_back(struct program *p, uint64_t end)
{
	uint64_t from = p->dropped;
	// Behind the image the device is zeroed, and behind the mapping lies what is not ours.
	end = u64_down(u64_min(end, p->layout.image_size), HUGE_BYTES);
	if (end < from + DROP_BYTES)
		return false;
	p->dropped = end;
	(void)madvise((void *)(uintptr_t)(p->map + from), end - from, MADV_DONTNEED);
	return true;
}

static int body_taken(void *context, const struct walk_piece *piece, const uint8_t *data)
{
	struct program *p = context;
	uint64_t from = p->dropped;
	(void)data;
	if (p->herd_member < 0 && compare_wanted(p))
		return 0; // soon looked at again
	if (!write_give_back(p, piece->offset + piece->length) || p->herd_member < 0)
		return 0;
	uint64_t now = clock_mono_ns();
	herd_note(p->spec.herd, p->herd_member, p->dropped, now);
	if (herd_is_last(p->spec.herd, p->herd_member, p->dropped, p->spec.job->window, now))
		(void)posix_fadvise(
		        p->spec.image->data_fd, (off_t)from, (off_t)(p->dropped - from), POSIX_FADV_DONTNEED);
	return 0;
}

const struct sweep_ops write_blank_ops = {
        .op = DISK_WRITE, .memory = blank_memory, .finished = program_sweep_ended};
const struct sweep_ops write_body_ops = {.op = DISK_WRITE,
        .grows = true,
        .ready = is_there,
        .memory = body_memory,
        .take = body_taken,
        .finished = program_sweep_ended};
const struct sweep_ops write_commit_ops = {
        .op = DISK_WRITE, .memory = commit_memory, .finished = program_sweep_ended};
