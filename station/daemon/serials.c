// SPDX-License-Identifier: MIT
// A unit's serial number: the board's own, scanned, or handed out, as the job's recipe says.
#include <errno.h>

#include "base/log.h"
#include "core/serial.h"
#include "daemon/inside.h"

// --- handing out: reserve, then consume with the PASS or void with anything else -----------------------------

void serials_resume(struct station *station, const json_t *resume)
{
	size_t i;
	const json_t *pool;
	station->pools = json_object();
	json_array_foreach(json_object_get(resume, "pools"), i, pool)
	{
		const char *name = json_string_value(json_object_get(pool, "pool"));
		if (name)
			json_object_set(station->pools, name, json_object_get(pool, "next"));
	}
}

// The pattern that an allotment is made by; it is its pool's name, too: jobs with the same pattern share one range.
static void pattern_of(const struct station *station, enum serial_allot allot, char pattern[SERIAL_SIZE])
{
	if (allot == SERIAL_RANGE) {
		snprintf(pattern, SERIAL_SIZE, "%.63s", station->job.recipe.serial_format);
		return;
	}
	snprintf(pattern, SERIAL_SIZE, "%.32s-", station->config.name);
	for (char *p = pattern; *p; p++)
		if (strchr("% \t", *p))
			*p = '_';
	strcat(pattern, "%06u");
}

static uint64_t next_number(const struct station *station, enum serial_allot allot, const char *pattern)
{
	const struct recipe *recipe = &station->job.recipe;
	uint64_t first = allot == SERIAL_RANGE ? recipe->serial_first : 1;
	return u64_max(first, (uint64_t)json_integer_value(json_object_get(station->pools, pattern)));
}

// Whether the range has a number left for one more board, those on their way to one taken off.
static bool range_has_room(const struct station *station)
{
	const struct recipe *recipe = &station->job.recipe;
	if (!recipe->serial_last)
		return true;
	uint64_t next = next_number(station, SERIAL_RANGE, recipe->serial_format);
	for (unsigned i = 0; i < station->seat_count; i++) {
		const struct seat *seat = &station->seats[i];
		bool on_its_way = seat->member && seat->slot.row == SLOT_ROW_NONE && !seat->slot.judged;
		next += seat->allot == SERIAL_RANGE && on_its_way && !seat->before.keeps;
	}
	return next <= recipe->serial_last;
}

bool serial_may_start(const struct seat *seat)
{
	return seat->before.keeps || seat->allot != SERIAL_RANGE || range_has_room(seat->station);
}

int serial_take(struct seat *seat, struct err *e)
{
	struct station *station = seat->station;
	struct seat_attempt *a = &seat->attempt;
	char pattern[SERIAL_SIZE];
	if (seat->before.keeps && !seat->scanned[0]) { // one board is one unit, however often it is tried
		STR_COPY(a->serial, seat->before.serial);
		STR_COPY(a->serial_source, seat->before.serial_source);
		return 0;
	}
	if (seat->allot == SERIAL_OWN)
		return 0;
	pattern_of(station, seat->allot, pattern);
	uint64_t number = next_number(station, seat->allot, pattern), last = station->job.recipe.serial_last;
	if (seat->allot == SERIAL_RANGE && last && number > last)
		return err_set(e, ERANGE, "the job's serial numbers are used up (the last is %llu)",
		        (unsigned long long)last);
	serial_make(pattern, number, a->serial);
	STR_COPY(a->serial_source, seat->allot == SERIAL_RANGE ? "allocated" : "station-counter");
	// Never again, whatever becomes of the row: a number that is lost is better than one given twice.
	if (json_object_set_new(station->pools, pattern, json_integer((json_int_t)number + 1)) < 0)
		return err_set(e, ENOMEM, "memory is short");
	rows_append(station, "serial.reserve",
	        json_pack("{s:s,s:s,s:I,s:I}", "serial", a->serial, "pool", pattern, "attempt",
	                (json_int_t)a->id, "number", (json_int_t)number),
	        -1, NULL, NULL);
	return 0;
}

