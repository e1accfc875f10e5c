// SPDX-License-Identifier: MIT
#include "check.h"
#include "core/slot.h"

static const struct match_result ok = {.verdict = MATCH_OK};
static const struct match_result no_job = {.verdict = MATCH_NO_JOB};
static const struct match_result back = {.verdict = MATCH_HELD, .returned = true};
static const struct match_result stranger = {.verdict = MATCH_REFUSED, .failure = FAILURE_TARGET_MISMATCH};

static struct slot_actions step(struct slot *slot, struct slot_event event)
{
	struct slot_actions out;
	slot_step(slot, &event, &out);
	return out;
}
#define STEP(slot, ...) step(slot, (struct slot_event){.kind = __VA_ARGS__})

static void run_to(struct slot *slot, enum slot_state state)
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
	STEP(slot, SLOT_EV_START, .retries = state == SLOT_RETRYING);
	STEP(slot, SLOT_EV_CLAIMED);
	if (state == SLOT_CLAIMED)
		return;
	STEP(slot, SLOT_EV_OPENED);
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

// State × event: where it leads and what is to be done. A pair that is not listed changes nothing.
static const struct row {
	enum slot_state from;
	enum slot_event_kind event;
	enum slot_state to;
	unsigned actions;
} table[] = {
        {SLOT_EMPTY, SLOT_EV_ARRIVED, SLOT_MATCHED, 0},
        {SLOT_EMPTY, SLOT_EV_ODD, SLOT_REFUSED, 0},
        {SLOT_PRESENT, SLOT_EV_ARRIVED, SLOT_MATCHED, 0},
        {SLOT_PRESENT, SLOT_EV_LEFT, SLOT_EMPTY, 0},
        {SLOT_PRESENT, SLOT_EV_REMATCH, SLOT_MATCHED, 0},
        {SLOT_MATCHED, SLOT_EV_LEFT, SLOT_EMPTY, 0},
        {SLOT_MATCHED, SLOT_EV_START, SLOT_MATCHED, SLOT_DO_START_WORKER | SLOT_DO_COUNT_START},
        {SLOT_MATCHED, SLOT_EV_CANCEL, SLOT_HOLD, 0},
        {SLOT_CLAIMED, SLOT_EV_ARRIVED, SLOT_CLAIMED, SLOT_DO_CANCEL},
        {SLOT_CLAIMED, SLOT_EV_LEFT, SLOT_CLAIMED, SLOT_DO_CANCEL},
        {SLOT_CLAIMED, SLOT_EV_OPENED, SLOT_WRITING, SLOT_DO_GO},
        {SLOT_CLAIMED, SLOT_EV_VERDICT, SLOT_RECORDING, 0},
        {SLOT_CLAIMED, SLOT_EV_ENDED, SLOT_RECORDING, 0},
        {SLOT_CLAIMED, SLOT_EV_STUCK, SLOT_LOST, 0},
        {SLOT_CLAIMED, SLOT_EV_CANCEL, SLOT_CLAIMED, SLOT_DO_CANCEL},
        {SLOT_WRITING, SLOT_EV_ARRIVED, SLOT_WRITING, SLOT_DO_CANCEL},
        {SLOT_WRITING, SLOT_EV_LEFT, SLOT_WRITING, SLOT_DO_CANCEL},
        {SLOT_WRITING, SLOT_EV_STAGE, SLOT_VERIFYING, 0},
        {SLOT_WRITING, SLOT_EV_VERDICT, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_WRITING, SLOT_EV_ENDED, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_WRITING, SLOT_EV_STUCK, SLOT_LOST, 0},
        {SLOT_WRITING, SLOT_EV_CANCEL, SLOT_WRITING, SLOT_DO_CANCEL},
        {SLOT_VERIFYING, SLOT_EV_ARRIVED, SLOT_VERIFYING, SLOT_DO_CANCEL},
        {SLOT_VERIFYING, SLOT_EV_LEFT, SLOT_VERIFYING, SLOT_DO_CANCEL},
        {SLOT_VERIFYING, SLOT_EV_VERDICT, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_VERIFYING, SLOT_EV_ENDED, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_VERIFYING, SLOT_EV_STUCK, SLOT_LOST, 0},
        {SLOT_VERIFYING, SLOT_EV_CANCEL, SLOT_VERIFYING, SLOT_DO_CANCEL},
        {SLOT_COMMITTING, SLOT_EV_ARRIVED, SLOT_COMMITTING, SLOT_DO_CANCEL},
        {SLOT_COMMITTING, SLOT_EV_LEFT, SLOT_COMMITTING, SLOT_DO_CANCEL},
        {SLOT_COMMITTING, SLOT_EV_STAGE, SLOT_VERIFYING, 0},
        {SLOT_COMMITTING, SLOT_EV_VERDICT, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_COMMITTING, SLOT_EV_ENDED, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_COMMITTING, SLOT_EV_STUCK, SLOT_LOST, 0},
        {SLOT_COMMITTING, SLOT_EV_CANCEL, SLOT_COMMITTING, SLOT_DO_CANCEL},
        {SLOT_RECORDING, SLOT_EV_CLOSED, SLOT_PASS, SLOT_DO_COUNT_END | SLOT_DO_FREE_WORKER},
        {SLOT_PASS, SLOT_EV_ARRIVED, SLOT_MATCHED, 0},
        {SLOT_PASS, SLOT_EV_RELEASE, SLOT_MATCHED, SLOT_DO_RECORD_RELEASE},
        {SLOT_FAIL, SLOT_EV_ACK, SLOT_FAIL, SLOT_DO_RECORD_ACK},
        {SLOT_UNVERIFIED, SLOT_EV_ARRIVED, SLOT_MATCHED, 0},
        {SLOT_UNVERIFIED, SLOT_EV_RELEASE, SLOT_MATCHED, SLOT_DO_RECORD_RELEASE},
        {SLOT_REFUSED, SLOT_EV_ARRIVED, SLOT_MATCHED, 0},
        {SLOT_REFUSED, SLOT_EV_LEFT, SLOT_EMPTY, 0},
        {SLOT_REFUSED, SLOT_EV_REMATCH, SLOT_MATCHED, 0},
        {SLOT_HOLD, SLOT_EV_ARRIVED, SLOT_MATCHED, 0},
        {SLOT_HOLD, SLOT_EV_LEFT, SLOT_EMPTY, 0},
        {SLOT_HOLD, SLOT_EV_RELEASE, SLOT_MATCHED, SLOT_DO_RECORD_RELEASE},
        {SLOT_LOST, SLOT_EV_VERDICT, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_LOST, SLOT_EV_ENDED, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_INTERRUPTED, SLOT_EV_ACK, SLOT_INTERRUPTED, SLOT_DO_RECORD_ACK},
        {SLOT_INTERRUPTED, SLOT_EV_RELEASE, SLOT_MATCHED, SLOT_DO_RECORD_RELEASE | SLOT_DO_RECORD_ACK},
        {SLOT_RETRYING, SLOT_EV_ARRIVED, SLOT_FAIL, SLOT_DO_COUNT_UNDO},
        {SLOT_RETRYING, SLOT_EV_LEFT, SLOT_FAIL, SLOT_DO_COUNT_UNDO},
        {SLOT_RETRYING, SLOT_EV_CANCEL, SLOT_FAIL, SLOT_DO_COUNT_UNDO},
        {SLOT_RETRYING, SLOT_EV_DEADLINE, SLOT_FAIL, SLOT_DO_COUNT_UNDO},
};

