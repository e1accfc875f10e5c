// SPDX-License-Identifier: MIT
// Settled files: whether a file's times tell that it still is what it was when it was hashed.
#ifndef GANGWAY_IMAGE_SETTLED_H
#define GANGWAY_IMAGE_SETTLED_H

#include <stdint.h>

#include "base/clock.h"

/*
 * A file that has the same device, inode, size, modification and change time as when it was hashed need not be hashed
 * again: the kernel moves the change time with every write, and nobody can set it back. What could still deceive is shut
 * out, and such a file has no mark, so that it is hashed each time:
 *   - a write in the same tick of the clock as the change time that was noted, or while the file was hashed: the time has
 *     to lie SETTLED_NS back when hashing begins, and to be the same at its end;
 *   - a shared mapping, which moves the time with the first write to a clean page only: settled_sync() before hashing
 *     makes all pages clean;
 *   - a crash or a snapshot of a virtual machine, after which content may be newer than its times: the mark names the boot;
 *   - file systems that do not keep their times so (network, FUSE, FAT, tmpfs' mappings): only ext, XFS, Btrfs and F2FS do.
 */
#define SETTLED_NS (60 * NSEC_PER_SEC)

#define SETTLED_MARK_SIZE (CLOCK_BOOT_ID_SIZE + 21)

// `now_ns` is CLOCK_REALTIME's. "" where the times of the open file prove nothing. Two equal marks of a file with the same
// device, inode, size and modification time: it was not written to in between.
void settled_mark(int fd, const char *boot_id, uint64_t now_ns, char mark[SETTLED_MARK_SIZE]);

// Makes all pages of the file clean. 0 or -errno: the mark proves nothing.
int settled_sync(int fd);

#endif
