// SPDX-License-Identifier: MIT
// An SQLite VFS under which the power fails: what was not synced is lost, kept or torn, sector by sector.
#ifndef GANGWAY_TESTS_POWER_VFS_H
#define GANGWAY_TESTS_POWER_VFS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/fd.h"
#include "check.h"

enum { POWER_FILES = 8, POWER_SECTOR = 512 };

// A write that is in the cache and not yet on the disk; size 0: the file was cut to `offset`.
struct power_write {
	struct power_write *next;
	sqlite3_int64 offset;
	int size;
	unsigned char data[];
};

struct power_disk_file {
	char name[512];
	unsigned char *durable; // what a power cut leaves for certain
	size_t size, room;
	struct power_write *first, **last;
};

// One disk; its files are found by name.
struct power_disk {
	struct power_disk_file files[POWER_FILES];
	unsigned operations, cut_at; // the operation that does not happen any more; 0: the power stays
	unsigned wal_syncs,
	        fail_wal_sync; // this one and the next fail, though the bytes are on the disk; 0: none
	uint64_t random;
};

struct power_file {
	sqlite3_file base;
	struct power_disk_file *disk_file; // NULL: a temporary file, of no interest
	sqlite3_file *real;
};

static struct power_disk power;
static sqlite3_vfs power_vfs;
static sqlite3_vfs *power_real;

// xorshift64 (Marsaglia, 2003): seeded, so that a failure can be run again.
static inline uint64_t power_random(void)
{
	power.random ^= power.random << 13;
	power.random ^= power.random >> 7;
	power.random ^= power.random << 17;
	return power.random;
}

static inline bool power_is_off(void)
{
	return power.cut_at && ++power.operations >= power.cut_at;
}

static void power_apply(struct power_disk_file *f, const struct power_write *w, bool torn)
{
	if (w->size == 0) {
		if ((size_t)w->offset < f->size)
			f->size = (size_t)w->offset;
		return;
	}
	size_t end = (size_t)w->offset + (size_t)w->size;
	if (end > f->room) {
		f->room = 2 * end;
		f->durable = realloc(f->durable, f->room);
		assert_non_null(f->durable);
	}
	if (end > f->size) {
		memset(f->durable + f->size, 0, end - f->size);
		f->size = end;
	}
	for (int at = 0; at < w->size; at += POWER_SECTOR) {
		int n = w->size - at < POWER_SECTOR ? w->size - at : POWER_SECTOR;
		if (!torn || power_random() % 2)
			memcpy(f->durable + w->offset + at, w->data + at, (size_t)n);
	}
}

// Settles all that waits: whole (a sync), or each write kept, lost or torn (a power cut).
static void power_settle(struct power_disk_file *f, bool cut)
{
	while (f->first) {
		struct power_write *w = f->first;
		uint64_t fate = cut ? power_random() % 3 : 0;
		if (fate != 1)
			power_apply(f, w, fate == 2);
		f->first = w->next;
		free(w);
	}
	f->last = &f->first;
}

static struct power_file *power_of(sqlite3_file *file)
{
	return (struct power_file *)(void *)file;
}

static int power_close(sqlite3_file *file)
{
	return power_of(file)->real->pMethods->xClose(power_of(file)->real);
}

static int power_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
	return power_of(file)->real->pMethods->xRead(power_of(file)->real, data, size, offset);
}

static void power_queue(struct power_disk_file *f, const void *data, int size, sqlite3_int64 offset)
{
	struct power_write *w = malloc(sizeof(*w) + (size_t)size);
	assert_non_null(w);
	*w = (struct power_write){.offset = offset, .size = size};
	if (size)
		memcpy(w->data, data, (size_t)size);
	*f->last = w;
	f->last = &w->next;
}

static int power_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	struct power_file *f = power_of(file);
	if (f->disk_file) {
		if (power_is_off())
			return SQLITE_IOERR_WRITE;
		power_queue(f->disk_file, data, size, offset);
	}
	return f->real->pMethods->xWrite(f->real, data, size, offset);
}

static int power_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct power_file *f = power_of(file);
	if (f->disk_file) {
		if (power_is_off())
			return SQLITE_IOERR_TRUNCATE;
		power_queue(f->disk_file, NULL, 0, size);
	}
	return f->real->pMethods->xTruncate(f->real, size);
}

// The real file is not synced: nothing depends on it, and the test is quicker.
static int power_sync(sqlite3_file *file, int flags)
{
	struct power_file *f = power_of(file);
	(void)flags;
	if (!f->disk_file)
		return SQLITE_OK;
	if (power_is_off())
		return SQLITE_IOERR_FSYNC;
	power_settle(f->disk_file, false);
	bool wal = strstr(f->disk_file->name, "-wal") != NULL;
	power.wal_syncs += wal;
	return wal && power.fail_wal_sync && power.wal_syncs - power.fail_wal_sync < 2 ? SQLITE_IOERR_FSYNC
	                                                                               : SQLITE_OK;
}

