// SPDX-License-Identifier: MIT
// The job at hand: image, policies, quantity.
#include <errno.h>

#include "base/log.h"
#include "daemon/inside.h"
#include "daemon/job_counts.h"

static void take_picture(struct station *station)
{
	struct station_job *job = &station->job;
	if (job->picture && job->picture->failed)
		job->picture = picture_unref(job->picture);
	if (job->picture || job->counts.state != JOB_OPEN || station->check_key[0])
		return;
	struct err e;
	job->picture = picture_get(station, job->image, &e);
	// The job was opened with one image; another that came under its name is not it.
	if (job->picture && job->image_key[0] && strcmp(job->picture->key, job->image_key) != 0) {
		err_set(&e, ESTALE, "image '%s': not the one that job %s was opened with; close the job",
		        job->image, job->id);
		job->picture = picture_unref(job->picture);
	}
	if (!job->picture)
		alert_set(station, "image", e.num == EUCLEAN ? "warn" : "error", "%s", e.text);
	if (!job->picture && e.num == EUCLEAN)
		heal_touched(station, job->image, job->image_key);
	if (job->picture)
		alert_clear(station, "image");
}

void job_take_picture(struct station *station)
{
	take_picture(station);
	ontarget_prepare(station);
}

// The next attempt is of a unit, in the ledger's sense, that the job has counted: not of one that a new number or, for
// lack of anything to know it by, a new attempt makes another.
static bool is_counted(const struct seat *seat)
{
	bool same = seat->board.serial[0] || (seat->allot == SERIAL_OWN && seat->board.identity.diskseq);
	return seat->known_here && same;
}

bool job_may_start_board(const struct station *station, const struct seat *seat)
{
	const struct station_job *job = &station->job;
	bool again = is_counted(seat);
	bool retry = seat->slot.state == SLOT_RETRYING; // it has kept its place, and was let start before
	bool room = retry || again ? job->counts.state == JOB_OPEN && !job_is_full(&job->counts)
	                           : job_may_start(&job->counts);
	return room && job->picture && job->picture->ready && !job->picture->damaged &&
	       !job->picture->failed && ontarget_ready(job) && rows_are_taken(station) &&
	       serial_may_start(seat) &&
	       (job->recipe.start == RECIPE_START_AUTO || seat->start_granted || retry);
}

void job_count_start(struct station *station, struct seat *seat)
{
	seat->recount = is_counted(seat);
	seat->start_granted = false;
	job_started(&station->job.counts);
	station->dirty_counts = station->dirty_job = true;
}

void job_count_undo(struct station *station, struct seat *seat)
{
	(void)seat;
	job_unstarted(&station->job.counts);
	station->dirty_counts = station->dirty_job = true;
}

void job_count_end(struct station *station, struct seat *seat)
{
	static const enum job_end ends[] = {[SLOT_RESULT_NONE] = JOB_END_ABORTED,
	        [SLOT_RESULT_PASS] = JOB_END_PASS,
	        [SLOT_RESULT_UNVERIFIED] = JOB_END_UNVERIFIED,
	        [SLOT_RESULT_FAIL] = JOB_END_FAIL,
	        [SLOT_RESULT_ABORTED] = JOB_END_ABORTED};
	if (seat->row_refused) { // nothing was written, and the ledger has no such attempt
		job_count_undo(station, seat);
		return;
	}
	job_ended(&station->job.counts, ends[seat->slot.result], seat->slot.failure, seat->recount);
	if (seat->slot.result == SLOT_RESULT_PASS)
		station->pass_times[station->passes++ % UPH_TIMES] = clock_mono_ns();
	station->dirty_counts = station->dirty_job = true;
}

static json_t *close_body(const struct station_job *job)
{
	json_t *body = json_pack("{s:s,s:s}", "job", job->id, "reason", job->close_reason);
	if (job->close_operator[0])
		json_object_set_new(body, "operator", json_string(job->close_operator));
	return body;
}

// No board is started any more, by no other station either; the job's last row follows when the last one has finished.
static void end_job(struct station *station, const char *reason, const char *person)
{
	struct station_job *job = &station->job;
	job->counts.state = JOB_CLOSING;
	STR_COPY(job->close_reason, reason);
	STR_COPY(job->close_operator, person);
	station->dirty_job = true;
	leave_stop(station); // also where the board is away just now
	if (job->counts.inflight)
		rows_append(station, "job.closing", close_body(job), -1, NULL, NULL);
	seat_rematch_all(station);
	publish_soon(station);
}

