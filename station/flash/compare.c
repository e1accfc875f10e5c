// SPDX-License-Identifier: MIT
// verify=compare: what was read back must equal the mapped store, and the store must be proven to be the plan.
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "flash/program.h"
#include "flash/prover.h"

bool compare_wanted(const struct program *p)
{
	return p->spec.job->verify == WORKER_VERIFY_COMPARE;
}

/*
 * Missing pages are read before they are looked at: a page that the store has lost is an error here, and a SIGBUS
 * where the comparison would touch it. Kernels before 5.14 do not know the advice (EINVAL).
 */
static int populate(const struct program *p, const struct walk_piece *piece)
{
	uint64_t from = u64_down(piece->offset, 4 * KIB);
	uint64_t to = u64_up(piece->offset + piece->length, 4 * KIB);
	int r = madvise((void *)(uintptr_t)(p->map + from), to - from, MADV_POPULATE_READ);
	return r < 0 && errno != EINVAL && errno != EINTR && errno != EAGAIN ? -errno : 0;
}

int compare_piece(struct program *p, const struct walk_piece *piece, const uint8_t *data)
{
	const uint8_t *wanted = p->map + piece->offset;
	if (populate(p, piece) < 0) {
		p->copy_error = -EIO;
		return -EIO;
	}
	if (memcmp(wanted, data, piece->length) == 0)
		return 0;
	uint64_t same = 0;
	while (wanted[same] == data[same])
		same++;
	p->wrong_at = piece->offset + same;
	digest_sha256(wanted, piece->length, p->wrong_expected);
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
	if (prover_start(p->spec.image, p->spec.proof, &p->prover, &e) < 0)
		program_fail(p, FAILURE_STATION_ERROR, "%s: %s", p->spec.claim->label, e.text);
}

void compare_begin(struct program *p)
{
	claim(p);
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
