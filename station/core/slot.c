// SPDX-License-Identifier: MIT
// The slot machine.
#include <stdio.h>
#include <string.h>

#include "core/slot_inside.h"

// No worker has the device and no row is under way: the slot may look at the next board.
bool slot_is_idle(const struct slot *s)
{
	return s->worker == SLOT_WORKER_NONE && s->row == SLOT_ROW_NONE;
}

static bool slot_holds_verdict(const struct slot *s)
{
	return s->state == SLOT_FAIL || s->state == SLOT_INTERRUPTED;
}

static void slot_clear(struct slot *s)
{
	enum slot_leaving dark = slot_power_is_moving(s) ? s->leaving : SLOT_LEAVING_NONE;
	*s = (struct slot){.worker = s->worker,
	        .row = s->row,
	        .switches = s->switches,
	        .leaving = dark,
	        .stopped = s->stopped};
}

// What the plugged-in board's admission makes of an idle slot.
void slot_admit(struct slot *s)
{
	if (s->stopped && s->admission.verdict == MATCH_OK) {
		s->stopped = false;
		slot_hold(s, FAILURE_CANCELLED, failure_info(FAILURE_CANCELLED)->reason);
		return;
	}
	static const enum slot_state states[] = {[MATCH_NO_JOB] = SLOT_PRESENT,
	        [MATCH_ASKING] = SLOT_PRESENT,
	        [MATCH_OK] = SLOT_MATCHED,
	        [MATCH_HELD] = SLOT_HOLD,
	        [MATCH_REFUSED] = SLOT_REFUSED};
	s->state = states[s->admission.verdict];
	s->failure = s->admission.failure;
	s->result = SLOT_RESULT_NONE;
	s->waiting = false;
	s->acknowledged = false;
	s->gone = s->stopping = s->cancelled = false;
	s->returned = s->admission.returned;
	s->quarantined = s->retrying = false;
	if (!slot_power_is_moving(s) && s->leaving != SLOT_LEAVING_BACK)
		s->leaving = SLOT_LEAVING_NONE;
}

void slot_hold(struct slot *s, enum failure failure, const char *reason)
{
	s->admission = (struct match_result){.verdict = MATCH_HELD, .failure = failure};
	snprintf(s->admission.reason, sizeof(s->admission.reason), "%s", reason);
	s->granted = SLOT_GRANT_NONE; // it waits for another word
	slot_admit(s);
}

// The board is not there (any more): only what must outlive the cable stays.
void slot_empty(struct slot *s)
{
	bool stays = s->state == SLOT_PASS || s->state == SLOT_UNVERIFIED || s->state == SLOT_LOST ||
	             s->state == SLOT_RETRYING || (slot_holds_verdict(s) && !s->acknowledged);
	if (!stays)
		slot_clear(s);
}

static void slot_after_idle(struct slot *s)
{
	if (!slot_is_idle(s))
		return;
	if (!s->present)
		slot_empty(s);
	else if (s->waiting && s->state != SLOT_RETRYING && (!slot_holds_verdict(s) || s->acknowledged))
		slot_admit(s);
}

static void on_left(struct slot *s, struct slot_actions *out)
{
	if (!s->present)
		return;
	s->stopped = s->stopped && !s->away; // one that was stopped leaves yet, as it was told to before
	s->present = s->waiting = s->same = false;
	s->granted = SLOT_GRANT_NONE;
	if (s->state == SLOT_AWAITING) {
		answer_left(s, out);
		return;
	}
	if (s->worker == SLOT_WORKER_RUNNING && !s->judged) {
		s->gone = true;
		if (!s->stopping)
			out->set |= SLOT_DO_CANCEL;
		s->stopping = true;
		return;
	}
	leave_left(s, out);
	if (slot_is_idle(s))
		slot_empty(s);
}