static void on_closed(void *context, uint64_t seq, const struct err *e)
{
	struct station *station = context;
	struct station_job *job = &station->job;
	(void)seq;
	job->close_queued = false;
	if (!e) {
		job->counts.state = JOB_CLOSED;
		clock_utc_text(job->closed);
		job->picture = picture_unref(job->picture);
		alert_clear(station, "image");
		alert_clear(station, "on-target");
	}
	if (job->closer && e)
		control_refuse_err(job->closer, "ledger", e);
	else if (job->closer)
		control_answer(job->closer, snapshot_job(station));
	job->closer = NULL;
	station->dirty_job = true;
	publish_soon(station);
}

void job_settle(struct station *station)
{
	struct station_job *job = &station->job;
	// Not before a rework under way has ended: it may take one away.
	if (job->counts.state == JOB_OPEN && job_is_full(&job->counts) && !job->counts.inflight) {
		log_info("job %s: all %llu are made", job->id, (unsigned long long)job->counts.wanted);
		end_job(station, "complete", "");
	}
	if (job->counts.state != JOB_CLOSING || job->counts.inflight || job->close_queued)
		return;
	job->close_queued = true;
	rows_append(station, "job.close", close_body(job), -1, on_closed, station);
}

void job_free(struct station *station)
{
	struct station_job *job = &station->job;
	job->picture = picture_unref(job->picture);
	recipe_free(&job->recipe);
	key_set_clear(&job->known);
	if (job->closer)
		control_refuse(job->closer, "stopping", "the station stops");
	job->closer = NULL;
}

// --- commands ----------------------------------------------------------------------------------------------

// A fresh job in place of the last one.
static void job_reset(struct station *station)
{
	struct station_job *job = &station->job;
	picture_unref(job->picture);
	recipe_free(&job->recipe);
	key_set_clear(&job->known); // of boards with a serial the ledger knows, others show what is on them
	*job = (struct station_job){0};
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		seat->known_here = seat->rework = false;
		seat->slot.granted = SLOT_GRANT_NONE; // a release was for the last job
		seat->reason[0] = seat->person[0] = seat->starter[0] = '\0';
	}
}

static json_t *open_body(const struct station_job *job)
{
	json_t *body = json_pack("{s:s,s:s}", "job", job->id, "image", job->image);
	recipe_write(&job->recipe, body);
	if (job->image_key[0])
		json_object_set_new(body, "image_key", json_string(job->image_key));
	if (job->plan_sha256[0])
		json_object_set_new(body, "plan_sha256", json_string(job->plan_sha256));
	return body;
}

// The one who opened waits for the row; the job itself is open already, for rows are written in order.
static json_t *on_opened(void *context, const struct err *e)
{
	struct station *station = context;
	if (e) {
		station->job.counts.state = JOB_CLOSED;
		seat_rematch_all(station);
		return NULL;
	}
	json_t *shown = snapshot_job(station);
	json_object_set_new(shown, "preflight", preflight_lines(station));
	return shown;
}

// What the order leaves open the station's configuration says.
static void fill_recipe(const struct station *station, const json_t *args, struct recipe *recipe)
{
	if (!json_object_get(args, "lun"))
		recipe->lun = station->fixture->lun;
	if (!json_object_get(args, "signature") && station->config.match.learn)
		recipe->signature = RECIPE_SIGNATURE_LEARN;
}

static int read_recipe(const struct station *station, const struct control_request *request,
        struct recipe *recipe, struct job_signature *signature, struct err *e)
{
	int r = recipe_check_names(request->args, e);
	if (r < 0)
		return r;
	r = recipe_read(request->args, recipe, e);
	fill_recipe(station, request->args, recipe);
	if (r == 0)
		r = recipe_check(recipe, e);
	if (r == 0)
		r = sign_given(recipe, signature, e);
	if (r < 0)
		recipe_free(recipe);
	else if (!recipe->operator_[0])
		STR_COPY(recipe->operator_, request->operator_);
	return r;
}

// `picture` NULL: it is in the store, and is to be hashed before it is used.
static int picture_allowed(struct station *station, const struct recipe *recipe, const char *name,
        struct picture *picture, struct err *e)
{
	if (picture)
		return ontarget_allowed(station, recipe, picture, e);
	if (recipe->verify != RECIPE_VERIFY_ON_TARGET)
		return 0;
	heal_touched(station, name, json_string_value(json_object_get(image_find(station, name), "key")));
	return err_set(e, EUCLEAN,
	        "verify on-target: image '%s' was touched in the store and is being hashed; open the job "
	        "again when that is done",
	        name);
}

