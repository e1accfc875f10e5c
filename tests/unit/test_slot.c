// SPDX-License-Identifier: MIT
#include "slot_steps.h"

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
        {SLOT_AWAITING, SLOT_EV_ARRIVED, SLOT_RECORDING, SLOT_DO_CLOSE_ROW}, // another board
        {SLOT_AWAITING, SLOT_EV_CANCEL, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
        {SLOT_AWAITING, SLOT_EV_DEADLINE, SLOT_RECORDING, SLOT_DO_CLOSE_ROW},
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

// A job is closed and the next one opened while the worker that refused the board still lets go of it.
static void the_next_jobs_word_is_heard_although_the_worker_has_not_ended(void **state)
{
	(void)state;
	const struct match_result none = {.verdict = MATCH_NO_JOB};
	static const enum failure failures[] = {FAILURE_NOT_BLANK, FAILURE_TARGET_MISMATCH};
	for (int asks = 0; asks < 2; asks++)
		for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
			struct slot slot;
			run_to(&slot, SLOT_MATCHED);
			STEP(&slot, SLOT_EV_START);
			STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = failures[i],
			        .refused = true, .asks = asks, .why = "why");
			STEP(&slot, SLOT_EV_REMATCH, .admission = none);
			STEP(&slot, SLOT_EV_REMATCH, .admission = ok);
			assert_false(slot_is_ready(&slot));
			STEP(&slot, SLOT_EV_ENDED);
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

	// It held this plan: that says nothing of the next one.
	run_to(&slot, SLOT_MATCHED);
	STEP(&slot, SLOT_EV_START);
	STEP(&slot, SLOT_EV_CLAIMED, .carries_plan = true);
	STEP(&slot, SLOT_EV_LEFT);
	STEP(&slot, SLOT_EV_ARRIVED, .admission = ok);
	out = STEP(&slot, SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_CANCELLED,
	        .refused = true);
	assert_true(out.set & SLOT_DO_COUNT_UNDO);
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

/* A station that answers rows and workers in any order, with people and cables doing what they like. */
struct walk {
	struct slot slot;
	uint64_t random;
	bool worker, released, go, opened, open_queued, close_queued, verdict;
	enum slot_result said;
	bool fail_standing;  // shown and not acknowledged
	bool held_back;      // the plugged-in board is RETURNED and nobody has released it
	bool timer, dark;    // a timer runs; the port is switched off
	bool by_itself;      // the board that is to be tried again left without the station's doing
	bool asked, answers; // the board was asked to check itself, and is back for the first time since
	unsigned retries;    // in a row
	unsigned inflight, passes, retried, answered;
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
		assert_int_equal(w->opened, w->slot.half == SLOT_HALF_COMMIT); // one row for both halves
		w->worker = true;
		w->released = w->go = w->verdict = false;
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
	if (w->slot.state == SLOT_AWAITING && pick(w, 4)) {
		event.admission = ok;
		event.same_board = true;
	}
	event.on_target = pick(w, 3) == 0;
	event.asked = w->slot.half == SLOT_HALF_ASK ? pick(w, 4) : pick(w, 16) == 0;
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
		w->said = event->asked ? SLOT_RESULT_NONE : event->result;
		break;
	case SLOT_EV_ENDED:
		w->verdict = true;
		w->worker = false;
		break;
	case SLOT_EV_ARRIVED:
		w->held_back = event->admission.returned;
		w->answers = w->asked && event->same_board;
		break;
	case SLOT_EV_LEFT: w->held_back = w->answers = false; break;
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
		assert_int_not_equal(was->half, SLOT_HALF_ASK);
		w->answered += was->half == SLOT_HALF_COMMIT;
		w->passes++;
	}
	if (was->state == SLOT_FAIL && now->state != SLOT_FAIL)
		assert_true(event->kind == SLOT_EV_ACK || was->acknowledged); // law 7
	if (event->kind == SLOT_EV_RELEASE && out->accepted)
		w->held_back = false;
	w->fail_standing = now->state == SLOT_FAIL && !now->acknowledged;
	if (now->state == SLOT_AWAITING && was->state != SLOT_AWAITING)
		w->asked = true;
	if (now->state == SLOT_COMMITTING && (out->set & SLOT_DO_START_WORKER)) {
		assert_true(w->answers); // the board that was asked, and only after it had left
		assert_int_equal(was->state, SLOT_AWAITING);
	}
	if (now->state != SLOT_AWAITING)
		w->asked = w->answers = false;
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
	assert_true(w->timer || !(cycles || now->leaving == SLOT_LEAVING_WAIT ||
	                                now->state == SLOT_AWAITING)); // no wait without an end
	if (now->state == SLOT_AWAITING)
		assert_true(slot_is_busy(now) && w->inflight == 1 && w->opened && !w->close_queued);
	if (now->state == SLOT_PASS || now->state == SLOT_UNVERIFIED)
		assert_false(w->close_queued);
	if (slot_is_ready(now))
		assert_false(w->worker);
}

static bool awaited(const struct walk *w)
{
	return w->slot.state == SLOT_AWAITING && w->slot.away && !w->slot.present;
}

static void whatever_happens_in_whatever_order_the_laws_hold(void **state)
{
	(void)state;
	unsigned passes = 0, retried = 0, answered = 0;
	for (uint64_t seed = 1; seed <= 800; seed++) {
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
				             : awaited(&w)                     ? SLOT_EV_ARRIVED
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
		answered += w.answered;
	}
	assert_true(passes > 1000); // the walks do get there
	assert_true(retried > 200);
	assert_true(answered > 200);
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
	        cmocka_unit_test(the_next_jobs_word_is_heard_although_the_worker_has_not_ended),
	        cmocka_unit_test(a_damaged_store_is_never_a_boards_fail),
	        cmocka_unit_test(a_board_that_leaves_in_the_middle_is_device_gone),
	        cmocka_unit_test(a_board_that_was_swapped_while_it_was_opened_does_not_spoil_the_next_one),
	        cmocka_unit_test(a_stuck_worker_keeps_the_slot_shut_until_it_is_gone),
	        cmocka_unit_test(a_dead_stations_worker_keeps_the_slot_shut_and_the_verdict_comes_back),
	        cmocka_unit_test(after_a_restart_a_passed_board_still_plugged_in_stays_pass),
	        cmocka_unit_test(whatever_happens_in_whatever_order_the_laws_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