static void on_arrived(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	on_left(s, out); // a fixture that reports two arrivals in a row has missed the leaving between them
	s->present = true;
	s->odd = false;
	s->granted = SLOT_GRANT_NONE;
	s->admission = event->admission;
	s->stopped = s->stopped && event->same_board;
	if (s->state == SLOT_AWAITING) {
		answer_arrived(s, event, out);
		return;
	}
	if (leave_arrived(s, event, out))
		return;
	if (!slot_is_idle(s)) {
		s->waiting = !event->same_plug;
		if (s->worker == SLOT_WORKER_STUCK && (s->state == SLOT_PASS || s->state == SLOT_UNVERIFIED))
			s->state = SLOT_LOST;
		return;
	}
	bool verdict = s->state == SLOT_PASS || s->state == SLOT_UNVERIFIED || slot_holds_verdict(s);
	if (verdict && event->same_plug)
		return;
	if (slot_holds_verdict(s) && !s->acknowledged) {
		s->waiting = true;
		return;
	}
	if (verdict && event->same_board && event->admission.verdict == MATCH_NO_JOB)
		return;
	slot_admit(s);
}

static void on_odd(struct slot *s, const struct slot_event *event)
{
	if (!slot_is_idle(s) || s->present || (s->state != SLOT_EMPTY && !s->odd))
		return;
	s->admission = event->admission;
	s->admission.verdict = MATCH_REFUSED;
	s->admission.failure = FAILURE_TARGET_MISMATCH;
	slot_admit(s);
	s->odd = true;
}

static void on_rematch(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	if (!s->present)
		return;
	if (s->state == SLOT_AWAITING) {
		answer_rematch(s, event, out);
		return;
	}
	bool closed = event->admission.verdict == MATCH_NO_JOB;
	// Its worker is still letting go of it.
	bool ending = s->worker == SLOT_WORKER_RELEASING && s->row == SLOT_ROW_NONE;
	if ((slot_is_idle(s) || ending) && s->state != SLOT_RETRYING && closed)
		s->granted = SLOT_GRANT_NONE; // the release was for the job that ended
	bool by_hand =
	        !s->granted && s->state == SLOT_HOLD && (s->failure == FAILURE_CANCELLED || s->returned);
	// The worker has looked already: it would find the same.
	bool looked_at = !s->granted && s->failure == FAILURE_NOT_BLANK &&
	                 (s->state == SLOT_HOLD || s->state == SLOT_REFUSED) &&
	                 event->admission.verdict == MATCH_OK;
	bool open = s->state == SLOT_PRESENT || s->state == SLOT_MATCHED || s->state == SLOT_REFUSED ||
	            s->state == SLOT_HOLD;
	bool barred = event->admission.verdict == MATCH_REFUSED ||
	              event->admission.failure == FAILURE_UNIT_QUARANTINE;
	if (s->state == SLOT_RETRYING) {
		retry_rematch(s, event, out);
	} else if (slot_is_idle(s) && open && !looked_at && (!by_hand || barred)) {
		s->admission = event->admission;
		slot_admit(s);
	} else if (s->waiting || (open && ending && closed)) {
		s->waiting = true; // the next job's word counts, once the worker has ended
		s->admission = event->admission;
	}
}

static void on_start(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	if (!slot_is_ready(s))
		return;
	if (s->state == SLOT_RETRYING)
		s->retrying = true; // its place in the job's quantity was kept
	else
		retry_first(s, event, out);
	s->attempts++;
	s->half = event->on_target ? SLOT_HALF_ASK : SLOT_HALF_NONE;
	s->state = SLOT_MATCHED;
	s->worker = SLOT_WORKER_RUNNING;
	s->result = SLOT_RESULT_NONE;
	s->leaving = SLOT_LEAVING_NONE;
	s->same = true;
	s->away = s->let_go = false;
	s->gone = s->stopping = s->cancelled = s->returned = s->sent_go = s->judged = s->left_early =
	        s->again = false;
	out->set |= SLOT_DO_START_WORKER;
}

