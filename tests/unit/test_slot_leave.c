// SPDX-License-Identifier: MIT
#include "slot_steps.h"

// A slot whose board is there and started.
static struct slot started(unsigned retries, bool switches)
{
	struct slot slot = {.switches = switches};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	assert_true(STEP(&slot, SLOT_EV_START, .retries = retries).set & SLOT_DO_COUNT_START);
	return slot;
}

// ... and is being written.
static struct slot writing(unsigned retries, bool switches)
{
	struct slot slot = started(retries, switches);
	STEP(&slot, SLOT_EV_CLAIMED);
	assert_true(STEP(&slot, SLOT_EV_OPENED).set & SLOT_DO_GO);
	return slot;
}

// A slot whose board has its verdict, was ejected and is still there.
static void run_to_ejected(struct slot *slot, enum slot_result result, bool switches)
{
	*slot = writing(0, switches);
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
	struct slot slot = started(2, false);
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
	struct slot slot = started(1, false);
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
		struct slot slot = started(3, true);
		fail_once(&slot, failures[i]);
		assert_int_equal(slot.state, SLOT_FAIL);
		assert_false(slot.quarantined);
	}
}

static void a_board_that_vanished_is_tried_again_only_behind_our_own_power_cycle(void **state)
{
	(void)state;
	for (int switches = 0; switches < 2; switches++) {
		struct slot slot = writing(1, switches);
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
	struct slot slot = started(1, true);
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
		struct slot slot = started(1, true);
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
	struct slot slot = started(1, true);
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
	struct slot slot = started(0, true);
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
	struct slot slot = writing(3, true);
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
		struct slot slot = writing(3, true);
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
	struct slot slot = started(0, true);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