static void give_up(struct seat *seat)
{
	struct seat_before *before = &seat->before;
	before->keeps = false;
	rows_append(seat->station, "serial.void",
	        json_pack("{s:s,s:I,s:s}", "serial", before->serial, "attempt", (json_int_t)before->attempt,
	                "reason", "its board is not tried again"),
	        -1, NULL, NULL);
}

void serial_let_go(struct seat *seat)
{
	if (seat->before.keeps && seat->slot.state != SLOT_RETRYING && !seat->slot.retrying)
		give_up(seat);
}

void serial_taken(struct seat *seat)
{
	if (seat->before.keeps && strcmp(seat->before.serial, seat->attempt.serial) != 0)
		give_up(seat);
	seat->before.keeps = false;
}

// --- whose serial the plugged-in board has -------------------------------------------------------------------

bool serial_has_twin(const struct seat *seat)
{
	const struct station *station = seat->station;
	for (unsigned i = 0; i < station->seat_count && seat->board.serial[0]; i++) {
		const struct seat *other = &station->seats[i];
		if (other != seat && other->slot.present && !strcmp(other->board.serial, seat->board.serial))
			return true;
	}
	return false;
}

bool serial_is_under_way(const struct seat *seat)
{
	const struct station *station = seat->station;
	for (unsigned i = 0; i < station->seat_count && seat->board.serial[0]; i++) {
		const struct seat *other = &station->seats[i];
		if (other != seat && other->slot.row != SLOT_ROW_NONE &&
		        !strcmp(other->attempt.serial, seat->board.serial))
			return true;
	}
	return false;
}

static void take_own(struct seat *seat)
{
	STR_COPY(seat->board.serial, seat->own_serial);
	STR_COPY(seat->board.serial_source, seat->own_source);
}

static void take_none(struct seat *seat, enum serial_allot allot)
{
	seat->board.serial[0] = seat->board.serial_source[0] = '\0';
	seat->allot = allot;
}

static void choose(struct seat *seat)
{
	const struct recipe *recipe = &seat->station->job.recipe;
	seat->allot = SERIAL_OWN;
	take_own(seat);
	if (seat->scanned[0]) {
		STR_COPY(seat->board.serial, seat->scanned);
		STR_COPY(seat->board.serial_source, "scan");
	} else if (recipe->serial == RECIPE_SERIAL_SCAN) {
		take_none(seat, SERIAL_OWN);
	} else if (recipe->serial == RECIPE_SERIAL_ALLOCATE) {
		take_none(seat, SERIAL_RANGE);
	} else if (recipe->serial == RECIPE_SERIAL_COUNTER) {
		take_none(seat, SERIAL_COUNTER);
	} else if (!seat->own_serial[0]) {
		seat->allot = recipe->serial_missing == RECIPE_WITHOUT_COUNTER ? SERIAL_COUNTER : SERIAL_OWN;
	} else if (recipe->serial_duplicate == RECIPE_TWIN_COUNTER &&
	           (seat->twin_split || serial_has_twin(seat))) {
		// Two boards with one serial: from now on this is the one that has none, also when the other leaves.
		seat->twin_split = true;
		take_none(seat, SERIAL_COUNTER);
	}
}

void serial_settle(struct seat *seat)
{
	char before[sizeof(seat->board.serial)];
	if (slot_is_busy(&seat->slot) || seat->member || !seat->key[0])
		return; // the attempt has its serial
	STR_COPY(before, seat->board.serial);
	choose(seat);
	board_key(&seat->board, seat->key);
	if (!strcmp(before, seat->board.serial))
		return;
	seat->looked_up = seat->asked = seat->seen = false;
	seat->known = seat->known_passed = seat->known_here = false;
}

void serial_arrived(struct seat *seat)
{
	STR_COPY(seat->own_serial, seat->board.serial);
	STR_COPY(seat->own_source, seat->board.serial_source);
	seat->scanned[0] = '\0';
	seat->twin_split = false;
	choose(seat);
}

