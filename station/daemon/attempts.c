// SPDX-License-Identifier: MIT
// An attempt's rows in the ledger; docs/ledger.md lists their fields.
#include <errno.h>

#include "base/log.h"
#include "daemon/inside.h"

static json_t *hex_or_empty(const uint8_t *digest)
{
	static const uint8_t none[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE] = "";
	if (memcmp(digest, none, sizeof(none)) != 0)
		digest_hex(digest, DIGEST_SHA256_SIZE, hex);
	return json_string(hex);
}

static const char *disposition(const struct seat *seat)
{
	if (seat->rework || seat->known_passed)
		return "rework";
	return seat->seen || seat->slot.granted ? "retest" : "first";
}

static void opened(void *context, uint64_t seq, const struct err *e)
{
	struct seat *seat = context;
	static const struct slot_event opened_event = {.kind = SLOT_EV_OPENED};
	static const struct slot_event cancel = {.kind = SLOT_EV_CANCEL};
	(void)seq;
	if (e) {
		// Without its row the attempt must not write: it is cancelled, and shown as the station's own fault.
		seat->row_refused = true;
		STR_COPY(seat->refusal, e->text);
		seat_event(seat, &cancel);
	} else {
		serial_taken(seat);
	}
	seat_event(seat, &opened_event);
}

// The attempt before of the same board, which nobody unplugged in between; 0: nothing says that it is the same.
static uint64_t attempt_before(const struct seat *seat)
{
	const struct seat_before *before = &seat->before;
	const struct seat_attempt *a = &seat->attempt;
	bool same_plug = !a->serial[0] && a->diskseq && !strcmp(before->key, a->key);
	bool same = seat->slot.retrying || same_plug;
	return same && !strcmp(before->serial, a->serial) ? before->attempt : 0;
}

// What had the attempt begin, and who, as far as a person did: a board that was released is started as any other.
static void set_start(json_t *body, const struct seat *seat)
{
	static const char *const modes[] = {
	        [RECIPE_START_AUTO] = "auto", [RECIPE_START_SCAN] = "scan", [RECIPE_START_BUTTON] = "start"};
	bool released = seat->slot.granted && seat->person[0];
	if (seat->slot.retrying) {
		row_set_text(body, "start", "retry"); // the station's own
		return;
	}
	row_set_text(body, "start", released ? "release" : modes[seat->station->job.recipe.start]);
	row_set_text(body, "started_by", released ? seat->person : seat->starter);
}

void attempt_open_row(struct seat *seat)
{
	struct station *station = seat->station;
	const struct station_job *job = &station->job;
	struct seat_attempt *a = &seat->attempt;
	struct err e;
	a->id = station->next_attempt++;
	if (serial_take(seat, &e) < 0) {
		opened(seat, 0, &e);
		return;
	}
	json_t *body = json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:s}", "attempt", (json_int_t)a->id, "slot",
	        seat_label(seat), "port", a->port, "serial", a->serial, "serial_source", a->serial_source,
	        "boot_id", a->boot_id, "disposition", disposition(seat));
	row_set_text(body, "reason", seat->reason);
	row_set_text(body, "usb_serial", strcmp(a->own_serial, a->serial) ? a->own_serial : "");
	row_set_text(body, "job", job->id);
	row_set_text(body, "image", a->image);
	row_set_text(body, "image_key", job->image_key);
	row_set_text(body, "plan_sha256", job->plan_sha256);
	row_set_text(body, "node", a->node);
	row_set_text(body, "usb_id", a->usb_id);
	row_set_text(body, "uboot", a->uboot);
	row_set_text(body, "blank_check", a->blank);
	row_set_text(body, "fixture", station->fixture->name);
	row_set_text(body, "hub", station->fixture->slots[seat->index].hub);
	row_set_text(
	        body, "operator", seat->reason[0] && seat->person[0] ? seat->person : job->recipe.operator_);
	set_start(body, seat);
	row_set_text(body, "config_sha256", station->config.sha256);
	row_set_text(body, "nonce", a->nonce);
	row_set_number(body, "retry_of", attempt_before(seat));
	row_set_number(body, "diskseq", a->diskseq);
	row_set_number(body, "size", a->size);
	row_set_number(body, "mono_ns", clock_mono_ns());
	rows_append(station, "attempt.open", body, -1, opened, seat);
}

