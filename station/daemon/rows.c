// SPDX-License-Identifier: MIT
// The station's side of the ledger: rows in order, what happens when they are durable, and a recorder that fails.
#include <errno.h>

#include "base/log.h"
#include "daemon/inside.h"

static struct row_queued *row_at(struct row_queue *ledger, unsigned i)
{
	return &ledger->rows[(ledger->first + i) % ROWS_MAX];
}

static void rows_trouble(struct station *station, const char *text)
{
	struct row_queue *ledger = &station->ledger;
	ledger->failing = true;
	STR_COPY(ledger->error, text);
	bool starting = station->phase == PHASE_STARTING;
	alert_set(station, "ledger", "error", "%s: %s",
	        starting ? "the station waits for its ledger, then it goes on by itself"
	                 : "the ledger takes no rows, no board is started",
	        text);
	if (starting)
		station_waits(station);
	log_error("ledger: %s", text);
	station->dirty_ledger = true;
	publish_soon(station);
}

// Gives the recorder the rows it does not have yet, in order.
static void rows_feed(struct station *station)
{
	struct row_queue *ledger = &station->ledger;
	for (unsigned i = 0; ledger->up && i < ledger->count; i++) {
		struct row_queued *row = row_at(ledger, i);
		if (row->ticket)
			continue;
		struct err e;
		int r = row->again ? recorder_append_again(ledger->recorder, ledger->reported, row->kind,
		                             row->body, row->attachment, &row->ticket, &e)
		                   : recorder_append(ledger->recorder, row->kind, row->body, row->attachment,
		                             &row->ticket, &e);
		if (r < 0) {
			row->ticket = 0;
			if (r != -EBUSY)
				rows_trouble(station, e.text);
			return;
		}
	}
}

// The row is durable, or not taken: who waits for it hears so.
static void row_tell(const struct row_queued *row, uint64_t seq, const struct err *e)
{
	if (row->done)
		row->done(row->context, seq, e);
	if (!row->asker)
		return;
	json_t *answer = row->answer(row->context, e);
	if (e)
		control_refuse_err(row->asker, "ledger", e);
	else
		control_answer(row->asker, answer);
}

static void row_finish(struct station *station, uint64_t ticket, uint64_t seq, const struct err *e)
{
	struct row_queue *ledger = &station->ledger;
	if (!ledger->count || ledger->rows[ledger->first].ticket != ticket)
		return; // a head's ticket: nobody waits for it
	struct row_queued row = ledger->rows[ledger->first];
	ledger->first = (ledger->first + 1) % ROWS_MAX;
	ledger->count--;
	row_tell(&row, seq, e);
	json_decref(row.body);
	if (row.attachment >= 0)
		close(row.attachment);
	rows_feed(station);
}

// A recorder of its own accord writes only that its clock has started.
static void record_restart(struct station *station)
{
	struct row_queue *ledger = &station->ledger;
	char text[sizeof(ledger->ended) + 60];
	if (!ledger->ended[0])
		return;
	snprintf(text, sizeof(text), "the recorder ended (%s) and was started again", ledger->ended);
	ledger->ended[0] = '\0';
	rows_append(station, "note", json_pack("{s:s}", "text", text), -1, NULL, NULL);
}

static void on_ready(void *context, const json_t *resume)
{
	struct station *station = context;
	struct row_queue *ledger = &station->ledger;
	ledger->up = true;
	ledger->failing = false;
	ledger->seq = (uint64_t)json_integer_value(json_object_get(resume, "seq"));
	ledger->anchored = (uint64_t)json_integer_value(json_object_get(resume, "anchored"));
	STR_COPY(ledger->hash, json_string_value(json_object_get(resume, "hash")));
	alert_clear(station, "ledger");
	station->dirty_ledger = true;
	if (station->phase == PHASE_STARTING) {
		ledger->reported = ledger->seq;
		station_ready(station, resume);
	}
	rows_feed(station);
	record_restart(station);
	seat_start_boards(station);
	publish_soon(station);
}

static void on_durable(void *context, uint64_t ticket, uint64_t seq, const char *hash)
{
	struct station *station = context;
	station->ledger.seq = station->ledger.reported = seq;
	STR_COPY(station->ledger.hash, hash);
	station->ledger.restarts = 0; // it works
	station->dirty_ledger = true;
	row_finish(station, ticket, seq, NULL);
	publish_soon(station);
}

static void on_refused(void *context, uint64_t ticket, const struct err *e)
{
	struct station *station = context;
	log_error("ledger: a row was refused: %s", e->text);
	row_finish(station, ticket, 0, e);
}

static void on_failing(void *context, const struct err *e)
{
	rows_trouble(context, e->text);
}

static void on_recovered(void *context)
{
	struct station *station = context;
	station->ledger.failing = false;
	station->ledger.error[0] = '\0';
	alert_clear(station, "ledger");
	station->dirty_ledger = true;
	log_info("ledger: takes rows again");
	seat_start_boards(station);
	publish_soon(station);
}

static void on_anchored(void *context, uint64_t row)
{
	struct station *station = context;
	station->ledger.anchored = row;
	station->dirty_ledger = true;
	publish_soon(station);
}