void serial_give(struct seat *seat, const char *serial)
{
	STR_COPY(seat->scanned, serial);
	serial_settle(seat);
}

void serial_catch_up(struct seat *seat)
{
	if (!seat->scanned[0] || !strcmp(seat->scanned, seat->board.serial) || !seat->slot.present)
		return;
	serial_settle(seat);
	seat_rematch(seat);
	lookup_ask(seat->station);
}

// Whether the serial that the board shows by itself says which board it is, whatever the job calls it.
static bool shows_itself(const struct seat *seat, const char *own)
{
	return own[0] && !seat->twin_split &&
	       seat->station->job.recipe.serial_duplicate != RECIPE_TWIN_COUNTER;
}

static void own_key(const char *own, char key[BOARD_KEY_SIZE])
{
	struct board board = {0};
	STR_COPY(board.serial, own);
	board_key(&board, key);
}

bool serial_is_known(const struct seat *seat)
{
	char key[BOARD_KEY_SIZE];
	if (!shows_itself(seat, seat->own_serial))
		return false;
	own_key(seat->own_serial, key);
	return key_set_has(&seat->station->job.known, key);
}

int serial_note_failed(const struct seat *seat)
{
	char key[BOARD_KEY_SIZE];
	if (!shows_itself(seat, seat->attempt.own_serial))
		return 0;
	own_key(seat->attempt.own_serial, key);
	return key_set_add(&seat->station->job.known, key);
}

void serials_resume_failed(struct station *station, const json_t *resume)
{
	char key[BOARD_KEY_SIZE];
	size_t i;
	const json_t *board;
	json_array_foreach(json_object_get(resume, "failed_shown"), i, board)
	{
		const char *own = json_string_value(json_object_get(board, "usb_serial"));
		own_key(own ? own : "", key);
		if (own && key_set_add(&station->job.known, key) < 0)
			log_error("memory is short, a returned board may not be known");
	}
}

void serial_take_back(struct seat *seat, const char *serial)
{
	STR_COPY(seat->scanned, serial);
	choose(seat);
	board_key(&seat->board, seat->key);
}

bool serial_changed(struct seat *seat, const struct board *board)
{
	if (!strcmp(seat->own_serial, board->serial))
		return false;
	STR_COPY(seat->own_serial, board->serial);
	STR_COPY(seat->own_source, board->serial_source);
	serial_settle(seat);
	return true;
}

bool serial_is_boards_own(const char *source)
{
	return strcmp(source, "scan") != 0 && strcmp(source, "allocated") != 0 &&
	       strcmp(source, "station-counter") != 0;
}

bool serial_is_seen_again(const struct seat_attempt *attempt)
{
	const char *source = attempt->serial_source;
	return attempt->serial[0] && (serial_is_boards_own(source) || !strcmp(source, "scan"));
}

// --- the scanner -------------------------------------------------------------------------------------------

void serial_command_scan(struct station *station, struct control_request *request)
{
	const char *label = json_string_value(json_object_get(request->args, "slot"));
	const char *serial = json_string_value(json_object_get(request->args, "serial"));
	struct seat *seat = seat_find(station, label);
	if (!seat) {
		control_refuse(request, "no-such-slot", "there is no slot '%s'", label ? label : "");
		return;
	}
	if (!serial || !serial[0] || strlen(serial) >= sizeof(seat->scanned)) {
		control_refuse(request, "bad-args", "slot.scan wants a serial of 1 to 63 characters");
		return;
	}
	if (!seat->slot.present || slot_is_busy(&seat->slot)) {
		control_refuse(
		        request, "nothing-to-do", "slot %s: no board waits for a serial", seat_label(seat));
		return;
	}
	seat->start_granted = true;
	STR_COPY(seat->starter, request->operator_);
	serial_give(seat, serial);
	seat_rematch_all(station);
	control_answer(request, snapshot_slot(seat));
}
