// SPDX-License-Identifier: MIT
// The boards in the slots: what the fixture reports, and whether each is to be programmed.
#include "base/log.h"
#include "daemon/inside.h"

// --- is this board to be programmed ------------------------------------------------------------------------

static enum match_serial serial_rule(const struct seat *seat)
{
	const struct recipe *recipe = &seat->station->job.recipe;
	if (seat->allot != SERIAL_OWN)
		return serial_may_start(seat) ? MATCH_SERIAL_ACCEPT : MATCH_SERIAL_USED_UP;
	if (recipe->serial == RECIPE_SERIAL_SCAN || recipe->start == RECIPE_START_SCAN ||
	        recipe->serial_missing == RECIPE_WITHOUT_HOLD)
		return MATCH_SERIAL_HOLD;
	return recipe->serial_missing == RECIPE_WITHOUT_REFUSE ? MATCH_SERIAL_REFUSE : MATCH_SERIAL_ACCEPT;
}

static void describe(const struct board *board, const char *own_serial, struct match_board *out)
{
	*out = (struct match_board){.serial = board->serial,
	        .vendor = board->vendor,
	        .product = board->product,
	        .revision = board->revision,
	        .usb_id = board->usb_id,
	        .manufacturer = board->manufacturer,
	        .usb_product = board->usb_product,
	        .bcd_device = board->bcd_device,
	        .luns = board->luns,
	        .own_serial = own_serial,
	        .size = board->identity.size,
	        .logical_sector = board->logical_sector,
	        .other_interface = board->other_interface,
	        .usb = !strcmp(board->serial_source, "usb") || board->usb_id[0] ||
	               strstr(board->identity.port, "-usb-")};
}

void seat_describe(const struct seat *seat, struct match_board *out)
{
	describe(&seat->board, seat->own_serial, out);
}

bool seat_may_be_same(const struct seat *seat, const struct board *board)
{
	char reason[256];
	struct signature looks = seat->attempt.looks;
	struct board now = *board;
	struct match_board subject;
	board_choose_lun(&now, seat->attempt.lun);
	describe(&now, now.serial, &subject);
	if (now.serial[0])
		looks.fields &=
		        SIGNATURE_SIZES; // behind a whole write it may have another U-Boot, with other words
	if (!now.identity.size)
		looks.fields &= ~(unsigned)SIGNATURE_SIZES;
	if (!signature_differs(&looks, &subject, reason, sizeof(reason)))
		return true;
	log_info("slot %s: this is not the board of attempt %llu: %s", seat_label(seat),
	        (unsigned long long)seat->attempt.id, reason);
	return false;
}

void seat_judge(const struct seat *seat, bool granted, struct match_result *out)
{
	const struct station *station = seat->station;
	const struct station_job *job = &station->job;
	const struct station_match *match = &station->config.match;
	const struct image_front *front =
	        job->picture && job->picture->ready ? picture_image(job->picture)->front : NULL;
	const char *usb_ids[STATION_USB_IDS_MAX + 1] = {NULL};
	for (unsigned i = 0; i < STATION_USB_IDS_MAX && match->usb_ids[i][0]; i++)
		usb_ids[i] = match->usb_ids[i];
	// A board that comes with its answer was admitted before: is it still what it was?
	bool answers = seat->slot.state == SLOT_AWAITING;
	struct match_board board;
	seat_describe(seat, &board);
	struct match_rules rules = {.open = job->counts.state == JOB_OPEN || answers,
	        .serial = answers ? MATCH_SERIAL_ACCEPT : serial_rule(seat),
	        .twin_refused = job->recipe.serial_duplicate == RECIPE_TWIN_REFUSE,
	        .image_size = front ? front->image_size : 0,
	        .gpt_sector = front && seat->board.identity.rdev ? front->gpt_sector : 0,
	        .size_min = match->size_min,
	        .size_max = match->size_max,
	        .usb_ids = usb_ids[0] ? usb_ids : NULL,
	        .lun = seat->board.lun};
	sign_rules(job, &rules);
	if (answers)
		rules.rejected_count = 0; // it was approved when it went: it waits for another approval
	struct match_history history = {.duplicate = serial_has_twin(seat) || serial_is_under_way(seat),
	        .returned = seat->known || key_set_has(&job->known, seat->key) || serial_is_known(seat),
	        .granted = granted || seat->slot.granted,
	        .asking = seat->board.serial[0] && !seat->looked_up};
	if (!strcmp(seat->disposition, "scrapped"))
		history.barred = FAILURE_UNIT_SCRAPPED;
	else if (!strcmp(seat->disposition, "quarantine"))
		history.barred = FAILURE_UNIT_QUARANTINE;
	history.barred_why = seat->disposition_reason;
	if (answers)
		history = (struct match_history){.granted = true};
	match_judge(&board, &rules, &history, out);
}

