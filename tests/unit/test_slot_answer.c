// SPDX-License-Identifier: MIT
// A board that reads itself back: one attempt in two halves, and all that can come between them.
#include "slot_steps.h"

static const unsigned asked_and_gone = SLOT_DO_TIMER;

// Its first worker has asked the board, and still holds it.
static void ask(struct slot *slot)
{
	STEP(slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(slot, SLOT_EV_START, .on_target = true);
	STEP(slot, SLOT_EV_CLAIMED);
	STEP(slot, SLOT_EV_OPENED);
	STEP(slot, SLOT_EV_VERDICT, .asked = true);
}

// As far as the board's leaving with the request, on a port that switches or not.
static struct slot away(bool switches)
{
	struct slot slot;
	run_to(&slot, SLOT_AWAITING);
	slot.switches = switches;
	assert_true(slot.away);
	return slot;
}

static struct slot_actions comes_back(struct slot *slot)
{
	return STEP(slot, SLOT_EV_ARRIVED, .admission = ok, .same_board = true);
}

static void its_return_starts_the_second_half_and_only_that_is_a_pass(void **state)
{
	(void)state;
	struct slot slot = {0};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START, .on_target = true);
	STEP(&slot, SLOT_EV_CLAIMED);
	STEP(&slot, SLOT_EV_OPENED);
	assert_int_equal(
	        STEP(&slot, SLOT_EV_VERDICT, .asked = true).set, SLOT_DO_FREE_WORKER | SLOT_DO_TIMER);
	assert_int_equal(slot.state, SLOT_AWAITING);
	assert_string_equal(slot_tile(&slot), "BUSY");
	assert_string_equal(slot_state_name(slot.state), "awaiting");
	STEP(&slot, SLOT_EV_ENDED, .ejected = true);
	assert_int_equal(slot.leaving, SLOT_LEAVING_WAIT);
	assert_int_equal(STEP(&slot, SLOT_EV_LEFT).set, asked_and_gone);
	assert_true(slot_is_busy(&slot));
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
	assert_int_equal(comes_back(&slot).set, SLOT_DO_START_WORKER); // counted once, one row
	assert_int_equal(slot.state, SLOT_COMMITTING);
	assert_int_equal(STEP(&slot, SLOT_EV_CLAIMED).set, SLOT_DO_GO);
	STEP(&slot, SLOT_EV_STAGE, .stage = SLOT_WRITING);
	assert_int_equal(slot.state, SLOT_COMMITTING);
	assert_int_equal(STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_PASS).set, SLOT_DO_CLOSE_ROW);
	assert_int_equal(STEP(&slot, SLOT_EV_CLOSED).set, SLOT_DO_COUNT_END | SLOT_DO_FREE_WORKER);
	assert_int_equal(slot.state, SLOT_PASS);
}

static void the_first_half_is_never_a_pass(void **state)
{
	(void)state;
	for (int result = SLOT_RESULT_PASS; result <= SLOT_RESULT_UNVERIFIED; result++) {
		struct slot slot = {0};
		STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
		STEP(&slot, SLOT_EV_START, .on_target = true);
		STEP(&slot, SLOT_EV_CLAIMED);
		STEP(&slot, SLOT_EV_OPENED);
		STEP(&slot, SLOT_EV_VERDICT, .result = (enum slot_result)result);
		STEP(&slot, SLOT_EV_CLOSED);
		assert_int_equal(slot.state, SLOT_FAIL);
		assert_int_equal(slot.failure, FAILURE_STATION_ERROR);
	}
}

static void the_second_half_is_no_pass_before_its_go_and_never_unverified(void **state)
{
	(void)state;
	for (int go = 0; go < 2; go++) {
		struct slot slot = away(false);
		comes_back(&slot);
		if (go)
			STEP(&slot, SLOT_EV_CLAIMED);
		STEP(&slot, SLOT_EV_VERDICT, .result = go ? SLOT_RESULT_UNVERIFIED : SLOT_RESULT_PASS);
		STEP(&slot, SLOT_EV_CLOSED);
		assert_int_equal(slot.state, SLOT_FAIL);
		assert_int_equal(slot.failure, FAILURE_STATION_ERROR);
	}
}

static void a_worker_that_asks_though_nobody_wanted_it_is_not_believed(void **state)
{
	(void)state;
	struct slot slot;
	run_to(&slot, SLOT_WRITING);
	assert_int_equal(STEP(&slot, SLOT_EV_VERDICT, .asked = true).set, SLOT_DO_CLOSE_ROW);
	assert_int_equal(slot.result, SLOT_RESULT_FAIL);
	assert_int_equal(slot.failure, FAILURE_STATION_ERROR);
}