static void on_claimed(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	if (answer_claimed(s, out))
		return;
	if (s->state != SLOT_MATCHED || s->worker != SLOT_WORKER_RUNNING || s->row || s->result ||
	        s->stopping)
		return;
	// A retry was granted to a board that failed: one that holds this plan is another.
	if (event->carries_plan && (s->granted != SLOT_GRANT_RETURNED || s->retrying)) {
		s->returned = s->stopping = true;
		out->set |= SLOT_DO_CANCEL;
		return;
	}
	s->state = SLOT_CLAIMED;
	s->row = SLOT_ROW_OPENING;
	out->set |= SLOT_DO_OPEN_ROW;
}

static void slot_close(struct slot *s, struct slot_actions *out)
{
	s->state = SLOT_RECORDING;
	s->row = SLOT_ROW_CLOSING;
	out->set |= SLOT_DO_CLOSE_ROW;
}

static void on_opened(struct slot *s, struct slot_actions *out)
{
	if (s->row != SLOT_ROW_OPENING)
		return;
	s->row = SLOT_ROW_OPEN;
	if (s->judged) {
		slot_close(s, out);
	} else if (s->state == SLOT_CLAIMED && !s->stopping) {
		s->state = s->stage = SLOT_WRITING;
		s->sent_go = true;
		out->set |= SLOT_DO_GO;
	}
}

static void on_stage(struct slot *s, const struct slot_event *event)
{
	bool running = s->state >= SLOT_WRITING && s->state <= SLOT_COMMITTING && s->half != SLOT_HALF_COMMIT;
	if (running && !s->judged && event->stage >= SLOT_WRITING && event->stage <= SLOT_COMMITTING)
		s->state = s->stage = event->stage;
}

// Whom the attempt's end is about. Laws 2, 3 and 8.
static void slot_judge(struct slot *s, const struct slot_event *event)
{
	s->result = event->result ? event->result : SLOT_RESULT_FAIL;
	s->failure = event->failure;
	if (s->result == SLOT_RESULT_PASS || s->result == SLOT_RESULT_UNVERIFIED) {
		// The first half is no PASS, and the second one nothing else.
		bool may = s->half == SLOT_HALF_NONE ||
		           (s->half == SLOT_HALF_COMMIT && s->result == SLOT_RESULT_PASS);
		if (s->sent_go && may) {
			s->failure = FAILURE_NONE;
			return;
		}
		s->result = SLOT_RESULT_FAIL; // it cannot have written: nobody let it
		s->failure = FAILURE_STATION_ERROR;
	}
	if (s->failure == FAILURE_NONE)
		s->failure = FAILURE_STATION_ERROR;
	if (s->failure == FAILURE_NO_ANSWER)
		s->stage = SLOT_VERIFYING; // whoever found that there is none
	enum blame blame = failure_info(s->failure)->blame;
	if (s->gone && (blame == BLAME_DEVICE || s->failure == FAILURE_CANCELLED)) {
		s->failure = s->cancelled ? FAILURE_CANCELLED : FAILURE_DEVICE_GONE;
		blame = failure_info(s->failure)->blame;
	}
	s->result = blame == BLAME_DEVICE || blame == BLAME_STATION ? SLOT_RESULT_FAIL : SLOT_RESULT_ABORTED;
}

void slot_free_worker(struct slot *s, struct slot_actions *out)
{
	if (s->worker != SLOT_WORKER_RUNNING)
		return;
	s->worker = SLOT_WORKER_RELEASING;
	out->set |= SLOT_DO_FREE_WORKER;
}

// An attempt that ended without a verdict on the board: it waits again, or waits for a person.
static void slot_settle_aborted(struct slot *s)
{
	enum failure failure = s->failure;
	enum blame blame = failure_info(failure)->blame;
	if (!s->present) {
		s->state = SLOT_EMPTY;
		s->result = SLOT_RESULT_NONE;
		s->failure = FAILURE_NONE;
	} else if (s->waiting) {
		slot_admit(s);
	} else if (blame == BLAME_STORE || blame == BLAME_IMPORT) {
		slot_admit(s);
	} else {
		slot_hold(s, failure, failure_info(failure)->reason);
	}
}

