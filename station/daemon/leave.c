// SPDX-License-Identifier: MIT
// Boards are let go, and tried again: timers and power for core/slot_leave.c.
#include "base/log.h"
#include "daemon/inside.h"

// As long as uhubctl waits by itself (2 s), and one more for what a board's capacitors hold.
#define POWER_OFF_NS (3 * NSEC_PER_SEC)
// Within this time of its leaving a board that comes has come by itself: nobody changes a cable that fast, and
// U-Boot needs about a second from reset to `ums`.
#define SOON_NS      (5 * NSEC_PER_SEC)

// The request to switch it on may have failed, and was only logged: no port stays dark.
static void light_again(struct seat *seat)
{
	struct fixture *fixture = seat->station->fixture;
	struct err e;
	if (fixture->ops->power(fixture, seat->index, true, &e) < 0)
		log_warn("slot %s: %s", seat_label(seat), e.text);
}

static void on_deadline(void *context)
{
	static const struct slot_event deadline = {.kind = SLOT_EV_DEADLINE};
	struct seat *seat = context;
	enum slot_leaving leaving = seat->slot.leaving;
	if (seat->station->phase >= PHASE_CLOSING && leaving != SLOT_LEAVING_OFF)
		return; // nobody would end a power cycle that begins now
	if (leaving == SLOT_LEAVING_ON && !seat->slot.present)
		light_again(seat);
	seat_event(seat, &deadline);
	seat_start_boards(seat->station);
	station_settle(seat->station);
}

int leave_open(struct seat *seat, struct err *e)
{
	return loop_add_timer(seat->station->loop, on_deadline, seat, &seat->leave_timer, e);
}

void leave_free(struct seat *seat)
{
	seat->leave_timer = loop_remove(seat->leave_timer);
}

// At power-up it finds the request of the attempt that failed as well, and shows no disk before it has answered that.
static bool may_check_itself(const struct slot *slot)
{
	bool awaited = slot->state == SLOT_AWAITING && slot->leaving != SLOT_LEAVING_WAIT;
	bool again = slot->state == SLOT_RETRYING && slot->leaving == SLOT_LEAVING_ON;
	return awaited || (again && slot->half != SLOT_HALF_NONE);
}

static void start_timer(struct seat *seat)
{
	const struct station *station = seat->station;
	uint64_t ns = station->job.recipe.leave_ms * NSEC_PER_MSEC;
	if (seat->slot.leaving == SLOT_LEAVING_OFF)
		ns = station->config.power_off_ms ? station->config.power_off_ms * NSEC_PER_MSEC
		                                  : POWER_OFF_NS;
	else if (may_check_itself(&seat->slot))
		ns = station->job.recipe.answer_ms * NSEC_PER_MSEC;
	seat->answer_by = clock_mono_ns() + ns;
	if (loop_timer_after(seat->leave_timer, ns) < 0)
		log_error("slot %s: no timer for its leaving", seat_label(seat));
}

static void switch_power(struct seat *seat, bool on)
{
	struct fixture *fixture = seat->station->fixture;
	struct err e;
	log_info("slot %s: its port is switched %s", seat_label(seat), on ? "on again" : "off");
	seat->cycled = true;
	if (fixture->ops->power(fixture, seat->index, on, &e) < 0)
		log_warn("slot %s: %s", seat_label(seat), e.text);
}

static void settled(struct seat *seat, enum slot_leaving leaving)
{
	uint64_t end = leaving == SLOT_LEAVING_LEFT && seat->left ? seat->left : clock_mono_ns();
	uint64_t ms = seat->let_go ? (end - seat->let_go) / NSEC_PER_MSEC : 0;
	attempt_leaving_row(seat, leaving, ms);
	if (leaving == SLOT_LEAVING_LEFT)
		log_info("slot %s: left %s, after %llu ms", seat_label(seat),
		        seat->cycled ? "by a power cycle" : "by its eject", (unsigned long long)ms);
	else if (leaving == SLOT_LEAVING_BACK)
		log_warn("slot %s: the board came back by itself after it was let go: its U-Boot loops",
		        seat_label(seat));
	else
		log_warn("slot %s: the board does not leave by itself: unplug it", seat_label(seat));
}

// The next attempt's row says why it is there.
static void note_retry(struct seat *seat)
{
	snprintf(seat->reason, sizeof(seat->reason), "retry %u, after %s of attempt %llu",
	        seat->slot.attempts, failure_info(seat->slot.failed)->code,
	        (unsigned long long)seat->attempt.id);
	seat->person[0] = '\0'; // nobody's decision
	log_info("slot %s: %s", seat_label(seat), seat->reason);
}

void leave_act(struct seat *seat, const struct slot_actions *out)
{
	if ((out->set & SLOT_DO_RECORD_LEAVING) && seat->station->phase < PHASE_CLOSING)
		settled(seat, out->leaving);
	if ((out->set & SLOT_DO_COUNT_END) && seat->slot.state == SLOT_RETRYING)
		note_retry(seat);
	if (out->set & SLOT_DO_QUARANTINE)
		attempt_quarantine_row(seat);
	if (out->set & SLOT_DO_TIMER)
		start_timer(seat);
	if (out->set & SLOT_DO_POWER_OFF)
		switch_power(seat, false);
	if (out->set & SLOT_DO_POWER_ON)
		switch_power(seat, true);
}

// A board that waits for a person or for another attempt stays in ums; a verdict lets it go, or the request that it read
// itself back.
void leave_release(struct seat *seat)
{
	enum slot_state state = seat->slot.state;
	bool goes = state == SLOT_PASS || state == SLOT_FAIL || state == SLOT_UNVERIFIED ||
	            state == SLOT_AWAITING;
	bool may = seat->board.identity.rdev || seat->board.model.takes_eject;
	seat->ejected = goes && may && seat->station->config.eject;
	seat->let_go = clock_mono_ns();
	gang_release(seat->member, goes);
}

bool leave_awaits(const struct seat *seat, const struct board *board)
{
	const struct slot *slot = &seat->slot;
	bool waits = slot->state == SLOT_RETRYING || slot->state == SLOT_AWAITING || slot->stopped;
	return waits && !strcmp(seat->attempt.own_serial, board->serial) && seat_may_be_same(seat, board);
}

void leave_take_back(struct seat *seat)
{
	const struct seat_attempt *a = &seat->attempt;
	if (!strcmp(a->serial_source, "scan"))
		serial_take_back(seat, a->serial); // a person's: it is still this board's
	seat->looked_up = seat->seen = seat->known = true;
	note_retry(seat);
}

void leave_note_left(struct seat *seat)
{
	seat->left = clock_mono_ns();
}

bool leave_is_soon(const struct seat *seat)
{
	return seat->left && clock_mono_ns() - seat->left < SOON_NS;
}

void leave_stop(struct station *station)
{
	static const struct slot_event cancel = {.kind = SLOT_EV_CANCEL};
	for (unsigned i = 0; i < station->seat_count; i++)
		if (station->seats[i].slot.state == SLOT_RETRYING)
			seat_person(&station->seats[i], &cancel);
}
