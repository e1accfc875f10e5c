// SPDX-License-Identifier: MIT
// The slots at work: the gang in, slot_step(), its actions out.
#include <errno.h>

#include "base/log.h"
#include "daemon/inside.h"

const char *seat_label(const struct seat *seat)
{
	return seat->station->fixture->slots[seat->index].label;
}

struct seat *seat_find(struct station *station, const char *label)
{
	for (unsigned i = 0; label && i < station->seat_count; i++)
		if (!strcmp(station->fixture->slots[i].label, label))
			return &station->seats[i];
	return NULL;
}

bool seats_idle(const struct station *station)
{
	const struct fixture *fixture = station->fixture;
	if (fixture->ops->power_waits && fixture->ops->power_waits(fixture))
		return false; // it dies with the station, before the port is lit
	for (unsigned i = 0; i < station->seat_count; i++)
		if (slot_is_busy(&station->seats[i].slot) || station->seats[i].member ||
		        station->seats[i].slot.leaving == SLOT_LEAVING_OFF)
			return false; // no port is left dark
	return true;
}

void seat_start_boards(struct station *station)
{
	if (station->starting_boards || station->phase != PHASE_RUNNING)
		return;
	const struct recipe *recipe = &station->job.recipe;
	const struct slot_event start = {.kind = SLOT_EV_START,
	        .retries = (unsigned)recipe->retries,
	        .on_target = recipe->verify == RECIPE_VERIFY_ON_TARGET};
	station->starting_boards = true;
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		if (!slot_is_ready(&seat->slot))
			continue;
		if (job_may_start_board(station, seat))
			seat_event(seat, &start);
		else if (!serial_may_start(seat))
			seat_rematch(seat); // the last number went to another board
	}
	station->starting_boards = false;
}

// --- the gang's events -------------------------------------------------------------------------------------

static void note_stages(struct seat *seat, const struct worker_report *report)
{
	for (int i = 0; i < WORKER_STAGE_COUNT; i++)
		if (report->stage_ns[i] && !seat->attempt.stage_utc[i][0])
			clock_utc_of_mono(report->stage_ns[i], seat->attempt.stage_utc[i]);
}

static void on_claimed(void *context, struct gang_member *member, const struct worker_report *report)
{
	struct seat *seat = context;
	struct worker_report whole;
	(void)member;
	report = ontarget_whole(seat, report, &whole);
	note_stages(seat, report);
	if (report->logical_sector)
		seat->board.logical_sector = report->logical_sector;
	if (seat->slot.half != SLOT_HALF_COMMIT)
		STR_COPY(seat->attempt.blank, report->blank);
	struct slot_event event = {
	        .kind = SLOT_EV_CLAIMED, .carries_plan = report->carries_plan && !seat->board.serial[0]};
	seat_event(seat, &event);
}

static enum slot_state stage_state(uint32_t stage)
{
	switch (stage) {
	case WORKER_STAGE_VERIFY: return SLOT_VERIFYING;
	case WORKER_STAGE_COMMIT: return SLOT_COMMITTING;
	default: return SLOT_WRITING;
	}
}

static void on_progress(void *context, struct gang_member *member, const struct worker_report *report)
{
	struct seat *seat = context;
	struct worker_report whole;
	(void)member;
	uint64_t now = clock_mono_ns();
	struct slot_event event = {.kind = SLOT_EV_STAGE, .stage = stage_state(report->stage)};
	report = ontarget_whole(seat, report, &whole);
	note_stages(seat, report);
	seat->done = report->done;
	seat->total = report->total;
	seat->attempt.report = *report;
	estimate_note(&seat->track, now, report->wire_done);
	seat->rate = estimate_rate(&seat->track);
	if (report->stage >= WORKER_STAGE_WRITE)
		seat_event(seat, &event);
	publish_seat(seat);
}

