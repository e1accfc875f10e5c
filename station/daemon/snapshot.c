// SPDX-License-Identifier: MIT
// The station as JSON: docs/protocol.md's objects.
#include "daemon/inside.h"

static json_t *text_or_null(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

// A running attempt shows its own board; a standing verdict the board it is about; else what is plugged in.
static bool shows_attempt(const struct seat *seat)
{
	switch (seat->slot.state) {
	case SLOT_PASS:
	case SLOT_FAIL:
	case SLOT_UNVERIFIED:
	case SLOT_INTERRUPTED:
	case SLOT_RETRYING:
	case SLOT_RECORDING: return true;
	default: return slot_is_busy(&seat->slot);
	}
}

// The part of its own check that a board is probably through with, which says nothing meanwhile: as long as the last one
// took. Below 0: nobody can tell.
static double self_part(const struct seat *seat)
{
	uint64_t took = seat->station->job.self_ns, asked = seat->attempt.asked_ns, now = clock_mono_ns();
	return took && now - asked < took ? (double)(now - asked) / (double)took : -1;
}

static int self_left(const struct seat *seat)
{
	uint64_t now = clock_mono_ns(), most = seat->answer_by > now ? seat->answer_by - now : 0;
	if (!seat->slot.away) // its time begins when it has left
		most = seat->station->job.recipe.answer_ms * NSEC_PER_MSEC;
	double part = self_part(seat), ns = (1 - part) * (double)seat->station->job.self_ns;
	return (int)((part < 0 ? (double)most : ns) / (double)NSEC_PER_SEC + 0.5);
}

// Write and read-back are two passes over the same bytes.
static double progress(const struct seat *seat)
{
	double part = seat->total ? (double)seat->done / (double)seat->total : 0;
	double half = seat->station->job.recipe.verify == RECIPE_VERIFY_NONE ? 1.0 : 0.5;
	switch (seat->slot.state) {
	case SLOT_WRITING: return half * part;
	case SLOT_VERIFYING: return half + (1 - half) * part;
	case SLOT_AWAITING: return half + (1 - half) * (self_part(seat) > 0 ? self_part(seat) : 0);
	case SLOT_COMMITTING:
	case SLOT_RECORDING:
	case SLOT_PASS:
	case SLOT_UNVERIFIED: return 1.0;
	default: return 0;
	}
}

// Boards of a shared link take turns on it, so what the others have left counts too.
static json_t *eta(const struct seat *seat)
{
	const struct station *station = seat->station;
	struct estimate_board boards[BOARD_SLOTS_MAX];
	if (seat->slot.state == SLOT_AWAITING)
		return json_integer(self_left(seat));
	if (!slot_is_busy(&seat->slot) || !seat->attempt.report.wire_total)
		return json_null();
	for (unsigned i = 0; i < station->seat_count; i++) {
		const struct seat *other = &station->seats[i];
		const struct worker_report *r = &other->attempt.report;
		bool busy = slot_is_busy(&other->slot);
		boards[i] = (struct estimate_board){.left = busy ? (double)(r->wire_total - r->wire_done) : 0,
		        .rate = busy ? other->rate : 0,
		        .shared = other->board.model.shared_link};
	}
	double seconds = estimate_seconds(boards, station->seat_count, seat->index);
	return seconds < 0 ? json_null() : json_integer((json_int_t)(seconds + 0.5));
}

static const char *awaiting_reason(const struct seat *seat)
{
	const struct slot *slot = &seat->slot;
	if (seat->has_unnamed)
		return "a board is back that shows no serial number yet";
	if (slot->present && slot->away && slot->admission.failure == FAILURE_SIGNATURE_UNAPPROVED)
		return "the board is back, but its job's signature was rejected: approve one";
	return "the board is checking itself";
}

static const char *own_reason(const struct seat *seat)
{
	const struct slot *slot = &seat->slot;
	switch (slot->state) {
	case SLOT_FAIL:
	case SLOT_INTERRUPTED: return failure_info(slot->failure)->reason;
	case SLOT_AWAITING: return awaiting_reason(seat);
	case SLOT_LOST: return "the board stopped answering and its process cannot be ended";
	case SLOT_MATCHED:
		if (slot->worker != SLOT_WORKER_NONE)
			return "";
		if (job_is_full(&seat->station->job.counts))
			return "the job's quantity has been made";
		if (!seat->station->job.picture && seat->station->check_key[0])
			return "waits: the image was touched in the store and is hashed";
		if (!ontarget_ready(&seat->station->job))
			return ontarget_waits(&seat->station->job);
		return seat->station->job.recipe.start == RECIPE_START_BUTTON ? "waits for START" : "waits";
	case SLOT_PRESENT:
		if (slot->admission.verdict == MATCH_NO_JOB && job_is_full(&seat->station->job.counts))
			return "the job's quantity has been made";
		return slot->admission.reason;
	case SLOT_HOLD:
	case SLOT_REFUSED: return slot->admission.reason;
	default: return "";
	}
}

// ... and what letting its board go, or trying it again, adds to it.
static void reason(const struct seat *seat, char *text, size_t size)
{
	const struct slot *slot = &seat->slot;
	const char *own = own_reason(seat);
	char more[128] = "";
	if (slot->state == SLOT_RETRYING)
		snprintf(more, sizeof(more), "%s: it is tried again", failure_info(slot->failed)->reason);
	else if (slot->leaving == SLOT_LEAVING_STUCK)
		snprintf(more, sizeof(more), "it did not leave by itself");
	else if (slot->leaving == SLOT_LEAVING_BACK)
		snprintf(more, sizeof(more), "it came back by itself after it was let go");
	else if (slot->quarantined && !serial_is_seen_again(&seat->attempt))
		snprintf(more, sizeof(more),
		        "failed %u attempts; not in quarantine: it shows no serial to know it by when it is "
		        "back",
		        slot->attempts);
	else if (slot->quarantined)
		snprintf(more, sizeof(more), "quarantined after %u attempts", slot->attempts);
	else if (slot->retrying && slot_is_busy(slot))
		snprintf(more, sizeof(more), "attempt %u, after %s", slot->attempts,
		        failure_info(slot->failed)->code);
	// What does not fit is cut.
	if (snprintf(text, size, "%s%s%s", own, own[0] && more[0] ? "; " : "", more) < 0)
		text[0] = '\0';
}

static const char *own_next_step(const struct seat *seat)
{
	const struct slot *slot = &seat->slot;
	if (slot->state == SLOT_LOST)
		return "power the board off";
	if (slot->state == SLOT_AWAITING)
		return "leave it plugged in";
	if (slot->state == SLOT_HOLD && slot->returned)
		return "remove it, or release it for retest or rework";
	if (slot->state == SLOT_HOLD || slot->state == SLOT_REFUSED || slot->state == SLOT_FAIL ||
	        slot->state == SLOT_INTERRUPTED)
		return failure_info(slot->failure)->next_step;
	return "";
}

// A board that failed has no table, and is right to come back for one: what it failed with is what has to be done about it.
static void next_step(const struct seat *seat, char *text, size_t size)
{
	const struct slot *slot = &seat->slot;
	const char *own = own_next_step(seat);
	bool back = slot->leaving == SLOT_LEAVING_BACK, failed = slot->state == SLOT_FAIL;
	bool programmed = !seat->attempt.has_report || seat->attempt.report.result != WORKER_FAIL;
	if (slot->leaving == SLOT_LEAVING_STUCK && !failed)
		own = "unplug it";
	else if (back && !failed && programmed)
		own = "unplug it; its start script loops back into ums";
	if (snprintf(text, size, "%s%s", back && failed ? "unplug it; " : "", own) < 0)
		text[0] = '\0';
}

json_t *snapshot_slot(const struct seat *seat)
{
	const struct slot *slot = &seat->slot;
	const struct seat_attempt *a = &seat->attempt;
	const struct fixture_slot *place = &seat->station->fixture->slots[seat->index];
	bool attempt = shows_attempt(seat);
	const char *serial = attempt && a->id ? a->serial : seat->board.serial;
	const char *source = attempt && a->id ? a->serial_source : seat->board.serial_source;
	const struct failure_info *failure = failure_info(slot->failure);
	char why[320], next[160];
	reason(seat, why, sizeof(why));
	next_step(seat, next, sizeof(next));
	json_t *o = json_pack("{s:i,s:s,s:i,s:i,s:s,s:s,s:b,s:s,s:o,s:s}", "index", (int)seat->index, "slot",
	        place->label, "row", (int)place->row, "column", (int)place->column, "state",
	        slot_state_name(slot->state), "tile", slot_tile(slot), "present", slot->present, "stage",
	        slot_is_busy(slot) ? slot_state_name(slot->state) : "", "serial", text_or_null(serial),
	        "serial_source", source);
	json_t *more = json_pack("{s:o,s:o,s:o,s:s,s:I,s:I,s:I,s:f,s:o,s:f}", "attempt",
	        attempt && a->id ? json_integer((json_int_t)a->id) : json_null(), "job",
	        text_or_null(attempt ? a->job : ""), "image", text_or_null(attempt ? a->image : ""), "node",
	        seat->board.identity.node, "size", (json_int_t)seat->board.identity.size, "done",
	        (json_int_t)seat->done, "total", (json_int_t)seat->total, "rate",
	        slot_is_busy(slot) ? seat->rate : 0.0, "eta_s", eta(seat), "progress", progress(seat));
	json_t *verdict = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:s,s:s,s:o,s:f,s:f,s:I}", "code",
	        failure->code, "blame", blame_name(failure->blame), "reason", why, "next", next, "text",
	        attempt || slot->state == SLOT_REFUSED ? a->text : "", "acknowledged", slot->acknowledged,
	        "verify_method", attempt ? a->method : "", "plan_sha256", attempt ? a->plan_sha256 : "",
	        "readback_sha256", attempt ? a->readback_sha256 : "", "finished",
	        text_or_null(attempt ? a->finished : ""), "write_s", a->write_s, "verify_s", a->verify_s,
	        "bytes_verified", (json_int_t)(attempt ? a->report.bytes_verified : 0));
	json_object_set_new(o, "eta_most", json_boolean(slot->state == SLOT_AWAITING && self_part(seat) < 0));
	json_object_set_new(o, "leaving", json_string(slot_leaving_name(slot->leaving)));
	json_object_set_new(o, "attempts", json_integer(slot->attempts));
	json_object_set_new(o, "quarantined", json_boolean(slot->quarantined));
	json_object_update_new(o, more);
	json_object_update_new(o, verdict);
	return o;
}