bool seat_is_rework(const struct seat *seat)
{
	// A board without a serial that holds this plan's last piece has passed: that piece is written last.
	bool failed = seat->came_failed || serial_is_known(seat);
	bool holds_plan = seat->slot.returned && !seat->board.serial[0] && !failed;
	return seat->known_passed || holds_plan || !strcmp(seat->disposition, "rework");
}

void seat_choose_lun(struct seat *seat)
{
	const struct station_job *job = &seat->station->job;
	bool open = job->counts.state == JOB_OPEN || slot_is_busy(&seat->slot);
	board_choose_lun(&seat->board, open ? (unsigned)job->recipe.lun : seat->station->fixture->lun);
	board_key(&seat->board, seat->key); // without a serial it is known by its disk
}

void seat_rematch(struct seat *seat)
{
	struct slot_event event = {.kind = SLOT_EV_REMATCH};
	if (!seat->slot.present)
		return;
	// What is there then is the next worker's.
	bool between = seat->slot.state == SLOT_RETRYING || seat->slot.state == SLOT_AWAITING;
	if (!seat->member &&
	        (between || !slot_is_busy(&seat->slot))) // while a worker has a disk, it is that one
		seat_choose_lun(seat);
	seat_judge(seat, false, &event.admission);
	seat_event(seat, &event);
}

void seat_rematch_all(struct station *station)
{
	for (unsigned i = 0; i < station->seat_count; i++)
		serial_settle(&station->seats[i]);
	for (unsigned i = 0; i < station->seat_count; i++)
		seat_rematch(&station->seats[i]);
	lookup_ask(station);
	seat_start_boards(station);
}

void seat_rematch_twins(const struct seat *seat, const char *serial)
{
	struct station *station = seat->station;
	for (unsigned i = 0; serial[0] && i < station->seat_count; i++) {
		struct seat *other = &station->seats[i];
		if (other != seat && !strcmp(other->board.serial, serial))
			seat_rematch(other);
	}
}

void seat_ask_twins(const struct seat *seat, const char *serial)
{
	struct station *station = seat->station;
	for (unsigned i = 0; serial[0] && i < station->seat_count; i++) {
		struct seat *other = &station->seats[i];
		if (other != seat && !strcmp(other->board.serial, serial))
			other->asked = other->looked_up = false; // an answer that is on its way is older
	}
	seat_rematch_twins(seat, serial);
	lookup_ask(station);
}

void seat_forget_board(struct seat *seat)
{
	char serial[sizeof(seat->board.serial)];
	STR_COPY(serial, seat->board.serial);
	seat->board = (struct board){.link_fd = -1};
	seat->key[0] = '\0';
	seat->looked_up = seat->asked = seat->seen = seat->start_granted = false;
	seat->known = seat->known_passed = seat->known_here = false;
	seat->known_attempt = 0;
	seat->own_serial[0] = seat->own_source[0] = seat->scanned[0] = '\0';
	seat->allot = SERIAL_OWN;
	seat->twin_split = seat->came_failed = false;
	seat->person[0] = seat->starter[0] = '\0';
	seat->reason[0] = seat->disposition[0] = seat->disposition_reason[0] = '\0';
	seat->rework = false;
	refusal_forget_board(seat);
	seat_rematch_twins(seat, serial);
}

