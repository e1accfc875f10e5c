// SPDX-License-Identifier: MIT
// verify=compare: hashes the stored image in a thread.
#include "flash/prover.h"

#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mapped.h"
#include "image/front.h"

// After so much it looks whether it is to stop.
enum { PIECE = 256 * 1024 };

struct prover {
	pthread_t thread;
	const struct image *image;
	const uint8_t *map;
	struct proof *proof;
	struct digest *digest;
	_Atomic bool stop;
	_Atomic uint32_t state;
	uint64_t where; // valid once state is said
};

// Straight from the mapping: it has just been written from, so the pages are in it, the very ones that the others have mapped.
static enum prover_state prove_range(struct prover *p, const struct plan_range *range)
{
	uint64_t end = range->offset + range->length;
	uint8_t got[DIGEST_MAX_SIZE];
	digest_reset(p->digest);
	for (uint64_t at = range->offset; at < end;) {
		size_t wanted = (size_t)u64_min(PIECE, end - at);
		if (atomic_load(&p->stop))
			return PROVER_STOPPED;
		if (mapped_digest(p->map + at, wanted, p->digest) < 0) {
			p->where = at;
			return PROVER_UNREADABLE;
		}
		proof_keep(p->proof, clock_mono_ns());
		at += wanted;
	}
	digest_final(p->digest, got);
	return memcmp(got, range->sha256, DIGEST_SHA256_SIZE) == 0 ? PROVER_PROVED : PROVER_DAMAGED;
}

static void *prover_main(void *context)
{
	struct prover *p = context;
	const struct image_front *front = p->image->front;
	enum prover_state state = PROVER_PROVED;
	uint64_t began = clock_mono_ns();
	for (uint32_t i = 0; i < front->range_count && state == PROVER_PROVED; i++) {
		state = prove_range(p, &front->ranges[i]);
		if (state == PROVER_DAMAGED)
			p->where = i;
	}
	proof_end(p->proof, state == PROVER_PROVED ? began : 0);
	atomic_store_explicit(&p->state, state, memory_order_release);
	front_wake(p->image->wake_fd);
	return NULL;
}

static void prover_free(struct prover *p)
{
	p->digest = digest_free(p->digest);
	free(p);
}

int prover_start(const struct image *image, const uint8_t *map, struct proof *proof, struct prover **out,
        struct err *e)
{
	struct prover *p = calloc(1, sizeof(*p));
	if (!p)
		return err_sys(e, ENOMEM, "proving the stored image");
	*p = (struct prover){.image = image, .map = map, .proof = proof};
	int r = digest_new(&p->digest, "sha256", e);
	if (r == 0) {
		int error = pthread_create(&p->thread, NULL, prover_main, p);
		r = error ? err_sys(e, error, "proving the stored image") : 0;
	}
	if (r < 0) {
		proof_end(proof, 0);
		prover_free(p);
		return r;
	}
	*out = p;
	return 0;
}

enum prover_state prover_state(const struct prover *p, uint64_t *where)
{
	enum prover_state state = atomic_load_explicit(&p->state, memory_order_acquire);
	*where = state == PROVER_WORKS ? 0 : p->where;
	return state;
}

struct prover *prover_stop(struct prover *p)
{
	if (!p)
		return NULL;
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	prover_free(p);
	return NULL;
}
