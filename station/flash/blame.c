// SPDX-License-Identifier: MIT
// Whom a failed I/O is to be blamed on (law 8).
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "flash/program.h"

// The kernel could not read the bytes it was to write: they are mapped from the store, so the store has lost a
// page. The device was not even asked.
static void blame_store(struct program *p, const struct walk_piece *piece)
{
	bool matches = false;
	const struct plan_range *range = &p->layout.ranges[piece->run.range];
	int r = piece->run.source == PLAN_STORE ? image_check_range(p->spec.image, range, &matches, NULL) : 0;
	bool damaged = r == 0 && !matches;
	program_fail(p, damaged ? FAILURE_STORE_DAMAGED : FAILURE_STORE_ERROR,
	        "%s: the stored image %s at %" PRIu64 "; the board is not to blame; import the image again",
	        p->spec.claim->label, damaged ? "is damaged" : "cannot be read", piece->offset);
}

// A board that vanishes shows as EIO, ENODEV, ENXIO, ENOSPC or a read that ends early; sysfs knows which it is.
static bool is_gone(const struct program *p, int error)
{
	return error == -ENODEV || error == -ENXIO || claim_is_gone(p->spec.claim);
}

// A command that the kernel gave up is EIO as well: after 30 s (10 s under our udev rule), and that several times
// over. An eMMC that refuses a block says so at once, however slow the board is.
static bool is_timeout(const struct program *p, int error)
{
	const uint64_t given_up = 20 * NSEC_PER_SEC;
	return error == -ETIMEDOUT || (error == -EIO && p->sweep.failed_after_ns >= given_up);
}

void program_io_failed(struct program *p, enum disk_op op, int error, const struct walk_piece *piece)
{
	static const struct {
		enum failure failure;
		const char *what, *advice;
	} kinds[] = {
	        [DISK_READ] = {FAILURE_READ_ERROR, "read error", "if it repeats, check the cable"},
	        [DISK_WRITE] = {FAILURE_WRITE_ERROR, "write error", "if it repeats, check the cable"},
	        [DISK_FLUSH] = {FAILURE_FLUSH_ERROR, "could not finish its writes",
	                "replace this board or card"},
	};
	const char *label = p->spec.claim->label;
	uint64_t at = piece ? piece->offset : 0;
	// A file with holes takes room on its disk as it is written.
	bool full = !p->spec.claim->found.rdev && (error == -ENOSPC || error == -EDQUOT);
	const char *advice = full ? "free space on the disk that the file is on" : kinds[op].advice;
	const char *reason = error == -ENODATA ? "the disk ends early" : strerror(-error);
	if (error == -EFAULT && op == DISK_WRITE && piece)
		blame_store(p, piece);
	else if (is_gone(p, error))
		program_fail(p, FAILURE_DEVICE_GONE,
		        "%s: the disk vanished at byte %" PRIu64 "; check plug and power, then try again",
		        label, at);
	else if (is_timeout(p, error))
		program_fail(p, FAILURE_DEVICE_TIMEOUT,
		        "%s: the disk stopped answering at byte %" PRIu64
		        "; power the board off, then try again",
		        label, at);
	else if (piece)
		program_fail(p, kinds[op].failure, "%s: %s at byte %" PRIu64 ": %s; %s", label,
		        kinds[op].what, at, reason, advice);
	else
		program_fail(p, kinds[op].failure, "%s: %s: %s; %s", label, kinds[op].what, reason, advice);
}