// The verdict of a worker that never got as far as a row. True when that is all there is to it.
static bool slot_settle_rowless(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	enum blame blame = failure_info(s->failure)->blame;
	if (s->returned && !s->gone) {
		slot_hold(s, FAILURE_NONE, "RETURNED: this board holds this image already");
		s->admission.returned = s->returned = true;
	} else if (s->gone && blame != BLAME_STORE && blame != BLAME_IMPORT) {
		// Whatever it says of a board that left under its hands says nothing of the next one.
		s->result = SLOT_RESULT_NONE;
		s->failure = FAILURE_NONE;
		s->state = SLOT_EMPTY;
	} else if (event->refused && blame != BLAME_STORE && blame != BLAME_IMPORT &&
	           s->failure != FAILURE_CANCELLED) {
		enum failure failure = s->failure;
		s->admission = (struct match_result){
		        .verdict = event->asks ? MATCH_HELD : MATCH_REFUSED, .failure = failure};
		snprintf(s->admission.reason, sizeof(s->admission.reason), "%s",
		        event->why ? event->why : failure_info(failure)->reason);
		s->granted = SLOT_GRANT_NONE;
		slot_admit(s);
		if (!event->asks)
			out->set |= SLOT_DO_RECORD_REFUSED;
	} else if (s->result == SLOT_RESULT_ABORTED) {
		slot_settle_aborted(s);
	} else {
		return false;
	}
	slot_free_worker(s, out);
	out->set |= SLOT_DO_COUNT_UNDO;
	return true;
}

void slot_end(struct slot *s, enum failure failure, struct slot_actions *out)
{
	const struct slot_event event = {.result = SLOT_RESULT_FAIL, .failure = failure};
	slot_judge(s, &event);
	slot_close(s, out);
}

static void on_verdict(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	bool ours =
	        s->worker == SLOT_WORKER_RUNNING || (s->worker == SLOT_WORKER_STUCK && s->state == SLOT_LOST);
	if (!ours || s->judged)
		return;
	// Its board left meanwhile, or it was stopped.
	const struct slot_event asked_in_vain = {.result = SLOT_RESULT_FAIL,
	        .failure = s->stopping ? FAILURE_CANCELLED : FAILURE_STATION_ERROR};
	bool retrying = s->retrying; // settling may admit the next board
	s->judged = true;
	if (event->asked && s->half == SLOT_HALF_ASK && s->sent_go && s->row == SLOT_ROW_OPEN &&
	        !s->stopping && s->worker == SLOT_WORKER_RUNNING) {
		answer_begin(s, out);
		return;
	}
	slot_judge(s, event->asked ? &asked_in_vain : event);
	switch (s->row) {
	case SLOT_ROW_NONE:
		if (slot_settle_rowless(s, event, out)) {
			if (retrying)
				retry_fell_through(s, out);
			return;
		}
		s->row = SLOT_ROW_OPENING;
		out->set |= SLOT_DO_OPEN_ROW;
		s->state = SLOT_RECORDING;
		break;
	case SLOT_ROW_OPEN: slot_close(s, out); break;
	default: s->state = SLOT_RECORDING; // closes when the opening row is durable
	}
}

static void on_closed(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	if (s->row != SLOT_ROW_CLOSING)
		return;
	s->row = SLOT_ROW_NONE;
	out->set |= SLOT_DO_COUNT_END;
	slot_free_worker(s, out);
	s->acknowledged = s->result != SLOT_RESULT_FAIL;
	bool again = event->may_retry && slot_may_retry(s);
	s->gone = s->stopping = s->cancelled = s->sent_go = s->left_early = false;
	if (s->result == SLOT_RESULT_PASS)
		s->state = SLOT_PASS;
	else if (s->result == SLOT_RESULT_UNVERIFIED)
		s->state = SLOT_UNVERIFIED;
	else if (again)
		retry_begin(s, out);
	else if (s->result == SLOT_RESULT_FAIL)
		retry_failed(s, out);
	else
		slot_settle_aborted(s);
	slot_after_idle(s);
}