#define POWER_PASS(name, parameters, arguments)            \
	static int power_##name parameters                 \
	{                                                  \
		sqlite3_file *real = power_of(file)->real; \
		return real->pMethods->name arguments;     \
	}
POWER_PASS(xFileSize, (sqlite3_file * file, sqlite3_int64 *size), (real, size))
POWER_PASS(xLock, (sqlite3_file * file, int lock), (real, lock))
POWER_PASS(xUnlock, (sqlite3_file * file, int lock), (real, lock))
POWER_PASS(xCheckReservedLock, (sqlite3_file * file, int *out), (real, out))
POWER_PASS(xFileControl, (sqlite3_file * file, int op, void *argument), (real, op, argument))
POWER_PASS(xSectorSize, (sqlite3_file * file), (real))
POWER_PASS(xDeviceCharacteristics, (sqlite3_file * file), (real))
POWER_PASS(xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **out),
        (real, page, size, extend, out))
POWER_PASS(xShmLock, (sqlite3_file * file, int offset, int n, int flags), (real, offset, n, flags))
POWER_PASS(xShmUnmap, (sqlite3_file * file, int delete_it), (real, delete_it))

static void power_xShmBarrier(sqlite3_file *file)
{
	power_of(file)->real->pMethods->xShmBarrier(power_of(file)->real);
}

static struct power_disk_file *power_find(const char *name)
{
	for (int i = 0; i < POWER_FILES; i++) {
		struct power_disk_file *f = &power.files[i];
		if (!strcmp(f->name, name))
			return f;
		if (!f->name[0]) {
			STR_COPY(f->name, name);
			f->last = &f->first;
			return f;
		}
	}
	fail_msg("too many files");
	return NULL;
}

static int power_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	static const sqlite3_io_methods methods = {.iVersion = 2,
	        .xClose = power_close,
	        .xRead = power_read,
	        .xWrite = power_write,
	        .xTruncate = power_truncate,
	        .xSync = power_sync,
	        .xFileSize = power_xFileSize,
	        .xLock = power_xLock,
	        .xUnlock = power_xUnlock,
	        .xCheckReservedLock = power_xCheckReservedLock,
	        .xFileControl = power_xFileControl,
	        .xSectorSize = power_xSectorSize,
	        .xDeviceCharacteristics = power_xDeviceCharacteristics,
	        .xShmMap = power_xShmMap,
	        .xShmLock = power_xShmLock,
	        .xShmBarrier = power_xShmBarrier,
	        .xShmUnmap = power_xShmUnmap};
	struct power_file *f = power_of(file);
	(void)vfs;
	f->real = (sqlite3_file *)(void *)(f + 1);
	f->disk_file = name && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) ? power_find(name) : NULL;
	int code = power_real->xOpen(power_real, name, f->real, flags, out_flags);
	f->base.pMethods = f->real->pMethods ? &methods : NULL;
	return code;
}

// Registers the VFS as the default; power_unplug() puts the real one back.
static inline void power_plug_in(void)
{
	power_real = sqlite3_vfs_find(NULL);
	power_vfs = *power_real;
	power_vfs.zName = "power";
	power_vfs.szOsFile = (int)sizeof(struct power_file) + power_real->szOsFile;
	power_vfs.xOpen = power_open;
	assert_int_equal(sqlite3_vfs_register(&power_vfs, 1), SQLITE_OK);
}

static inline void power_unplug(void)
{
	sqlite3_vfs_unregister(&power_vfs);
	sqlite3_vfs_register(power_real, 1);
}

static inline void power_reset(uint64_t seed, unsigned cut_at)
{
	for (int i = 0; i < POWER_FILES; i++) {
		power_settle(&power.files[i], false);
		free(power.files[i].durable);
	}
	power = (struct power_disk){.cut_at = cut_at, .random = seed * 2654435761u + 88172645463325252u};
}

// What the disk holds after the cut, as files of the same names in `folder`.
static inline void power_write_image(const char *folder)
{
	for (int i = 0; i < POWER_FILES && power.files[i].name[0]; i++) {
		struct power_disk_file *f = &power.files[i];
		char path[1024];
		power_settle(f, true);
		snprintf(path, sizeof(path), "%s/%s", folder, strrchr(f->name, '/') + 1);
		assert_int_equal(
		        fd_write_file(path, f->durable ? (char *)f->durable : "", f->size, 0644, NULL), 0);
	}
}

#endif
