// SPDX-License-Identifier: MIT
// A filter over a disk that makes a plain file behave as a board on a wire: speed, shared link, faults.
#include <errno.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "flash/disk.h"
#include "flash/wire.h"

#define SLOW_DEFAULT (5 * MIB) // bytes a second, of a "slow" fault without a value

// An I/O on its way: the caller's, and its twin on the disk below.
struct twin {
	struct disk_io inner;
	struct disk_io *outer; // NULL: free
	uint64_t due;          // CLOCK_MONOTONIC ns: the wire is done with it
	bool landed;           // the disk below is done with it
	bool hung;             // never ends
	int result;
};

struct simulated_disk {
	struct disk base;
	struct disk *inner;
	struct board_model model;
	struct board_link *link;
	struct loop_source *timer;
	uint64_t free_at; // when this board's own wire is free, ns
	bool gone;        // vanished: everything fails
	bool flush_fails; // a write has touched a flush-error's offset
	struct twin twins[DISK_DEPTH_MAX];
};

bool board_model_is_plain(const struct board_model *model)
{
	if (model->rate || model->shared_link)
		return false;
	for (unsigned i = 0; i < BOARD_FAULTS_MAX; i++)
		if (model->faults[i].kind != BOARD_FAULT_NONE)
			return false;
	return true;
}

static struct simulated_disk *simulated(struct disk *disk)
{
	return (struct simulated_disk *)disk;
}

static bool touches(const struct disk_io *io, const struct board_fault *fault)
{
	return io->offset <= fault->offset && fault->offset - io->offset < io->length;
}

static uint64_t board_rate(const struct simulated_disk *d, const struct disk_io *io)
{
	uint64_t rate = d->model.rate;
	for (unsigned i = 0; i < BOARD_FAULTS_MAX; i++) {
		const struct board_fault *fault = &d->model.faults[i];
		if (fault->kind != BOARD_FAULT_SLOW || io->offset + io->length <= fault->offset)
			continue;
		uint64_t slow = fault->value ? fault->value : SLOW_DEFAULT;
		rate = rate ? u64_min(rate, slow) : slow;
	}
	return rate;
}

static uint64_t when_due(struct simulated_disk *d, const struct disk_io *io)
{
	uint64_t now = clock_mono_ns(), due = now, rate = board_rate(d, io);
	if (io->op == DISK_FLUSH)
		return now;
	if (rate)
		due = wire_reserve(&d->free_at, rate, now, io->length);
	if (d->link)
		due = u64_max(due, wire_reserve_link(d->link, now, io->length));
	return due;
}

// What the scripted faults make of an I/O before it reaches the disk: 0 lets it through.
static int strike(struct simulated_disk *d, struct twin *twin, const struct disk_io *io)
{
	int result = 0;
	for (unsigned i = 0; i < BOARD_FAULTS_MAX; i++) {
		const struct board_fault *fault = &d->model.faults[i];
		bool write = io->op == DISK_WRITE && touches(io, fault);
		bool read = io->op == DISK_READ && touches(io, fault);
		switch ((enum board_fault_kind)fault->kind) {
		case BOARD_FAULT_WRITE_ERROR: result = write ? -EIO : result; break;
		case BOARD_FAULT_READ_ERROR: result = read ? -EIO : result; break;
		case BOARD_FAULT_HANG: twin->hung = twin->hung || write; break;
		case BOARD_FAULT_VANISH: d->gone = d->gone || write || read; break;
		case BOARD_FAULT_FLUSH_ERROR: d->flush_fails = d->flush_fails || write; break;
		default: break; // of reading, of the wire, of the board's own answer
		}
	}
	if (io->op == DISK_FLUSH && d->flush_fails)
		result = -EIO;
	return d->gone ? -ENODEV : result;
}

static void flip_bits(const struct simulated_disk *d, const struct disk_io *io)
{
	for (unsigned i = 0; i < BOARD_FAULTS_MAX; i++) {
		const struct board_fault *fault = &d->model.faults[i];
		if (fault->kind == BOARD_FAULT_FLIP && io->op == DISK_READ && touches(io, fault))
			((uint8_t *)io->data)[fault->offset - io->offset] ^= 0x01;
	}
}

static void finish(struct simulated_disk *d, struct twin *twin)
{
	struct disk_io *io = steal_ptr(&twin->outer);
	io->result = twin->result;
	if (io->result == 0)
		flip_bits(d, io);
	io->done(io);
}

