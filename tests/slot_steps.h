// SPDX-License-Identifier: MIT
// A slot by hand: single events, and the shortest way into each state.
#ifndef GANGWAY_TESTS_SLOT_STEPS_H
#define GANGWAY_TESTS_SLOT_STEPS_H

#include "check.h"
#include "core/slot.h"

static const struct match_result __attribute__((unused)) ok = {.verdict = MATCH_OK};
static const struct match_result __attribute__((unused)) no_job = {.verdict = MATCH_NO_JOB};
static const struct match_result __attribute__((unused)) back = {.verdict = MATCH_HELD, .returned = true};
static const struct match_result __attribute__((unused))
stranger = {.verdict = MATCH_REFUSED, .failure = FAILURE_TARGET_MISMATCH};

static inline struct slot_actions step(struct slot *slot, struct slot_event event)
{
	struct slot_actions out;
	slot_step(slot, &event, &out);
	return out;
}
#define STEP(slot, ...) step(slot, (struct slot_event){.kind = __VA_ARGS__})

static inline void run_to(struct slot *slot, enum slot_state state)
{
	*slot = (struct slot){0};
	if (state == SLOT_EMPTY)
		return;
	STEP(slot, SLOT_EV_ARRIVED,
	        .admission = state == SLOT_PRESENT   ? no_job
	                     : state == SLOT_HOLD    ? back
	                     : state == SLOT_REFUSED ? stranger
	                                             : ok);
	if (state == SLOT_PRESENT || state == SLOT_MATCHED || state == SLOT_HOLD || state == SLOT_REFUSED)
		return;
	STEP(slot, SLOT_EV_START, .retries = state == SLOT_RETRYING, .on_target = state == SLOT_AWAITING);
	STEP(slot, SLOT_EV_CLAIMED);
	if (state == SLOT_CLAIMED)
		return;
	STEP(slot, SLOT_EV_OPENED);
	if (state == SLOT_AWAITING) {
		STEP(slot, SLOT_EV_VERDICT, .asked = true);
		STEP(slot, SLOT_EV_ENDED, .ejected = true);
		STEP(slot, SLOT_EV_LEFT);
		return;
	}
	if (state == SLOT_LOST) {
		STEP(slot, SLOT_EV_STUCK);
		return;
	}
	if (state == SLOT_VERIFYING || state == SLOT_COMMITTING)
		STEP(slot, SLOT_EV_STAGE, .stage = state);
	if (state >= SLOT_WRITING && state <= SLOT_COMMITTING)
		return;
	enum slot_result result = state == SLOT_FAIL || state == SLOT_RETRYING ? SLOT_RESULT_FAIL
	                          : state == SLOT_UNVERIFIED                   ? SLOT_RESULT_UNVERIFIED
	                                                                       : SLOT_RESULT_PASS;
	STEP(slot, SLOT_EV_VERDICT, .result = result,
	        .failure = state == SLOT_RETRYING       ? FAILURE_WRITE_ERROR
	                   : result == SLOT_RESULT_FAIL ? FAILURE_VERIFY_MISMATCH
	                                                : FAILURE_NONE);
	if (state == SLOT_RECORDING)
		return;
	STEP(slot, SLOT_EV_CLOSED, .may_retry = true);
	if (state == SLOT_RETRYING)
		return;
	STEP(slot, SLOT_EV_ENDED);
	if (state == SLOT_INTERRUPTED) {
		slot_resume(slot, SLOT_INTERRUPTED, FAILURE_INTERRUPTED, false);
		STEP(slot, SLOT_EV_ARRIVED, .admission = ok, .same_plug = true);
	}
}

#endif
