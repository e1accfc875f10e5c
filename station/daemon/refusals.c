// SPDX-License-Identifier: MIT
// Boards that are refused, by the job's rules or by the worker that looked at them: each has its row, once while it is
// plugged in, however often it is judged.
#include "base/log.h"
#include "daemon/inside.h"

_Static_assert(FAILURE_COUNT <= 64, "a bit for each failure in struct refusals");

// Behind them there is room for what the running boards have to say while the ledger takes nothing.
enum { REFUSALS_QUEUED_MAX = ROWS_MAX / 4 };

static const char *job_at_hand(const struct station *station)
{
	return station->job.counts.state == JOB_OPEN ? station->job.id : "";
}

// Another job refuses it anew; that a job has closed is no refusal.
static bool is_new(struct seat *seat)
{
	struct refusals *refusals = &seat->refusals;
	const char *job = job_at_hand(seat->station);
	if (job[0] && strcmp(job, refusals->job) != 0) {
		refusals->codes = 0;
		STR_COPY(refusals->job, job);
	}
	uint64_t bit = UINT64_C(1) << seat->slot.failure;
	bool had = refusals->codes & bit;
	refusals->codes |= bit;
	return !had;
}

static void append(struct seat *seat, const char *text)
{
	struct station *station = seat->station;
	const struct board *board = &seat->board;
	json_t *body = json_pack("{s:s,s:s,s:s}", "slot", seat_label(seat), "code",
	        failure_info(seat->slot.failure)->code, "text", text);
	row_set_text(body, "serial", board->serial);
	row_set_text(body, "serial_source", board->serial[0] ? board->serial_source : "");
	row_set_text(body, "port", board->identity.port);
	row_set_text(body, "boot_id", station->boot_id);
	row_set_text(body, "job", job_at_hand(station));
	row_set_number(body, "diskseq", board->identity.diskseq);
	row_set_number(body, "size", board->identity.size);
	row_set_number(body, "unrecorded", seat->refusals.unrecorded);
	seat->refusals.unrecorded = 0;
	rows_append(station, "slot.refused", body, -1, NULL, NULL);
}

static void record(struct seat *seat, const char *text)
{
	struct refusals *refusals = &seat->refusals;
	if (!is_new(seat))
		return;
	if (seat->station->ledger.count < REFUSALS_QUEUED_MAX &&
	        refusal_gate_pass(&refusals->gate, clock_mono_ns())) {
		append(seat, text);
		return;
	}
	if (refusals->unrecorded++ == 0)
		log_warn("slot %s: board after board is refused: they are counted, not each has its row; "
		         "look at "
		         "its plug",
		        seat_label(seat));
}

static bool is_refused(const struct seat *seat)
{
	return seat->slot.present &&
	       seat->slot.state == SLOT_REFUSED; // no board: something else is plugged in
}

void refusals_settle(struct station *station)
{
	station->refusals_armed = false;
	if (station->phase > PHASE_STOPPING)
		return; // station.stop is the last row
	for (unsigned i = 0; i < station->seat_count; i++)
		if (is_refused(&station->seats[i]))
			record(&station->seats[i], station->seats[i].slot.admission.reason);
}

static void settle(void *context)
{
	refusals_settle(context);
}

int refusals_start(struct station *station, struct err *e)
{
	return loop_add_timer(station->loop, settle, station, &station->refusals_timer, e);
}

void refusal_note(struct seat *seat)
{
	struct station *station = seat->station;
	if (!is_refused(seat) || station->refusals_armed)
		return;
	station->refusals_armed = loop_timer_after(station->refusals_timer, 0) == 0;
	if (!station->refusals_armed)
		refusals_settle(station);
}

void refusal_by_worker(struct seat *seat)
{
	record(seat, seat->attempt.text[0] ? seat->attempt.text : seat->slot.admission.reason);
}

void refusal_forget_board(struct seat *seat)
{
	seat->refusals.codes = 0;
	seat->refusals.job[0] = '\0';
}