static void every_event_in_every_state_does_what_the_table_says(void **state)
{
	(void)state;
	for (int from = 0; from < SLOT_STATE_COUNT; from++) {
		for (int event = 0; event < SLOT_EV_COUNT; event++) {
			struct row want = {.from = (enum slot_state)from, .to = (enum slot_state)from};
			for (size_t i = 0; i < ARRAY_SIZE(table); i++)
				if ((int)table[i].from == from && (int)table[i].event == event)
					want = table[i];
			struct slot slot;
			run_to(&slot, (enum slot_state)from);
			assert_int_equal(slot.state, from);
			struct slot_actions out = STEP(&slot, (enum slot_event_kind)event, .admission = ok,
			        .stage = SLOT_VERIFYING, .result = SLOT_RESULT_FAIL,
			        .failure = FAILURE_WRITE_ERROR);
			if (slot.state != want.to || out.set != want.actions)
				fail_msg("%s + event %d: %s, actions %#x; expected %s, %#x",
				        slot_state_name((enum slot_state)from), event,
				        slot_state_name(slot.state), out.set, slot_state_name(want.to),
				        want.actions);
		}
	}
}

static void a_worker_that_dies_is_fail_and_never_pass(void **state)
{
	(void)state;
	for (enum slot_state at = SLOT_CLAIMED; at <= SLOT_COMMITTING; at++) {
		struct slot slot;
		run_to(&slot, at);
		STEP(&slot, SLOT_EV_ENDED);
		if (at == SLOT_CLAIMED)
			assert_true(STEP(&slot, SLOT_EV_OPENED).set & SLOT_DO_CLOSE_ROW);
		STEP(&slot, SLOT_EV_CLOSED);
		assert_int_equal(slot.state, SLOT_FAIL);
		assert_int_equal(slot.failure, FAILURE_WORKER_DIED);
	}
}

static void a_worker_that_says_pass_without_go_is_not_believed(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_CLAIMED);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_PASS);
	STEP(&slot, SLOT_EV_OPENED);
	STEP(&slot, SLOT_EV_CLOSED);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(slot.failure, FAILURE_STATION_ERROR);
}

static void a_fail_pulled_out_before_acknowledgement_is_still_red(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_FAIL);
	STEP(&slot, SLOT_EV_LEFT);
	assert_int_equal(slot.state, SLOT_FAIL);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
	STEP(&slot, SLOT_EV_ACK);
	assert_int_equal(slot.state, SLOT_MATCHED); // the next board is looked at now
	run_to(&slot, SLOT_FAIL);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_ACK);
	assert_int_equal(slot.state, SLOT_EMPTY);
}

static void a_pass_stays_until_the_next_different_board(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_PASS);
	STEP(&slot, SLOT_EV_LEFT);
	assert_int_equal(slot.state, SLOT_PASS);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = back, .same_board = true);
	assert_int_equal(slot.state, SLOT_HOLD);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
	STEP(&slot, SLOT_EV_REMATCH, .admission = ok); // not even when the station forgets why
	assert_int_equal(slot.state, SLOT_HOLD);
}

