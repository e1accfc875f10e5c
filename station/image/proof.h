// SPDX-License-Identifier: MIT
// verify=compare: the proof that the stored image has the plan's digests, found once for all boards of a cycle.
#ifndef GANGWAY_IMAGE_PROOF_H
#define GANGWAY_IMAGE_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A board whose read-back equals the mapped store has the plan's digests only if the store's pages have them. The
 * workers of one image share this word on it: one of them claims the proof and hashes all ranges, the others only
 * compare. The proof counts for an attempt when hashing began after the attempt did: the pages were then those that
 * the attempt wrote from and compares with. So N boards of a cycle pay for one hash, and a board that comes an hour
 * later has the pages proven anew.
 *
 * What it rests on: a page that the kernel dropped in between comes back from the store's disk as it was, and nobody writes
 * into the store (an entry that was touched is hashed before its next use). Where pages are dropped all the time, for an
 * image larger than memory, the gang has boards hashed instead.
 *
 * Times are CLOCK_MONOTONIC nanoseconds, never 0. Nothing here blocks, and nobody depends on a claimer that died.
 */

// A claim that was not renewed for so long is anybody's. A claimer renews it every few megabytes.
#define PROOF_STALE_NS (1000 * UINT64_C(1000000))

// The proof has the first page of its descriptor; image/herd.h the second.
#define PROOF_PAGE  4096
#define PROOF_BYTES (2 * PROOF_PAGE)

struct proof; // shared memory

// A memfd with nothing proven; it can neither shrink nor grow. The descriptor (the caller's), or -errno.
int proof_create(struct err *e);

// Maps it. -EPROTO when the descriptor is something else.
int proof_map(int fd, struct proof **out, struct err *e);
// NULL is fine; returns NULL.
struct proof *proof_unmap(struct proof *proof);

// Whether the stored image was proven by hashing that began at `since_ns` or later.
bool proof_holds(const struct proof *proof, uint64_t since_ns);

// True: proving is the caller's now. False: somebody is at it.
bool proof_claim(struct proof *proof, uint64_t now_ns);

// The claimer is still at it.
void proof_keep(struct proof *proof, uint64_t now_ns);

// The claimer has proven it, having begun at `began_ns`; or gives up with 0, and others try for themselves.
void proof_end(struct proof *proof, uint64_t began_ns);

#endif