// Delivers what is due, in the order it fell due, and sets the timer for the next. The wire's queue order is
// kept: a caller sees completions as a real, serial wire would give them.
static void deliver(void *context)
{
	struct simulated_disk *d = context;
	for (;;) {
		struct twin *first = NULL;
		for (unsigned i = 0; i < DISK_DEPTH_MAX; i++) {
			struct twin *twin = &d->twins[i];
			if (twin->outer && twin->landed && (!first || twin->due < first->due))
				first = twin;
		}
		if (!first)
			return;
		if (first->due > clock_mono_ns()) {
			loop_timer_set(d->timer, first->due, 0);
			return;
		}
		finish(d, first);
	}
}

static void inner_done(struct disk_io *inner)
{
	struct twin *twin = (struct twin *)inner;
	struct simulated_disk *d = inner->context;
	twin->landed = true;
	twin->result = inner->result;
	deliver(d);
}

static struct twin *take_twin(struct simulated_disk *d)
{
	for (unsigned i = 0; i < DISK_DEPTH_MAX; i++)
		if (!d->twins[i].outer)
			return &d->twins[i];
	abort(); // more in flight than DISK_DEPTH_MAX: the caller's mistake
}

static void simulated_submit(struct disk *disk, struct disk_io *io)
{
	struct simulated_disk *d = simulated(disk);
	struct twin *twin = take_twin(d);
	*twin = (struct twin){.outer = io, .due = when_due(d, io)};
	twin->result = strike(d, twin, io);
	if (twin->hung)
		return;
	if (twin->result < 0) {
		twin->landed = true;
		loop_timer_set(d->timer, 0, 0); // now, but from the loop
		return;
	}
	twin->inner = (struct disk_io){.op = io->op,
	        .data = io->data,
	        .length = io->length,
	        .offset = io->offset,
	        .done = inner_done,
	        .context = d};
	disk_submit(d->inner, &twin->inner);
}

static void simulated_hold(struct disk *disk, bool on)
{
	disk_hold(simulated(disk)->inner, on);
}

static uint64_t simulated_size(const struct disk *disk)
{
	return disk_size(((const struct simulated_disk *)disk)->inner);
}

static void simulated_cancel(struct disk *disk)
{
	struct simulated_disk *d = simulated(disk);
	for (unsigned i = 0; i < DISK_DEPTH_MAX; i++) {
		struct twin *twin = &d->twins[i];
		if (!twin->outer || !twin->hung)
			continue;
		*twin = (struct twin){.outer = twin->outer, .landed = true, .result = -ECANCELED};
		loop_timer_set(d->timer, 0, 0);
	}
	disk_cancel(d->inner);
}

static void simulated_free(struct disk *disk)
{
	struct simulated_disk *d = simulated(disk);
	loop_remove(d->timer);
	if (d->link)
		munmap(d->link, sizeof(*d->link));
	disk_free(d->inner);
	free(d);
}

static const struct disk_ops simulated_ops = {.submit = simulated_submit,
        .hold = simulated_hold,
        .size = simulated_size,
        .cancel = simulated_cancel,
        .free = simulated_free};

static int map_link(struct simulated_disk *d, int link_fd, struct err *e)
{
	void *link = mmap(NULL, sizeof(*d->link), PROT_READ | PROT_WRITE, MAP_SHARED, link_fd, 0);
	if (link == MAP_FAILED)
		return err_sys(e, errno, "the simulated hub's link");
	d->link = link;
	if (d->link->rate == 0)
		return err_set(e, EINVAL, "the simulated hub's link has no speed");
	return 0;
}

int disk_simulate(struct loop *loop, struct disk *inner, const struct board_model *model, int link_fd,
        struct disk **out, struct err *e)
{
	struct simulated_disk *d = calloc(1, sizeof(*d));
	if (!d)
		return err_sys(e, ENOMEM, "simulated board");
	d->base.ops = &simulated_ops;
	d->model = *model;
	int r = model->shared_link && link_fd >= 0 ? map_link(d, link_fd, e) : 0;
	if (r == 0)
		r = loop_add_timer(loop, deliver, d, &d->timer, e);
	if (r < 0) {
		simulated_free(&d->base);
		return r;
	}
	d->inner = inner;
	*out = &d->base;
	return 0;
}
