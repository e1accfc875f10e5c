// SPDX-License-Identifier: MIT
// What the ledger says of the boards that arrived: law 7's question, asked in batches.
#include "base/log.h"
#include "daemon/inside.h"

static void take_status(struct seat *seat, const json_t *unit)
{
	const char *result = json_string_value(json_object_get(unit, "result"));
	const char *job = json_string_value(json_object_get(unit, "job"));
	bool unverified = result && !strcmp(result, "unverified");
	seat->looked_up = true;
	seat->seen = unit != NULL;
	seat->known_attempt = (uint64_t)json_integer_value(json_object_get(unit, "attempt"));
	seat->known_passed = result && !strcmp(result, "pass");
	seat->known = seat->known_passed || unverified || (result && !strcmp(result, "fail"));
	STR_COPY(seat->disposition, json_string_value(json_object_get(unit, "disposition")));
	STR_COPY(seat->disposition_reason, json_string_value(json_object_get(unit, "disposition_reason")));
	if (!strcmp(seat->disposition, "released"))
		seat->disposition[0] = '\0';
	seat->known_here = (seat->known_passed || unverified) && job && !strcmp(job, seat->station->job.id);
}

static void answered(void *context, const json_t *result, const struct err *e)
{
	struct station *station = context;
	if (!result) {
		station->asking = false;
		for (unsigned i = 0; i < station->seat_count; i++)
			station->seats[i].asked = false;
		alert_set(station, "reader", "warn", "the ledger cannot be asked about boards: %s", e->text);
		// The boards wait for it. A reader that died is started again by the next question.
		uint64_t delay = (NSEC_PER_SEC / 5)
		                 << (station->ask_failures < 5 ? station->ask_failures : 5);
		station->ask_failures++;
		if (loop_timer_after(station->ask_again, delay) < 0)
			log_error("no timer to ask the ledger again");
		return;
	}
	station->ask_failures = 0;
	alert_clear(station, "reader");
	const json_t *units = json_object_get(result, "units");
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		if (!seat->asked)
			continue; // another board by now
		seat->asked = false;
		take_status(seat, json_object_get(units, seat->board.serial));
		struct slot_event event = {.kind = SLOT_EV_REMATCH};
		seat_judge(seat, false, &event.admission);
		seat_event(seat, &event);
	}
	station->asking =
	        false; // not before: what these events begin must not ask in the middle of this answer
	seat_start_boards(station);
	lookup_ask(station);
}

static void ask_again(void *context)
{
	lookup_ask(context);
}

int lookup_start(struct station *station, struct err *e)
{
	return loop_add_timer(station->loop, ask_again, station, &station->ask_again, e);
}

void lookup_ask(struct station *station)
{
	if (station->asking || !station->reader || station->phase == PHASE_STARTING)
		return;
	json_t *serials = json_array();
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		if (!seat->slot.present || !seat->board.serial[0] || seat->looked_up)
			continue;
		seat->asked = json_array_append_new(serials, json_string(seat->board.serial)) == 0;
	}
	struct err e;
	if (json_array_size(serials)) {
		json_t *parameters = json_pack("{s:O}", "serials", serials);
		station->asking = true;
		if (reader_query(station->reader, "unit_status", parameters, answered, station, &e) < 0)
			answered(station, NULL, &e);
		json_decref(parameters);
	}
	json_decref(serials);
}