static bool may_retry(const struct station *station)
{
	return station->phase == PHASE_RUNNING && station->job.counts.state == JOB_OPEN;
}

static void note_before(struct seat *seat)
{
	const struct seat_attempt *a = &seat->attempt;
	struct seat_before *before = &seat->before;
	*before = (struct seat_before){.attempt = a->id};
	STR_COPY(before->key, a->key);
	STR_COPY(before->serial, a->serial);
	STR_COPY(before->serial_source, a->serial_source);
	before->keeps = seat->promised && !serial_is_boards_own(a->serial_source) &&
	                strcmp(a->serial_source, "scan") != 0;
}

static void closed(void *context, uint64_t seq, const struct err *e)
{
	struct seat *seat = context;
	(void)seq;
	if (e) {
		// Never green without its row (law 2): the ledger did not take the verdict.
		seat->slot.result = SLOT_RESULT_FAIL;
		seat->slot.failure = FAILURE_STATION_ERROR;
		STR_COPY(seat->attempt.text, e->text);
	} else {
		note_before(seat);
	}
	struct slot_event event = {
	        .kind = SLOT_EV_CLOSED, .may_retry = seat->promised && may_retry(seat->station)};
	seat_event(seat, &event);
}

// When the stage behind this one was entered; 0: there is none.
static uint64_t stage_end(const struct seat_attempt *a, int stage)
{
	for (int i = stage + 1; i < WORKER_STAGE_COUNT; i++)
		if (a->report.stage_ns[i])
			return a->report.stage_ns[i];
	return stage == WORKER_STAGE_DONE ? 0 : a->judged_ns;
}

static json_t *stages_json(const struct seat_attempt *a)
{
	json_t *stages = json_array();
	for (int i = 0; i < WORKER_STAGE_COUNT; i++) {
		if (!a->report.stage_ns[i])
			continue;
		json_t *stage = json_pack("{s:s,s:I}", "stage", worker_stage_name((enum worker_stage)i),
		        "mono_ns", (json_int_t)a->report.stage_ns[i]);
		row_set_text(stage, "utc", a->stage_utc[i]);
		uint64_t end = stage_end(a, i);
		if (end) {
			char utc[CLOCK_UTC_SIZE];
			clock_utc_of_mono(end, utc);
			row_set_number(stage, "end_mono_ns", end);
			row_set_text(stage, "end_utc", utc);
		}
		json_array_append_new(stages, stage);
	}
	return stages;
}

void attempt_close_row(struct seat *seat)
{
	const struct slot *slot = &seat->slot;
	struct seat_attempt *a = &seat->attempt;
	bool good = slot->result == SLOT_RESULT_PASS || slot->result == SLOT_RESULT_UNVERIFIED;
	if (good && seat->picture && !seat->picture->confirmed) {
		seat->close_waits = true; // the ledger knows no plan that it could be compared with
		return;
	}
	const struct failure_info *failure = failure_info(slot->failure);
	const struct worker_report *r = &a->report;
	clock_utc_text(a->finished);
	if (!good && !a->text[0])
		snprintf(a->text, sizeof(a->text), "%s; %s", failure->reason, failure->next_step);
	json_t *body = json_pack("{s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:o,s:o,s:o,s:o,s:s,s:o,s:f,s:f}", "attempt",
	        (json_int_t)a->id, "result", slot_result_name(slot->result), "code",
	        good ? "" : failure->code, "blame", good ? "" : blame_name(failure->blame), "text",
	        good ? "" : a->text, "bytes_written", (json_int_t)r->bytes_written, "bytes_verified",
	        (json_int_t)r->bytes_verified, "plan_sha256", hex_or_empty(r->plan_sha256), "readback_sha256",
	        hex_or_empty(r->readback_sha256), "extras_sha256", hex_or_empty(r->extras_sha256),
	        "extras_readback_sha256", hex_or_empty(r->extras_readback_sha256), "verify_method",
	        worker_method_name((enum worker_method)r->method), "stages", stages_json(a), "write_s",
	        (double)r->write_ns / 1e9, "verify_s", (double)r->verify_ns / 1e9);
	if (slot->half == SLOT_HALF_COMMIT) {
		json_object_set_new(body, "summary_sha256", hex_or_empty(r->summary_sha256));
		row_set_number(body, "windows", r->windows);
		row_set_number(body, "diskseq", a->diskseq);
	}
	if (seat->picture)
		row_set_text(body, "image_key", seat->picture->key);
	if (slot->failure == FAILURE_CANCELLED)
		row_set_text(body, "operator", seat->stopper);
	seat->promised = may_retry(seat->station) && slot_may_retry(slot);
	if (seat->promised)
		json_object_set_new(body, "retry", json_true());
	rows_append(seat->station, "attempt.close", body, -1, closed, seat);
}

