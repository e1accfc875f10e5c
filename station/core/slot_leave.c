// SPDX-License-Identifier: MIT
// The slot machine behind a verdict: the board is let go, or its attempt is tried again.
#include <string.h>

#include "core/slot_inside.h"

static bool has_verdict(const struct slot *s)
{
	return s->state == SLOT_PASS || s->state == SLOT_FAIL || s->state == SLOT_UNVERIFIED;
}

void leave_wait_on(struct slot *s, enum slot_leaving leaving, struct slot_actions *out)
{
	s->leaving = leaving;
	out->set |= SLOT_DO_TIMER;
}

static void settle(struct slot *s, enum slot_leaving leaving, struct slot_actions *out)
{
	s->leaving = SLOT_LEAVING_NONE;
	if (!s->let_go)
		return; // its power was cycled for another reason
	s->leaving = out->leaving = leaving;
	out->set |= SLOT_DO_RECORD_LEAVING;
}

// Off now, on at the deadline, whatever happens in between: no port stays dark.
void leave_power_cycle(struct slot *s, struct slot_actions *out)
{
	leave_wait_on(s, SLOT_LEAVING_OFF, out);
	out->set |= SLOT_DO_POWER_OFF;
}

// --- trying again ------------------------------------------------------------------------------------------

/*
 * Only what a cable, a supply or a stalled controller may have caused. A board that holds other bytes than it was given
 * (verify-mismatch) has shown what its memory is worth: red bin.
 */
static bool is_transport(enum failure failure)
{
	switch (failure) {
	case FAILURE_DEVICE_GONE:
	case FAILURE_DEVICE_TIMEOUT:
	case FAILURE_WRITE_ERROR:
	case FAILURE_READ_ERROR:
	case FAILURE_FLUSH_ERROR: return true;
	default: return false;
	}
}

/*
 * A board that went away with its request and left no answer: one that lost its power, hangs, or was taken out. None of these
 * can be told from another, and any of them may be over behind a power cycle. One that did not even leave would not do so then.
 * Not a wrong answer: somebody else writes there.
 */
static bool is_silence(const struct slot *s)
{
	return s->failure == FAILURE_NO_ANSWER && s->away;
}

// Another one came in its place, which is not to lose its power for it.
static bool is_elsewhere(const struct slot *s)
{
	return s->half == SLOT_HALF_ASK && s->failure == FAILURE_DEVICE_GONE && s->away;
}

void retry_first(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	s->retrying = s->quarantined = false;
	s->attempts = 0;
	memset(s->tried, 0, sizeof(s->tried));
	s->retries = event->retries;
	out->set |= SLOT_DO_COUNT_START;
}

bool slot_may_retry(const struct slot *s)
{
	bool ran = s->sent_go && s->stage >= SLOT_WRITING && s->stage <= SLOT_COMMITTING;
	bool may = is_silence(s) || (is_transport(s->failure) && !is_elsewhere(s));
	if (s->result != SLOT_RESULT_FAIL || !may || !ran || s->tried[s->stage - SLOT_WRITING] >= s->retries)
		return false;
	if (s->cancelled)
		return false; // somebody wanted it to end
	// Without the power cycle only the plug that it failed in counts: one that left and came is RETURNED.
	bool left = s->failure == FAILURE_DEVICE_GONE ||
	            (s->failure == FAILURE_NO_ANSWER && s->half != SLOT_HALF_COMMIT);
	return s->switches || (s->same && !left);
}

void retry_begin(struct slot *s, struct slot_actions *out)
{
	s->state = SLOT_RETRYING;
	s->failed = s->failure;
	s->tried[s->stage - SLOT_WRITING]++;
	s->acknowledged = s->waiting = s->again = false;
	s->granted = SLOT_GRANT_OTHER;
	out->set |= SLOT_DO_COUNT_START; // its place in the quantity stays its own
	if (!slot_power_is_moving(s))    // already, to free a worker that hung
		leave_wait_on(s, SLOT_LEAVING_WAIT, out);
	if (s->worker == SLOT_WORKER_NONE)
		leave_ended(s, false, out);
}

void retry_failed(struct slot *s, struct slot_actions *out)
{
	s->state = SLOT_FAIL;
	s->retrying = s->again = false;
	s->quarantined = s->attempts > 1 && failure_counts(s->failure);
	if (s->quarantined)
		out->set |= SLOT_DO_QUARANTINE;
}

// The FAIL that a retry was to mend stands after all, and waits to be acknowledged.
static void stand_failed(struct slot *s, struct slot_actions *out)
{
	s->result = SLOT_RESULT_FAIL;
	s->failure = s->failed;
	s->acknowledged = s->returned = false;
	s->granted = SLOT_GRANT_NONE;
	if (!slot_power_is_moving(s))
		s->leaving = SLOT_LEAVING_NONE;
	retry_failed(s, out);
}

void retry_give_up(struct slot *s, struct slot_actions *out)
{
	out->set |= SLOT_DO_COUNT_UNDO;
	stand_failed(s, out);
}

void retry_fell_through(struct slot *s, struct slot_actions *out)
{
	s->attempts--; // it never was one
	s->waiting = s->present;
	stand_failed(s, out);
}

static void retry_ready(struct slot *s)
{
	s->leaving = SLOT_LEAVING_NONE;
	s->waiting = false;
	s->again = true;
	s->granted = SLOT_GRANT_OTHER;
}

