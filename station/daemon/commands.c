// SPDX-License-Identifier: MIT
// The control socket's commands.
#include "base/log.h"
#include "daemon/inside.h"

static void command_hello(struct station *station, struct control_request *request)
{
	control_answer(request, json_pack("{s:s,s:s,s:s}", "version", GANGWAY_VERSION, "station",
	                                station->config.name, "role", request->role));
}

static void command_state(struct station *station, struct control_request *request)
{
	control_answer(request, snapshot_make(station));
}

static void command_subscribe(struct station *station, struct control_request *request)
{
	(void)station;
	control_subscribe(request);
}

// --- slots -------------------------------------------------------------------------------------------------

static struct seat *wanted_seat(struct station *station, struct control_request *request)
{
	const char *label = json_string_value(json_object_get(request->args, "slot"));
	struct seat *seat = seat_find(station, label);
	if (!seat)
		control_refuse(request, "no-such-slot", "there is no slot '%s'", label ? label : "");
	return seat;
}

// What a person says of a slot is recorded with it, and with the attempt that follows.
struct word {
	char person[sizeof(((struct seat *)0)->person)];
	char reason[sizeof(((struct seat *)0)->reason)];
	bool rework;
};

static struct word word_of(const struct seat *seat)
{
	struct word word = {.rework = seat->rework};
	STR_COPY(word.person, seat->person);
	STR_COPY(word.reason, seat->reason);
	return word;
}

static void word_set(struct seat *seat, const struct word *word)
{
	STR_COPY(seat->person, word->person);
	STR_COPY(seat->reason, word->reason);
	seat->rework = word->rework;
}

// As seat_person(). What was refused has never been said; who said something is answered when its row is durable.
static bool say(struct seat *seat, const struct word *word, const struct slot_event *event,
        struct control_request *request)
{
	const struct word before = word_of(seat);
	word_set(seat, word);
	seat->asker = request;
	bool accepted = seat_person(seat, event);
	bool unanswered = seat->asker; // no row was asked for
	seat->asker = NULL;
	if (!accepted)
		word_set(seat, &before);
	else if (unanswered)
		control_answer(request, snapshot_slot(seat));
	return accepted;
}

static void command_ack(struct station *station, struct control_request *request)
{
	static const struct slot_event ack = {.kind = SLOT_EV_ACK};
	struct seat *seat = wanted_seat(station, request);
	if (!seat)
		return;
	struct word word = word_of(seat);
	STR_COPY(word.person, request->operator_);
	if (!say(seat, &word, &ack, request))
		control_refuse(request, "nothing-to-do", "slot %s: nothing to acknowledge", seat_label(seat));
}

static void command_release(struct station *station, struct control_request *request)
{
	struct seat *seat = wanted_seat(station, request);
	if (!seat)
		return;
	const char *reason = json_string_value(json_object_get(request->args, "reason"));
	struct slot_event event = {.kind = SLOT_EV_RELEASE, .ejected = seat->ejected};
	seat_judge(seat, true, &event.admission);
	if ((!reason || !reason[0]) && seat->disposition[0])
		reason = seat->disposition_reason;
	if ((!reason || !reason[0]) && seat_is_rework(seat)) {
		control_refuse(request, "bad-args",
		        "slot %s: this unit has passed; programming it again is rework and needs a reason",
		        seat_label(seat));
		return;
	}
	if (seat->member && seat->scanned[0] && strcmp(seat->scanned, seat->board.serial) != 0) {
		control_refuse(request, "nothing-to-do",
		        "slot %s: its worker is still ending; the serial that was scanned is looked up then",
		        seat_label(seat));
		return;
	}
	if (seat->allot != SERIAL_OWN && (seat_is_rework(seat) || seat->known_here)) {
		control_refuse(request, "no-serial",
		        "slot %s: this unit was given its serial when it %s: scan it, then release it",
		        seat_label(seat), seat_is_rework(seat) ? "passed" : "was written");
		return;
	}
	struct word word = {.rework = seat_is_rework(seat)};
	STR_COPY(word.reason, reason && reason[0] ? reason : "released by hand");
	STR_COPY(word.person, request->operator_);
	if (say(seat, &word, &event, request))
		return;
	if (!seat->slot.present)
		control_refuse(request, "nothing-to-do",
		        "slot %s: nothing to release: no board is plugged in", seat_label(seat));
	else
		control_refuse(request, "nothing-to-do", "slot %s: nothing to release: %s%s%s",
		        seat_label(seat), slot_tile(&seat->slot),
		        event.admission.verdict == MATCH_OK ? "" : ", ",
		        event.admission.verdict == MATCH_OK ? "" : event.admission.reason);
}

static void command_cancel(struct station *station, struct control_request *request)
{
	static const struct slot_event cancel = {.kind = SLOT_EV_CANCEL};
	struct seat *seat = wanted_seat(station, request);
	if (!seat)
		return;
	char before[sizeof(seat->stopper)];
	STR_COPY(before, seat->stopper);
	STR_COPY(seat->stopper, request->operator_); // its closing row may come of it at once
	if (seat_person(seat, &cancel)) {
		control_answer(request, NULL);
		return;
	}
	STR_COPY(seat->stopper, before);
	control_refuse(request, "nothing-to-do", "slot %s: nothing to stop", seat_label(seat));
}