json_t *snapshot_job(const struct station *station)
{
	const struct station_job *job = &station->job;
	const struct job_counts *c = &job->counts;
	if (c->state == JOB_NONE)
		return json_null();
	const char *plan = job->picture ? job->picture->plan_sha256 : job->plan_sha256;
	json_t *shown = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o,s:s}", "id", job->id,
	        "image", job->image, "plan_sha256", plan, "state", job_state_name(c->state), "made",
	        (json_int_t)c->made, "pass", (json_int_t)c->pass, "fail", (json_int_t)c->fail, "unverified",
	        (json_int_t)c->unverified, "other", (json_int_t)c->other, "inflight", (json_int_t)c->inflight,
	        "opened", job->opened, "closed", text_or_null(job->closed), "close_reason",
	        job->counts.state == JOB_OPEN ? "" : job->close_reason);
	recipe_write(&job->recipe, shown);
	if (c->state != JOB_CLOSED)
		json_object_set_new(shown, "board_signature", sign_show(job));
	return shown;
}

json_t *snapshot_import(const struct station *station)
{
	if (!station->import_name[0])
		return json_null();
	const char *state = station->importing         ? "running"
	                    : station->import_error[0] ? "failed"
	                                               : "confirmed";
	return json_pack("{s:s,s:s,s:I,s:o,s:o}", "name", station->import_name, "state", state, "done",
	        (json_int_t)station->import_done, "total",
	        station->import_total ? json_integer((json_int_t)station->import_total) : json_null(),
	        "error", text_or_null(station->import_error), "note", station->import_note);
}

