// SPDX-License-Identifier: MIT
// A batch: one import and a gang of workers under one loop.
#include "cli/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/source.h"
#include "core/failure.h"
#include "flash/suggest.h"
#include "image/store.h"

// A worker stuck in the kernel has this much longer before the command ends without it.
#define LAST_CHANCE_NS (20 * NSEC_PER_SEC)

void batch_refuse(struct batch_target *target, const struct err *e)
{
	if (target->judged)
		return;
	target->judged = target->untouched = true;
	target->result = (struct worker_report){.kind = WORKER_VERDICT,
	        .result = WORKER_FAIL,
	        .refused = true,
	        .failure = e->failure ? (uint32_t)e->failure : FAILURE_STATION_ERROR};
	STR_COPY(target->result.text, e->text);
}

static void refuse_waiting(struct batch *b, const struct err *e)
{
	for (unsigned i = 0; i < b->count; i++)
		if (!b->targets[i].member)
			batch_refuse(&b->targets[i], e);
}

static bool all_judged(const struct batch *b)
{
	for (unsigned i = 0; i < b->count; i++)
		if (!b->targets[i].judged)
			return false;
	return true;
}

// A confirmed import is only being synced and published: stopped now, it would have to be decoded again.
static bool is_publishing(const struct batch *b)
{
	const struct image_front *front = b->import ? import_image(b->import)->front : NULL;
	return front && !b->import_ended && image_front_state(front) == IMAGE_CONFIRMED;
}

// It ends when no worker runs, none can be started any more, and the store has what it is to keep.
static void check_end(struct batch *b)
{
	if (b->running == 0 && all_judged(b) && (b->stopping || !is_publishing(b)))
		loop_stop(b->loop, 0);
}

static void on_claimed(void *context, struct gang_member *member, const struct worker_report *report)
{
	struct batch_target *t = context;
	progress_update(t->batch->progress, t, report);
	gang_go(member);
}

static void on_progress(void *context, struct gang_member *member, const struct worker_report *report)
{
	struct batch_target *t = context;
	(void)member;
	progress_update(t->batch->progress, t, report);
}

static void on_verdict(void *context, struct gang_member *member, const struct worker_report *report)
{
	struct batch_target *t = context;
	t->judged = true;
	t->untouched = report->refused;
	t->result = *report;
	progress_update(t->batch->progress, t, report);
	gang_release(member, true);
}

static void on_ended(void *context, struct gang_member *member, bool ejected, bool died)
{
	struct batch_target *t = context;
	(void)ejected;
	if (died)
		log_debug("%s: worker %d ended without releasing its target", t->name, gang_pid(member));
	t->member = gang_free(member);
	t->batch->running--;
	check_end(t->batch);
}

static void on_last_chance(void *context)
{
	struct batch *b = context;
	loop_stop(b->loop, 1);
}

static void on_stuck(void *context, struct gang_member *member)
{
	struct batch_target *t = context;
	struct batch *b = t->batch;
	progress_say(b->progress, "%s: its worker (pid %d) is stuck in the kernel; waiting %u s more",
	        t->name, gang_pid(member), (unsigned)(LAST_CHANCE_NS / NSEC_PER_SEC));
	loop_timer_after(b->last_chance, LAST_CHANCE_NS);
}

static const struct gang_events gang_table = {.claimed = on_claimed,
        .progress = on_progress,
        .verdict = on_verdict,
        .ended = on_ended,
        .stuck = on_stuck};

static void on_ready(void *context, struct import *import)
{
	struct batch *b = context;
	for (unsigned i = 0; i < b->count; i++) {
		struct batch_target *t = &b->targets[i];
		struct err e = {0};
		if (t->judged)
			continue;
		if (gang_add(b->loop, import_image(import), &t->job, -1, &gang_table, t, &t->member, &e) < 0)
			batch_refuse(t, &e);
		else
			b->running++;
	}
	check_end(b);
}

static void on_decoded(void *context, struct import *import, uint64_t decoded, uint64_t total)
{
	struct batch *b = context;
	(void)import;
	b->decoded = decoded;
	b->decoded_total = total;
}

