// SPDX-License-Identifier: MIT
// Boards that read themselves back: what their job needs, and the two halves of an attempt.
#include <errno.h>
#include <signal.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/inside.h"

// Four processes in 3.5 s: who dies as often does not do so by chance.
enum { KIT_DEATHS_MAX = 4 };
static const uint64_t KIT_REST_NS = NSEC_PER_SEC / 2;

static bool is_wanted(const struct recipe *recipe)
{
	return recipe->verify == RECIPE_VERIFY_ON_TARGET;
}

static struct ontarget_spec spec_of(const struct recipe *recipe)
{
	return (struct ontarget_spec){.sector = recipe->target_sector, .window = recipe->target_window};
}

int ontarget_allowed(
        const struct station *station, const struct recipe *recipe, struct picture *picture, struct err *e)
{
	const struct ontarget_spec spec = spec_of(recipe);
	if (!is_wanted(recipe))
		return 0;
	if (!station->fixture->ops->has_uboot)
		return err_set(e, ENOTSUP,
		        "verify on-target: in a %s fixture nothing runs that could read itself back; choose "
		        "verify read-back",
		        station->fixture->ops->kind);
	if (!station->config.eject)
		return err_set(e, ENOTSUP,
		        "verify on-target: boards read themselves back behind their eject, and [station] "
		        "eject "
		        "says no");
	if (!picture->confirmed)
		return 0; // ontarget_prepare() asks again when it is whole
	if (ontarget_kit_check(picture_image(picture), &spec, e) < 0)
		return err_prefix(e, "target_sector");
	return 0;
}

// --- the job's kit: made once, by a process of its own -------------------------------------------------------

static void fail_kit(struct station *station, struct picture *picture, const struct err *e)
{
	picture->kit_failed = true;
	log_error("image '%s': %s", picture->name, e->text);
	if (station->job.picture == picture)
		alert_set(station, "on-target", "error",
		        "image '%s': %s; no board is started: close the job, and open it again when that is "
		        "mended",
		        picture->name, e->text);
}

static void make_again(void *context)
{
	struct station *station = context;
	station->kit.rests = false;
	ontarget_prepare(station);
}

// A process that was killed, by the kernel for want of memory perhaps, is started again, as others are: at most
// KIT_DEATHS_MAX times, for nothing may have changed.
static void die_kit(struct station *station, struct picture *picture, int status, const struct err *e)
{
	struct err why = *e;
	char how[64];
	child_status_text(status, how, sizeof(how));
	if (++picture->kit_deaths >= KIT_DEATHS_MAX) {
		err_prefix(&why, "%d times, %s", KIT_DEATHS_MAX, how);
		fail_kit(station, picture, &why);
		return;
	}
	if ((!station->kit.again &&
	            loop_add_timer(station->loop, make_again, station, &station->kit.again, &why) < 0) ||
	        loop_timer_after(station->kit.again, KIT_REST_NS << (picture->kit_deaths - 1)) < 0) {
		fail_kit(station, picture, &why);
		return;
	}
	station->kit.rests = true;
	log_warn("image '%s': %s (%s)", picture->name, e->text, how);
	if (station->job.picture == picture)
		alert_set(station, "on-target", "warn",
		        "image '%s': the process that makes the verify script died (%s) and is started "
		        "again; no board is started until then",
		        picture->name, how);
}

// `status` is its maker's.
static void take_kit(struct station *station, struct picture *picture, int status)
{
	struct err e = {0};
	if (ontarget_kit_receive(station->kit.sock, picture_image(picture), &picture->kit, &e) == 0) {
		picture->has_kit = true;
		alert_clear(station, "on-target");
		log_info("image '%s': boards read themselves back in %llu windows, by a script of %llu bytes",
		        picture->name, (unsigned long long)picture->kit.windows,
		        (unsigned long long)picture->kit.script_size);
	} else if (e.failure == FAILURE_STORE_DAMAGED) {
		heal_suspect(station, picture);
	} else if (e.num == ECHILD) {
		die_kit(station, picture, status, &e);
	} else {
		fail_kit(station, picture, &e);
	}
}