// Passed boards of the last hour, or of the time since the first of them when that is less.
static json_t *units_per_hour(const struct station *station)
{
	uint64_t now = clock_mono_ns(), hour = 3600 * NSEC_PER_SEC, oldest = now;
	unsigned count = 0;
	for (unsigned i = 0; i < UPH_TIMES && i < station->passes; i++) {
		uint64_t at = station->pass_times[i];
		if (now - at > hour)
			continue;
		count++;
		oldest = u64_min(oldest, at);
	}
	double hours = (double)(now - oldest) / (double)hour;
	return count && hours > 10.0 / 3600 ? json_real((double)count / hours) : json_null();
}

json_t *snapshot_counts(const struct station *station)
{
	const struct job_counts *c = &station->job.counts;
	double yield = job_yield(c);
	return json_pack("{s:I,s:I,s:I,s:I,s:o,s:o}", "pass", (json_int_t)c->pass, "fail",
	        (json_int_t)c->fail, "unverified", (json_int_t)c->unverified, "inflight",
	        (json_int_t)c->inflight, "yield", yield < 0 ? json_null() : json_real(yield), "uph",
	        units_per_hour(station));
}

json_t *snapshot_ledger(const struct station *station)
{
	const struct row_queue *ledger = &station->ledger;
	return json_pack("{s:I,s:I,s:s,s:s,s:s,s:O?}", "seq", (json_int_t)ledger->seq, "anchored",
	        (json_int_t)ledger->anchored, "hash", ledger->hash, "state",
	        ledger->failing ? "failing" : "ok", "error", ledger->failing ? ledger->error : "", "heads",
	        station->heads_status);
}