// --- the fixture -------------------------------------------------------------------------------------------

static void command_fixture(struct station *station, struct control_request *request)
{
	struct fixture *fixture = station->fixture;
	struct seat *seat = wanted_seat(station, request);
	if (!seat)
		return;
	if (!fixture->ops->act) {
		control_refuse(
		        request, "not-simulated", "a %s fixture takes no such command", fixture->ops->kind);
		return;
	}
	const char *what = request->cmd + strlen("fixture.");
	const char *argument =
	        json_string_value(json_object_get(request->args, strcmp(what, "fault") ? "board" : "fault"));
	struct err e;
	if (fixture->ops->act(fixture, what, seat->index, argument ? argument : "", &e) < 0)
		control_refuse_err(request, "fixture", &e);
	else
		control_answer(request, NULL);
}

// --- the station -------------------------------------------------------------------------------------------

static void command_stop(struct station *station, struct control_request *request)
{
	char person[sizeof(request->operator_)];
	STR_COPY(person, request->operator_);
	control_answer(request, NULL);
	station_stop(station, "stop command", person);
}

static void command_listening(struct station *station, struct control_request *request)
{
	const char *url = json_string_value(json_object_get(request->args, "url"));
	if (strcmp(request->role, "web") != 0 || !url) {
		control_refuse(request, "bad-args", "web.listening is the web role's");
		return;
	}
	STR_COPY(station->url, url);
	page_listens(station);
	station->dirty_station = true;
	alert_clear(station, "page");
	log_info("page: %s", url);
	control_answer(request, NULL);
	publish_soon(station);
}

struct station_command {
	const char *cmd;
	void (*run)(struct station *station, struct control_request *request);
	bool web;         // the page may ask for it
	bool early;       // ... and anybody before the ledger is open
	const char *args; // all it takes, as args_check() has them
};

static void run_command(
        struct station *station, const struct station_command *command, struct control_request *request)
{
	struct err e;
	if (!strcmp(request->role, "web") && !command->web)
		control_refuse(
		        request, "not-allowed", "%s: not from the page; use the command line", request->cmd);
	else if (station->phase == PHASE_STARTING && !command->early)
		control_refuse(request, "starting", "%s: the station waits for its ledger: %s", request->cmd,
		        station->ledger.error);
	else if (args_check(request->args, command->args, &e) < 0)
		control_refuse(request, "bad-args", "%s: %s", request->cmd, e.text);
	else
		command->run(station, request);
}

static void on_request(void *context, struct control_request *request)
{
	static const struct station_command commands[] = {
	        {"hello", command_hello, true, true, NULL},
	        {"state", command_state, true, true, NULL},
	        {"subscribe", command_subscribe, true, true, NULL},
	        {"image.add", image_command_add, false, false, "name:s bmap_name:s holes_unmapped:b"},
	        {"image.list", image_command_list, true, false, NULL},
	        {"image.show", image_command_show, true, false, "name:s"},
	        {"image.remove", image_command_remove, false, false, "name:s"},
	        {"job.open", job_command_open, true, false, "image:s *"},
	        {"job.close", job_command_close, true, false, "job:s"},
	        {"job.show", record_command_job_show, true, false, "job:s"},
	        {"job.start", job_command_start, true, false, NULL},
	        {"job.signature.show", sign_command_show, true, false, NULL},
	        {"job.signature.approve", sign_command_approve, true, false,
	                "job:s signature:o sha256:s reason:s"},
	        {"job.signature.reject", sign_command_reject, true, false,
	                "job:s signature:o sha256:s reason:s"},
	        {"slot.ack", command_ack, true, false, "slot:s"},
	        {"slot.release", command_release, true, false, "slot:s reason:s"},
	        {"slot.cancel", command_cancel, true, false, "slot:s"},
	        {"slot.scan", serial_command_scan, true, false, "slot:s serial:s"},
	        {"record.query", record_command_query, true, false, "query:s parameters:o"},
	        {"unit.dispose", record_command_dispose, true, false, "serial:s disposition:s reason:s"},
	        {"fixture.fault", command_fixture, false, false, "slot:s fault:s"},
	        {"fixture.plug", command_fixture, false, false, "slot:s board:s"},
	        {"fixture.unplug", command_fixture, false, false, "slot:s board:s"},
	        {"stop", command_stop, false, true, NULL},
	        {"web.listening", command_listening, true, true, "url:s"},
	};
	struct station *station = context;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].cmd, request->cmd) != 0)
			continue;
		run_command(station, &commands[i], request);
		return;
	}
	control_refuse(request, "no-such-command", "'%s': no such command; docs/protocol.md lists them",
	        request->cmd);
}

const struct control_handlers station_handlers = {.request = on_request, .snapshot = snapshot_make};