static void a_board_that_has_not_left_has_not_answered(void **state)
{
	(void)state;
	struct slot slot = {0};
	ask(&slot);
	assert_int_equal(STEP(&slot, SLOT_EV_REMATCH, .admission = ok).set, 0);
	assert_int_equal(STEP(&slot, SLOT_EV_ENDED).set, SLOT_DO_TIMER);
	assert_int_equal(STEP(&slot, SLOT_EV_REMATCH, .admission = ok).set, 0);
	assert_int_equal(slot.state, SLOT_AWAITING);
	// Where nothing can make it leave that is the end of it.
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_CLOSE_ROW);
	assert_int_equal(slot.failure, FAILURE_NO_ANSWER);
}

static void a_board_that_stays_is_power_cycled_and_answers_behind_it(void **state)
{
	(void)state;
	struct slot slot = {.switches = true};
	ask(&slot);
	STEP(&slot, SLOT_EV_ENDED);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_TIMER | SLOT_DO_POWER_OFF);
	STEP(&slot, SLOT_EV_LEFT);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_TIMER | SLOT_DO_POWER_ON);
	assert_int_equal(slot.state, SLOT_AWAITING);
	assert_int_equal(comes_back(&slot).set, SLOT_DO_START_WORKER);
	assert_int_equal(slot.leaving, SLOT_LEAVING_NONE);
}

static void no_port_stays_dark_when_the_wait_ends(void **state)
{
	(void)state;
	struct slot slot = {.switches = true};
	ask(&slot);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_DEADLINE);
	assert_true(STEP(&slot, SLOT_EV_CANCEL).accepted);
	STEP(&slot, SLOT_EV_CLOSED);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_TIMER | SLOT_DO_POWER_ON);
}

static void a_board_that_is_back_before_its_worker_has_ended_waits_for_that(void **state)
{
	(void)state;
	struct slot slot = {0};
	ask(&slot);
	STEP(&slot, SLOT_EV_LEFT);
	assert_int_equal(comes_back(&slot).set, 0);
	assert_int_equal(STEP(&slot, SLOT_EV_ENDED).set, SLOT_DO_START_WORKER);
}

static void it_shows_its_luns_before_their_media(void **state)
{
	(void)state;
	struct slot slot = away(false);
	assert_int_equal(STEP(&slot, SLOT_EV_ARRIVED, .admission = no_job, .same_board = true).set, 0);
	assert_int_equal(slot.state, SLOT_AWAITING);
	assert_int_equal(STEP(&slot, SLOT_EV_REMATCH, .admission = ok).set, SLOT_DO_START_WORKER);
}

static void another_board_in_the_plug_ends_it_and_waits(void **state)
{
	(void)state;
	const struct match_result *admissions[] = {&ok, &stranger, &back};
	for (size_t i = 0; i < ARRAY_SIZE(admissions); i++) {
		struct slot slot = away(false);
		struct slot_actions out =
		        STEP(&slot, SLOT_EV_ARRIVED, .admission = *admissions[i], .same_board = i > 0);
		assert_int_equal(out.set, SLOT_DO_CLOSE_ROW);
		assert_int_equal(slot.failure, FAILURE_DEVICE_GONE);
		STEP(&slot, SLOT_EV_CLOSED);
		assert_int_equal(slot.state, SLOT_FAIL);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
		STEP(&slot, SLOT_EV_ACK);
		assert_int_equal(slot.state, i == 0 ? SLOT_MATCHED : i == 1 ? SLOT_REFUSED : SLOT_HOLD);
	}
}

static void one_whose_signature_was_rejected_meanwhile_waits_for_an_approval_and_ends_as_that(void **state)
{
	(void)state;
	static const struct match_result unapproved = {
	        .verdict = MATCH_HELD, .failure = FAILURE_SIGNATURE_UNAPPROVED};
	for (int how = 0; how < 4; how++) {
		struct slot slot = away(true);
		if (how % 2) { // it shows its LUNs before their media
			STEP(&slot, SLOT_EV_ARRIVED, .admission = no_job, .same_board = true);
			STEP(&slot, SLOT_EV_REMATCH, .admission = unapproved);
		} else {
			STEP(&slot, SLOT_EV_ARRIVED, .admission = unapproved, .same_board = true);
		}
		assert_int_equal(slot.state, SLOT_AWAITING);
		if (how < 2) {
			assert_true(STEP(&slot, SLOT_EV_REMATCH, .admission = ok).set & SLOT_DO_START_WORKER);
			continue;
		}
		assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_CLOSE_ROW);
		assert_int_equal(slot.failure, FAILURE_SIGNATURE_UNAPPROVED);
		assert_int_equal(slot.result, SLOT_RESULT_ABORTED); // nobody's fault, and no yield
		STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
		assert_int_equal(slot.state, SLOT_HOLD);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
		STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
		assert_int_equal(slot.state, SLOT_MATCHED);
	}
	// Gone again when the time is over: nothing is known of it.
	struct slot slot = away(false);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = unapproved, .same_board = true);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_DEADLINE);
	assert_int_equal(slot.failure, FAILURE_NO_ANSWER);
}