static void on_ended(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	static const struct slot_event died = {
	        .kind = SLOT_EV_VERDICT, .result = SLOT_RESULT_FAIL, .failure = FAILURE_WORKER_DIED};
	if (s->worker == SLOT_WORKER_NONE)
		return;
	if (s->worker == SLOT_WORKER_FOREIGN)
		s->state = s->beneath;
	else
		on_verdict(s, &died, out); // does nothing after a verdict
	s->worker = SLOT_WORKER_NONE;
	out->set &= ~(unsigned)SLOT_DO_FREE_WORKER;
	if (s->state == SLOT_LOST)
		s->state = SLOT_EMPTY;
	leave_ended(s, event->ejected, out);
	slot_after_idle(s);
}

static void on_stuck(struct slot *s, struct slot_actions *out)
{
	if (s->worker != SLOT_WORKER_RUNNING && s->worker != SLOT_WORKER_RELEASING)
		return;
	s->worker = SLOT_WORKER_STUCK;
	if (!s->judged)
		s->state = SLOT_LOST;
	leave_stuck(s, out);
}

static void on_ack(struct slot *s, struct slot_actions *out)
{
	bool waits = slot_holds_verdict(s) || s->state == SLOT_REFUSED || s->state == SLOT_HOLD;
	if (!waits || s->acknowledged)
		return;
	s->acknowledged = out->accepted = true;
	if (slot_holds_verdict(s)) {
		out->set |= SLOT_DO_RECORD_ACK;
		slot_after_idle(s);
	}
}

static void on_release(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	bool may = s->state == SLOT_HOLD || s->state == SLOT_PASS || s->state == SLOT_UNVERIFIED ||
	           (slot_holds_verdict(s) && (s->acknowledged || s->state == SLOT_INTERRUPTED));
	bool leaves = s->leaving == SLOT_LEAVING_WAIT || slot_power_is_moving(s);
	// A person need not wait for the end of the worker that said so, the next one does; but a board that is being
	// ejected leaves.
	bool ending = (s->state == SLOT_HOLD || !event->ejected) && s->worker == SLOT_WORKER_RELEASING &&
	              s->row == SLOT_ROW_NONE;
	if (!may || leaves || !(slot_is_idle(s) || ending) || !s->present || s->waiting ||
	        event->admission.verdict != MATCH_OK)
		return;
	out->accepted = true;
	out->set |= SLOT_DO_RECORD_RELEASE;
	if (slot_holds_verdict(s) && !s->acknowledged)
		out->set |= SLOT_DO_RECORD_ACK;
	enum slot_grant grant = s->state != SLOT_HOLD || s->returned ? SLOT_GRANT_RETURNED
	                        : s->failure == FAILURE_NOT_BLANK    ? SLOT_GRANT_NOT_BLANK
	                                                             : SLOT_GRANT_OTHER;
	s->admission = event->admission;
	s->stopped = false;
	slot_admit(s);
	s->granted = grant;
}

static void on_cancel(struct slot *s, struct slot_actions *out)
{
	if (s->worker == SLOT_WORKER_RUNNING && !s->judged && !s->stopping) {
		s->stopping = s->cancelled = out->accepted = true;
		out->set |= SLOT_DO_CANCEL;
	} else if (s->state == SLOT_AWAITING) {
		out->accepted = true;
		answer_cancel(s, out);
	} else if (s->state == SLOT_RETRYING) {
		out->accepted = true;
		retry_give_up(s, out);
	} else if (slot_is_ready(s)) {
		out->accepted = true;
		slot_hold(s, FAILURE_CANCELLED, failure_info(FAILURE_CANCELLED)->reason);
	}
}

