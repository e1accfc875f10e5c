// SPDX-License-Identifier: MIT
// The job's board signature: learned from its first board, approved or rejected by a person, recorded.
#include <errno.h>
#include <strings.h>

#include "base/log.h"
#include "daemon/inside.h"

void sign_rules(const struct station_job *job, struct match_rules *rules)
{
	const struct job_signature *s = &job->signature;
	rules->signature_wanted = job->recipe.signature == RECIPE_SIGNATURE_LEARN;
	rules->signature = s->is_approved ? &s->approved : NULL;
	rules->rejected = s->rejected;
	rules->rejected_count = s->is_approved ? 0 : s->rejected_count;
}

void sign_work(const struct station_job *job, struct worker_job *work)
{
	if (job->signature.is_approved)
		work->signature = job->signature.approved;
}

void sign_note(struct seat *seat)
{
	struct station *station = seat->station;
	struct job_signature *s = &station->job.signature;
	struct match_board board;
	struct signature learned;
	bool same_board = !strcmp(s->slot, seat_label(seat)) && !strcmp(s->serial, seat->board.serial);
	if (s->is_approved || (s->is_proposed && !same_board))
		return;
	seat_describe(seat, &board);
	signature_learn(&board, &learned);
	if (s->is_proposed && signature_equal(&s->proposed, &learned))
		return;
	s->is_proposed = true; // again, when its LUNs came one after the other
	s->proposed = learned;
	STR_COPY(s->slot, seat_label(seat));
	STR_COPY(s->serial, seat->board.serial);
	station->dirty_job = true;
	log_info("job %s: the board in slot %s is the first: its signature waits for approval",
	        station->job.id, s->slot);
}

int sign_given(const struct recipe *recipe, struct job_signature *out, struct err *e)
{
	*out = (struct job_signature){0};
	if (!recipe->signature_approved)
		return 0;
	int r = sign_from_json(recipe->signature_approved, &out->approved, e);
	out->is_approved = r == 0;
	return r;
}

static void approve(struct station_job *job, const struct signature *approved)
{
	struct job_signature *s = &job->signature;
	s->approved = *approved;
	s->is_approved = true;
	s->is_proposed = false;
	s->rejected_count = 0;
	json_decref(job->recipe.signature_approved);
	job->recipe.signature_approved = sign_to_json(approved);
}

static void reject(struct station_job *job, const struct signature *rejected)
{
	struct job_signature *s = &job->signature;
	if (s->rejected_count == REJECTED_MAX) // the oldest may be proposed again
		memmove(s->rejected, s->rejected + 1, --s->rejected_count * sizeof(s->rejected[0]));
	s->rejected[s->rejected_count++] = *rejected;
	s->is_approved = s->is_proposed = false;
	s->slot[0] = s->serial[0] = '\0';
	json_decref(job->recipe.signature_approved);
	job->recipe.signature_approved = NULL;
	job->recipe.signature = RECIPE_SIGNATURE_LEARN;
}

void sign_resume(struct station_job *job, const json_t *row)
{
	struct signature signature;
	struct err e;
	const char *state = json_string_value(json_object_get(row, "state"));
	int r = sign_given(&job->recipe, &job->signature, &e);
	if (r == 0 && state)
		r = sign_from_json(json_object_get(row, "signature"), &signature, &e);
	if (r < 0) {
		// Without it another product's boards would be programmed: they wait for a person instead.
		log_error("job %s: the ledger's board signature is not understood: %s", job->id, e.text);
		job->recipe.signature = RECIPE_SIGNATURE_LEARN;
	} else if (state && !strcmp(state, "approved")) {
		approve(job, &signature);
	} else if (state) {
		reject(job, &signature);
	}
}

json_t *sign_show(const struct station_job *job)
{
	const struct job_signature *s = &job->signature;
	const char *state = s->is_approved                                    ? "approved"
	                    : s->is_proposed                                  ? "proposed"
	                    : job->recipe.signature == RECIPE_SIGNATURE_LEARN ? "learning"
	                                                                      : "off";
	json_t *shown = json_pack("{s:s}", "state", state);
	if (s->is_approved)
		json_object_set_new(shown, "signature", sign_to_json(&s->approved));
	else if (s->is_proposed)
		json_object_set_new(shown, "signature", sign_to_json(&s->proposed));
	if (s->slot[0]) {
		json_object_set_new(shown, "slot", json_string(s->slot));
		json_object_set_new(shown, "serial", json_string(s->serial));
	}
	return shown;
}

// --- commands ----------------------------------------------------------------------------------------------

