// SPDX-License-Identifier: MIT
// Running a gang to its end.
#include "cli/crew.h"

#include <errno.h>
#include <signal.h>

#include "base/shown.h"

struct crew {
	struct loop *loop;
	struct crew_target *targets;
	unsigned count, running;
};

static void on_claimed(void *context, struct gang_member *member, const struct worker_report *report)
{
	(void)context;
	(void)report;
	gang_go(member);
}

static void on_progress(void *context, struct gang_member *member, const struct worker_report *report)
{
	(void)context;
	(void)member;
	(void)report;
}

static void on_verdict(void *context, struct gang_member *member, const struct worker_report *report)
{
	struct crew_target *t = context;
	t->report = *report;
	t->judged = true;
	gang_release(member, true);
}

static void on_ended(void *context, struct gang_member *member, bool ejected, bool died)
{
	struct crew_target *t = context;
	(void)ejected;
	(void)died;
	t->member = gang_free(member);
	if (--t->crew->running == 0)
		loop_stop(t->crew->loop, 0);
}

static void on_stuck(void *context, struct gang_member *member)
{
	struct crew_target *t = context;
	(void)member;
	char name[SHOWN_SIZE];
	fprintf(stderr, "gangway: %s: its worker is stuck in the kernel; giving it up\n",
	        shown_text(t->job.expect.node, name, sizeof(name)));
	loop_stop(t->crew->loop, -ETIMEDOUT);
}

static const struct gang_events events = {.claimed = on_claimed,
        .progress = on_progress,
        .verdict = on_verdict,
        .ended = on_ended,
        .stuck = on_stuck};

static void on_signal(void *context, int signal)
{
	struct crew *crew = context;
	(void)signal;
	for (unsigned i = 0; i < crew->count; i++)
		if (crew->targets[i].member)
			gang_cancel(crew->targets[i].member);
}

static void refuse(struct crew_target *t, const struct err *e)
{
	t->judged = true;
	t->report = (struct worker_report){.kind = WORKER_VERDICT,
	        .result = WORKER_FAIL,
	        .refused = true,
	        .failure = e->failure ? (uint32_t)e->failure : FAILURE_STATION_ERROR};
	STR_COPY(t->report.text, e->text);
}

static void start_all(struct crew *crew, const struct image *image)
{
	for (unsigned i = 0; i < crew->count; i++) {
		struct crew_target *t = &crew->targets[i];
		struct err e = {0};
		t->crew = crew;
		if (t->skip)
			continue;
		t->judged = false;
		if (gang_add(crew->loop, image, &t->job, -1, &events, t, &t->member, &e) < 0)
			refuse(t, &e);
		else
			crew->running++;
	}
}

static void judge_the_rest(struct crew *crew)
{
	struct err e = {0};
	err_fail(&e, EIO, FAILURE_STATION_ERROR, "its worker did not come to an end");
	for (unsigned i = 0; i < crew->count; i++)
		if (!crew->targets[i].skip && !crew->targets[i].judged)
			refuse(&crew->targets[i], &e);
}

int crew_run(const struct image *image, struct crew_target *targets, unsigned count, struct err *e)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	_cleanup_loop_ struct loop *loop = NULL;
	struct crew crew = {.targets = targets, .count = count};
	int r = loop_new(&loop, e);
	crew.loop = loop;
	if (r == 0)
		r = loop_add_signals(loop, signals, ARRAY_SIZE(signals), on_signal, &crew, e);
	if (r == 0)
		start_all(&crew, image);
	if (r == 0 && crew.running) {
		r = loop_run(loop);
		if (r < 0)
			r = err_sys(e, -r, "the workers");
	}
	judge_the_rest(&crew);
	return r;
}