// Its board is behind the power cycle, with a disk: it shows its LUNs before their media.
static bool retry_is_back(const struct slot *s)
{
	return s->leaving == SLOT_LEAVING_ON && s->same && s->admission.verdict == MATCH_OK &&
	       slot_is_idle(s);
}

void retry_rematch(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	enum match_verdict verdict = event->admission.verdict;
	bool no_disk = verdict == MATCH_NO_JOB && slot_power_is_moving(s); // at the job's end nothing retries
	if (verdict != MATCH_OK && verdict != MATCH_ASKING && !no_disk) {
		retry_give_up(s, out);
		return;
	}
	s->admission = event->admission;
	if (retry_is_back(s))
		retry_ready(s);
}

// Its board is plugged in again behind the power cycle; or another one is.
static void retry_arrived(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	enum match_verdict verdict = event->admission.verdict;
	bool may = event->same_board && (verdict == MATCH_OK || verdict == MATCH_NO_JOB);
	if (may && slot_power_is_moving(s)) {
		s->same = true;
		s->granted = SLOT_GRANT_OTHER; // also when its disk comes only later: it is known, of course
		if (retry_is_back(s))
			retry_ready(s); // else the worker's end finds it here, or the deadline
	} else {
		s->waiting = true;
		retry_give_up(s, out);
	}
}

static void retry_deadline(struct slot *s, struct slot_actions *out)
{
	if (s->leaving == SLOT_LEAVING_WAIT && s->switches)
		leave_power_cycle(s, out); // this also frees a worker that hangs on it
	else if (retry_is_back(s))
		retry_ready(s); // also when the hub does not switch, whatever its profile says: the same plug
	else if (s->leaving != SLOT_LEAVING_NONE) {
		s->leaving = SLOT_LEAVING_NONE;
		retry_give_up(s, out);
	}
}

// --- letting go --------------------------------------------------------------------------------------------

void leave_left(struct slot *s, struct slot_actions *out)
{
	if (s->worker == SLOT_WORKER_RELEASING)
		s->left_early = true;
	if (s->state == SLOT_RETRYING) {
		if (!slot_power_is_moving(s) && !(s->leaving == SLOT_LEAVING_WAIT && s->switches))
			retry_give_up(s, out);
	} else if (s->leaving == SLOT_LEAVING_WAIT) {
		settle(s, SLOT_LEAVING_LEFT, out);
	} else if (!slot_power_is_moving(s)) {
		s->leaving = SLOT_LEAVING_NONE;
	}
}

bool leave_arrived(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	bool back = event->same_board && has_verdict(s) &&
	            (s->leaving == SLOT_LEAVING_ON ||
	                    (s->let_go && s->leaving == SLOT_LEAVING_LEFT && event->soon));
	if (s->state == SLOT_RETRYING) {
		retry_arrived(s, event, out);
		return true;
	}
	if (back)
		settle(s, SLOT_LEAVING_BACK, out);
	else if (s->leaving == SLOT_LEAVING_ON)
		settle(s, SLOT_LEAVING_LEFT, out); // it is another one that is here now
	if (back && s->admission.verdict == MATCH_OK) {
		s->admission = (struct match_result){.verdict = MATCH_HELD, .returned = true};
		strcpy(s->admission.reason, "RETURNED: it came back by itself after it was let go");
	}
	return false;
}

void leave_ended(struct slot *s, bool ejected, struct slot_actions *out)
{
	if (s->state == SLOT_AWAITING) {
		answer_ended(s, out);
	} else if (slot_power_is_moving(s)) {
		if (s->state == SLOT_RETRYING && retry_is_back(s))
			retry_ready(s);
	} else if (s->state == SLOT_RETRYING && s->leaving == SLOT_LEAVING_WAIT) {
		if (s->switches)
			leave_power_cycle(s, out);
		else
			retry_ready(s);
	} else if (ejected && has_verdict(s)) {
		s->let_go = true;
		if (s->left_early)
			settle(s, SLOT_LEAVING_LEFT, out);
		else if (s->present)
			leave_wait_on(s, SLOT_LEAVING_WAIT, out);
	}
	s->left_early = false;
}

// What cannot be killed hangs on the device: taking its power away ends that.
void leave_stuck(struct slot *s, struct slot_actions *out)
{
	if (s->switches && s->present && !slot_power_is_moving(s))
		leave_power_cycle(s, out);
}

void leave_deadline(struct slot *s, struct slot_actions *out)
{
	if (s->leaving == SLOT_LEAVING_OFF) {
		leave_wait_on(s, SLOT_LEAVING_ON, out);
		out->set |= SLOT_DO_POWER_ON;
	} else if (s->state == SLOT_AWAITING) {
		answer_deadline(s, out);
	} else if (s->state == SLOT_RETRYING) {
		retry_deadline(s, out);
	} else if (s->leaving == SLOT_LEAVING_WAIT && s->switches) {
		leave_power_cycle(s, out);
	} else if (s->leaving == SLOT_LEAVING_WAIT || (s->leaving == SLOT_LEAVING_ON && s->present)) {
		settle(s, SLOT_LEAVING_STUCK, out);
	} else if (s->leaving == SLOT_LEAVING_ON) {
		settle(s, SLOT_LEAVING_LEFT, out);
		if (slot_is_idle(s))
			slot_empty(s);
	}
}

const char *slot_leaving_name(enum slot_leaving leaving)
{
	static const char *const names[] = {"", "waiting", "power-off", "power-on", "left", "back", "stuck"};
	return (unsigned)leaving < sizeof(names) / sizeof(names[0]) ? names[leaving] : "";
}