// "" where there is none: of a board that was not read back whole.
static void digest_text(const uint8_t *digest, char hex[static SHA256_HEX_SIZE])
{
	static const uint8_t none[DIGEST_SHA256_SIZE];
	hex[0] = 0;
	if (memcmp(digest, none, sizeof(none)) != 0)
		digest_hex(digest, DIGEST_SHA256_SIZE, hex);
}

static void on_verdict(void *context, struct gang_member *member, const struct worker_report *report)
{
	static const enum slot_result results[] = {[WORKER_PASS] = SLOT_RESULT_PASS,
	        [WORKER_UNVERIFIED] = SLOT_RESULT_UNVERIFIED,
	        [WORKER_FAIL] = SLOT_RESULT_FAIL};
	struct seat *seat = context;
	struct seat_attempt *a = &seat->attempt;
	struct worker_report whole;
	(void)member;
	report = ontarget_whole(seat, report, &whole);
	note_stages(seat, report);
	a->has_report = true;
	a->judged_ns = clock_mono_ns();
	a->report = *report;
	STR_COPY(a->text, report->text);
	STR_COPY(a->method, worker_method_name((enum worker_method)report->method));
	digest_text(report->plan_sha256, a->plan_sha256);
	digest_text(report->readback_sha256, a->readback_sha256);
	a->write_s = (double)report->write_ns / 1e9;
	a->verify_s = (double)report->verify_ns / 1e9;
	struct slot_event event = {.kind = SLOT_EV_VERDICT,
	        .result = report->result <= WORKER_FAIL ? results[report->result] : SLOT_RESULT_FAIL,
	        .asked = report->result == WORKER_ASKED,
	        .failure = (enum failure)report->failure,
	        .refused = report->refused,
	        .asks = report->asks,
	        .why = report->failure == FAILURE_NOT_BLANK || report->failure == FAILURE_TARGET_MISMATCH
	                       ? report->text
	                       : NULL};
	if (seat->row_refused) {
		event.result = SLOT_RESULT_FAIL;
		event.failure = FAILURE_STATION_ERROR;
		STR_COPY(a->text, seat->refusal);
	}
	if (event.result == SLOT_RESULT_FAIL && seat->picture && report->failure == FAILURE_STORE_DAMAGED)
		heal_suspect(seat->station, seat->picture);
	seat_event(seat, &event);
	const struct fixture_ops *ops = seat->station->fixture->ops;
	if (report->failure == FAILURE_DEVICE_GONE && ops->recheck)
		ops->recheck(seat->station->fixture, seat->index);
}

static void on_ended(void *context, struct gang_member *member, bool ejected, bool died)
{
	struct seat *seat = context;
	struct station *station = seat->station;
	// Whether it took the eject shows by its leaving.
	const struct slot_event event = {.kind = SLOT_EV_ENDED, .ejected = seat->ejected};
	(void)died;
	foreign_forget(seat);
	gang_free(member);
	seat->member = NULL;
	seat_event(seat, &event);
	serial_catch_up(seat);
	if (ejected && station->fixture->ops->ejected)
		station->fixture->ops->ejected(station->fixture, seat->index);
	heal_try(station);
	seat_start_boards(station);
	station_settle(station);
}

static void on_stuck(void *context, struct gang_member *member)
{
	static const struct slot_event event = {.kind = SLOT_EV_STUCK};
	struct seat *seat = context;
	log_error("slot %s: the worker (pid %d) was killed and does not end: its device is stuck in the "
	          "kernel; power the board off",
	        seat_label(seat), gang_pid(member));
	seat_event(seat, &event);
}

static const struct gang_events gang_events = {
        .claimed = on_claimed,
        .progress = on_progress,
        .verdict = on_verdict,
        .ended = on_ended,
        .stuck = on_stuck,
};

// --- what slot_step() asks for -----------------------------------------------------------------------------

static uint32_t verify_policy(const struct station_job *job)
{
	switch (job->recipe.verify) {
	case RECIPE_VERIFY_READ_BACK: return WORKER_VERIFY_READBACK;
	case RECIPE_VERIFY_COMPARE: return WORKER_VERIFY_COMPARE;
	default: return WORKER_VERIFY_NONE;
	}
}

