// SPDX-License-Identifier: MIT
// The four operations on a board's disk: read, write, flush, size. Asynchronous, and stackable.
#ifndef GANGWAY_FLASH_DISK_H
#define GANGWAY_FLASH_DISK_H

#include <libaio.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "board/board.h"

// I/Os that may be in flight on one disk at a time.
enum { DISK_DEPTH_MAX = 8 };

enum disk_op { DISK_READ, DISK_WRITE, DISK_FLUSH };

/*
 * One I/O. The caller fills in the first part and leaves all of it, the memory included, alone until done() is
 * called, which is never from inside disk_submit(). `length` counts real bytes: the disk rounds the last sector
 * of a device up by itself, so `data` must reach to the end of that sector (zeros when writing).
 */
struct disk_io {
	enum disk_op op;
	void *data;
	size_t length;
	uint64_t offset;
	void (*done)(struct disk_io *io);
	void *context;

	int result; // when done: 0 (every byte is through), or -errno; a device that ends early is -ENODATA

	// The disk's own.
	struct iocb iocb;
	size_t moved;
	struct disk_io *next;
};

struct disk;
struct disk_ops {
	void (*submit)(struct disk *disk, struct disk_io *io);
	// Between hold and its end what is submitted is gathered, then given to the kernel in one io_submit(2): a kill
	// does not fall between two writes that belong together. At most DISK_DEPTH_MAX at a time.
	void (*hold)(struct disk *disk, bool on);
	uint64_t (*size)(const struct disk *disk);
	// Completes with -ECANCELED, soon, what is only held back by a simulation. A real I/O cannot be called back.
	void (*cancel)(struct disk *disk);
	// What is under it is freed with it; the descriptors are the caller's. Nothing may be in flight.
	void (*free)(struct disk *disk);
};
// The head of every kind's own struct.
struct disk {
	const struct disk_ops *ops;
};

static inline void disk_submit(struct disk *disk, struct disk_io *io)
{
	disk->ops->submit(disk, io);
}
static inline void disk_hold(struct disk *disk, bool on)
{
	disk->ops->hold(disk, on);
}
static inline uint64_t disk_size(const struct disk *disk)
{
	return disk->ops->size(disk);
}
static inline void disk_cancel(struct disk *disk)
{
	disk->ops->cancel(disk);
}
static inline struct disk *disk_free(struct disk *disk)
{
	if (disk)
		disk->ops->free(disk);
	return NULL;
}

struct disk_spec {
	int fd;          // O_DIRECT, or not (then `buffered`)
	int tail_fd;     // the same file without O_DIRECT, for a file's last part of a sector; -1: none
	bool buffered;   // fd goes through the page cache, which is dropped at every flush
	uint32_t sector; // bytes: what offsets and lengths must fit
	uint64_t size;   // bytes
};

// A real disk or regular file, through the kernel's asynchronous I/O (io_submit(2)).
int disk_open(struct loop *loop, const struct disk_spec *spec, struct disk **out, struct err *e);

// A filter over `inner`, which it owns from then on: speed, shared link (link_fd, -1: none; borrowed) and faults
// of a simulated board.
int disk_simulate(struct loop *loop, struct disk *inner, const struct board_model *model, int link_fd,
        struct disk **out, struct err *e);

// Whether the model asks for anything at all.
bool board_model_is_plain(const struct board_model *model);

#endif