static void a_board_without_serial_that_holds_this_plan_is_returned_unwritten(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_MATCHED);
	STEP(&slot, SLOT_EV_START);
	assert_int_equal(STEP(&slot, SLOT_EV_CLAIMED, .carries_plan = true).set, SLOT_DO_CANCEL);
	struct slot_actions out = STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL,
	        .failure = FAILURE_CANCELLED, .refused = true);
	assert_int_equal(out.set, SLOT_DO_FREE_WORKER | SLOT_DO_COUNT_UNDO);
	assert_int_equal(slot.state, SLOT_HOLD);
	STEP(&slot, SLOT_EV_ENDED);
	assert_false(slot_is_ready(&slot));
	assert_true(STEP(&slot, SLOT_EV_RELEASE, .admission = ok).accepted);
	STEP(&slot, SLOT_EV_START);
	assert_int_equal(STEP(&slot, SLOT_EV_CLAIMED, .carries_plan = true).set, SLOT_DO_OPEN_ROW);
}

static void a_board_that_is_not_blank_waits_for_a_person_or_is_refused(void **state)
{
	(void)state;
	const struct match_result none = {.verdict = MATCH_NO_JOB};
	for (int asks = 0; asks < 2; asks++) {
		struct slot slot;
		run_to(&slot, SLOT_MATCHED);
		STEP(&slot, SLOT_EV_START);
		struct slot_actions out = STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL,
		        .failure = FAILURE_NOT_BLANK, .refused = true, .asks = asks, .why = "ext4");
		assert_int_equal(slot.state, asks ? SLOT_HOLD : SLOT_REFUSED);
		assert_string_equal(slot.admission.reason, "ext4");
		assert_int_equal(out.set & SLOT_DO_RECORD_REFUSED, asks ? 0 : SLOT_DO_RECORD_REFUSED);
		// The station rematches for many reasons: the worker would look again, and find the same.
		STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
		assert_int_equal(slot.state, asks ? SLOT_HOLD : SLOT_REFUSED);
		// Its worker may still be at its end: the next one waits for that.
		assert_int_equal(STEP(&slot, SLOT_EV_RELEASE, .admission = ok).accepted, asks);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
		STEP(&slot, SLOT_EV_ENDED);
		assert_int_equal(slot_is_ready(&slot), asks);
		STEP(&slot, SLOT_EV_REMATCH, .admission = none); // another job has other rules
		STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
		assert_true(slot_is_ready(&slot));
	}
}

static void a_damaged_store_is_never_a_boards_fail(void **state)
{
	(void)state;
	for (enum slot_state at = SLOT_CLAIMED; at <= SLOT_COMMITTING; at++) {
		struct slot slot;
		run_to(&slot, at);
		STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_STORE_DAMAGED);
		STEP(&slot, SLOT_EV_OPENED);
		assert_int_equal(slot.result, SLOT_RESULT_ABORTED);
		STEP(&slot, SLOT_EV_CLOSED);
		STEP(&slot, SLOT_EV_ENDED);
		assert_true(slot_is_ready(&slot));
	}
}

static void a_board_that_leaves_in_the_middle_is_device_gone(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_WRITING);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_CANCELLED);
	STEP(&slot, SLOT_EV_CLOSED);
	STEP(&slot, SLOT_EV_ENDED);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(slot.failure, FAILURE_DEVICE_GONE);
}

static void a_board_that_was_swapped_while_it_was_opened_does_not_spoil_the_next_one(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_MATCHED);
	STEP(&slot, SLOT_EV_START);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	struct slot_actions out = STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL,
	        .failure = FAILURE_TARGET_NOT_FOUND, .refused = true);
	assert_true(out.set & SLOT_DO_COUNT_UNDO);
	assert_false(out.set & SLOT_DO_RECORD_REFUSED);
	STEP(&slot, SLOT_EV_ENDED);
	assert_int_equal(slot.state, SLOT_MATCHED);
	assert_true(slot_is_ready(&slot));
}

static void a_stuck_worker_keeps_the_slot_shut_until_it_is_gone(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_LOST);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	assert_int_equal(slot.state, SLOT_LOST);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_DEVICE_TIMEOUT);
	STEP(&slot, SLOT_EV_CLOSED);
	assert_int_equal(slot.state, SLOT_FAIL);
	STEP(&slot, SLOT_EV_ACK);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
	STEP(&slot, SLOT_EV_ENDED);
	assert_true(slot_is_ready(&slot));
}

static void a_dead_stations_worker_keeps_the_slot_shut_and_the_verdict_comes_back(void **state)
{
	(void)state;
	struct slot slot = {0};
	slot_resume(&slot, SLOT_INTERRUPTED, FAILURE_INTERRUPTED, false);
	slot_resume_lost(&slot);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok, .same_plug = true);
	assert_int_equal(slot.state, SLOT_LOST);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
	STEP(&slot, SLOT_EV_ENDED);
	assert_int_equal(slot.state, SLOT_INTERRUPTED);
	assert_false(slot_is_ready(&slot));
}

static void after_a_restart_a_passed_board_still_plugged_in_stays_pass(void **state)
{
	(void)state;
	struct slot slot = {0};
	slot_resume(&slot, SLOT_PASS, FAILURE_NONE, true);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = back, .same_plug = true, .same_board = true);
	assert_int_equal(slot.state, SLOT_PASS);
	slot_resume(&slot, SLOT_FAIL, FAILURE_WRITE_ERROR, false);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	assert_int_equal(slot.state, SLOT_FAIL);
}

