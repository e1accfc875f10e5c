// SPDX-License-Identifier: MIT
// The worker: one process a board. It opens, checks, writes, reads back, commits, ejects and closes.
#ifndef GANGWAY_FLASH_WORKER_H
#define GANGWAY_FLASH_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "board/board.h"
#include "core/failure.h"
#include "core/signature.h"
#include "image/ontarget.h"

/*
 * Worker and parent speak in the fixed structs below, one a packet, over the socket pair that is the worker's
 * first inherited descriptor (both ends are the same binary). The others follow in this order: the image's
 * data_fd, front_fd, wake_fd, and, if the job says so, the shared link's memfd, the image's proof_fd and target_fd.
 *
 *   parent: worker_job ............................ GO ......... [CANCEL] .............. RELEASE
 *   worker:      ... CLAIMED (or VERDICT: refused) ...... PROGRESS* ... VERDICT ........ RELEASED, exit 0
 *
 * Before GO not one byte is written. After the VERDICT the worker holds the device open until RELEASE, so that
 * nobody else takes it before the verdict is in the ledger. EOF on the socket: the parent is gone; the worker
 * stops at once and leaves the device as law 6 wants it.
 */

enum worker_task {
	WORKER_WRITE,  // write, read back, commit
	WORKER_VERIFY, // read back only; nothing is written
	WORKER_ASK,    // write all but what makes it boot, then the request that it read itself back: ASKED
	WORKER_COMMIT, // judge its answer, then write what makes it boot (the image is ontarget_kit.withheld), read that back
};

enum worker_verify {
	WORKER_VERIFY_READBACK, // every range is read from the device and hashed
	WORKER_VERIFY_NONE,     // --no-verify: the best result is `unverified`
	WORKER_VERIFY_COMPARE, // every range is read and compared with the store, which is hashed once for all
};

enum worker_unmapped { WORKER_UNMAPPED_KEEP, WORKER_UNMAPPED_ZERO };

// What to do about a disk that is not blank (flash/blank.h).
enum worker_blank {
	WORKER_BLANK_PROGRAM, // program it; nobody looks
	WORKER_BLANK_NOTE,    // program it, but CLAIMED says what was on it
	WORKER_BLANK_ASK,     // VERDICT: refused (not-blank), and asks for a person
	WORKER_BLANK_REFUSE,  // VERDICT: refused (not-blank)
};

// ASK and COMMIT: the place on the board for request and answer (image/ontarget.h), and this attempt's nonce.
struct worker_target {
	uint64_t offset; // bytes
	uint64_t script_size, windows;
	uint64_t window; // bytes of one
	uint64_t mapped; // bytes of the whole plan
	char nonce[ONTARGET_NONCE_SIZE];
	char plan_sha256[SHA256_HEX_SIZE]; // of the whole plan
	bool withdraw; // COMMIT: a request with this nonce that is not answered is taken away again
};

struct worker_job {
	uint32_t task;     // enum worker_task
	uint32_t verify;   // enum worker_verify
	uint32_t unmapped; // enum worker_unmapped
	uint32_t blank;    // enum worker_blank
	bool eject;        // on RELEASE: SCSI START STOP UNIT before closing (KEEP: closed without it)
	bool has_link;     // the shared link's descriptor is there
	uint64_t window;   // bytes: the image is larger than memory, see image/herd.h; 0: it is not
	bool has_proof;    // the image's proof_fd is there, behind the link's
	bool has_target;   // ASK, COMMIT: the image's target_fd is there, behind the proof's
	bool ask_carries;  // CLAIMED says whether the board holds this plan already
	uint32_t stall_ms; // a disk that answers nothing for so long has failed (device-timeout); 0: 90 s
	char label[32];    // for the log: the slot's label or the target's name
	struct board_identity
	        expect; // what discovery saw; diskseq, rdev, size 0: not checked (never from the station)
	// Of a USB board, checked again by what sysfs says of the disk that is open:
	bool check_lun; // it must be a board in U-Boot's ums, and its LUN `lun`
	uint32_t lun;
	char serial[64];            // the board's own, as discovery saw it; "": not checked
	struct signature signature; // the job's, approved; fields 0: none
	struct board_model model;
	struct worker_target target;
};

