// SPDX-License-Identifier: MIT
// verify=compare: hashes the stored image in a thread, once for all boards of a cycle, while they are read back.
#ifndef GANGWAY_FLASH_PROVER_H
#define GANGWAY_FLASH_PROVER_H

#include <stdint.h>

#include "base/err.h"
#include "image/image.h"
#include "image/proof.h"

enum prover_state {
	PROVER_WORKS,
	PROVER_PROVED,
	PROVER_DAMAGED,    // a range does not have the plan's digest
	PROVER_UNREADABLE, // the store cannot be read
	PROVER_STOPPED,
};

struct prover;

// Starts it; `proof` has just been claimed. Every range's digest is in the front. It ends the claim and rings the
// image's wake_fd when it is through. image and proof must outlive it, and so must `map`: the stored image in memory,
// after mapped_catch().
int prover_start(const struct image *image, const uint8_t *map, struct proof *proof, struct prover **out,
        struct err *e);

// The range's index with DAMAGED, the byte offset with UNREADABLE.
enum prover_state prover_state(const struct prover *prover, uint64_t *where);

// Makes it end early, waits for that (some milliseconds) and frees it. NULL is fine; returns NULL.
struct prover *prover_stop(struct prover *prover);

#endif