// --- the fixture's events ----------------------------------------------------------------------------------

// Whichever LUN the job at hand chooses, or none does: the attempt's disk is one of the board's.
static bool has_disk(const struct board *board, uint64_t diskseq)
{
	bool has = !board->luns && board->identity.diskseq == diskseq;
	for (unsigned i = 0; i < BOARD_LUNS_MAX; i++)
		has |= board->disks[i].identity.node[0] && board->disks[i].identity.diskseq == diskseq;
	return has;
}

static bool same_plug(const struct seat *seat, const struct board *board)
{
	const struct seat_attempt *a = &seat->attempt;
	// Not board->serial, which the job chooses. A scanned or allocated one the board does not show: its disk tells.
	bool same = serial_is_boards_own(a->serial_source) ? !strcmp(a->serial, seat->own_serial)
	                                                   : a->diskseq != 0;
	return same && seat->resumed && a->id && !strcmp(a->boot_id, seat->station->boot_id) &&
	       has_disk(board, a->diskseq) && !strcmp(a->port, board->identity.port);
}

// Neither shows a serial, but nobody can have changed them: the power was the station's, or there was no time.
static bool same_nameless(const struct seat *seat, const struct board *board, bool soon)
{
	const struct seat_attempt *a = &seat->attempt;
	enum slot_leaving leaving = seat->slot.leaving;
	return a->id && !a->own_serial[0] && !seat->own_serial[0] &&
	       (leaving == SLOT_LEAVING_ON || (leaving == SLOT_LEAVING_LEFT && soon)) &&
	       seat_may_be_same(seat, board);
}

// The board that was to read itself back is here again: all that is known of it stays, but for its disks.
static void on_answer(struct seat *seat, const struct board *board)
{
	struct slot_event event = {.kind = SLOT_EV_ARRIVED, .same_board = true};
	char serial[sizeof(board->serial)], source[sizeof(board->serial_source)];
	STR_COPY(serial, seat->board.serial);
	STR_COPY(source, seat->board.serial_source);
	seat->board = *board;
	STR_COPY(seat->board.serial, serial);
	STR_COPY(seat->board.serial_source, source);
	seat_choose_lun(seat);
	seat_judge(seat, true, &event.admission);
	log_debug("slot %s: the board is back from reading itself, %s", seat_label(seat), seat->key);
	seat_event(seat, &event);
	seat_start_boards(seat->station);
}

static void on_left(void *context, unsigned index)
{
	static const struct slot_event event = {.kind = SLOT_EV_LEFT};
	struct station *station = context;
	struct seat *seat = &station->seats[index];
	log_debug("slot %s: the board left", seat_label(seat));
	seat->has_unnamed = false;
	leave_note_left(seat);
	seat_event(seat, &event);
	seat_start_boards(station);
}

/*
 * A board that shows no serial (yet), where one that has a serial was asked: neither that one nor another. Only its serial can
 * tell; the port cannot, for the board that was asked has left it. The wait goes on, and its end as well.
 */
static bool is_unnamed(const struct seat *seat, const struct board *board)
{
	return seat->slot.state == SLOT_AWAITING && seat->attempt.own_serial[0] && !board->serial[0];
}

// `resume` has told already what the ledger knows of it.
static void take_resumed(struct seat *seat)
{
	seat->looked_up = seat->seen = true;
	seat->known = seat->slot.state != SLOT_INTERRUPTED;
	seat->known_passed = seat->slot.state == SLOT_PASS;
	seat->known_here = (seat->known_passed || seat->slot.state == SLOT_UNVERIFIED) &&
	                   !strcmp(seat->attempt.job, seat->station->job.id);
	memcpy(seat->disposition, seat->resumed_disposition, sizeof(seat->disposition));
	memcpy(seat->disposition_reason, seat->resumed_reason, sizeof(seat->disposition_reason));
}