// A slot whose board has its verdict, was ejected and is still there.
static void run_to_ejected(struct slot *slot, enum slot_result result, bool switches)
{
	*slot = (struct slot){.switches = switches};
	STEP(slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(slot, SLOT_EV_START);
	STEP(slot, SLOT_EV_CLAIMED);
	STEP(slot, SLOT_EV_OPENED);
	STEP(slot, SLOT_EV_VERDICT, .result = result,
	        .failure = result == SLOT_RESULT_FAIL ? FAILURE_VERIFY_MISMATCH : FAILURE_NONE);
	STEP(slot, SLOT_EV_CLOSED);
	assert_int_equal(STEP(slot, SLOT_EV_ENDED, .ejected = true).set, SLOT_DO_TIMER);
	assert_int_equal(slot->leaving, SLOT_LEAVING_WAIT);
}

static void the_disconnect_after_the_eject_is_the_proof(void **state)
{
	(void)state;
	struct slot slot;
	run_to_ejected(&slot, SLOT_RESULT_PASS, true);
	struct slot_actions out = STEP(&slot, SLOT_EV_LEFT);
	assert_int_equal(out.set, SLOT_DO_RECORD_LEAVING);
	assert_int_equal(out.leaving, SLOT_LEAVING_LEFT);
	assert_int_equal(slot.state, SLOT_PASS);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, 0); // a timer that was on its way
	assert_int_equal(slot.leaving, SLOT_LEAVING_LEFT);
	// Quicker than its worker's end.
	run_to(&slot, SLOT_RECORDING);
	STEP(&slot, SLOT_EV_CLOSED);
	STEP(&slot, SLOT_EV_LEFT);
	out = STEP(&slot, SLOT_EV_ENDED, .ejected = true);
	assert_int_equal(out.set, SLOT_DO_RECORD_LEAVING);
	assert_int_equal(out.leaving, SLOT_LEAVING_LEFT);
}

static void a_board_that_stays_is_the_operators_when_its_port_does_not_switch(void **state)
{
	(void)state;
	struct slot slot;
	enum slot_result results[] = {SLOT_RESULT_PASS, SLOT_RESULT_FAIL};
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		run_to_ejected(&slot, results[i], false);
		struct slot_actions out = STEP(&slot, SLOT_EV_DEADLINE);
		assert_int_equal(out.set, SLOT_DO_RECORD_LEAVING);
		assert_int_equal(out.leaving, SLOT_LEAVING_STUCK);
		assert_int_equal(slot.result, results[i]); // the verdict stays
		STEP(&slot, SLOT_EV_LEFT);
		assert_int_equal(
		        slot.leaving, SLOT_LEAVING_NONE); // it was unplugged: nothing to be told any more
	}
}

static void a_board_that_stays_is_power_cycled_once_where_its_port_switches(void **state)
{
	(void)state;
	struct slot slot;
	run_to_ejected(&slot, SLOT_RESULT_PASS, true);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_POWER_OFF | SLOT_DO_TIMER);
	assert_int_equal(STEP(&slot, SLOT_EV_LEFT).set, 0);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_POWER_ON | SLOT_DO_TIMER);
	struct slot_actions out =
	        STEP(&slot, SLOT_EV_DEADLINE); // it did not come back: it boots what it was given
	assert_int_equal(out.set, SLOT_DO_RECORD_LEAVING);
	assert_int_equal(out.leaving, SLOT_LEAVING_LEFT);
	assert_int_equal(slot.state, SLOT_PASS);
	// A hub that says it switches and does not.
	run_to_ejected(&slot, SLOT_RESULT_PASS, true);
	STEP(&slot, SLOT_EV_DEADLINE);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_POWER_ON | SLOT_DO_TIMER);
	out = STEP(&slot, SLOT_EV_DEADLINE);
	assert_int_equal(out.set, SLOT_DO_RECORD_LEAVING);
	assert_int_equal(out.leaving, SLOT_LEAVING_STUCK);
}

static void a_board_that_comes_back_by_itself_is_returned_and_not_programmed(void **state)
{
	(void)state;
	for (int cycled = 0; cycled < 2; cycled++) {
		struct slot slot;
		run_to_ejected(&slot, SLOT_RESULT_PASS, cycled);
		if (cycled)
			STEP(&slot, SLOT_EV_DEADLINE);
		STEP(&slot, SLOT_EV_LEFT);
		if (cycled)
			STEP(&slot, SLOT_EV_DEADLINE);
		// Not even when the station has forgotten it.
		struct slot_actions out =
		        STEP(&slot, SLOT_EV_ARRIVED, .admission = ok, .same_board = true, .soon = true);
		assert_int_equal(out.leaving, SLOT_LEAVING_BACK);
		assert_int_equal(slot.state, SLOT_HOLD);
		STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
		assert_int_equal(slot.leaving, SLOT_LEAVING_BACK);
		STEP(&slot, SLOT_EV_RELEASE, .admission = ok);
		assert_true(STEP(&slot, SLOT_EV_START).set & SLOT_DO_START_WORKER); // a person may
	}
}

// The attempt at hand fails in its write stage, up to the end of its worker.
static struct slot_actions fail_once(struct slot *slot, enum failure failure)
{
	STEP(slot, SLOT_EV_CLAIMED);
	assert_true(STEP(slot, SLOT_EV_OPENED).set & SLOT_DO_GO);
	STEP(slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = failure);
	return STEP(slot, SLOT_EV_CLOSED, .may_retry = true);
}