static void on_note(void *context, struct import *import, const char *text)
{
	struct batch *b = context;
	(void)import;
	progress_say(b->progress, "%s", text);
}

static void on_import_done(void *context, struct import *import)
{
	struct batch *b = context;
	b->import_ended = true;
	if (import_was_unchanged(import))
		progress_say(b->progress, "%s: unchanged since it was hashed; --hash-source hashes it again",
		        b->options->image);
	check_end(b);
}

static void on_import_failed(void *context, struct import *import, const struct err *e)
{
	struct batch *b = context;
	(void)import;
	b->import_ended = true;
	b->import_error = *e;
	if (!b->import_error.failure)
		b->import_error.failure = FAILURE_IMPORT_FAILED;
	refuse_waiting(b, &b->import_error); // the workers hear of it through the front
	check_end(b);
}

static const struct import_events import_table = {.ready = on_ready,
        .progress = on_decoded,
        .note = on_note,
        .done = on_import_done,
        .failed = on_import_failed};

// Ctrl-C: each worker leaves its target in a state it can name. A second one does not wait for that.
static void on_signal(void *context, int signal)
{
	struct batch *b = context;
	struct err e = {0};
	(void)signal;
	if (!b->stopping)
		progress_say(b->progress, "stopping; once more kills the workers");
	for (unsigned i = 0; i < b->count; i++) {
		struct batch_target *t = &b->targets[i];
		if (t->member && b->stopping)
			gang_kill(t->member);
		else if (t->member)
			gang_cancel(t->member);
		if (t->member || t->judged)
			continue;
		err_fail(&e, ECANCELED, FAILURE_CANCELLED, "%s: stopped by hand; nothing was written to it",
		        t->name);
		batch_refuse(t, &e);
	}
	b->stopping = true;
	check_end(b);
}

static int start_import(struct batch *b, int image_fd, struct err *e)
{
	const struct batch_options *o = b->options;
	char bmap_name[4096] = "";
	_cleanup_close_ int bmap_fd = -1;
	int r = source_open_bmap(o->image, o->bmap, bmap_name, sizeof(bmap_name), &bmap_fd, e);
	if (r < 0)
		return r;
	const struct import_request request = {.image_fd = image_fd,
	        .bmap_fd = bmap_fd,
	        .image_name = o->image,
	        .bmap_name = bmap_fd >= 0 ? bmap_name : NULL,
	        .store = b->store,
	        .store_limit = o->store_limit,
	        .holes_unmapped = o->holes,
	        .trust_times = !o->hash_source};
	return import_start(b->loop, &request, &import_table, b, &b->import, e);
}

static void kill_the_rest(struct batch *b)
{
	for (unsigned i = 0; i < b->count; i++)
		if (b->targets[i].member)
			gang_kill(b->targets[i].member);
}

// One import, and the gang on it.
static int run_once(struct batch *b, int image_fd, struct err *e)
{
	b->import_ended = false;
	b->import_error.num = 0;
	int r = start_import(b, image_fd, e);
	if (r == 0)
		r = loop_run(b->loop);
	if (r != 0)
		kill_the_rest(b);
	return r < 0 ? r : 0;
}

// Law 8: what failed for the store's sake has another try on a fresh import. Only once: a store that is
// damaged again has a broken disk under it.
static bool heal_store(struct batch *b)
{
	char key[SHA256_HEX_SIZE];
	struct err e = {0};
	unsigned again = 0;
	for (unsigned i = 0; i < b->count; i++)
		again += b->targets[i].judged &&
		         failure_info((enum failure)b->targets[i].result.failure)->blame == BLAME_STORE &&
		         !b->import_error.num;
	if (!again || b->stopping || b->running || !b->import)
		return false;
	STR_COPY(key, import_image(b->import)->key);
	b->import = import_free(b->import); // gives up the entry's lock
	bool healthy = false;
	// Drops it under other runs too: they have their copy open, and no later one may use it.
	int r = store_check(b->store, key, &healthy, &e);
	if (r < 0 && r != -ENOENT) {
		progress_say(b->progress, "%s", e.text);
		return false;
	}
	progress_say(b->progress, "the stored image %s for %u target%s",
	        healthy ? "reads well now: trying again" : "is damaged: importing it again", again,
	        again == 1 ? "" : "s");
	for (unsigned i = 0; i < b->count; i++)
		if (failure_info((enum failure)b->targets[i].result.failure)->blame == BLAME_STORE)
			b->targets[i].judged = false;
	return true;
}