json_t *snapshot_alerts(const struct station *station)
{
	json_t *alerts = json_array();
	for (unsigned i = 0; i < station->alert_count; i++)
		json_array_append_new(alerts, json_pack("{s:s,s:s}", "level", station->alerts[i].level,
		                                      "text", station->alerts[i].text));
	return alerts;
}

json_t *snapshot_station(const struct station *station)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s}", "name", station->config.name, "id",
	        station->ledger_id, "started", station->started, "url", station->url, "phase",
	        station->phase == PHASE_STARTING  ? "starting"
	        : station->phase == PHASE_RUNNING ? "running"
	                                          : "stopping",
	        "hash_rate", (json_int_t)station->hash_rate, "verify_suggested",
	        station->compare_suits ? "compare" : "hash");
}

json_t *snapshot_make(void *context)
{
	struct station *station = context;
	const struct fixture *fixture = station->fixture;
	json_t *slots = json_array();
	for (unsigned i = 0; i < station->seat_count; i++)
		json_array_append_new(slots, snapshot_slot(&station->seats[i]));
	return json_pack("{s:s,s:s,s:o,s:{s:s,s:s,s:i,s:i},s:o,s:o,s:o,s:o,s:o,s:o}", "event", "snapshot",
	        "version", GANGWAY_VERSION, "station", snapshot_station(station), "fixture", "name",
	        fixture->name, "kind", fixture->ops->kind, "rows", (int)fixture->rows, "columns",
	        (int)fixture->columns, "job", snapshot_job(station), "import", snapshot_import(station),
	        "slots", slots, "counts", snapshot_counts(station), "ledger", snapshot_ledger(station),
	        "alerts", snapshot_alerts(station));
}