static void take_image(struct station *station, const char *name, const struct picture *picture)
{
	struct station_job *job = &station->job;
	const json_t *known = picture ? NULL : image_find(station, name);
	STR_COPY(job->image, name);
	STR_COPY(job->image_key, picture ? picture->key : json_string_value(json_object_get(known, "key")));
	STR_COPY(job->plan_sha256,
	        picture ? picture->plan_sha256 : json_string_value(json_object_get(known, "plan_sha256")));
}

void job_command_open(struct station *station, struct control_request *request)
{
	struct station_job *job = &station->job;
	if (job->counts.state == JOB_OPEN || job->counts.state == JOB_CLOSING) {
		control_refuse(request, "job-open", "job %s is %s; close it first with 'gangway job close'",
		        job->id, job_state_name(job->counts.state));
		return;
	}
	const char *image = json_string_value(json_object_get(request->args, "image"));
	struct err e;
	struct picture *picture = picture_get(station, image ? image : "", &e);
	if (!picture && e.num != EUCLEAN) {
		control_refuse_err(request, "no-such-image", &e);
		return;
	}
	struct recipe recipe;
	struct job_signature signature;
	int r = read_recipe(station, request, &recipe, &signature, &e);
	if (r == 0) {
		r = picture_allowed(station, &recipe, image, picture, &e);
		if (r < 0)
			recipe_free(&recipe);
	}
	if (r < 0) {
		picture_unref(picture);
		control_refuse(request, "bad-args", "job.open: %s", e.text);
		return;
	}
	job_reset(station);
	job->recipe = recipe;
	job->signature = signature;
	job->counts.wanted = recipe.wanted;
	job->picture = picture;
	job->counts.state = JOB_OPEN;
	snprintf(job->id, sizeof(job->id), "J%04llu", (unsigned long long)station->next_job++);
	take_image(station, image, picture);
	clock_utc_text(job->opened);
	rows_append_answered(station, "job.open", open_body(job), request, on_opened, station);
	log_info("job %s: opened with image '%s'", job->id, job->image);
	station->dirty_job = station->dirty_counts = true;
	alert_clear(station, "on-target");
	job_take_picture(station);
	seat_rematch_all(station);
	publish_soon(station);
}

void job_command_close(struct station *station, struct control_request *request)
{
	struct station_job *job = &station->job;
	const char *id = json_string_value(json_object_get(request->args, "job"));
	if (job->counts.state != JOB_OPEN || (id && strcmp(id, job->id) != 0)) {
		control_refuse(request, "no-such-job", "no such job is open; 'gangway job show' tells");
		return;
	}
	job->closer = request;
	end_job(station, job_is_full(&job->counts) ? "complete" : "operator", request->operator_);
	job_settle(station);
}

void job_command_start(struct station *station, struct control_request *request)
{
	if (station->job.counts.state != JOB_OPEN || station->job.recipe.start != RECIPE_START_BUTTON) {
		control_refuse(request, "no-such-job", "no job with start mode 'start' is open");
		return;
	}
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		seat->start_granted = slot_is_ready(&seat->slot);
		if (seat->start_granted)
			STR_COPY(seat->starter, request->operator_);
	}
	seat_start_boards(station);
	control_answer(request, NULL);
}

void job_resume(struct station *station, const json_t *from)
{
	struct station_job *job = &station->job;
	struct err e;
	if (!json_is_object(from))
		return;
	STR_COPY(job->id, json_string_value(json_object_get(from, "job")));
	STR_COPY(job->image, json_string_value(json_object_get(from, "image")));
	STR_COPY(job->image_key, json_string_value(json_object_get(from, "image_key")));
	STR_COPY(job->plan_sha256, json_string_value(json_object_get(from, "plan_sha256")));
	STR_COPY(job->opened, json_string_value(json_object_get(from, "opened")));
	if (recipe_read(json_object_get(from, "recipe"), &job->recipe, &e) < 0)
		log_warn("job %s: the ledger's recipe is not understood: %s", job->id, e.text);
	sign_resume(job, json_object_get(from, "signature_row"));
	job->counts.wanted = job->recipe.wanted;
	job_counts_read(from, &job->counts);
	STR_COPY(job->close_reason, json_string_value(json_object_get(from, "close_reason")));
	if (job->counts.state == JOB_CLOSING)
		log_info("job %s: it was closed when the last station died: no board is started", job->id);
	job_take_picture(station);
}