// A person's answer counts when its row is durable, as everything does.
struct answer {
	struct station *station;
	struct control_request *request;
	char job[16];
	bool approves;
	struct signature signature;
};

static void on_recorded(void *context, uint64_t seq, const struct err *e)
{
	_cleanup_free_ struct answer *answer = context;
	struct station *station = answer->station;
	struct station_job *job = &station->job;
	(void)seq;
	if (strcmp(job->id, answer->job) != 0) { // closed, and another one opened, meanwhile
		control_refuse(answer->request, "no-such-job", "job %s has been closed", answer->job);
		return;
	}
	job->signature.asked = false;
	if (e) {
		control_refuse_err(answer->request, "ledger", e);
		return;
	}
	if (answer->approves)
		approve(job, &answer->signature);
	else
		reject(job, &answer->signature);
	log_info("job %s: the board signature was %s", job->id, answer->approves ? "approved" : "rejected");
	station->dirty_job = true;
	seat_rematch_all(station);
	control_answer(answer->request, sign_show(job));
	publish_soon(station);
}

static void record(struct answer *answer)
{
	struct station_job *job = &answer->station->job;
	const struct control_request *request = answer->request;
	const char *reason = json_string_value(json_object_get(request->args, "reason"));
	json_t *body = json_pack("{s:s,s:s,s:o,s:s}", "job", job->id, "state",
	        answer->approves ? "approved" : "rejected", "signature", sign_to_json(&answer->signature),
	        "operator", request->operator_);
	if (job->signature.slot[0]) {
		json_object_set_new(body, "slot", json_string(job->signature.slot));
		json_object_set_new(body, "serial", json_string(job->signature.serial));
	}
	if (reason)
		json_object_set_new(body, "reason", json_string(reason));
	job->signature.asked = true;
	rows_append(answer->station, "job.signature", body, -1, on_recorded, answer);
}

static bool no_open_job(struct station *station, struct control_request *request)
{
	const char *id = json_string_value(json_object_get(request->args, "job"));
	bool open = station->job.counts.state == JOB_OPEN && (!id || !strcmp(id, station->job.id));
	if (!open)
		control_refuse(request, "no-such-job", "no such job is open; 'gangway job show' tells");
	else if (station->job.signature.asked)
		control_refuse(request, "busy", "the last answer is being recorded");
	return !open || station->job.signature.asked;
}

// What is approved is named by the one who approves it, or is what is proposed.
static int wanted_signature(
        const struct station_job *job, const json_t *args, struct signature *out, struct err *e)
{
	const json_t *given = json_object_get(args, "signature");
	if (given)
		return sign_from_json(given, out, e);
	const struct job_signature *s = &job->signature;
	if (s->is_proposed)
		*out = s->proposed;
	else if (s->is_approved)
		*out = s->approved;
	else
		return err_set(e, ENOENT,
		        "no board has shown its signature yet; plug in the first one, or give one with "
		        "--signature");
	return 0;
}

// What was looked at is not what stands there now.
static bool has_changed(const struct answer *answer)
{
	char now[SHA256_HEX_SIZE];
	const struct control_request *request = answer->request;
	const char *seen = json_string_value(json_object_get(request->args, "sha256"));
	sign_sha256(&answer->signature, now);
	return seen && strcasecmp(seen, now) != 0;
}

static void command_answer(struct station *station, struct control_request *request, bool approves)
{
	struct err e;
	if (no_open_job(station, request))
		return;
	struct answer *answer = calloc(1, sizeof(*answer));
	if (!answer) {
		control_refuse(request, "busy", "memory is short");
		return;
	}
	*answer = (struct answer){.station = station, .request = request, .approves = approves};
	STR_COPY(answer->job, station->job.id);
	if (wanted_signature(&station->job, request->args, &answer->signature, &e) < 0) {
		control_refuse_err(request, e.num == ENOENT ? "nothing-to-do" : "bad-args", &e);
		free(answer);
		return;
	}
	if (has_changed(answer)) {
		control_refuse(request, "changed",
		        "the signature is another one by now: look again, with 'gangway job signature show'");
		free(answer);
		return;
	}
	record(answer);
}

void sign_command_approve(struct station *station, struct control_request *request)
{
	command_answer(station, request, true);
}

void sign_command_reject(struct station *station, struct control_request *request)
{
	command_answer(station, request, false);
}

void sign_command_show(struct station *station, struct control_request *request)
{
	if (station->job.counts.state == JOB_NONE)
		control_refuse(request, "no-such-job", "no job has been opened");
	else
		control_answer(request, sign_show(&station->job));
}
