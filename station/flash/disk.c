// SPDX-License-Identifier: MIT
// A real disk: the kernel's asynchronous I/O, its completions as events of the loop.
#include "flash/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/eventfd.h>

#include "base/fd.h"

struct real_disk {
	struct disk base;
	struct disk_spec spec;
	io_context_t aio;
	int event_fd;
	struct loop_source *source;
	struct iocb *held[DISK_DEPTH_MAX]; // not given to the kernel yet
	unsigned held_count;
	bool holding;
	struct disk_io *refused; // io_submit() did not take them: completed from the loop, like all others
};

static struct real_disk *real(struct disk *disk)
{
	return (struct real_disk *)disk;
}

static void refuse(struct real_disk *d, struct disk_io *io, int result)
{
	io->result = result;
	io->next = d->refused;
	d->refused = io;
	eventfd_write(d->event_fd, 1); // never read, see disk_open(), and never full: it counts to 2^64
}

// A file's end need not be a multiple of the sector: what reaches there goes through the page cache.
static bool ends_inside_a_sector(const struct real_disk *d, const struct disk_io *io, size_t length)
{
	return !d->spec.buffered && d->spec.tail_fd >= 0 && io->op == DISK_WRITE &&
	       io->offset + io->moved + length > d->spec.size;
}

static void prepare(struct real_disk *d, struct disk_io *io)
{
	char *data = (char *)io->data + io->moved;
	uint64_t offset = io->offset + io->moved;
	size_t real_length = io->length - io->moved;
	size_t length = d->spec.buffered ? real_length : u64_up(real_length, d->spec.sector);
	if (io->op == DISK_FLUSH) {
		io_prep_fsync(&io->iocb, d->spec.fd);
	} else if (io->op == DISK_READ) {
		io_prep_pread(&io->iocb, d->spec.fd, data, length, (long long)offset);
	} else if (ends_inside_a_sector(d, io, length)) {
		io_prep_pwrite(&io->iocb, d->spec.tail_fd, data, real_length, (long long)offset);
	} else {
		io_prep_pwrite(&io->iocb, d->spec.fd, data, length, (long long)offset);
	}
	io->iocb.data = io;
	io_set_eventfd(&io->iocb, d->event_fd);
}

// Gives the kernel all that is held, in order. What it does not take fails alone.
static void submit_held(struct real_disk *d)
{
	unsigned done = 0;
	while (done < d->held_count) {
		int r = io_submit(d->aio, (long)(d->held_count - done), d->held + done);
		if (r > 0)
			done += (unsigned)r;
		else if (r != -EINTR)
			refuse(d, d->held[done++]->data, r < 0 ? r : -EIO);
	}
	d->held_count = 0;
}

static void push(struct real_disk *d, struct disk_io *io)
{
	prepare(d, io);
	d->held[d->held_count++] = &io->iocb;
	if (!d->holding || d->held_count == DISK_DEPTH_MAX)
		submit_held(d);
}

static void real_hold(struct disk *disk, bool on)
{
	struct real_disk *d = real(disk);
	d->holding = on;
	if (!on)
		submit_held(d);
}

static void real_submit(struct disk *disk, struct disk_io *io)
{
	io->moved = 0;
	push(real(disk), io);
}

static void settle(struct disk_io *io, int result)
{
	io->result = result;
	io->done(io);
}

// Dropping what was just synced makes a later read come from the disk, as far as the file system can.
static void flushed(struct real_disk *d, struct disk_io *io, int result)
{
	if (result == 0 && (d->spec.buffered || d->spec.tail_fd >= 0))
		result = -posix_fadvise(d->spec.fd, 0, 0, POSIX_FADV_DONTNEED);
	settle(io, result);
}

// A part of an I/O is through. The rest is asked for again: a device that failed in the middle says so then.
static void landed(struct real_disk *d, struct disk_io *io, long moved)
{
	if (io->op == DISK_FLUSH) {
		flushed(d, io, moved < 0 ? (int)moved : 0);
	} else if (moved < 0) {
		settle(io, (int)moved);
	} else if (moved == 0) {
		settle(io, -ENODATA);
	} else {
		io->moved += (size_t)moved;
		if (io->moved >= io->length)
			settle(io, 0);
		else if (io->moved % d->spec.sector && !d->spec.buffered)
			settle(io, -EIO);
		else
			push(d, io);
	}
}

static void on_event(void *context, uint32_t events)
{
	struct real_disk *d = context;
	(void)events;
	struct io_event done[DISK_DEPTH_MAX];
	struct timespec now = {0};
	int n = io_getevents(d->aio, 0, DISK_DEPTH_MAX, done, &now);
	for (int i = 0; i < n; i++)
		landed(d, done[i].data, (long)done[i].res);
	for (struct disk_io *io = steal_ptr(&d->refused), *next; io; io = next) {
		next = io->next;
		settle(io, io->result);
	}
}

static uint64_t real_size(const struct disk *disk)
{
	return ((const struct real_disk *)disk)->spec.size;
}

static void real_cancel(struct disk *disk)
{
	(void)disk;
}

static void real_free(struct disk *disk)
{
	struct real_disk *d = real(disk);
	loop_remove(d->source);
	if (d->aio)
		io_destroy(d->aio);
	fd_close(&d->event_fd);
	free(d);
}

static const struct disk_ops real_ops = {.submit = real_submit,
        .hold = real_hold,
        .size = real_size,
        .cancel = real_cancel,
        .free = real_free};

int disk_open(struct loop *loop, const struct disk_spec *spec, struct disk **out, struct err *e)
{
	struct real_disk *d = calloc(1, sizeof(*d));
	if (!d)
		return err_sys(e, ENOMEM, "disk");
	d->base.ops = &real_ops;
	d->spec = *spec;
	d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = d->event_fd < 0 ? -errno : io_setup(DISK_DEPTH_MAX, &d->aio);
	if (r < 0)
		err_sys(e, -r, "asynchronous I/O (see fs.aio-max-nr in sysctl)");
	else
		// Edge-triggered: each completion is an event, and nobody has to read the count.
		r = loop_add_fd(loop, d->event_fd, EPOLLIN | EPOLLET, on_event, d, &d->source, e);
	if (r < 0) {
		real_free(&d->base);
		return r;
	}
	*out = &d->base;
	return 0;
}
