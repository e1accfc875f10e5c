// SPDX-License-Identifier: MIT
// A gang over an image that is there already, run to its end.
#ifndef GANGWAY_CLI_CREW_H
#define GANGWAY_CLI_CREW_H

#include <stdbool.h>

#include "flash/gang.h"

struct crew_target {
	struct worker_job job;       // in
	bool skip;                   // in: leave it out; `report` stays as it is
	struct worker_report report; // out: the verdict
	bool judged;
	struct crew *crew;
	struct gang_member *member;
};

// Runs a worker for each target and waits until all have ended; Ctrl-C cancels them. Every target that is not skipped
// has a verdict then, also when this returns an error.
int crew_run(const struct image *image, struct crew_target *targets, unsigned count, struct err *e);

#endif
