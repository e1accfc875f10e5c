// SPDX-License-Identifier: MIT
// Looking at a mapped file whose pages may turn out to be unreadable.
#ifndef GANGWAY_BASE_MAPPED_H
#define GANGWAY_BASE_MAPPED_H

#include <stddef.h>

#include "base/digest.h"

/*
 * A page of the mapping that cannot be read, or that the file has lost, is -EIO and not the end of the process (mmap(2):
 * SIGBUS); it is found without asking the kernel for each page first, as MADV_POPULATE_READ does at the cost of the
 * comparison itself. Call mapped_catch() once in the process before the others: it takes SIGBUS for good. Outside of
 * them a fault still ends the process. Any thread may call them.
 */
int mapped_catch(void);

/*
 * Compares `size` bytes of a mapping with others, as memcmp(3): 0, and in *same how many bytes are equal up to the
 * first that is not (`size`: all are).
 */
int mapped_compare(const void *mapped, const void *bytes, size_t size, size_t *same);

// digest_update() with `size` bytes of a mapping. After -EIO the digest is good for digest_reset() only.
int mapped_digest(const void *mapped, size_t size, struct digest *digest);

#endif
