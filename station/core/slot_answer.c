// SPDX-License-Identifier: MIT
// The slot machine while a board reads itself back: between the two halves of one attempt.
#include "core/slot_inside.h"

void answer_begin(struct slot *s, struct slot_actions *out)
{
	s->state = SLOT_AWAITING;
	s->stage = SLOT_VERIFYING; // the board's own check is that
	s->away = false;
	slot_free_worker(s, out);
	out->set |= SLOT_DO_TIMER; // also for a worker that does not end
}

// Without an answer nothing is known of the board, but that it does not boot: what makes it boot is withheld.
static void give_up(struct slot *s, enum failure failure, struct slot_actions *out)
{
	if (!slot_power_is_moving(s))
		s->leaving = SLOT_LEAVING_NONE;
	slot_end(s, failure, out);
}

// It is back with its disk, and nobody else has it: the second half.
static void try_commit(struct slot *s, struct slot_actions *out)
{
	if (!s->away || !s->present || !s->same || s->admission.verdict != MATCH_OK ||
	        s->worker != SLOT_WORKER_NONE || s->leaving == SLOT_LEAVING_OFF)
		return;
	s->state = s->stage = SLOT_COMMITTING;
	s->half = SLOT_HALF_COMMIT;
	s->worker = SLOT_WORKER_RUNNING;
	s->leaving = SLOT_LEAVING_NONE;
	s->gone = s->judged = s->sent_go = s->left_early = false;
	out->set |= SLOT_DO_START_WORKER;
}

void answer_left(struct slot *s, struct slot_actions *out)
{
	s->away = true;
	if (!slot_power_is_moving(s))
		leave_wait_on(s, SLOT_LEAVING_NONE, out);
}

// Its job's signature was rejected meanwhile: it is no other board for that, and another may be approved in time.
static bool is_unapproved(const struct match_result *admission)
{
	return admission->verdict == MATCH_HELD && admission->failure == FAILURE_SIGNATURE_UNAPPROVED;
}

void answer_arrived(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	enum match_verdict verdict = event->admission.verdict;
	if (!event->same_board ||
	        (verdict != MATCH_OK && verdict != MATCH_NO_JOB && !is_unapproved(&event->admission))) {
		s->waiting = true; // it is another one's place
		give_up(s, FAILURE_DEVICE_GONE, out);
		return;
	}
	s->same = true; // it shows its LUNs before their media: then REMATCH tells
	try_commit(s, out);
}

void answer_rematch(struct slot *s, const struct slot_event *event, struct slot_actions *out)
{
	s->admission = event->admission;
	if (event->admission.verdict == MATCH_REFUSED)
		give_up(s, event->admission.failure, out);
	else
		try_commit(s, out);
}

// Its worker has let it go: now it must leave.
void answer_ended(struct slot *s, struct slot_actions *out)
{
	if (s->away)
		try_commit(s, out);
	else if (!slot_power_is_moving(s))
		leave_wait_on(s, SLOT_LEAVING_WAIT, out);
}

// One that stays is power cycled once, where its port switches: at power-up it finds the request as well.
void answer_deadline(struct slot *s, struct slot_actions *out)
{
	if (s->leaving == SLOT_LEAVING_WAIT && s->switches) {
		leave_power_cycle(s, out);
		return;
	}
	bool refused = s->away && s->present && s->same && is_unapproved(&s->admission);
	s->leaving = SLOT_LEAVING_NONE;
	give_up(s, refused ? FAILURE_SIGNATURE_UNAPPROVED : FAILURE_NO_ANSWER, out);
}

void answer_cancel(struct slot *s, struct slot_actions *out)
{
	s->cancelled = true;
	s->stopped = !s->present || !s->away; // what comes back by itself is held then
	give_up(s, FAILURE_CANCELLED, out);
}

bool answer_claimed(struct slot *s, struct slot_actions *out)
{
	if (s->half != SLOT_HALF_COMMIT || s->state != SLOT_COMMITTING)
		return false;
	if (s->worker == SLOT_WORKER_RUNNING && !s->judged && !s->stopping && !s->sent_go) {
		s->sent_go = true;
		out->set |= SLOT_DO_GO; // the attempt's row is open since the first half
	}
	return true;
}