static void a_transport_failure_is_tried_again_in_its_plug_and_then_the_unit_is_quarantined(void **state)
{
	(void)state;
	struct slot slot = {0};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	assert_true(STEP(&slot, SLOT_EV_START, .retries = 2).set & SLOT_DO_COUNT_START);
	for (unsigned i = 0; i < 2; i++) {
		struct slot_actions out = fail_once(&slot, FAILURE_WRITE_ERROR);
		assert_int_equal(out.set,
		        SLOT_DO_COUNT_END | SLOT_DO_COUNT_START | SLOT_DO_FREE_WORKER | SLOT_DO_TIMER);
		assert_int_equal(slot.state, SLOT_RETRYING);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0); // its worker still has the device
		STEP(&slot, SLOT_EV_ENDED);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, SLOT_DO_START_WORKER);
	}
	struct slot_actions out = fail_once(&slot, FAILURE_WRITE_ERROR);
	assert_int_equal(out.set, SLOT_DO_COUNT_END | SLOT_DO_FREE_WORKER | SLOT_DO_QUARANTINE);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(slot.attempts, 3);
	assert_true(slot.quarantined);
}

static void each_stage_has_its_own_retries(void **state)
{
	(void)state;
	struct slot slot = {0};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START, .retries = 1);
	fail_once(&slot, FAILURE_WRITE_ERROR);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_START);
	STEP(&slot, SLOT_EV_CLAIMED);
	STEP(&slot, SLOT_EV_OPENED);
	STEP(&slot, SLOT_EV_STAGE, .stage = SLOT_VERIFYING);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_READ_ERROR);
	STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
	assert_int_equal(slot.state, SLOT_RETRYING);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_START);
	fail_once(&slot, FAILURE_WRITE_ERROR);
	assert_int_equal(slot.state, SLOT_FAIL);
}

static void wrong_bytes_are_never_tried_again(void **state)
{
	(void)state;
	static const enum failure failures[] = {
	        FAILURE_VERIFY_MISMATCH, FAILURE_WORKER_DIED, FAILURE_STATION_ERROR};
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		struct slot slot = {.switches = true};
		STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
		STEP(&slot, SLOT_EV_START, .retries = 3);
		fail_once(&slot, failures[i]);
		assert_int_equal(slot.state, SLOT_FAIL);
		assert_false(slot.quarantined);
	}
}

static void a_board_that_vanished_is_tried_again_only_behind_our_own_power_cycle(void **state)
{
	(void)state;
	for (int switches = 0; switches < 2; switches++) {
		struct slot slot = {.switches = switches};
		STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
		STEP(&slot, SLOT_EV_START, .retries = 1);
		STEP(&slot, SLOT_EV_CLAIMED);
		STEP(&slot, SLOT_EV_OPENED);
		STEP(&slot, SLOT_EV_LEFT);
		STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_DEVICE_GONE);
		STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
		if (!switches) {
			assert_int_equal(slot.state, SLOT_FAIL);
			continue;
		}
		assert_int_equal(slot.state, SLOT_RETRYING);
		assert_int_equal(STEP(&slot, SLOT_EV_ENDED).set, SLOT_DO_POWER_OFF | SLOT_DO_TIMER);
		assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_POWER_ON | SLOT_DO_TIMER);
		STEP(&slot, SLOT_EV_ARRIVED, .admission = ok, .same_board = true);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, SLOT_DO_START_WORKER);
		assert_true(slot.retrying);
		// It holds the plan after all: then it is not the board that failed.
		assert_int_equal(STEP(&slot, SLOT_EV_CLAIMED, .carries_plan = true).set, SLOT_DO_CANCEL);
	}
}

static void another_board_behind_the_power_cycle_is_not_taken_for_the_failed_one(void **state)
{
	(void)state;
	struct slot slot = {.switches = true};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START, .retries = 1);
	fail_once(&slot, FAILURE_WRITE_ERROR);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_DEADLINE);
	assert_int_equal(STEP(&slot, SLOT_EV_ARRIVED, .admission = ok).set, SLOT_DO_COUNT_UNDO);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(slot.failure, FAILURE_WRITE_ERROR);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
	STEP(&slot, SLOT_EV_ACK);
	assert_int_equal(slot.state, SLOT_MATCHED); // the next board, now that somebody has seen the red one
}

static void a_retry_waits_for_its_boards_disk_and_not_for_ever(void **state)
{
	(void)state;
	for (int comes = 0; comes < 2; comes++) {
		struct slot slot = {.switches = true};
		STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
		STEP(&slot, SLOT_EV_START, .retries = 1);
		fail_once(&slot, FAILURE_WRITE_ERROR);
		STEP(&slot, SLOT_EV_ENDED);
		STEP(&slot, SLOT_EV_LEFT);
		STEP(&slot, SLOT_EV_DEADLINE);
		STEP(&slot, SLOT_EV_ARRIVED, .admission = no_job, .same_board = true);
		assert_int_equal(slot.state, SLOT_RETRYING);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
		if (comes)
			STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
		else
			STEP(&slot, SLOT_EV_DEADLINE);
		assert_int_equal(slot.state, comes ? SLOT_RETRYING : SLOT_FAIL);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, comes ? SLOT_DO_START_WORKER : 0);
	}
}

static void a_retry_that_does_not_come_back_is_the_fail_it_was(void **state)
{
	(void)state;
	struct slot slot = {.switches = true};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START, .retries = 1);
	fail_once(&slot, FAILURE_DEVICE_TIMEOUT);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_DEADLINE);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_COUNT_UNDO);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(slot.failure, FAILURE_DEVICE_TIMEOUT);
	assert_false(slot.acknowledged);
}