static json_t *said(void *context, const struct err *e)
{
	return e ? NULL : snapshot_slot(context);
}

// Who said something of a slot is answered when its row is durable.
static void append_word(struct seat *seat, const char *kind, json_t *body)
{
	struct control_request *asker = seat->asker;
	seat->asker = NULL;
	rows_append_answered(seat->station, kind, body, asker, said, seat);
}

void attempt_ack_row(struct seat *seat)
{
	json_t *attempt = seat->attempt.id ? json_integer((json_int_t)seat->attempt.id) : json_null();
	json_t *body = json_pack(
	        "{s:s,s:o,s:s}", "slot", seat_label(seat), "attempt", attempt, "operator", seat->person);
	append_word(seat, "slot.ack", body);
}

void attempt_release_row(struct seat *seat)
{
	json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s}", "slot", seat_label(seat), "serial",
	        seat->board.serial, "disposition", seat->rework ? "rework" : "retest", "reason", seat->reason,
	        "operator", seat->person);
	append_word(seat, "slot.release", body);
}

// The last attempt of the board that came back; 0: only its content tells that there was one.
static uint64_t attempt_it_left_with(const struct seat *seat)
{
	bool is_before = seat->before.attempt && !strcmp(seat->before.key, seat->key);
	if (is_before)
		return seat->before.attempt; // of this slot, and later than what the ledger was asked for
	if (seat->known_attempt)
		return seat->known_attempt;
	return seat->came_failed ? seat->attempt.id : 0;
}

void attempt_returned_row(struct seat *seat, const char *how)
{
	uint64_t attempt = attempt_it_left_with(seat);
	json_t *body = json_pack("{s:s,s:s,s:s,s:o,s:s,s:s}", "slot", seat_label(seat), "serial",
	        seat->board.serial, "port", seat->board.identity.port, "attempt",
	        attempt ? json_integer((json_int_t)attempt) : json_null(), "boot_id", seat->station->boot_id,
	        "how", how);
	row_set_number(body, "diskseq", seat->board.identity.diskseq);
	rows_append(seat->station, "unit.returned", body, -1, NULL, NULL);
}

void attempt_leaving_row(struct seat *seat, enum slot_leaving leaving, uint64_t after_ms)
{
	const struct seat_attempt *a = &seat->attempt;
	json_t *attempt = a->id ? json_integer((json_int_t)a->id) : json_null();
	json_t *body = json_pack("{s:s,s:s,s:s,s:o,s:s,s:s,s:I}", "slot", seat_label(seat), "serial",
	        a->serial, "port", a->port, "attempt", attempt, "outcome", slot_leaving_name(leaving), "by",
	        seat->cycled ? "power" : "eject", "after_ms", (json_int_t)after_ms);
	rows_append(seat->station, "unit.leaving", body, -1, NULL, NULL);
}

void attempt_quarantine_row(struct seat *seat)
{
	const struct seat_attempt *a = &seat->attempt;
	char reason[160];
	snprintf(reason, sizeof(reason), "failed %u attempts in a row, the last with %s", seat->slot.attempts,
	        failure_info(seat->slot.failure)->code);
	log_warn("slot %s: %s: quarantine", seat_label(seat), reason);
	if (!serial_is_seen_again(a))
		return; // nobody could know it again: its plug is another one's tomorrow, and its number is void
	json_t *body = json_pack("{s:s,s:s,s:s,s:I}", "serial", a->serial, "disposition", "quarantine",
	        "reason", reason, "attempt", (json_int_t)a->id);
	rows_append(seat->station, "unit.disposition", body, -1, NULL, NULL);
	if (strcmp(seat->board.serial, a->serial) != 0)
		return;
	STR_COPY(seat->disposition, "quarantine"); // of the board that is still plugged in
	STR_COPY(seat->disposition_reason, reason);
}
