// SPDX-License-Identifier: MIT
// Counting a job: in-flight starts count against the quantity, so that 500 never becomes 506.
#ifndef GANGWAY_CORE_JOB_H
#define GANGWAY_CORE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/failure.h"

enum job_state { JOB_NONE, JOB_OPEN, JOB_CLOSING, JOB_CLOSED };

struct job_counts {
	enum job_state state;
	uint64_t wanted;           // 0: no limit
	uint64_t made;             // units that count against the quantity, once each
	uint64_t pass, unverified; // attempts
	uint64_t fail;             // blamed on the device only (law 8)
	uint64_t other;            // ended without a verdict on the board: cancelled, store, station
	uint64_t inflight;         // started and not yet closed in the ledger
};

enum job_end { JOB_END_PASS, JOB_END_UNVERIFIED, JOB_END_FAIL, JOB_END_ABORTED };

// Whether one more board may be started now.
bool job_may_start(const struct job_counts *job);
// Whether nothing is missing any more: the wanted quantity has been made.
bool job_is_full(const struct job_counts *job);

void job_started(struct job_counts *job);
// The start came to nothing: no row was written.
void job_unstarted(struct job_counts *job);
// `failure` decides whether a FAIL counts against the boards. `again`: the unit counts as made already (rework): a
// PASS does not make another one, a FAIL takes it away, and so does what was left in between.
void job_ended(struct job_counts *job, enum job_end end, enum failure failure, bool again);

// pass / (pass + fail); negative while there is no verdict.
double job_yield(const struct job_counts *job);

const char *job_state_name(enum job_state state); // "open", "closing", "closed"; "" for none

// A set of strings: the boards a job has given a verdict, by their key. Grows with the job, and only with it.
struct key_set {
	char **keys;
	size_t used, room;
};

bool key_set_has(const struct key_set *set, const char *key);
// 0, also when it is in already; -ENOMEM.
int key_set_add(struct key_set *set, const char *key);
void key_set_clear(struct key_set *set);

#endif
