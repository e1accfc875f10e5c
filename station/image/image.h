// SPDX-License-Identifier: MIT
// A decoded image in the store, complete or still growing, as every worker sees it.
#ifndef GANGWAY_IMAGE_IMAGE_H
#define GANGWAY_IMAGE_IMAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/plan.h"

/*
 * The front: one shared mapping per import, written by the importer alone (its parent says IMAGE_FAILED in its
 * stead when it has died) and mapped read-only by workers, which check what they take from it. It
 * carries the plan too. A store entry that is complete is shown in the same form, so that a worker knows one form.
 *
 * Order: the importer writes bytes to the data file, then fills a range's digest when its last byte went by and
 * its bmap digest matched, then stores `front` (release), then rings the wake eventfd. A reader loads `front`
 * (acquire) first.
 *
 * The wake eventfd is shared by all: the importer adds 1, nobody ever reads it, and each watcher has it in its
 * own epoll with EPOLLET, which reports every write as an edge to each of them. So one write wakes all, and no
 * reader can steal another's wake-up.
 */
#define IMAGE_FRONT_MAGIC UINT32_C(0x47574631) // "GWF1"

enum image_state {
	IMAGE_GROWING = 0,   // bytes below `front` may be written to boards; nobody commits
	IMAGE_CONFIRMED = 1, // source digest, every range and all counts hold: boards may commit
	IMAGE_FAILED = 2,    // the import failed: see failure and error
};

struct image_front {
	uint32_t magic;
	uint32_t
	        gpt_sector; // 512 or 4096: where the image's GPT header stands; 0: none, or front is not there yet
	uint64_t image_size;   // bytes of the decoded image; need not be a multiple of any block
	uint64_t mapped_bytes; // sum of the ranges
	uint32_t block_size;   // the bmap's; 4096 without one
	uint32_t range_count;
	_Atomic uint64_t front; // every mapped byte below this offset is in the data file
	_Atomic uint32_t state; // enum image_state
	uint32_t failure;       // enum failure, valid when IMAGE_FAILED
	char error[480];        // valid when IMAGE_FAILED
	struct plan_range ranges[];
};

static inline uint64_t image_front_offset(const struct image_front *f)
{
	return atomic_load_explicit(&f->front, memory_order_acquire);
}
static inline enum image_state image_front_state(const struct image_front *f)
{
	return (enum image_state)atomic_load_explicit(&f->state, memory_order_acquire);
}

// What a parent holds of an image and hands to its workers: read-only descriptors.
struct image {
	int data_fd;  // the decoded file, O_RDONLY, as long as the image; holes read as zeros
	int front_fd; // struct image_front, to be mapped read-only
	int wake_fd;  // the eventfd above
	int proof_fd; // what its workers tell each other of it (image/proof.h, image/herd.h); 0 or less: nothing
	int target_fd; // of boards that read themselves back (image/ontarget_kit.h): the script to ask with, or, of
	               // the withheld part, the whole image's front; 0 or less: nothing
	int lock_fd; // a shared lock on the store entry: it is not dropped while this is open; -1 outside the store's owner
	const struct image_front *front; // mapped; NULL in a process that only passes the descriptors on
	size_t front_size;               // bytes mapped
	char key[SHA256_HEX_SIZE];       // the store's key; "" while an import has not hashed its source yet
	char source_sha256[SHA256_HEX_SIZE]; // of the file as given (compressed); "" until it is confirmed
	char bmap_sha256[SHA256_HEX_SIZE];   // of the .bmap file; "" without one
};

#define IMAGE_NONE ((struct image){.data_fd = -1, .front_fd = -1, .wake_fd = -1, .lock_fd = -1})

// Maps front_fd and checks magic and size against the file's. The image's descriptors are set by the caller.
int image_map(struct image *image, struct err *e);

// Unmaps and closes all descriptors.
void image_close(struct image *image);

// Hashes the stored bytes of one range with pread(2) (a mapping would raise SIGBUS where the file is damaged).
// 0 and *matches, or -errno when the file cannot be read (then the store is to blame).
int image_check_range(
        const struct image *image, const struct plan_range *range, bool *matches, struct err *e);

#endif
