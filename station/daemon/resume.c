// SPDX-License-Identifier: MIT
// Carrying on from the ledger at the station's start: docs/ledger.md's `resume`.
#include "base/log.h"
#include "daemon/inside.h"

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

void resume_take(struct station *station, const json_t *resume)
{
	STR_COPY(station->ledger_id, text(resume, "ledger"));
	station->next_attempt = (uint64_t)json_integer_value(json_object_get(resume, "next_attempt"));
	station->next_job = (uint64_t)json_integer_value(json_object_get(resume, "next_job"));
	if (!station->next_attempt)
		station->next_attempt = 1;
	if (!station->next_job)
		station->next_job = 1;
	json_t *images = json_object_get(resume, "images");
	station->images = json_is_array(images) ? json_deep_copy(images) : json_array();
	serials_resume(station, resume);
	job_resume(station, json_object_get(resume, "job"));
	serials_resume_failed(station, resume);
	size_t interrupted = json_array_size(json_object_get(resume, "interrupted"));
	if (interrupted)
		log_warn("the last station died in the middle of %zu attempts: they are recorded as "
		         "interrupted",
		        interrupted);
}

#define QUARANTINE_DUE "failed again after its retry; the station died before it could say so"

static void resume_attempt(struct seat_attempt *a, const json_t *slot)
{
	a->id = (uint64_t)json_integer_value(json_object_get(slot, "attempt"));
	STR_COPY(a->job, text(slot, "job"));
	STR_COPY(a->image, text(slot, "image"));
	STR_COPY(a->serial, text(slot, "serial"));
	STR_COPY(a->serial_source, text(slot, "serial_source"));
	STR_COPY(a->port, text(slot, "port"));
	STR_COPY(a->boot_id, text(slot, "boot_id"));
	a->diskseq = (uint64_t)json_integer_value(json_object_get(slot, "diskseq"));
	STR_COPY(a->plan_sha256, text(slot, "plan_sha256"));
	STR_COPY(a->readback_sha256, text(slot, "readback_sha256"));
	STR_COPY(a->method, text(slot, "verify_method"));
	STR_COPY(a->text, text(slot, "text"));
	STR_COPY(a->finished, text(slot, "closed"));
	a->write_s = json_number_value(json_object_get(slot, "write_s"));
	a->verify_s = json_number_value(json_object_get(slot, "verify_s"));
	a->report.bytes_verified = (uint64_t)json_integer_value(json_object_get(slot, "bytes_verified"));
}

static void resume_before(struct seat *seat, const struct board *board)
{
	struct seat_before *before = &seat->before;
	before->attempt = seat->attempt.id;
	STR_COPY(before->serial, seat->attempt.serial);
	STR_COPY(before->serial_source, seat->attempt.serial_source);
	board_key(board, before->key);
}

static void resume_key(struct seat *seat, bool verdict)
{
	struct board board = {.identity = {.diskseq = seat->attempt.diskseq}};
	if (serial_is_boards_own(seat->attempt.serial_source) || !strcmp(seat->attempt.serial_source, "scan"))
		STR_COPY(board.serial, seat->attempt.serial);
	STR_COPY(board.identity.port, seat->attempt.port);
	if (!board.serial[0] && !board.identity.diskseq)
		return; // a file without a serial: only its content can tell
	if (verdict)
		board_key(&board, seat->verdict_key);
	if (strcmp(seat->attempt.boot_id, seat->station->boot_id) != 0 && !board.serial[0])
		return; // diskseq counts anew with every boot
	resume_before(seat, &board);
	if (verdict && key_set_add(&seat->station->job.known, seat->verdict_key) < 0)
		log_error("memory is short, a returned board may not be known");
}

// What became of its unit counts for the board that is still plugged in.
static void resume_disposition(struct seat *seat, const json_t *slot)
{
	bool due = json_is_true(json_object_get(slot, "quarantine_due"));
	const char *disposition = due ? "quarantine" : text(slot, "disposition");
	STR_COPY(seat->resumed_disposition, strcmp(disposition, "released") ? disposition : "");
	STR_COPY(seat->resumed_reason, due ? QUARANTINE_DUE : text(slot, "disposition_reason"));
}

static void resume_seat(struct seat *seat, const json_t *slot)
{
	static const struct {
		const char *result;
		enum slot_state state;
	} states[] = {{"pass", SLOT_PASS}, {"fail", SLOT_FAIL}, {"unverified", SLOT_UNVERIFIED},
	        {"interrupted", SLOT_INTERRUPTED}};
	enum failure failure = failure_from_code(text(slot, "code"));
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i].result, text(slot, "result")) != 0)
			continue;
		if (states[i].state == SLOT_INTERRUPTED)
			failure = FAILURE_INTERRUPTED;
		resume_attempt(&seat->attempt, slot);
		slot_resume(&seat->slot, states[i].state, failure,
		        json_is_true(json_object_get(slot, "acknowledged")));
		seat->resumed = seat->slot.state != SLOT_EMPTY;
		resume_disposition(seat, slot);
		resume_key(seat, states[i].state != SLOT_INTERRUPTED);
		return;
	}
}

void resume_seats(struct station *station, const json_t *resume)
{
	size_t i;
	const json_t *slot;
	json_array_foreach(json_object_get(resume, "slots"), i, slot)
	{
		struct seat *seat = seat_find(station, text(slot, "slot"));
		if (seat)
			resume_seat(seat, slot);
	}
	for (unsigned s = 0; s < station->seat_count; s++)
		foreign_find(&station->seats[s]);
}

void resume_quarantine(struct station *station, const json_t *resume)
{
	size_t i;
	const json_t *slot;
	json_array_foreach(json_object_get(resume, "slots"), i, slot)
	{
		struct seat_attempt a = {0};
		resume_attempt(&a, slot);
		if (!json_is_true(json_object_get(slot, "quarantine_due")) || !serial_is_seen_again(&a))
			continue;
		log_warn("slot %s: attempt %llu " QUARANTINE_DUE ": quarantine", text(slot, "slot"),
		        (unsigned long long)a.id);
		rows_append(station, "unit.disposition",
		        json_pack("{s:s,s:s,s:s,s:I}", "serial", a.serial, "disposition", "quarantine",
		                "reason", QUARANTINE_DUE, "attempt", (json_int_t)a.id),
		        -1, NULL, NULL);
	}
}
