// SPDX-License-Identifier: MIT
// When a head is due beside those at a job's end: after so many rows, or so long behind a row that none covers. No clock
// of its own.
#ifndef GANGWAY_RECORD_HEAD_POLICY_H
#define GANGWAY_RECORD_HEAD_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct head_policy {
	uint64_t rows;     // a head after so many
	uint64_t after_ns; // ... and so long behind the first row that none covers
	uint64_t since_ns; // when that row was noted; 0: a head covers all
};

// `uncovered` rows have no head, as of now_ns (CLOCK_MONOTONIC, not 0).
void head_policy_note(struct head_policy *policy, uint64_t uncovered, uint64_t now_ns);

bool head_policy_is_full(const struct head_policy *policy, uint64_t uncovered);

// When a head is due by time alone; 0: nothing wants one.
uint64_t head_policy_due_ns(const struct head_policy *policy);

#endif