static void on_arrived(void *context, const struct board *board)
{
	struct station *station = context;
	struct seat *seat = &station->seats[board->slot];
	struct slot_event event = {.kind = SLOT_EV_ARRIVED};
	if (is_unnamed(seat, board)) {
		on_left(station, board->slot); // also when the fixture has missed that
		seat->has_unnamed = true;
		seat->unnamed = *board;
		log_debug("slot %s: a board is there that shows no serial, not %s", seat_label(seat),
		        seat->attempt.own_serial);
		publish_seat(seat);
		return;
	}
	seat->has_unnamed = false;
	bool same = leave_awaits(seat, board), retry = same && seat->slot.state == SLOT_RETRYING;
	if (same && seat->slot.state == SLOT_AWAITING) {
		on_answer(seat, board);
		return;
	}
	event.soon = leave_is_soon(seat);
	seat_forget_board(seat);
	seat->board = *board;
	serial_arrived(seat);
	seat_choose_lun(seat);
	if (retry)
		leave_take_back(seat);
	event.same_plug = same_plug(seat, &seat->board);
	if (event.same_plug)
		take_resumed(seat);
	bool nameless = same_nameless(seat, board, event.soon);
	seat->came_failed = nameless && seat->slot.state == SLOT_FAIL;
	event.same_board =
	        same || nameless || (seat->verdict_key[0] && !strcmp(seat->key, seat->verdict_key));
	seat->resumed = false;
	seat_judge(seat, retry, &event.admission);
	log_debug("slot %s: a board arrived, %s", seat_label(seat), seat->key);
	seat_event(seat, &event);
	seat_rematch_twins(seat, seat->board.serial);
	lookup_ask(station);
	seat_start_boards(station);
}

void seat_let_unnamed_in(struct seat *seat)
{
	if (seat->has_unnamed && !is_unnamed(seat, &seat->unnamed))
		on_arrived(seat->station, &seat->unnamed);
}

static void on_oddity(void *context, unsigned index, const char *reason)
{
	struct station *station = context;
	struct slot_event event = {.kind = reason[0] ? SLOT_EV_ODD : SLOT_EV_ODD_GONE};
	STR_COPY(event.admission.reason, reason);
	seat_event(&station->seats[index], &event);
}

// What is new about a board that never left: its disks, and its serial.
static bool take_changes(struct seat *seat, const struct board *board)
{
	struct board *have = &seat->board;
	bool luns = have->luns != board->luns || memcmp(have->disks, board->disks, sizeof(have->disks)) != 0;
	have->model = board->model;
	have->luns = board->luns;
	memcpy(have->disks, board->disks, sizeof(have->disks));
	return serial_changed(seat, board) || luns;
}

// A board is taken for the one that is waited for before its disk is there.
static bool is_no_longer_awaited(const struct seat *seat, const struct board *board)
{
	bool waits = seat->slot.state == SLOT_RETRYING || seat->slot.state == SLOT_AWAITING;
	return waits && seat->slot.present && !leave_awaits(seat, board);
}

static void on_changed(void *context, const struct board *board)
{
	struct station *station = context;
	struct seat *seat = &station->seats[board->slot];
	if (seat->has_unnamed || is_no_longer_awaited(seat, board)) {
		on_arrived(station,
		        board); // perhaps it has a serial now, or its disk tells that it is another one
		return;
	}
	if (!seat->slot.present || !take_changes(seat, board))
		return;
	board_key(&seat->board, seat->key);
	seat_rematch(seat);
	lookup_ask(station);
	seat_start_boards(station);
}

static void on_powered(void *context)
{
	station_settle(context);
}

const struct fixture_events seat_fixture_events = {
        .arrived = on_arrived,
        .left = on_left,
        .oddity = on_oddity,
        .changed = on_changed,
        .powered = on_powered,
};