// Somebody who released a board that was shown as not blank, or as RETURNED, knows; "refuse" no release helps.
static uint32_t blank_policy(const struct seat *seat)
{
	if (seat->slot.retrying)
		return WORKER_BLANK_NOTE; // what is on it is ours
	switch (seat->station->job.recipe.blank) {
	case RECIPE_BLANK_ASK:
		return seat->slot.granted >= SLOT_GRANT_NOT_BLANK ? WORKER_BLANK_NOTE : WORKER_BLANK_ASK;
	case RECIPE_BLANK_REFUSE: return WORKER_BLANK_REFUSE;
	default: return WORKER_BLANK_NOTE;
	}
}

// The attempt is of this board, whatever is plugged in when it ends.
static void attempt_board(struct seat_attempt *a, const struct seat *seat)
{
	const struct board *board = &seat->board;
	STR_COPY(a->boot_id, seat->station->boot_id);
	STR_COPY(a->port, board->identity.port);
	STR_COPY(a->serial, board->serial);
	STR_COPY(a->serial_source, board->serial_source);
	STR_COPY(a->own_serial, seat->own_serial);
	STR_COPY(a->node, board->identity.node);
	STR_COPY(a->usb_id, board->usb_id);
	board_uboot(board, a->uboot);
	STR_COPY(a->key, seat->key);
	a->diskseq = board->identity.diskseq;
	a->size = board->identity.size;
	a->lun = board->lun;
	struct match_board subject;
	seat_describe(seat, &subject);
	signature_learn(&subject, &a->looks);
}

// What both halves of an attempt have in common, and a worker that does all of it.
static void fill_work(struct seat *seat, struct worker_job *work)
{
	struct station *station = seat->station;
	const struct station_job *job = &station->job;
	seat_choose_lun(seat); // law 1: whatever was shown meanwhile, it is the job's
	*work = (struct worker_job){.task = WORKER_WRITE,
	        .verify = verify_policy(job),
	        .blank = blank_policy(seat),
	        .check_lun = seat->board.luns, // a disk that was named by its path need be no board in ums
	        .lun = seat->board.lun,
	        .unmapped = job->recipe.unmapped == RECIPE_UNMAPPED_ZERO ? WORKER_UNMAPPED_ZERO
	                                                                 : WORKER_UNMAPPED_KEEP,
	        .eject = station->config.eject,
	        .stall_ms = station->config.stall_ms,
	        .has_link = seat->board.link_fd >= 0 && seat->board.model.shared_link,
	        .ask_carries = !seat->board.serial[0] &&
	                       (seat->slot.granted != SLOT_GRANT_RETURNED || seat->slot.retrying),
	        .expect = seat->board.identity,
	        .model = seat->board.model};
	STR_COPY(work->label, seat_label(seat));
	if (!strcmp(seat->own_source, "usb"))
		STR_COPY(work->serial, seat->own_serial);
	sign_work(job, work);
	if (!work->expect.rdev)
		work->expect.diskseq = 0; // of a simulated plug: a file has none
	seat->ejected = seat->cycled = false;
	seat->left = 0;
	seat->done = seat->total = seat->written = 0;
	seat->rate = 0;
	seat->track = (struct estimate_track){0};
}

static int add_worker(
        struct seat *seat, const struct image *image, const struct worker_job *work, struct err *e)
{
	int r = gang_add(seat->station->loop, image, work, work->has_link ? seat->board.link_fd : -1,
	        &gang_events, seat, &seat->member, e);
	if (r == 0)
		foreign_note(seat);
	return r;
}

static int start_worker(struct seat *seat, struct err *e)
{
	const struct station_job *job = &seat->station->job;
	struct worker_job work;
	struct image image = *picture_image(job->picture); // its descriptors stay where they are
	fill_work(seat, &work);
	seat->attempt = (struct seat_attempt){0};
	seat->row_refused = false;
	seat->stopper[0] = '\0';
	STR_COPY(seat->attempt.job, job->id);
	STR_COPY(seat->attempt.image, job->image);
	attempt_board(&seat->attempt, seat);
	int r = ontarget_ask(seat, &work, &image, e);
	if (r == 0)
		r = add_worker(seat, &image, &work, e);
	if (r == 0) {
		seat->picture = job->picture;
		seat->picture->users++;
	}
	return r;
}