static void on_died(void *context, const char *how)
{
	struct station *station = context;
	struct row_queue *ledger = &station->ledger;
	char text[200];
	snprintf(text, sizeof(text), "the recorder ended (%s) and is started again", how);
	if (station->phase == PHASE_STARTING) {
		struct err e;
		err_set(&e, EIO, "%s", how);
		station_fatal(station, &e);
		return;
	}
	ledger->up = false;
	STR_COPY(ledger->ended, how);
	rows_trouble(station, text);
	uint64_t delay = NSEC_PER_SEC / 10 << (ledger->restarts < 6 ? ledger->restarts : 6);
	ledger->restarts++;
	if (loop_timer_after(ledger->restart, delay) < 0)
		log_error("ledger: no timer to start the recorder again");
}

static const struct recorder_events recorder_events = {
        .ready = on_ready,
        .durable = on_durable,
        .refused = on_refused,
        .failing = on_failing,
        .recovered = on_recovered,
        .anchored = on_anchored,
        .died = on_died,
};

// The attempts under way, "12,13": the next recorder must not take them for a dead station's.
static void live_attempts(const struct station *station, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < station->seat_count; i++) {
		const struct seat *seat = &station->seats[i];
		if (seat->slot.row != SLOT_ROW_NONE && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%llu", used ? "," : "",
			        (unsigned long long)seat->attempt.id);
	}
}

static int head_policy(const struct station *station, struct err *e)
{
	const struct station_heads *heads = &station->config.heads;
	return recorder_head_policy(station->ledger.recorder, heads->rows, heads->minutes * 60, e);
}

static void restart(void *context)
{
	struct station *station = context;
	struct row_queue *ledger = &station->ledger;
	struct err e;
	char live[BOARD_SLOTS_MAX * 24];
	ledger->recorder = recorder_free(ledger->recorder);
	for (unsigned i = 0; i < ledger->count; i++) {
		// What it was given and did not report goes to the next one, which looks whether it is written.
		struct row_queued *row = row_at(ledger, i);
		row->again = row->again || row->ticket;
		row->ticket = 0;
	}
	live_attempts(station, live, sizeof(live));
	if (recorder_start_again(station->loop, station->config.state, live[0] ? live : NULL,
	            &recorder_events, station, &ledger->recorder, &e) < 0 ||
	        head_policy(station, &e) < 0)
		on_died(station, e.text);
}

int rows_start(struct station *station, struct err *e)
{
	struct row_queue *ledger = &station->ledger;
	int r = loop_add_timer(station->loop, restart, station, &ledger->restart, e);
	if (r < 0)
		return r;
	r = recorder_start(
	        station->loop, station->config.state, &recorder_events, station, &ledger->recorder, e);
	return r < 0 ? r : head_policy(station, e);
}

static void append(struct station *station, const char *kind, struct row_queued wanted)
{
	struct row_queue *ledger = &station->ledger;
	static const struct err full = {
	        .num = EBUSY, .text = "the station holds too many rows that are not on disk yet"};
	static const struct err memory = {.num = ENOMEM, .text = "memory is short"};
	if (!wanted.body || ledger->count == ROWS_MAX) {
		const struct err *e = wanted.body ? &full : &memory;
		log_error("ledger: a %s row is lost: %s", kind, e->text);
		json_decref(wanted.body);
		if (wanted.attachment >= 0)
			close(wanted.attachment);
		row_tell(&wanted, 0, e);
		return;
	}
	struct row_queued *row = row_at(ledger, ledger->count++);
	*row = wanted;
	STR_COPY(row->kind, kind);
	rows_feed(station);
}

void rows_append(struct station *station, const char *kind, json_t *body, int attachment, row_done_fn done,
        void *context)
{
	append(station, kind,
	        (struct row_queued){
	                .body = body, .attachment = attachment, .done = done, .context = context});
}

void rows_append_answered(struct station *station, const char *kind, json_t *body,
        struct control_request *asker, row_answer_fn answer, void *context)
{
	append(station, kind,
	        (struct row_queued){.body = body,
	                .attachment = -1,
	                .asker = asker,
	                .answer = answer,
	                .context = context});
}

void row_set_text(json_t *body, const char *key, const char *text)
{
	if (text && text[0])
		json_object_set_new(body, key, json_string(text));
}

void row_set_number(json_t *body, const char *key, uint64_t number)
{
	if (number)
		json_object_set_new(body, key, json_integer((json_int_t)number));
}

bool rows_are_taken(const struct station *station)
{
	// Room for what the running boards will still have to say.
	return station->ledger.up && !station->ledger.failing && station->ledger.count < ROWS_MAX / 2;
}

void rows_free(struct station *station)
{
	struct row_queue *ledger = &station->ledger;
	for (unsigned i = 0; i < ledger->count; i++) {
		json_decref(row_at(ledger, i)->body);
		if (row_at(ledger, i)->attachment >= 0)
			close(row_at(ledger, i)->attachment);
	}
	ledger->count = 0;
	ledger->recorder = recorder_free(ledger->recorder);
	loop_remove(ledger->restart);
}
