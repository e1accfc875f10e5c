// SPDX-License-Identifier: MIT
// A job's counters as the ledger has them.
#ifndef GANGWAY_DAEMON_JOB_COUNTS_H
#define GANGWAY_DAEMON_JOB_COUNTS_H

#include <jansson.h>

#include "core/job.h"

// Fills in what was counted, and the state, from a job of the ledger (docs/ledger.md, Job): the very numbers that a
// station which had never stopped would have. `wanted` stays as it is; nothing is under way.
void job_counts_read(const json_t *job, struct job_counts *counts);

#endif