static inline bool worker_writes(const struct worker_job *job)
{
	return job->task != WORKER_VERIFY;
}

enum worker_command { WORKER_GO = 1, WORKER_CANCEL, WORKER_RELEASE, WORKER_KEEP };

enum worker_stage {
	WORKER_STAGE_OPEN,
	WORKER_STAGE_CLAIMED,
	WORKER_STAGE_WRITE,
	WORKER_STAGE_VERIFY,
	WORKER_STAGE_COMMIT,
	WORKER_STAGE_DONE,
	WORKER_STAGE_COUNT
};

enum worker_result {
	WORKER_PASS,
	WORKER_UNVERIFIED,
	WORKER_FAIL,
	WORKER_ASKED, // of ASK: no verdict on the board, which is to leave now and to check itself
};

enum worker_method {
	WORKER_METHOD_NONE,   // "none"
	WORKER_METHOD_DIRECT, // "host-readback": O_DIRECT, past the page cache
	WORKER_METHOD_BUFFERED, // "host-readback-buffered": fsync, cache dropped, read (regular files without O_DIRECT)
	WORKER_METHOD_COMPARE, // "host-compare": O_DIRECT, compared with the store, which was hashed in this cycle
	WORKER_METHOD_COMPARE_BUFFERED, // "host-compare-buffered"
	WORKER_METHOD_ON_TARGET, // "on-target": the board compared it by itself, the host what makes it boot
};

enum worker_report_kind { WORKER_CLAIMED = 1, WORKER_PROGRESS, WORKER_VERDICT, WORKER_RELEASED };

struct worker_report {
	uint32_t kind;   // enum worker_report_kind
	uint32_t stage;  // enum worker_stage: the one it is in
	uint32_t result; // VERDICT: enum worker_result
	uint32_t
	        failure; // VERDICT: enum failure (also when a verdict is `fail` before CLAIMED: refused, 0 bytes written)
	uint32_t method; // enum worker_method
	uint32_t logical_sector;
	bool refused; // VERDICT: fail before GO or before the first byte
	bool asks;    // ... and a person may say that it is programmed all the same
	bool ejected; // RELEASED: the device took the eject
	bool carries_plan; // CLAIMED: the mapped bytes below 1 MiB are this plan's already; false when not known yet
	uint64_t done, total;                    // PROGRESS: bytes of this stage
	uint64_t wire_done, wire_total;          // bytes of all stages that go over the board's wire
	uint64_t bytes_written;                  // mapped (and zeroed) bytes acknowledged by the device
	uint64_t bytes_verified;                 // bytes read back whose range matched
	uint64_t stage_ns[WORKER_STAGE_COUNT];   // CLOCK_MONOTONIC when the stage was entered; 0: it was not
	uint64_t write_ns, verify_ns;            // durations; commit counts to both by what it did
	uint8_t plan_sha256[DIGEST_SHA256_SIZE]; // VERDICT: expected, over the STORE ranges
	uint8_t readback_sha256[DIGEST_SHA256_SIZE]; // VERDICT: over what was read; zeros when nothing was
	uint8_t extras_sha256
	        [DIGEST_SHA256_SIZE]; // expected, over ZERO/INLINE ranges; zeros when there are none, or no pass
	uint8_t extras_readback_sha256[DIGEST_SHA256_SIZE];
	uint8_t summary_sha256
	        [DIGEST_SHA256_SIZE]; // COMMIT: of the board's answer, the block as it was; or zeros
	uint64_t windows;             // ... that it was asked to compare
	struct board_identity found;  // CLAIMED: what it has open
	char blank[192];              // CLAIMED, VERDICT: what the blank check found; "" when nobody looked
	char text[480];               // VERDICT fail: one line for a person
};

const char *worker_result_name(enum worker_result result); // "pass", "unverified", "fail", "asked"
const char *worker_method_name(enum worker_method method);
const char *worker_stage_name(
        enum worker_stage stage); // "open", "claimed", "writing", "verifying", "committing", "done"

// The worker role's main.
int worker_role(int argc, char **argv);

#endif