static void a_stuck_worker_is_freed_by_its_ports_power(void **state)
{
	(void)state;
	struct slot slot = {.switches = true};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START);
	fail_once(&slot, FAILURE_DEVICE_TIMEOUT);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(STEP(&slot, SLOT_EV_STUCK).set, SLOT_DO_POWER_OFF | SLOT_DO_TIMER);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_ENDED, .ejected = true);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_POWER_ON | SLOT_DO_TIMER);
	assert_int_equal(slot.state, SLOT_FAIL);
}

static void nothing_is_tried_again_once_nothing_would_be_started(void **state)
{
	(void)state;
	struct slot slot = {.switches = true};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START, .retries = 3);
	STEP(&slot, SLOT_EV_CLAIMED);
	STEP(&slot, SLOT_EV_OPENED);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_WRITE_ERROR);
	struct slot_actions out = STEP(&slot, SLOT_EV_CLOSED, .may_retry = false);
	assert_int_equal(out.set, SLOT_DO_COUNT_END | SLOT_DO_FREE_WORKER);
	assert_int_equal(slot.state, SLOT_FAIL);
}

static void a_board_that_was_stopped_by_hand_and_then_pulled_is_cancelled(void **state)
{
	(void)state;
	static const enum failure says[] = {FAILURE_CANCELLED, FAILURE_DEVICE_GONE, FAILURE_WRITE_ERROR};
	for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
		struct slot slot = {.switches = true};
		STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
		STEP(&slot, SLOT_EV_START, .retries = 3);
		STEP(&slot, SLOT_EV_CLAIMED);
		STEP(&slot, SLOT_EV_OPENED);
		assert_true(STEP(&slot, SLOT_EV_CANCEL).accepted);
		STEP(&slot, SLOT_EV_LEFT);
		STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = says[i]);
		assert_int_equal(slot.failure, FAILURE_CANCELLED);
		assert_int_equal(slot.result, SLOT_RESULT_ABORTED);
		STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
		assert_int_equal(slot.state, SLOT_EMPTY);
	}
}

static void a_released_board_that_is_stopped_by_hand_waits_for_another_release(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_HOLD);
	STEP(&slot, SLOT_EV_RELEASE, .admission = ok);
	assert_true(STEP(&slot, SLOT_EV_CANCEL).accepted);
	STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
	assert_int_equal(slot.state, SLOT_HOLD);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
	STEP(&slot, SLOT_EV_RELEASE, .admission = ok);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, SLOT_DO_START_WORKER | SLOT_DO_COUNT_START);
}

static void a_release_ends_with_its_job(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_HOLD);
	STEP(&slot, SLOT_EV_RELEASE, .admission = ok);
	assert_int_equal(slot.granted, SLOT_GRANT_RETURNED);
	STEP(&slot, SLOT_EV_REMATCH, .admission = no_job);
	assert_int_equal(slot.granted, SLOT_GRANT_NONE);
}

static void a_release_is_for_what_was_shown(void **state)
{
	(void)state;
	static const struct match_result nameless = {
	        .verdict = MATCH_HELD, .failure = FAILURE_SERIAL_MISSING};
	struct slot slot = {0};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = nameless);
	STEP(&slot, SLOT_EV_RELEASE, .admission = ok);
	assert_int_equal(slot.granted, SLOT_GRANT_OTHER); // of what is on it nothing was said
	STEP(&slot, SLOT_EV_START);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_NOT_BLANK,
	        .refused = true, .asks = true);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
	assert_int_equal(slot.state, SLOT_HOLD);
	STEP(&slot, SLOT_EV_RELEASE, .admission = ok);
	assert_int_equal(slot.granted, SLOT_GRANT_NOT_BLANK);
	STEP(&slot, SLOT_EV_START);
	assert_int_equal(STEP(&slot, SLOT_EV_CLAIMED, .carries_plan = true).set, SLOT_DO_CANCEL);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_CANCELLED);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_RELEASE, .admission = ok);
	assert_int_equal(slot.granted, SLOT_GRANT_RETURNED);
	STEP(&slot, SLOT_EV_START);
	assert_int_equal(STEP(&slot, SLOT_EV_CLAIMED, .carries_plan = true).set, SLOT_DO_OPEN_ROW);
}

static void a_board_behind_the_stations_own_power_cycle_is_returned_though_it_was_not_ejected(void **state)
{
	(void)state;
	struct slot slot = {.switches = true};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START);
	fail_once(&slot, FAILURE_DEVICE_TIMEOUT);
	STEP(&slot, SLOT_EV_STUCK);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_DEADLINE);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok, .same_board = true);
	STEP(&slot, SLOT_EV_ACK);
	assert_int_equal(slot.state, SLOT_HOLD);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
}

/* A station that answers rows and workers in any order, with people and cables doing what they like. */
struct walk {
	struct slot slot;
	uint64_t random;
	bool worker, released, go, opened, open_queued, close_queued, verdict;
	enum slot_result said;
	bool fail_standing; // shown and not acknowledged
	bool held_back;     // the plugged-in board is RETURNED and nobody has released it
	bool timer, dark;   // a timer runs; the port is switched off
	bool by_itself;     // the board that is to be tried again left without the station's doing
	unsigned retries;   // in a row
	unsigned inflight, passes, retried;
};

static unsigned pick(struct walk *w, unsigned n)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(w->random >> 33) % n;
}

