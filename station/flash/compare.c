// SPDX-License-Identifier: MIT
// verify=compare: what was read back must equal the mapped store, and the store must be proven to be the plan.
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/mapped.h"
#include "flash/program.h"
#include "flash/prover.h"

bool compare_wanted(const struct program *p)
{
	return p->spec.job->verify == WORKER_VERIFY_COMPARE;
}

// What a board should have given. The comparison ended at the first difference: behind it pages may be missing.
static int digest_wanted(struct program *p, const uint8_t *wanted, size_t size)
{
	uint8_t full[DIGEST_MAX_SIZE];
	digest_reset(p->run_digest); // nothing else is hashed by it: this run is compared
	if (mapped_digest(wanted, size, p->run_digest) < 0)
		return -EIO;
	digest_final(p->run_digest, full);
	memcpy(p->wrong_expected, full, DIGEST_SHA256_SIZE);
	return 0;
}

// Without asking for the pages first: that took as much CPU as the comparison.
int compare_piece(struct program *p, const struct walk_piece *piece, const uint8_t *data)
{
	const uint8_t *wanted = p->map + piece->offset;
	size_t same;
	if (mapped_compare(wanted, data, piece->length, &same) < 0)
		return p->copy_error = -EIO;
	if (same == piece->length) {
		write_give_back(p, piece->offset + piece->length);
		return 0;
	}
	if (digest_wanted(p, wanted, piece->length) < 0)
		return p->copy_error = -EIO;
	p->wrong_at = piece->offset + same;
	digest_sha256(data, piece->length, p->wrong_got);
	return -EILSEQ;
}

// Somebody has to hash the store; if nobody is at it, this worker, in a thread beside its read-back.
static void claim(struct program *p)
{
	struct err e = {0};
	const struct image_front *front = p->spec.image->front;
	bool digests_known =
	        image_front_offset(front) >= front->image_size || image_front_state(front) == IMAGE_CONFIRMED;
	if (p->prover || !digests_known || proof_holds(p->spec.proof, p->started_ns) ||
	        !proof_claim(p->spec.proof, clock_mono_ns()))
		return;
	if (prover_start(p->spec.image, p->map, p->spec.proof, &p->prover, &e) < 0)
		program_fail(p, FAILURE_STATION_ERROR, "%s: %s", p->spec.claim->label, e.text);
}

void compare_begin(struct program *p)
{
	claim(p);
	p->dropped = 0; // the pages come back, in order
	if (p->failure == FAILURE_NONE)
		program_next(p);
}

void compare_wait(struct program *p)
{
	p->waiting_for_proof = true;
	compare_wake(p);
}

static void judge_store(struct program *p)
{
	uint64_t where;
	enum prover_state state = prover_state(p->prover, &where);
	if (state == PROVER_DAMAGED)
		verify_store_damaged(p, &p->layout.ranges[where]);
	else if (state == PROVER_UNREADABLE)
		verify_store_unreadable(p, where, EIO);
}

void compare_wake(struct program *p)
{
	if (p->prover)
		judge_store(p);
	if (!p->waiting_for_proof || p->failure != FAILURE_NONE)
		return;
	if (proof_holds(p->spec.proof, p->started_ns)) {
		p->waiting_for_proof = false;
		program_next(p);
	} else {
		claim(p); // whoever was at it may have died
	}
}

void compare_end(struct program *p)
{
	p->prover = prover_stop(p->prover);
}
