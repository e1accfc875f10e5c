// SPDX-License-Identifier: MIT
// What a virtual board's U-Boot decides at its power-up, and its answer to a request to read itself back.
#ifndef GANGWAY_BOARD_VIRTUAL_ANSWER_H
#define GANGWAY_BOARD_VIRTUAL_ANSWER_H

#include "board/board.h"

enum virtual_decision {
	VIRTUAL_DECISION_UMS = 0,     // it shows its disk to the host
	VIRTUAL_DECISION_BOOTS = 10,  // it has a partition table
	VIRTUAL_DECISION_PROMPT = 11, // it waits for a person
};

struct virtual_run {
	const char *path; // its disk, a file
	bool ejected; // `ums` has just ended: without a request, and without a table, it stays at the prompt
	uint64_t sector; // gw_sector, in blocks of 512 bytes
	uint64_t rate;   // bytes a second that its eMMC gives; 0: as fast as it goes
	struct board_fault faults[BOARD_FAULTS_MAX]; // those of its answer act here
};

/*
 * Plays uboot/station.cmd on the file: no table and a request that is not answered yet mean that the script behind it is
 * run, if its SHA-256 is the request's. The script is the one that `gangway image script` and the station write
 * (image/script.c); its lines are taken by their form. Reads what the script names, compares, and writes the summary as
 * U-Boot's `env export -t` does. PATH.answered keeps the summary for a later answer-stale.
 *
 * Returns an enum virtual_decision, or -errno: the file, or a script that it does not understand. Takes as long as the
 * board would: not for an event loop.
 */
int virtual_run(const struct virtual_run *run, struct err *e);

// The role that does it: `gangway virtual-board PATH eject|power SECTOR RATE FAULT,...`, without descriptors. Its exit
// code is the decision, 1 an error.
int virtual_board_role(int argc, char **argv);

#endif