static void one_that_does_not_come_back_in_time_is_no_answer_and_not_held_against_the_board(void **state)
{
	(void)state;
	struct slot slot = away(true);
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_CLOSE_ROW);
	assert_int_equal(slot.failure, FAILURE_NO_ANSWER);
	assert_false(failure_counts(slot.failure));
	STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
	assert_int_equal(slot.state, SLOT_FAIL);
	comes_back(&slot); // too late
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
}

static void who_is_stopped_while_away_is_held_when_it_comes_back(void **state)
{
	(void)state;
	for (int closed = 0; closed < 2; closed++) {
		struct slot slot = away(false);
		assert_true(STEP(&slot, SLOT_EV_CANCEL).accepted);
		assert_int_equal(slot.result, SLOT_RESULT_ABORTED);
		if (closed)
			assert_int_equal(STEP(&slot, SLOT_EV_CLOSED).set, SLOT_DO_COUNT_END);
		comes_back(&slot);
		if (!closed)
			STEP(&slot, SLOT_EV_CLOSED);
		assert_int_equal(slot.state, SLOT_HOLD);
		assert_int_equal(slot.failure, FAILURE_CANCELLED);
		STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
		assert_true(STEP(&slot, SLOT_EV_RELEASE, .admission = ok).accepted);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, SLOT_DO_START_WORKER | SLOT_DO_COUNT_START);
	}
}

// It was told to leave, and comes back without anybody's doing.
static void who_is_stopped_before_it_has_left_is_held_when_it_comes_back(void **state)
{
	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		struct slot slot = {0};
		ask(&slot);
		if (ended)
			STEP(&slot, SLOT_EV_ENDED, .ejected = true);
		assert_true(STEP(&slot, SLOT_EV_CANCEL).accepted);
		STEP(&slot, SLOT_EV_CLOSED);
		assert_int_equal(slot.state, SLOT_HOLD);
		if (!ended)
			STEP(&slot, SLOT_EV_ENDED, .ejected = true);
		STEP(&slot, SLOT_EV_LEFT);
		assert_int_equal(slot.state, SLOT_EMPTY);
		comes_back(&slot);
		assert_int_equal(slot.state, SLOT_HOLD);
		assert_int_equal(slot.failure, FAILURE_CANCELLED);
		assert_int_equal(STEP(&slot, SLOT_EV_START).set, 0);
		STEP(&slot, SLOT_EV_LEFT); // from here on it is a person who brings it
		comes_back(&slot);
		assert_true(slot_is_ready(&slot));
	}
}

static void who_is_stopped_while_away_does_not_hold_the_next_board(void **state)
{
	(void)state;
	struct slot slot = away(false);
	STEP(&slot, SLOT_EV_CANCEL);
	STEP(&slot, SLOT_EV_CLOSED);
	assert_int_equal(slot.state, SLOT_EMPTY);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	assert_true(slot_is_ready(&slot));
	STEP(&slot, SLOT_EV_LEFT);
	comes_back(&slot);
	assert_true(slot_is_ready(&slot));
}

static void a_worker_that_dies_behind_its_request_changes_nothing(void **state)
{
	(void)state;
	struct slot slot = {0};
	ask(&slot);
	STEP(&slot, SLOT_EV_STUCK);
	STEP(&slot, SLOT_EV_LEFT);
	assert_int_equal(comes_back(&slot).set, 0); // it still holds the old disk
	assert_int_equal(slot.state, SLOT_AWAITING);
	assert_int_equal(STEP(&slot, SLOT_EV_ENDED).set, SLOT_DO_START_WORKER);
	STEP(&slot, SLOT_EV_ENDED); // and the second one is worker-died as ever
	assert_int_equal(slot.failure, FAILURE_WORKER_DIED);
	STEP(&slot, SLOT_EV_CLOSED);
	assert_int_equal(slot.state, SLOT_FAIL);
}