void slot_step(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	*out = (struct slot_actions){0};
	switch (event->kind) {
	case SLOT_EV_ARRIVED: on_arrived(s, event, out); break;
	case SLOT_EV_LEFT: on_left(s, out); break;
	case SLOT_EV_ODD: on_odd(s, event); break;
	case SLOT_EV_ODD_GONE:
		if (s->odd)
			slot_clear(s);
		break;
	case SLOT_EV_REMATCH: on_rematch(s, event, out); break;
	case SLOT_EV_START: on_start(s, event, out); break;
	case SLOT_EV_CLAIMED: on_claimed(s, event, out); break;
	case SLOT_EV_OPENED: on_opened(s, out); break;
	case SLOT_EV_STAGE: on_stage(s, event); break;
	case SLOT_EV_VERDICT: on_verdict(s, event, out); break;
	case SLOT_EV_CLOSED: on_closed(s, event, out); break;
	case SLOT_EV_ENDED: on_ended(s, event, out); break;
	case SLOT_EV_STUCK: on_stuck(s, out); break;
	case SLOT_EV_ACK: on_ack(s, out); break;
	case SLOT_EV_RELEASE: on_release(s, event, out); break;
	case SLOT_EV_CANCEL: on_cancel(s, out); break;
	case SLOT_EV_DEADLINE: leave_deadline(s, out); break;
	case SLOT_EV_COUNT: break;
	}
}

void slot_resume(struct slot *s, enum slot_state verdict, enum failure failure, bool acknowledged)
{
	*s = (struct slot){
	        .state = verdict, .failure = failure, .acknowledged = acknowledged, .switches = s->switches};
	if (slot_holds_verdict(s) && acknowledged)
		slot_clear(s); // nobody waits for it any more; a board still there is looked at anew
}

void slot_resume_lost(struct slot *s)
{
	s->beneath = s->state;
	s->state = SLOT_LOST;
	s->worker = SLOT_WORKER_FOREIGN;
}

bool slot_is_ready(const struct slot *s)
{
	bool open = s->state == SLOT_MATCHED && (s->leaving != SLOT_LEAVING_BACK || s->granted);
	return (open || (s->state == SLOT_RETRYING && s->again)) && s->present && slot_is_idle(s) &&
	       !slot_power_is_moving(s);
}

bool slot_is_busy(const struct slot *s)
{
	return (s->worker == SLOT_WORKER_RUNNING && !s->judged) || s->row != SLOT_ROW_NONE ||
	       s->state == SLOT_RETRYING;
}

const char *slot_state_name(enum slot_state state)
{
	static const char *const names[SLOT_STATE_COUNT] = {"empty", "present", "matched", "claimed",
	        "writing", "verifying", "committing", "recording", "pass", "fail", "unverified", "refused",
	        "hold", "lost", "interrupted", "retrying", "awaiting"};
	return (unsigned)state < SLOT_STATE_COUNT ? names[state] : "lost";
}

const char *slot_tile(const struct slot *s)
{
	static const char *const tiles[SLOT_STATE_COUNT] = {"LOAD", "HOLD", "HOLD", "BUSY", "BUSY", "BUSY",
	        "BUSY", "BUSY", "PASS", "FAIL", "UNVERIFIED", "REFUSED", "HOLD", "HOLD", "INTERRUPTED",
	        "BUSY", "BUSY"};
	if (s->state == SLOT_PRESENT && s->admission.verdict == MATCH_ASKING)
		return "BUSY";
	if (s->state == SLOT_MATCHED && s->worker == SLOT_WORKER_RUNNING)
		return "BUSY";
	return tiles[s->state];
}

const char *slot_result_name(enum slot_result result)
{
	static const char *const names[] = {"", "pass", "unverified", "fail", "aborted"};
	return (unsigned)result < sizeof(names) / sizeof(names[0]) ? names[result] : "";
}
