// SPDX-License-Identifier: MIT
// An image larger than memory: where each board reads the store, so that its pages go when the last one has passed.
#ifndef GANGWAY_IMAGE_HERD_H
#define GANGWAY_IMAGE_HERD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Boards read the store in the same order, each at its own speed. While they are near to each other one read from
 * the store's disk serves all; left to the page cache, boards that drift apart further than memory reaches push each
 * other's pages out, and each reads everything. So workers tell each other how far they are, and the pages behind a
 * worker are dropped as soon as nobody within the window behind the foremost one still needs them. Who falls behind
 * the window is no longer waited for: it reads alone and drops what it has used, and takes no room from the others.
 * Nobody ever stops for anybody.
 *
 * The table is shared memory, the second page of proof_create()'s descriptor.
 */
enum { HERD_MEMBERS_MAX = 128 };

// A member that was not heard of for so long is not waited for: it hangs or has died.
#define HERD_STALE_NS (5000 * UINT64_C(1000000))

struct herd; // shared memory

int herd_map(int fd, struct herd **out, struct err *e);
struct herd *herd_unmap(struct herd *herd); // NULL is fine; returns NULL

// A place in it: its number, or -1 when all are taken (the caller then does without).
int herd_join(struct herd *herd, uint64_t now_ns);
void herd_leave(struct herd *herd, int member);

// The member has used everything below `offset`.
void herd_note(struct herd *herd, int member, uint64_t offset, uint64_t now_ns);

// Whether nobody needs the store's pages below `offset`, which the member has just passed, that the window is for.
bool herd_is_last(const struct herd *herd, int member, uint64_t offset, uint64_t window, uint64_t now_ns);

// The window for an image of so many mapped bytes: five eighths of the memory that can be had (the rest is for
// reading ahead and for the processes), or 0: it fits, none is needed.
uint64_t herd_window(uint64_t mapped, uint64_t available);

// Bytes that page cache may take in this process' memory cgroup (either version) or on this machine.
uint64_t herd_memory(void);

#endif
