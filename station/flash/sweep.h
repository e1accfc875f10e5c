// SPDX-License-Identifier: MIT
// A sweep: the pieces of a walk through the disk, a few of them in flight, so that its queue never runs dry.
#ifndef GANGWAY_FLASH_SWEEP_H
#define GANGWAY_FLASH_SWEEP_H

#include "flash/disk.h"
#include "flash/walk.h"

// In flight at once. Two keep a disk busy while the third is being hashed or faulted in; more only cost memory.
#ifndef SWEEP_DEPTH // tests/bench/study builds others
#define SWEEP_DEPTH 3
#endif

/*
 * What is in flight is to last the disk for a while: on a busy machine the worker waits for a core, and must not find
 * that the disk has waited for it. So pieces grow as long as they land in less time than that, and become shorter
 * again when they take so long that a cancel would.
 */
#define SWEEP_PIECE_MAX (4 * MIB)
struct sweep_pace {
	uint32_t piece;    // bytes of the next one
	unsigned in_a_row; // landed too soon, one after the other
};
#define SWEEP_PACE_START ((struct sweep_pace){.piece = WALK_PIECE_BYTES})

// A piece has landed `ns` after it was submitted behind those in flight.
void sweep_pace_note(struct sweep_pace *pace, uint64_t ns);

/*
 * What a sweep does with its pieces. All are called from the loop; context is the sweep's.
 */
struct sweep_ops {
	enum disk_op op; // DISK_READ or DISK_WRITE
	bool grows;      // WRITE from memory of any length: pieces may grow, see sweep_pace
	// Whether the piece may be asked for yet; if not, sweep_pump() is to be called when that may have changed.
	bool (*ready)(void *context, const struct walk_piece *piece);
	// WRITE: the bytes to write. READ: bytes to take instead of the disk's (no I/O then), or NULL to read.
	const void *(*memory)(void *context, const struct walk_piece *piece);
	// Every piece once it is through, in device order. data: what was read (or memory()'s). -errno ends the sweep.
	int (*take)(void *context, const struct walk_piece *piece, const uint8_t *data);
	// Once: all is through and taken (0), or the sweep ended early and nothing is in flight any more (-errno).
	void (*finished)(void *context, int result);
};

struct sweep_slot {
	struct disk_io io;
	struct walk_piece piece;
	struct sweep *sweep;
	const void *memory;
	uint8_t *buffer;       // one piece, for reading
	uint64_t submitted_ns; // CLOCK_MONOTONIC
	bool landed;
};

struct sweep {
	struct disk *disk;
	const struct sweep_ops *ops;
	void *context;
	struct walk walk;
	uint64_t stop_at;          // device address; UINT64_MAX: to the walk's end
	struct walk_piece waiting; // walked to, not ready yet
	bool has_waiting, walked;
	struct sweep_slot slots[SWEEP_DEPTH]; // a ring in device order
	void *buffers;                        // SWEEP: where the slots' buffers lie
	size_t buffers_size;
	unsigned first, count;
	unsigned in_flight;
	struct sweep_pace pace;
	bool running, retiring;
	int result;               // the first error, or 0
	struct walk_piece failed; // the piece that gave it
	bool failed_io;           // it came from the disk, not from take()
	uint64_t failed_after_ns; // how long the disk took to say so
	uint64_t moved;           // bytes the disk has acknowledged in this sweep
	uint64_t done;            // bytes taken in this sweep
	uint64_t landings;        // I/Os completed since sweep_init(): tells whether the disk still answers
};

// Allocates the buffers.
int sweep_init(struct sweep *sweep, struct disk *disk, struct err *e);
void sweep_deinit(struct sweep *sweep);

// Starts over the walk's pieces; finished() comes later, from the loop or from sweep_pump(). One at a time.
void sweep_start(struct sweep *sweep, const struct sweep_ops *ops, void *context, const struct walk *walk,
        uint64_t stop_at);

// Goes on after a wait for ready(); harmless at any time.
void sweep_pump(struct sweep *sweep);

// No more pieces; finished() comes with `result` (-errno) when what is in flight has landed.
void sweep_stop(struct sweep *sweep, int result);

#endif