static void a_stop_that_comes_with_the_request_counts(void **state)
{
	(void)state;
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		struct slot slot = {0};
		STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
		STEP(&slot, SLOT_EV_START, .on_target = true);
		STEP(&slot, SLOT_EV_CLAIMED);
		STEP(&slot, SLOT_EV_OPENED);
		STEP(&slot, by_hand ? SLOT_EV_CANCEL : SLOT_EV_LEFT);
		assert_int_equal(STEP(&slot, SLOT_EV_VERDICT, .asked = true).set, SLOT_DO_CLOSE_ROW);
		assert_int_equal(slot.failure, by_hand ? FAILURE_CANCELLED : FAILURE_DEVICE_GONE);
	}
}

static void a_board_that_leaves_in_its_second_half_is_device_gone(void **state)
{
	(void)state;
	struct slot slot = away(false);
	comes_back(&slot);
	STEP(&slot, SLOT_EV_CLAIMED);
	assert_int_equal(STEP(&slot, SLOT_EV_LEFT).set, SLOT_DO_CANCEL);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_CANCELLED);
	STEP(&slot, SLOT_EV_CLOSED);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_int_equal(slot.failure, FAILURE_DEVICE_GONE);
}

static void a_transport_failure_of_the_second_half_is_tried_again_from_the_start(void **state)
{
	(void)state;
	struct slot slot = {0};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START, .on_target = true, .retries = 1);
	STEP(&slot, SLOT_EV_CLAIMED);
	STEP(&slot, SLOT_EV_OPENED);
	STEP(&slot, SLOT_EV_VERDICT, .asked = true);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_LEFT);
	comes_back(&slot);
	STEP(&slot, SLOT_EV_CLAIMED);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_WRITE_ERROR);
	STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
	assert_int_equal(slot.state, SLOT_RETRYING);
	STEP(&slot, SLOT_EV_ENDED);
	assert_int_equal(STEP(&slot, SLOT_EV_START, .on_target = true).set, SLOT_DO_START_WORKER);
	assert_int_equal(slot.half, SLOT_HALF_ASK);
	assert_int_equal(STEP(&slot, SLOT_EV_CLAIMED).set, SLOT_DO_OPEN_ROW); // a row of its own
}

// An attempt of a job that lets each stage be tried again once, as far as its board's leaving with the request.
static struct slot away_once(bool switches)
{
	struct slot slot = {.switches = switches};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START, .on_target = true, .retries = 1);
	STEP(&slot, SLOT_EV_CLAIMED);
	STEP(&slot, SLOT_EV_OPENED);
	STEP(&slot, SLOT_EV_VERDICT, .asked = true);
	STEP(&slot, SLOT_EV_ENDED, .ejected = true);
	STEP(&slot, SLOT_EV_LEFT);
	return slot;
}

static void a_board_that_stays_silent_is_tried_again_behind_a_power_cycle_once(void **state)
{
	(void)state;
	struct slot slot = away_once(true);
	for (int attempt = 1; attempt <= 2; attempt++) {
		assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_CLOSE_ROW);
		assert_int_equal(slot.failure, FAILURE_NO_ANSWER);
		assert_int_equal(slot_may_retry(&slot), attempt == 1);
		struct slot_actions out = STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
		if (attempt == 2)
			break;
		assert_int_equal(slot.state, SLOT_RETRYING);
		assert_int_equal(slot.tried[SLOT_VERIFYING - SLOT_WRITING], 1);
		assert_true(out.set & SLOT_DO_POWER_OFF);
		assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_TIMER | SLOT_DO_POWER_ON);
		comes_back(&slot);
		assert_int_equal(STEP(&slot, SLOT_EV_START, .on_target = true).set, SLOT_DO_START_WORKER);
		assert_int_equal(STEP(&slot, SLOT_EV_CLAIMED).set, SLOT_DO_OPEN_ROW); // a row of its own
		STEP(&slot, SLOT_EV_OPENED);
		STEP(&slot, SLOT_EV_VERDICT, .asked = true);
		STEP(&slot, SLOT_EV_ENDED, .ejected = true);
		STEP(&slot, SLOT_EV_LEFT);
	}
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_false(slot.quarantined); // nothing is known of the board
}

static void one_that_came_back_without_an_answer_is_tried_again_in_its_plug(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		struct slot slot = away_once(false);
		comes_back(&slot);
		STEP(&slot, SLOT_EV_CLAIMED);
		STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL,
		        .failure = wrong ? FAILURE_WRONG_ANSWER : FAILURE_NO_ANSWER);
		STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
		assert_int_equal(slot.state, wrong ? SLOT_FAIL : SLOT_RETRYING); // somebody else writes there
		STEP(&slot, SLOT_EV_ENDED);
		assert_int_equal(slot_is_ready(&slot), !wrong);
	}
}