static int start_commit(struct seat *seat, struct err *e)
{
	struct worker_job work;
	fill_work(seat, &work);
	ontarget_commit(seat, &work);
	return add_worker(seat, &seat->picture->kit.withheld, &work, e);
}

static void act_on_worker(struct seat *seat, unsigned set)
{
	struct err e;
	bool second = seat->slot.half == SLOT_HALF_COMMIT;
	if ((set & SLOT_DO_START_WORKER) && (second ? start_commit(seat, &e) : start_worker(seat, &e)) < 0) {
		STR_COPY(seat->attempt.text, e.text);
		struct slot_event verdict = {.kind = SLOT_EV_VERDICT,
		        .result = SLOT_RESULT_FAIL,
		        .failure = FAILURE_STATION_ERROR};
		static const struct slot_event ended = {.kind = SLOT_EV_ENDED};
		seat_event(seat, &verdict);
		seat_event(seat, &ended);
	}
	if (!seat->member)
		return;
	if (set & SLOT_DO_GO)
		gang_go(seat->member);
	if (set & SLOT_DO_CANCEL)
		gang_cancel(seat->member);
	if (set & SLOT_DO_FREE_WORKER)
		leave_release(seat);
}

static void log_verdict(const struct seat *seat)
{
	const struct slot *slot = &seat->slot;
	log_info("slot %s: attempt %llu %s%s%s%s%s", seat_label(seat), (unsigned long long)seat->attempt.id,
	        slot_state_name(slot->state), slot->failure ? " " : "", failure_info(slot->failure)->code,
	        seat->attempt.text[0] ? ": " : "", seat->attempt.text);
}

// A verdict is durable: the board is known from now on, under whatever serial or plug it comes back.
static void count_end(struct seat *seat)
{
	const struct seat_attempt *a = &seat->attempt;
	bool verdict = seat->slot.result && seat->slot.result != SLOT_RESULT_ABORTED;
	bool here = !strcmp(seat->key, a->key); // its board is still the one that is plugged in
	if (verdict) {
		STR_COPY(seat->verdict_key, a->key);
		bool failed = seat->slot.result == SLOT_RESULT_FAIL;
		if (key_set_add(&seat->station->job.known, a->key) < 0 ||
		        (failed && serial_note_failed(seat) < 0))
			log_error("slot %s: memory is short, a returned board may not be known",
			        seat_label(seat));
	}
	bool passed = seat->slot.result == SLOT_RESULT_PASS;
	if (here &&
	        !seat->row_refused) // what was left in between counts in this job no more, whatever it was
		seat->known_here = passed || seat->slot.result == SLOT_RESULT_UNVERIFIED;
	if (here && verdict) {
		seat->known = seat->seen = true;
		seat->known_passed = seat->row_refused ? seat->known_passed : passed;
	}
	job_count_end(seat->station, seat);
	log_verdict(seat);
	if (!verdict)
		return; // what it was released for is still to come
	seat->reason[0] = '\0';
	seat->rework = false;
	if (!strcmp(seat->disposition, "retest") || !strcmp(seat->disposition, "rework"))
		seat->disposition[0] = '\0';
}

static void act_on_ledger(struct seat *seat, unsigned set)
{
	if (set & SLOT_DO_COUNT_END)
		count_end(seat);
	if (set & SLOT_DO_COUNT_START)
		job_count_start(seat->station, seat);
	if (set & SLOT_DO_COUNT_UNDO)
		job_count_undo(seat->station, seat);
	if (set & SLOT_DO_OPEN_ROW)
		attempt_open_row(seat);
	if (set & SLOT_DO_CLOSE_ROW)
		attempt_close_row(seat);
	if (set & SLOT_DO_RECORD_REFUSED)
		refusal_by_worker(seat);
	if (set & SLOT_DO_RECORD_ACK)
		attempt_ack_row(seat); // before any later attempt's row
	if (set & SLOT_DO_RECORD_RELEASE)
		attempt_release_row(seat);
}