static void on_kit(void *context, uint32_t events)
{
	struct station *station = context;
	struct picture *picture = station->kit.picture;
	int status = 0;
	(void)events;
	if (!child_ended(&station->kit.child))
		return;
	station->kit.source = loop_remove(station->kit.source);
	if (child_reap(&station->kit.child, &status) < 0)
		log_error("the process that made the verify script cannot be collected");
	take_kit(station, picture, status);
	fd_close(&station->kit.sock);
	station->kit.picture = picture_unref(picture);
	heal_try(station);
	ontarget_prepare(station); // the job may be another by now
	seat_rematch_all(station);
}

static int start_kit(
        struct station *station, struct picture *picture, const struct ontarget_spec *spec, struct err *e)
{
	struct child *child = &station->kit.child;
	int r = ontarget_kit_start(picture_image(picture), spec, child, &station->kit.sock, e);
	if (r < 0)
		return r;
	r = loop_add_fd(station->loop, child->pidfd, EPOLLIN, on_kit, station, &station->kit.source, e);
	if (r < 0) {
		child_signal(child, SIGKILL);
		fd_close(&child->pidfd);
		fd_close(&station->kit.sock);
		*child = (struct child){0};
		return r;
	}
	station->kit.picture = picture;
	picture->users++;
	return 0;
}

void ontarget_prepare(struct station *station)
{
	const struct station_job *job = &station->job;
	struct picture *picture = job->picture;
	const struct ontarget_spec spec = spec_of(&job->recipe);
	struct err e;
	if (!is_wanted(&job->recipe) || job->counts.state != JOB_OPEN || station->kit.picture ||
	        station->kit.rests || !picture || !picture->confirmed || picture->damaged ||
	        picture->has_kit || picture->kit_failed)
		return;
	// A job that goes on behind a restart was checked by another station, perhaps with another fixture.
	int r = ontarget_allowed(station, &job->recipe, picture, &e);
	if (r == 0)
		r = start_kit(station, picture, &spec, &e);
	if (r < 0)
		fail_kit(station, picture, &e);
}

void ontarget_free(struct station *station)
{
	loop_remove(station->kit.source);
	loop_remove(station->kit.again);
	if (station->kit.child.pid > 0) { // it dies with the station
		fd_close(&station->kit.child.pidfd);
		fd_close(&station->kit.sock);
	}
	station->kit.picture = picture_unref(station->kit.picture);
}

bool ontarget_ready(const struct station_job *job)
{
	return !is_wanted(&job->recipe) || (job->picture && job->picture->has_kit);
}

const char *ontarget_waits(const struct station_job *job)
{
	if (job->picture && job->picture->kit_failed)
		return "no board is started: its job cannot be verified on-target, see the alert";
	if (job->picture && !job->picture->confirmed)
		return "waits for the whole image: who reads itself back needs all its digests";
	return "waits for the job's verify script";
}

// --- an attempt's two halves -------------------------------------------------------------------------------

static void fill_target(const struct seat *seat, struct worker_target *target)
{
	struct picture *picture = seat->picture ? seat->picture : seat->station->job.picture;
	*target = (struct worker_target){.offset = seat->station->job.recipe.target_sector * ONTARGET_BLOCK,
	        .script_size = picture->kit.script_size,
	        .windows = picture->kit.windows,
	        .window = seat->station->job.recipe.target_window,
	        .withdraw = true, // a board that had its time is not to come back with it
	        .mapped = picture_image(picture)->front->mapped_bytes};
	STR_COPY(target->nonce, seat->attempt.nonce);
	STR_COPY(target->plan_sha256, picture->kit.plan_sha256);
}

int ontarget_ask(struct seat *seat, struct worker_job *work, struct image *image, struct err *e)
{
	if (!is_wanted(&seat->station->job.recipe))
		return 0;
	int r = ontarget_nonce(seat->attempt.nonce, e);
	if (r < 0)
		return r;
	work->task = WORKER_ASK;
	work->verify = WORKER_VERIFY_NONE;
	fill_target(seat, &work->target);
	image->target_fd = seat->station->job.picture->kit.script_fd;
	return 0;
}

