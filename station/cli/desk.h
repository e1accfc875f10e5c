// SPDX-License-Identifier: MIT
// At a desk: the boards in U-Boot's `ums` that are plugged in, found without being named.
#ifndef GANGWAY_CLI_DESK_H
#define GANGWAY_CLI_DESK_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "board/board.h"

struct desk {
	unsigned count;
	struct board boards[BOARD_SLOTS_MAX];
};

/*
 * Finds the board to program: the one that is there, or the next to come if there is none. Of several, all with
 * `all`; else a person is asked, and where nobody can be (stdin is no terminal) it is an error that lists them.
 * What it waits for and what it found is said on `say`. Needs udev, no rights.
 */
int desk_find(bool all, FILE *say, struct desk *out, struct err *e);

#endif