// SHA-256 of what every target gives back may be more than this machine can do beside the targets.
static void suggest(struct batch *b)
{
	const struct batch_options *o = b->options;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (o->verify_given || o->verify != WORKER_VERIFY_READBACK || b->count < 2)
		return;
	uint64_t rate = suggest_hash_rate();
	if (suggest_compare(rate, cores > 0 ? (unsigned)cores : 1, b->count))
		progress_say(b->progress,
		        "a core of this machine hashes %u MB/s, too little for %u targets at full speed: "
		        "--verify compare hashes once for all",
		        (unsigned)(rate / 1000000), b->count);
}

static int run_all(struct batch *b, int image_fd, struct err *e)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	int r = loop_add_signals(b->loop, signals, ARRAY_SIZE(signals), on_signal, b, e);
	if (r == 0)
		r = loop_add_timer(b->loop, on_last_chance, b, &b->last_chance, e);
	if (r == 0)
		r = progress_new(&b->progress, b, e);
	if (r == 0)
		suggest(b);
	if (r == 0 && !all_judged(b))
		r = run_once(b, image_fd, e);
	if (r == 0 && heal_store(b))
		r = run_once(b, image_fd, e);
	return r;
}

static int prepare(struct batch *b, const struct batch_options *options, int *image_fd, struct err *e)
{
	b->options = options;
	b->count = options->target_count;
	for (unsigned i = 0; i < b->count; i++) {
		struct batch_target *t = &b->targets[i];
		t->name = options->targets[i];
		t->batch = b;
		t->job = (struct worker_job){.task = options->task,
		        .verify = options->verify,
		        .unmapped = options->unmapped,
		        .model = options->models[i]};
		STR_COPY(t->job.expect.node, t->name);
		if (options->boards) {
			t->job.expect = options->boards[i].identity;
			t->job.eject = t->job.check_lun = true;
			t->job.lun = options->boards[i].lun;
			STR_COPY(t->job.serial, options->boards[i].serial);
		}
	}
	int r = source_open_image(options->image, image_fd, e);
	if (r < 0)
		return r;
	if (options->store)
		STR_COPY(b->store, options->store);
	else if (store_default_path(b->store, sizeof(b->store), e) < 0)
		return -e->num;
	return loop_new(&b->loop, e);
}

// What has no verdict by now is a worker that the kernel holds fast.
static void fail_stuck(struct batch *b)
{
	for (unsigned i = 0; i < b->count; i++) {
		struct batch_target *t = &b->targets[i];
		struct err e = {0};
		if (t->judged)
			continue;
		err_fail(&e, ETIMEDOUT, FAILURE_DEVICE_TIMEOUT,
		        "%s: its worker is stuck in the kernel; power the target off, then write it again",
		        t->name);
		batch_refuse(t, &e);
		t->untouched = t->result.refused = false;
	}
}

static void clean_up(struct batch *b)
{
	b->progress = progress_free(b->progress);
	b->import = import_free(b->import);
	b->loop = loop_free(b->loop);
	free(b);
}

int batch_run(const struct batch_options *options)
{
	struct err e = {0};
	_cleanup_close_ int image_fd = -1;
	struct batch *b = calloc(1, sizeof(*b));
	// Who reads the progress may leave; the boards are finished all the same.
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || !b) {
		free(b);
		fprintf(stderr, "gangway: out of memory\n");
		return EXIT_FAILED;
	}
	int r = prepare(b, options, &image_fd, &e);
	if (r == 0) {
		targets_look(b, image_fd);
		r = run_all(b, image_fd, &e);
	}
	if (r < 0) { // nobody but the command itself is to blame, and no target was judged for it
		b->import_error = e;
		refuse_waiting(b, &e);
	}
	fail_stuck(b);
	b->progress = progress_free(b->progress);
	int code = result_print(b);
	clean_up(b);
	return code;
}
