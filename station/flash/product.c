// SPDX-License-Identifier: MIT
// Law 1's last part: the open disk is the board that discovery saw, and of the job's product.
#include <errno.h>
#include <inttypes.h>

#include "board/usb.h"
#include "core/match.h"
#include "flash/claim.h"

static int other(
        const struct worker_job *job, const char *what, const char *have, const char *want, struct err *e)
{
	return err_fail(e, ESTALE, FAILURE_TARGET_CHANGED,
	        "%s: another board has taken this place since it was found (its %s is '%s', it was '%s'); "
	        "load the "
	        "board again",
	        job->expect.node, what, have, want);
}

// Without a serial and a signature nothing else tells a board from a stick that has taken its place.
static int check_ums(const struct worker_job *job, const struct board *board, struct err *e)
{
	if (usb_is_ums(board))
		return 0;
	return err_fail(e, ESTALE, FAILURE_TARGET_CHANGED,
	        "%s: what is open is no board in U-Boot's ums (%s %s %s); load the board again",
	        job->expect.node, board->vendor, board->product, board->revision);
}

static int check_signature(
        const struct worker_job *job, const struct claim *claim, const struct board *board, struct err *e)
{
	char reason[256];
	const struct match_board subject = {.serial = board->serial,
	        .own_serial = board->serial,
	        .usb_id = board->usb_id,
	        .manufacturer = board->manufacturer,
	        .usb_product = board->usb_product,
	        .bcd_device = board->bcd_device,
	        .luns = board->luns,
	        .size = claim->found.size};
	if (!signature_differs(&job->signature, &subject, reason, sizeof(reason)))
		return 0;
	return err_fail(e, EPERM, FAILURE_TARGET_MISMATCH, "%s: %s; check the lot on this line",
	        job->label[0] ? job->label : job->expect.node, reason);
}

int claim_product(const char *root, const struct worker_job *job, const struct claim *claim, struct err *e)
{
	struct board board;
	char have[8], want[8];
	bool usb = claim->block && usb_disk_read(root, claim->found.rdev, &board);
	if (claim->block && !usb && strstr(job->expect.port, "-usb-"))
		return err_fail(e, ENODEV, FAILURE_DEVICE_GONE,
		        "%s: it has left its USB port; load the board again", job->expect.node);
	if (!usb)
		return 0;
	snprintf(have, sizeof(have), "%u", board.lun);
	snprintf(want, sizeof(want), "%" PRIu32, job->lun);
	if (job->check_lun && check_ums(job, &board, e) < 0)
		return -e->num;
	if (job->check_lun && board.lun != job->lun)
		return other(job, "LUN", have, want, e);
	if (job->serial[0] && strcmp(job->serial, board.serial) != 0)
		return other(job, "serial", board.serial, job->serial, e);
	return check_signature(job, claim, &board, e);
}