static void obey(struct walk *w, unsigned set)
{
	if (set & SLOT_DO_START_WORKER) {
		assert_false(w->worker); // never two workers on one device
		assert_false(w->dark);
		assert_false(w->held_back);
		assert_false(w->fail_standing);
		w->worker = true;
		w->released = w->go = w->opened = w->verdict = false;
		w->said = SLOT_RESULT_NONE;
	}
	if (set & SLOT_DO_POWER_OFF) {
		assert_true(w->slot.switches && !w->dark);
		w->dark = true;
	}
	if (set & SLOT_DO_POWER_ON) {
		assert_true(w->dark);
		w->dark = false;
	}
	if (set & SLOT_DO_TIMER)
		w->timer = true;
	if (set & SLOT_DO_OPEN_ROW) {
		assert_false(w->open_queued || w->opened || w->close_queued);
		w->open_queued = true;
	}
	if (set & SLOT_DO_GO) {
		assert_true(w->opened && !w->go && !w->verdict); // law 3: the row is durable first
		w->go = true;
	}
	if (set & SLOT_DO_CLOSE_ROW) {
		assert_true(w->opened && !w->close_queued);
		w->close_queued = true;
	}
	if (set & SLOT_DO_FREE_WORKER) {
		assert_true(w->worker && !w->released);
		w->released = true;
		assert_false(w->close_queued); // the device is held until the verdict is in the ledger
	}
	if (set & (SLOT_DO_COUNT_END | SLOT_DO_COUNT_UNDO)) {
		assert_true(w->inflight == 1);
		w->inflight--;
	}
	if (set & SLOT_DO_COUNT_START)
		w->inflight++;
	assert_true(w->inflight <= 1);
}

static struct slot_event choose(struct walk *w)
{
	struct slot_event event = {.kind = (enum slot_event_kind)pick(w, SLOT_EV_COUNT)};
	const struct match_result *admissions[] = {&ok, &ok, &ok, &no_job, &back, &stranger};
	event.admission = *admissions[pick(w, 6)];
	event.stage = (enum slot_state)(SLOT_WRITING + pick(w, 3));
	event.result = (enum slot_result)(1 + pick(w, 3));
	enum failure failures[] = {FAILURE_WRITE_ERROR, FAILURE_DEVICE_GONE, FAILURE_STORE_DAMAGED,
	        FAILURE_CANCELLED, FAILURE_WORKER_DIED, FAILURE_TARGET_HELD};
	event.failure = event.result == SLOT_RESULT_FAIL ? failures[pick(w, 6)] : FAILURE_NONE;
	event.refused = pick(w, 4) == 0;
	event.carries_plan = pick(w, 8) == 0;
	event.same_board = pick(w, 4) == 0;
	if (w->slot.state == SLOT_RETRYING && pick(w, 4))
		event.same_board = event.admission.verdict == MATCH_OK;
	event.soon = pick(w, 2);
	event.ejected = pick(w, 2);
	event.retries = pick(w, 3);
	event.may_retry = pick(w, 8) != 0;
	return event;
}

// What cannot happen outside: a row that nobody queued is not durable, a worker that is not there says nothing.
static bool possible(const struct walk *w, const struct slot_event *event)
{
	switch (event->kind) {
	case SLOT_EV_OPENED: return w->open_queued;
	case SLOT_EV_CLOSED: return w->close_queued;
	case SLOT_EV_CLAIMED:
	case SLOT_EV_STAGE:
	case SLOT_EV_STUCK:
	case SLOT_EV_ENDED: return w->worker;
	case SLOT_EV_VERDICT: return w->worker && !w->verdict;
	case SLOT_EV_DEADLINE: return w->timer;
	case SLOT_EV_REMATCH: return !w->held_back || event->admission.verdict != MATCH_OK;
	default: return true;
	}
}

static void before_step(struct walk *w, const struct slot_event *event)
{
	switch (event->kind) {
	case SLOT_EV_OPENED:
		w->open_queued = false;
		w->opened = true;
		break;
	case SLOT_EV_CLOSED: w->close_queued = w->opened = false; break;
	case SLOT_EV_VERDICT:
		w->verdict = true;
		w->said = event->result;
		break;
	case SLOT_EV_ENDED:
		w->verdict = true;
		w->worker = false;
		break;
	case SLOT_EV_ARRIVED: w->held_back = event->admission.returned; break;
	case SLOT_EV_LEFT: w->held_back = false; break;
	case SLOT_EV_DEADLINE: w->timer = false; break;
	default: break;
	}
	bool moving = w->slot.leaving == SLOT_LEAVING_OFF || w->slot.leaving == SLOT_LEAVING_ON;
	if ((event->kind == SLOT_EV_LEFT || event->kind == SLOT_EV_ARRIVED) && !moving)
		w->by_itself = true;
}

static void check_laws(struct walk *w, const struct slot *was, const struct slot_event *event,
        const struct slot_actions *out)
{
	const struct slot *now = &w->slot;
	if (now->state == SLOT_PASS && was->state != SLOT_PASS) {
		// laws 2 and 3: read back, and the row is on disk
		assert_int_equal(event->kind, SLOT_EV_CLOSED);
		assert_true(w->go);
		assert_int_equal(w->said, SLOT_RESULT_PASS);
		w->passes++;
	}
	if (was->state == SLOT_FAIL && now->state != SLOT_FAIL)
		assert_true(event->kind == SLOT_EV_ACK || was->acknowledged); // law 7
	if (event->kind == SLOT_EV_RELEASE && out->accepted)
		w->held_back = false;
	w->fail_standing = now->state == SLOT_FAIL && !now->acknowledged;
	if (was->state == SLOT_RETRYING && (out->set & SLOT_DO_START_WORKER)) {
		// Law 7: in the plug it failed in, or behind our own power cycle; and bounded.
		assert_false(w->by_itself);
		assert_true(++w->retries <= 3 * now->retries);
		w->retried++;
	} else if (out->set & SLOT_DO_START_WORKER) {
		w->retries = 0;
	}
	if (out->set & SLOT_DO_START_WORKER)
		w->by_itself = false;
	bool cycles = now->leaving == SLOT_LEAVING_OFF || now->leaving == SLOT_LEAVING_ON;
	if (cycles)
		w->by_itself = false;                                // from here on it is the station's doing
	assert_int_equal(w->dark, now->leaving == SLOT_LEAVING_OFF); // no port stays dark
	assert_true(w->timer || !(cycles || now->leaving == SLOT_LEAVING_WAIT)); // no wait without an end
	if (now->state == SLOT_PASS || now->state == SLOT_UNVERIFIED)
		assert_false(w->close_queued);
	if (slot_is_ready(now))
		assert_false(w->worker);
}

