// SPDX-License-Identifier: MIT
// What the slot machine's files share: the steps of slot.c, what becomes of a board behind its verdict, and between two halves.
#ifndef GANGWAY_CORE_SLOT_INSIDE_H
#define GANGWAY_CORE_SLOT_INSIDE_H

#include "core/slot.h"

// slot.c
bool slot_is_idle(const struct slot *s);
void slot_admit(struct slot *s);
void slot_hold(struct slot *s, enum failure failure, const char *reason);
void slot_empty(struct slot *s);
void slot_free_worker(struct slot *s, struct slot_actions *out);
// The attempt under way ends without its worker's word: judged, and its row closed.
void slot_end(struct slot *s, enum failure failure, struct slot_actions *out);

// slot_leave.c: letting go. Each is called when its event has come; all are silent when nothing waits for it.
static inline bool slot_power_is_moving(const struct slot *s)
{
	return s->leaving == SLOT_LEAVING_OFF || s->leaving == SLOT_LEAVING_ON;
}
void leave_left(struct slot *s, struct slot_actions *out);
// True: what arrived is dealt with.
bool leave_arrived(struct slot *s, const struct slot_event *event, struct slot_actions *out);
void leave_ended(struct slot *s, bool ejected, struct slot_actions *out);
void leave_stuck(struct slot *s, struct slot_actions *out);
void leave_deadline(struct slot *s, struct slot_actions *out);

void leave_wait_on(struct slot *s, enum slot_leaving leaving, struct slot_actions *out);
void leave_power_cycle(struct slot *s, struct slot_actions *out);

// slot_answer.c: AWAITING. Each is for that state alone, but for claimed: true when it is the second worker.
void answer_begin(struct slot *s, struct slot_actions *out);
void answer_left(struct slot *s, struct slot_actions *out);
void answer_arrived(struct slot *s, const struct slot_event *event, struct slot_actions *out);
void answer_rematch(struct slot *s, const struct slot_event *event, struct slot_actions *out);
void answer_ended(struct slot *s, struct slot_actions *out);
void answer_deadline(struct slot *s, struct slot_actions *out);
void answer_cancel(struct slot *s, struct slot_actions *out);
bool answer_claimed(struct slot *s, struct slot_actions *out);

// slot_leave.c: trying again
void retry_first(struct slot *s, const struct slot_event *event, struct slot_actions *out);
void retry_begin(struct slot *s, struct slot_actions *out);
void retry_failed(struct slot *s, struct slot_actions *out); // no retry follows: FAIL stands
void retry_give_up(struct slot *s, struct slot_actions *out);
// The retry's worker ended without a row.
void retry_fell_through(struct slot *s, struct slot_actions *out);
void retry_rematch(struct slot *s, const struct slot_event *event, struct slot_actions *out);

#endif
