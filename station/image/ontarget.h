// SPDX-License-Identifier: MIT
// What a station and a board's U-Boot tell each other through a reserved place on the eMMC (uboot/station.cmd).
#ifndef GANGWAY_IMAGE_ONTARGET_H
#define GANGWAY_IMAGE_ONTARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

/*
 * The place, in blocks of ONTARGET_BLOCK: the request, the summary, the verify script. Request and summary are text,
 * a variable a line, so that `env import -t` and `env export -t` handle them; zeros follow.
 */
enum { ONTARGET_BLOCK = 512, ONTARGET_NONCE_SIZE = 33, ONTARGET_SCRIPT_MAX = 1024 * 1024 };
// Blocks before it are the partition table's (UEFI 2.10, 5.3.1: 16 KiB of entries behind LBA 1).
enum { ONTARGET_SECTOR_MIN = 34 };

// A nonce for one attempt: 32 hex digits from the kernel's random numbers.
int ontarget_nonce(char nonce[ONTARGET_NONCE_SIZE], struct err *e);

// The whole place: request with this nonce, an empty summary, the script (as `source` takes it). The caller frees
// *out; its size is a multiple of ONTARGET_BLOCK.
int ontarget_place(
        const char *nonce, const char *script, size_t script_size, char **out, size_t *size, struct err *e);

// Whether a block is the request with this nonce.
bool ontarget_is_request(const char block[ONTARGET_BLOCK], const char *nonce);

struct ontarget_expect {
	char nonce[ONTARGET_NONCE_SIZE]; // of this attempt, from the station's own memory, not from the board
	char plan_sha256[SHA256_HEX_SIZE];
	size_t windows;
};

/*
 * Judges a summary block. 0 only when its digest is right, nonce, plan and number of windows are the expected ones and
 * the result is pass. Otherwise -errno, with e->failure: verify-mismatch (-EILSEQ) when the board found a difference,
 * no-answer (-ENODATA) when there is no summary, wrong-answer (-ESTALE, -EBADMSG) when it is another attempt's or not
 * whole: neither says anything about the board's memory. *wrong_at is where the window begins that the board found
 * different (bytes); UINT64_MAX when it names none.
 */
int ontarget_judge(const char block[ONTARGET_BLOCK], const struct ontarget_expect *expect, uint64_t *wrong_at,
        struct err *e);

#endif
