// SPDX-License-Identifier: MIT
// Who else uses a disk: mounts, swap, device-mapper and md, the running system.
#ifndef GANGWAY_FLASH_INUSE_H
#define GANGWAY_FLASH_INUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

/*
 * 0 when nobody does. Otherwise -EBUSY with e->failure (target-system, -mounted, -swap, -held) and a line that
 * names the user. A disk's partitions count as the disk; of a partition, the system's check looks at its disk; of
 * a file, at the loop devices on it.
 * `root` stands before /proc and /sys: "" but in tests.
 */
int inuse_check(const char *root, const char *name, const struct stat *st, struct err *e);

// The disk that a partition is part of, or the device itself.
dev_t inuse_whole_disk(const char *root, dev_t device);

// Whether a byte written to one of two may be a byte of the other: one file or disk under two names, a disk and its partition, a
// loop device and its file, two loop devices on one. Two partitions of one disk share none. Opens no device.
bool inuse_share(const char *root, const struct stat *a, const struct stat *b);

// The number that the kernel gives a disk while it is there (sysfs-block ABI, diskseq): another disk under the same name and
// device number has another one. 0 where there is none (a kernel before 5.15). Opens no device.
uint64_t inuse_diskseq(const char *root, dev_t device);

#endif
