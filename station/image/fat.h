// SPDX-License-Identifier: MIT
// Makes a FAT32 disk that holds a few files, written one after the other: what U-Boot reads from a USB stick.
#ifndef GANGWAY_IMAGE_FAT_H
#define GANGWAY_IMAGE_FAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The disk gets an MBR with one active FAT32 partition from 1 MiB on. Files lie in one piece each, in the root folder
 * or in one sub-folder; names are 8.3 in lower case. Until fat_finish() has written the partition table the disk is
 * no disk at all to anybody.
 */
struct fat;

#define FAT_SECTOR   512u                 // its own; a disk of larger ones would be read at other places
#define FAT_DISK_MIN (UINT64_C(48) << 20) // below this FAT32 has too few clusters to be FAT32

// `fd` is borrowed and open for writing through the page cache; `size` is the disk's, in bytes. Invalidates its table.
int fat_new(int fd, uint64_t size, struct fat **out, struct err *e);
struct fat *fat_free(struct fat *fat); // always NULL
static inline void fat_freep(struct fat **fat)
{
	*fat = fat_free(*fat);
}
#define _cleanup_fat_ __attribute__((cleanup(fat_freep)))

// One file. `folder` is NULL for the root, or the name of the one sub-folder (8 characters at most), made by itself.
// -ENOSPC when the disk is too small.
int fat_add(
        struct fat *fat, const char *folder, const char *name, const void *data, size_t size, struct err *e);

// Writes folders, tables and, last, the MBR; all is on disk then.
int fat_finish(struct fat *fat, struct err *e);

#endif
