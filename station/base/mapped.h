// SPDX-License-Identifier: MIT
// Looking at a mapped file whose pages may turn out to be unreadable.
#ifndef GANGWAY_BASE_MAPPED_H
#define GANGWAY_BASE_MAPPED_H

#include <stddef.h>

/*
 * Compares `size` bytes of a mapping with others, as memcmp(3). A page of it that cannot be read, or that the file
 * has lost, is -EIO and not the end of the process (mmap(2): SIGBUS); it is found without asking the kernel for each
 * page first, as MADV_POPULATE_READ does at the cost of the comparison itself.
 *
 * 0, and in *same how many bytes are equal up to the first that is not (`size`: all are). SIGBUS of the calling
 * thread is taken for the time of the call; the process's handler for it must not be changed by others meanwhile.
 */
int mapped_compare(const void *mapped, const void *bytes, size_t size, size_t *same);

#endif
