// SPDX-License-Identifier: MIT
// A sweep: the pieces of a walk through the disk, a few of them in flight.
#include "flash/sweep.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/clock.h"

/*
 * The read buffers, side by side in huge pages where the machine has some to give: pinning them for direct I/O is
 * then one step a piece and not one a page. Page-aligned in any case, and not touched before something is read.
 */
#define HUGE_PAGE_BYTES (2 * MIB)
#define BUFFERS_BYTES   ((size_t)SWEEP_DEPTH * WALK_PIECE_BYTES)

int sweep_init(struct sweep *sweep, struct disk *disk, struct err *e)
{
	*sweep = (struct sweep){.disk = disk};
	size_t size = (size_t)u64_up(BUFFERS_BYTES, HUGE_PAGE_BYTES) + HUGE_PAGE_BYTES;
	uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return err_sys(e, errno, "read buffers");
	sweep->buffers = map;
	sweep->buffers_size = size;
	uint8_t *buffer = map + (HUGE_PAGE_BYTES - (uintptr_t)map % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
	(void)madvise(buffer, size - HUGE_PAGE_BYTES, MADV_HUGEPAGE); // a wish
	for (unsigned i = 0; i < SWEEP_DEPTH; i++, buffer += WALK_PIECE_BYTES) {
		sweep->slots[i].buffer = buffer;
		sweep->slots[i].sweep = sweep;
	}
	return 0;
}

void sweep_deinit(struct sweep *sweep)
{
	if (sweep->buffers)
		munmap(sweep->buffers, sweep->buffers_size);
	sweep->buffers = NULL;
}

static void end_with(struct sweep *sweep, int result, const struct walk_piece *piece, bool io)
{
	if (sweep->result == 0) {
		sweep->result = result;
		sweep->failed_io = io;
		if (piece)
			sweep->failed = *piece;
	}
	sweep->walked = true;
	sweep->has_waiting = false;
}

// Takes the oldest piece if it has landed; one that landed before its elders waits for them.
static bool retire(struct sweep *sweep)
{
	struct sweep_slot *slot = &sweep->slots[sweep->first];
	if (!sweep->count || !slot->landed)
		return false;
	if (sweep->result == 0 && sweep->ops->take) {
		const uint8_t *data = slot->memory ? slot->memory : slot->buffer;
		int r = sweep->ops->take(sweep->context, &slot->piece, data);
		if (r < 0)
			end_with(sweep, r, &slot->piece, false);
	}
	if (sweep->result == 0)
		sweep->done += slot->piece.length;
	sweep->first = (sweep->first + 1) % SWEEP_DEPTH;
	sweep->count--;
	return true;
}

// A worker of a busy machine may wait so long for a core; and a cancelled one for what is in flight. Not for a moment
// only: a disk may have a buffer, and a throttle lets a first slice through at once.
#define QUEUE_MIN_NS   (50 * NSEC_PER_MSEC)
#define QUEUE_MAX_NS   (150 * NSEC_PER_MSEC)
#define SHORT_IN_A_ROW 8

void sweep_pace_note(struct sweep_pace *pace, uint64_t ns)
{
	if (ns > QUEUE_MAX_NS)
		pace->piece = (uint32_t)u64_max(pace->piece / 2, WALK_PIECE_BYTES);
	pace->in_a_row = ns < QUEUE_MIN_NS ? pace->in_a_row + 1 : 0;
	if (pace->in_a_row < SHORT_IN_A_ROW)
		return;
	pace->piece = (uint32_t)u64_min(2 * (uint64_t)pace->piece, SWEEP_PIECE_MAX);
	pace->in_a_row = 0;
}

static void on_done(struct disk_io *io)
{
	struct sweep_slot *slot = io->context;
	struct sweep *sweep = slot->sweep;
	uint64_t spent = clock_mono_ns() - slot->submitted_ns;
	slot->landed = true;
	sweep->in_flight--;
	sweep->landings++;
	sweep_pace_note(&sweep->pace, spent);
	if (sweep->ops->grows)
		sweep->walk.piece = sweep->pace.piece;
	if (io->result < 0 && sweep->result == 0)
		sweep->failed_after_ns = spent;
	if (io->result < 0)
		end_with(sweep, io->result, &slot->piece, true);
	else
		sweep->moved += io->length;
	sweep_pump(sweep);
}

// The next piece that may go: from the walk, unless one is waiting.
static bool next_piece(struct sweep *sweep)
{
	if (!sweep->has_waiting && !sweep->walked) {
		sweep->has_waiting =
		        walk_next(&sweep->walk, &sweep->waiting) && sweep->waiting.offset < sweep->stop_at;
		sweep->walked = !sweep->has_waiting;
	}
	return sweep->has_waiting &&
	       (!sweep->ops->ready || sweep->ops->ready(sweep->context, &sweep->waiting));
}

static void submit(struct sweep *sweep)
{
	struct sweep_slot *slot = &sweep->slots[(sweep->first + sweep->count++) % SWEEP_DEPTH];
	slot->piece = sweep->waiting;
	sweep->has_waiting = false;
	slot->memory = sweep->ops->memory ? sweep->ops->memory(sweep->context, &slot->piece) : NULL;
	slot->landed = slot->memory && sweep->ops->op == DISK_READ;
	if (slot->landed)
		return;
	slot->io = (struct disk_io){.op = sweep->ops->op,
	        // Not written through: the disk only reads it then.
	        .data = slot->memory ? (void *)(uintptr_t)slot->memory : slot->buffer,
	        .length = slot->piece.length,
	        .offset = slot->piece.offset,
	        .done = on_done,
	        .context = slot};
	slot->submitted_ns = clock_mono_ns();
	sweep->in_flight++;
	disk_submit(sweep->disk, &slot->io);
}

void sweep_pump(struct sweep *sweep)
{
	if (!sweep->running || sweep->retiring)
		return;
	sweep->retiring = true; // take() may stop the sweep
	do {
		// Refill first: the disk works while the oldest piece is being hashed.
		disk_hold(sweep->disk, true);
		while (sweep->count < SWEEP_DEPTH && next_piece(sweep))
			submit(sweep);
		disk_hold(sweep->disk, false);
	} while (retire(sweep));
	sweep->retiring = false;
	if (sweep->in_flight || sweep->count || !sweep->walked)
		return;
	sweep->running = false;
	sweep->ops->finished(sweep->context, sweep->result);
}

void sweep_start(struct sweep *sweep, const struct sweep_ops *ops, void *context, const struct walk *walk,
        uint64_t stop_at)
{
	sweep->ops = ops;
	sweep->context = context;
	sweep->walk = *walk;
	sweep->stop_at = stop_at;
	sweep->has_waiting = sweep->walked = false;
	sweep->first = sweep->count = sweep->in_flight = 0;
	sweep->result = 0;
	sweep->failed_io = false;
	sweep->moved = sweep->done = 0;
	sweep->pace = SWEEP_PACE_START;
	sweep->running = true;
	sweep_pump(sweep);
}

void sweep_stop(struct sweep *sweep, int result)
{
	if (!sweep->running)
		return;
	end_with(sweep, result, NULL, false);
	sweep_pump(sweep);
}