void ontarget_commit(struct seat *seat, struct worker_job *work)
{
	struct seat_attempt *a = &seat->attempt;
	work->task = WORKER_COMMIT;
	work->verify = WORKER_VERIFY_READBACK;
	work->blank = WORKER_BLANK_PROGRAM; // what is on it is ours
	work->unmapped = WORKER_UNMAPPED_KEEP;
	work->ask_carries = false;
	work->expect.size = a->size; // law 1: the disk that was asked
	STR_COPY(work->serial, a->own_serial);
	fill_target(seat, &work->target);
	// By these it is known from now on.
	a->diskseq = seat->board.identity.diskseq;
	STR_COPY(a->node, seat->board.identity.node);
	STR_COPY(a->key, seat->key);
	a->answered_ns = clock_mono_ns();
	seat->station->job.self_ns = a->answered_ns - a->asked_ns;
}

// The board's own check is the attempt's verify stage.
void ontarget_asked(struct seat *seat)
{
	struct seat_attempt *a = &seat->attempt;
	a->asked = a->report;
	a->asked_ns = a->report.stage_ns[WORKER_STAGE_VERIFY] = clock_mono_ns();
	clock_utc_of_mono(a->asked_ns, a->stage_utc[WORKER_STAGE_VERIFY]);
	log_info("slot %s: attempt %llu: the board is asked to read itself back, nonce %s", seat_label(seat),
	        (unsigned long long)a->id, a->nonce);
}

void ontarget_given_up(struct seat *seat)
{
	struct seat_attempt *a = &seat->attempt;
	a->judged_ns = clock_mono_ns();
	a->report.verify_ns = a->judged_ns - a->asked_ns;
	a->verify_s = (double)a->report.verify_ns / 1e9;
	if (seat->slot.failure == FAILURE_NO_ANSWER && !seat->slot.away)
		STR_COPY(a->text,
		        "the board did not leave to read itself back: its U-Boot must end ums at an "
		        "eject, or the hub switch its port");
	else if (seat->slot.failure == FAILURE_NO_ANSWER && seat->has_unnamed)
		snprintf(a->text, sizeof(a->text),
		        "a board came back that shows no serial, so it is not known to be %.64s; check what "
		        "sets "
		        "serial# on it, then load the board again",
		        a->own_serial);
	else if (seat->slot.failure == FAILURE_NO_ANSWER)
		STR_COPY(a->text, "the board did not come back in time (answer_ms); check gw_sector and its "
		                  "start script, then load the board again");
	else if (seat->slot.failure == FAILURE_SIGNATURE_UNAPPROVED)
		STR_COPY(a->text, "the board came back, but the signature of the job's boards was rejected "
		                  "meanwhile and none is approved; approve one, and it is programmed anew");
	else if (seat->slot.failure == FAILURE_DEVICE_GONE)
		STR_COPY(a->text, "another board came while this one was to read itself back; load it again");
}

const struct worker_report *ontarget_whole(
        const struct seat *seat, const struct worker_report *report, struct worker_report *whole)
{
	const struct seat_attempt *a = &seat->attempt;
	if (seat->slot.half != SLOT_HALF_COMMIT)
		return report;
	*whole = *report;
	whole->bytes_written += a->asked.bytes_written;
	whole->write_ns += a->asked.write_ns;
	whole->verify_ns += a->answered_ns - a->asked_ns;
	memcpy(whole->stage_ns, a->asked.stage_ns, sizeof(whole->stage_ns));
	whole->stage_ns[WORKER_STAGE_VERIFY] = a->asked_ns;
	whole->stage_ns[WORKER_STAGE_COMMIT] = a->answered_ns;
	whole->stage_ns[WORKER_STAGE_DONE] = report->stage_ns[WORKER_STAGE_DONE];
	return whole;
}
