// SPDX-License-Identifier: MIT
// One board's cycle: blank, write, read back, confirm, commit, as a list of steps; and what came of it.
#ifndef GANGWAY_FLASH_PROGRAM_H
#define GANGWAY_FLASH_PROGRAM_H

#include "base/digest.h"
#include "flash/claim.h"
#include "flash/disk.h"
#include "flash/sweep.h"
#include "flash/walk.h"
#include "flash/worker.h"
#include "image/herd.h"
#include "image/image.h"
#include "image/proof.h"

struct program;
struct prover;

struct program_spec {
	const struct worker_job *job;
	const struct claim *claim; // for messages, and for whether the device is still there
	struct disk *disk;
	const struct image *image; // front mapped
	struct layout layout;
	struct herd *herd;   // NULL unless the image is larger than memory
	struct proof *proof; // of the image; NULL unless the job says compare
	int target_fd;       // ASK: the verify script; COMMIT: the whole image's front
	// The program has concluded: `failure`, `text` and the counts are final. Nothing is called after it.
	void (*concluded)(void *context);
	void *context;
};

enum program_clock { PROGRAM_CLOCK_NONE, PROGRAM_CLOCK_WRITE, PROGRAM_CLOCK_VERIFY };

struct program {
	struct program_spec spec;
	struct layout layout;
	struct sweep sweep;
	struct disk_io io; // beside the sweep: a flush, or of the reserved place
	bool io_busy;

	const uint8_t *map;  // the stored image, read-only: written from here, without a copy
	uint64_t prefetched; // up to where its pages were asked for
	int herd_member;     // this worker's place in spec.herd; -1: none
	uint64_t dropped;    // up to where this worker has given its pages of the store back
	uint8_t *copy;       // the commit piece's private copy, see verify.c
	int copy_error;      // -errno: the store could not be read for it

	size_t step;
	uint64_t step_started; // CLOCK_MONOTONIC ns
	uint64_t started_ns; // CLOCK_MONOTONIC: what proves the stored image for this attempt began after it
	bool waiting_for_confirmation;
	bool blanking;    // the headers of what was on it are being taken away, and may be there still
	bool key_touched; // from here on the board may boot: a failure must blank it again
	bool retracting, retracted, concluded;
	bool in_doubt;                 // it failed and took no blanking either: has it gone?
	uint64_t give_up_at;           // once it has failed: stop waiting for what is in flight, ns
	uint64_t seen_landings;        // the last sign of life: sweep.landings
	uint64_t ticked_at, silent_ns; // ... and for how long there was none

	// The read-back in progress.
	struct digest *run_digest, *readback, *extras;
	uint64_t run_read; // bytes of the run that came from the device
	bool run_nonzero;
	bool has_extras;
	uint8_t wrong_expected[DIGEST_SHA256_SIZE], wrong_got[DIGEST_SHA256_SIZE];
	struct walk_run wrong_run;
	uint64_t wrong_at; // first wrong offset; UINT64_MAX: not found again

	// Compared with the store, see compare.c.
	struct prover *prover; // this worker is the one that hashes it
	bool waiting_for_proof;

	// The reserved place, see place.c.
	char *place;       // its sectors on the device, whole
	uint64_t place_at; // where they begin
	size_t place_size; // bytes of them
	size_t place_skew; // bytes of them before the place
	struct err answer; // what the board's answer was judged to be; num 0: good
	bool answered;     // it is this attempt's answer
	uint8_t summary_sha256[DIGEST_SHA256_SIZE];

	// What the worker reports.
	enum worker_stage stage;
	enum failure failure;
	char text[480];
	uint64_t stage_ns[WORKER_STAGE_COUNT];
	uint64_t stage_done, stage_total; // bytes of this stage; see program_done()
	uint64_t wire_done, wire_total;   // bytes of all stages to and from the device; see program_wire()
	uint64_t bytes_written, bytes_verified, write_ns, verify_ns;
	uint8_t plan_sha256[DIGEST_SHA256_SIZE], readback_sha256[DIGEST_SHA256_SIZE];
	uint8_t extras_sha256[DIGEST_SHA256_SIZE];
};

// Maps the image. Nothing is written yet. claim_fits() has passed.
int program_init(struct program *program, const struct program_spec *spec, struct err *e);
void program_deinit(struct program *program);

void program_start(struct program *program);

// The image's front or state may have moved.
void program_wake(struct program *program);

// Ends it with this failure (the first one counts), as soon as what is in flight has landed.
void program_fail(struct program *program, enum failure failure, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

// Called a few times a second: gives up on a device that does not answer for `stall_ns`.
void program_tick(struct program *program, uint64_t stall_ns);

// What is in flight can still write into the program's memory: it must not be freed.
bool program_in_flight(const struct program *program);

// Bytes of the current stage that are through.
uint64_t program_done(const struct program *program);

// Bytes of all stages that have been written to or read from the device. The whole is wire_total.
uint64_t program_wire(const struct program *program);

// For the steps' own files, write.c, verify.c and compare.c.
void program_next(struct program *program);
// How every sweep of theirs ends: sweep_ops.finished.
void program_sweep_ended(void *program, int result);
// A sweep's or flush's error becomes a failure, with the right one to blame.
void program_io_failed(struct program *program, enum disk_op op, int error, const struct walk_piece *piece);
bool program_reads_back(const struct program *program);
// One read, write or flush beside the sweeps; program_next() follows.
void program_io(struct program *program, enum disk_op op, void *data, size_t length, uint64_t offset);

// An image larger than memory, write.c: the worker is one of those that read the store; it no longer is.
void write_join(struct program *program);
void write_leave(struct program *program);
// The worker needs the store's pages before `end` no more. True: they have left its mapping, up to `dropped`.
bool write_give_back(struct program *program, uint64_t end);

extern const struct sweep_ops write_blank_ops, write_body_ops, write_commit_ops; // write.c
extern const struct sweep_ops verify_ops, verify_commit_ops;                     // verify.c

// Where the private copy of a held-back piece lies.
uint8_t *verify_copy(const struct program *program, uint64_t offset);
int verify_init(struct program *program, struct err *e);
void verify_deinit(struct program *program);
// The first digests of the verdict, from the plan alone. Only once the image is confirmed.
void verify_expect(struct program *program);
// Finds out why a run was wrong, then fails the program.
void verify_diagnose(struct program *program);
// The store is to blame (law 8).
void verify_store_damaged(struct program *program, const struct plan_range *range);
void verify_store_unreadable(struct program *program, uint64_t offset, int error);
// At the end: the digests over what was read. Whether they, and the bytes read, are the plan's.
bool verify_conclude(struct program *program);

// The steps around the reserved place, place.c. A job without one has nothing to set up.
int place_init(struct program *program, struct err *e);
void place_deinit(struct program *program);
uint64_t place_wire(const struct program *program); // bytes that its steps move
void place_read(struct program *program);
void place_write(struct program *program);   // all but the request
void place_request(struct program *program); // ... which comes last: it is what makes the rest mean something
void place_judge(struct program *program);
void place_clear(struct program *program);
void place_believe(struct program *program); // what was judged

bool compare_wanted(const struct program *program);
// The two steps around the read-back: somebody hashes the store; everybody waits for that.
void compare_begin(struct program *program);
void compare_wait(struct program *program);
// The proof may be there; or the claim's time may be over.
void compare_wake(struct program *program);
// -EILSEQ with wrong_at set, or -EIO with copy_error set: the store cannot be read.
int compare_piece(struct program *program, const struct walk_piece *piece, const uint8_t *data);
void compare_end(struct program *program);

#endif