static void a_board_that_went_and_stays_away_is_not_tried_again_where_no_port_switches(void **state)
{
	(void)state;
	struct slot slot = away_once(false);
	STEP(&slot, SLOT_EV_DEADLINE);
	STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
	assert_int_equal(slot.state, SLOT_FAIL);
}

static void nor_is_one_that_did_not_even_leave_behind_a_power_cycle(void **state)
{
	(void)state;
	struct slot slot = {.switches = true};
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	STEP(&slot, SLOT_EV_START, .on_target = true, .retries = 1);
	STEP(&slot, SLOT_EV_CLAIMED);
	STEP(&slot, SLOT_EV_OPENED);
	STEP(&slot, SLOT_EV_VERDICT, .asked = true);
	STEP(&slot, SLOT_EV_ENDED);
	STEP(&slot, SLOT_EV_DEADLINE);                                          // off
	STEP(&slot, SLOT_EV_DEADLINE);                                          // on
	assert_int_equal(STEP(&slot, SLOT_EV_DEADLINE).set, SLOT_DO_CLOSE_ROW); // it never left
	assert_int_equal(slot.failure, FAILURE_NO_ANSWER);
	STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
	assert_int_equal(slot.state, SLOT_FAIL);
}

static void another_board_in_its_place_does_not_lose_its_power_for_it(void **state)
{
	(void)state;
	struct slot slot = away_once(true);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	assert_int_equal(slot.failure, FAILURE_DEVICE_GONE);
	assert_int_equal(STEP(&slot, SLOT_EV_CLOSED, .may_retry = true).set & SLOT_DO_POWER_OFF, 0);
	assert_int_equal(slot.state, SLOT_FAIL);
}

static void an_answer_that_says_fail_is_final(void **state)
{
	(void)state;
	struct slot slot = away(false);
	comes_back(&slot);
	STEP(&slot, SLOT_EV_CLAIMED);
	STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_VERIFY_MISMATCH);
	STEP(&slot, SLOT_EV_CLOSED, .may_retry = true);
	assert_int_equal(slot.state, SLOT_FAIL);
	assert_true(failure_counts(slot.failure));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(its_return_starts_the_second_half_and_only_that_is_a_pass),
	        cmocka_unit_test(the_first_half_is_never_a_pass),
	        cmocka_unit_test(the_second_half_is_no_pass_before_its_go_and_never_unverified),
	        cmocka_unit_test(a_worker_that_asks_though_nobody_wanted_it_is_not_believed),
	        cmocka_unit_test(a_board_that_has_not_left_has_not_answered),
	        cmocka_unit_test(a_board_that_stays_is_power_cycled_and_answers_behind_it),
	        cmocka_unit_test(no_port_stays_dark_when_the_wait_ends),
	        cmocka_unit_test(a_board_that_is_back_before_its_worker_has_ended_waits_for_that),
	        cmocka_unit_test(it_shows_its_luns_before_their_media),
	        cmocka_unit_test(another_board_in_the_plug_ends_it_and_waits),
	        cmocka_unit_test(
	                one_whose_signature_was_rejected_meanwhile_waits_for_an_approval_and_ends_as_that),
	        cmocka_unit_test(
	                one_that_does_not_come_back_in_time_is_no_answer_and_not_held_against_the_board),
	        cmocka_unit_test(who_is_stopped_while_away_is_held_when_it_comes_back),
	        cmocka_unit_test(who_is_stopped_before_it_has_left_is_held_when_it_comes_back),
	        cmocka_unit_test(who_is_stopped_while_away_does_not_hold_the_next_board),
	        cmocka_unit_test(a_worker_that_dies_behind_its_request_changes_nothing),
	        cmocka_unit_test(a_stop_that_comes_with_the_request_counts),
	        cmocka_unit_test(a_board_that_leaves_in_its_second_half_is_device_gone),
	        cmocka_unit_test(a_transport_failure_of_the_second_half_is_tried_again_from_the_start),
	        cmocka_unit_test(a_board_that_stays_silent_is_tried_again_behind_a_power_cycle_once),
	        cmocka_unit_test(one_that_came_back_without_an_answer_is_tried_again_in_its_plug),
	        cmocka_unit_test(a_board_that_went_and_stays_away_is_not_tried_again_where_no_port_switches),
	        cmocka_unit_test(nor_is_one_that_did_not_even_leave_behind_a_power_cycle),
	        cmocka_unit_test(another_board_in_its_place_does_not_lose_its_power_for_it),
	        cmocka_unit_test(an_answer_that_says_fail_is_final),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