static void whatever_happens_in_whatever_order_the_laws_hold(void **state)
{
	(void)state;
	unsigned passes = 0, retried = 0;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct walk w = {.random = seed, .slot.switches = seed % 2};
		for (unsigned i = 0; i < 3000; i++) {
			struct slot_event event = choose(&w);
			if (pick(&w, 6) <
			        2 + 3 * (seed % 4 >
			                        1)) // often what comes next anyway, so that attempts get to their end
				event.kind = w.open_queued                     ? SLOT_EV_OPENED
				             : w.close_queued                  ? SLOT_EV_CLOSED
				             : w.go && !w.verdict              ? SLOT_EV_VERDICT
				             : w.worker && w.released          ? SLOT_EV_ENDED
				             : w.worker                        ? SLOT_EV_CLAIMED
				             : slot_is_ready(&w.slot)          ? SLOT_EV_START
				             : w.timer && pick(&w, 2)          ? SLOT_EV_DEADLINE
				             : w.slot.present && !w.slot.again ? SLOT_EV_LEFT
				                                               : SLOT_EV_ARRIVED;
			if (!possible(&w, &event))
				continue;
			struct slot was = w.slot;
			struct slot_actions out;
			before_step(&w, &event);
			slot_step(&w.slot, &event, &out);
			obey(&w, out.set);
			check_laws(&w, &was, &event, &out);
		}
		passes += w.passes;
		retried += w.retried;
	}
	assert_true(passes > 1000); // the walks do get there
	assert_true(retried > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_event_in_every_state_does_what_the_table_says),
	        cmocka_unit_test(a_worker_that_dies_is_fail_and_never_pass),
	        cmocka_unit_test(a_worker_that_says_pass_without_go_is_not_believed),
	        cmocka_unit_test(a_fail_pulled_out_before_acknowledgement_is_still_red),
	        cmocka_unit_test(a_pass_stays_until_the_next_different_board),
	        cmocka_unit_test(a_board_without_serial_that_holds_this_plan_is_returned_unwritten),
	        cmocka_unit_test(a_board_that_is_not_blank_waits_for_a_person_or_is_refused),
	        cmocka_unit_test(a_damaged_store_is_never_a_boards_fail),
	        cmocka_unit_test(a_board_that_leaves_in_the_middle_is_device_gone),
	        cmocka_unit_test(a_board_that_was_swapped_while_it_was_opened_does_not_spoil_the_next_one),
	        cmocka_unit_test(a_stuck_worker_keeps_the_slot_shut_until_it_is_gone),
	        cmocka_unit_test(a_dead_stations_worker_keeps_the_slot_shut_and_the_verdict_comes_back),
	        cmocka_unit_test(after_a_restart_a_passed_board_still_plugged_in_stays_pass),
	        cmocka_unit_test(the_disconnect_after_the_eject_is_the_proof),
	        cmocka_unit_test(a_board_that_stays_is_the_operators_when_its_port_does_not_switch),
	        cmocka_unit_test(a_board_that_stays_is_power_cycled_once_where_its_port_switches),
	        cmocka_unit_test(a_board_that_comes_back_by_itself_is_returned_and_not_programmed),
	        cmocka_unit_test(
	                a_transport_failure_is_tried_again_in_its_plug_and_then_the_unit_is_quarantined),
	        cmocka_unit_test(each_stage_has_its_own_retries),
	        cmocka_unit_test(wrong_bytes_are_never_tried_again),
	        cmocka_unit_test(a_board_that_vanished_is_tried_again_only_behind_our_own_power_cycle),
	        cmocka_unit_test(another_board_behind_the_power_cycle_is_not_taken_for_the_failed_one),
	        cmocka_unit_test(a_retry_waits_for_its_boards_disk_and_not_for_ever),
	        cmocka_unit_test(a_retry_that_does_not_come_back_is_the_fail_it_was),
	        cmocka_unit_test(a_stuck_worker_is_freed_by_its_ports_power),
	        cmocka_unit_test(nothing_is_tried_again_once_nothing_would_be_started),
	        cmocka_unit_test(a_board_that_was_stopped_by_hand_and_then_pulled_is_cancelled),
	        cmocka_unit_test(a_released_board_that_is_stopped_by_hand_waits_for_another_release),
	        cmocka_unit_test(a_release_ends_with_its_job),
	        cmocka_unit_test(a_release_is_for_what_was_shown),
	        cmocka_unit_test(
	                a_board_behind_the_stations_own_power_cycle_is_returned_though_it_was_not_ejected),
	        cmocka_unit_test(whatever_happens_in_whatever_order_the_laws_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