static struct slot_actions step(struct seat *seat, const struct slot_event *event)
{
	struct slot_actions out;
	enum slot_state was = seat->slot.state;
	slot_step(&seat->slot, event, &out);
	if (seat->slot.state == SLOT_AWAITING && was != SLOT_AWAITING)
		ontarget_asked(seat);
	else if (was == SLOT_AWAITING && (out.set & SLOT_DO_CLOSE_ROW))
		ontarget_given_up(seat);
	if (seat->slot.state == SLOT_HOLD && was != SLOT_HOLD && seat->slot.returned)
		attempt_returned_row(seat, seat->board.serial[0]            ? "serial"
		                           : event->kind == SLOT_EV_VERDICT ? "content"
		                                                            : "diskseq");
	if (seat->slot.failure == FAILURE_SIGNATURE_UNAPPROVED)
		sign_note(seat);
	publish_seat(seat);
	act_on_ledger(seat, out.set);
	refusal_note(seat); // behind the worker's own words
	serial_let_go(seat);
	leave_act(seat, &out);
	act_on_worker(seat, out.set);
	return out;
}

// Between the halves of an attempt no worker has it, and none would find it in the store.
static void let_picture_go(struct seat *seat)
{
	if (!seat->picture || seat->member || seat->slot.row != SLOT_ROW_NONE)
		return;
	seat->picture = picture_unref(seat->picture);
	heal_try(seat->station);
}

void seat_event(struct seat *seat, const struct slot_event *event)
{
	struct slot_actions out = step(seat, event);
	seat_let_unnamed_in(seat);
	let_picture_go(seat);
	if (!seat->slot.present && seat->key[0] && !seat->member && seat->slot.row == SLOT_ROW_NONE)
		seat_forget_board(seat);
	if (out.set & SLOT_DO_COUNT_END)
		seat_ask_twins(seat, seat->attempt.serial); // its board may be in another slot by now
	if (out.set & (SLOT_DO_COUNT_END | SLOT_DO_COUNT_UNDO)) {
		job_settle(seat->station);
		seat_start_boards(seat->station);
		station_settle(seat->station);
	}
}

bool seat_person(struct seat *seat, const struct slot_event *event)
{
	bool accepted = step(seat, event).accepted;
	seat_let_unnamed_in(seat);
	seat_start_boards(seat->station);
	return accepted;
}

// No row of an image, no PASS (law 2). Nothing is said of the board: it is programmed again when the image is there.
static void take_back_verdict(struct seat *seat, const struct err *e)
{
	enum failure failure = (enum failure)e->failure;
	enum blame blame = failure_info(failure)->blame;
	seat->slot.result = SLOT_RESULT_ABORTED;
	seat->slot.failure = blame == BLAME_STORE || blame == BLAME_IMPORT ? failure : FAILURE_IMPORT_FAILED;
	STR_COPY(seat->attempt.text, e->text);
}

void seat_close_waiting(struct station *station, const struct picture *picture, const struct err *e)
{
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		if (!seat->close_waits || seat->picture != picture)
			continue;
		seat->close_waits = false;
		if (e)
			take_back_verdict(seat, e);
		attempt_close_row(seat);
	}
}

void seats_cancel_all(struct station *station)
{
	static const struct slot_event cancel = {.kind = SLOT_EV_CANCEL};
	for (unsigned i = 0; i < station->seat_count; i++)
		if (station->seats[i].member || station->seats[i].slot.state == SLOT_AWAITING)
			seat_person(&station->seats[i], &cancel);
}

void seats_free(struct station *station)
{
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		foreign_free(seat);
		leave_free(seat);
		seat->picture = picture_unref(seat->picture);
	}
}
