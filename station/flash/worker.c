// SPDX-License-Identifier: MIT
// The worker role: one thread, one epoll: the parent's socket, the disk's completions, the image's front, a clock.
#include "flash/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "flash/blank.h"
#include "flash/program.h"

enum { FD_SOCKET = CHILD_FD_FIRST, FD_DATA, FD_FRONT, FD_WAKE, FD_LINK, FD_COUNT = 4 };

#define PROGRESS_NS      (NSEC_PER_SEC / 4)
#define STALL_DEFAULT_NS (90 * NSEC_PER_SEC) // three commands of the kernel's own 30 s (SD_TIMEOUT)
#define GPT_SEEN_BYTES   (8 * KIB)           // past it the front tells which sector size the GPT is for

enum worker_state {
	WORKER_WAITS_FOR_JOB,
	WORKER_WAITS_FOR_GPT,
	WORKER_WAITS_FOR_GO,
	WORKER_RUNS,
	WORKER_WAITS_FOR_RELEASE,
};

struct worker {
	struct loop *loop;
	struct loop_source *timer;
	enum worker_state state;
	bool orphaned; // the parent is gone
	struct worker_job job;
	struct image image;
	struct claim claim;
	struct disk *disk;
	struct proof *proof;
	struct herd *herd;
	struct program program;
	bool started; // the program was: from here on the device may have bytes of ours
	uint64_t stage_ns[2];
	struct blank blank;
};

// Progress may be dropped when the parent is slow; all else waits for it.
static void send_report(struct worker *w, const struct worker_report *report)
{
	for (;;) {
		int r = fd_send_packet(FD_SOCKET, report, sizeof(*report), NULL, 0);
		if (r != -EAGAIN || report->kind == WORKER_PROGRESS) {
			w->orphaned = w->orphaned || (r < 0 && r != -EAGAIN);
			return;
		}
		struct pollfd writable = {.fd = FD_SOCKET, .events = POLLOUT};
		if (poll(&writable, 1, -1) < 0 && errno != EINTR)
			return;
	}
}

static enum worker_method method_of(const struct worker *w)
{
	if (w->job.verify == WORKER_VERIFY_COMPARE)
		return w->claim.direct ? WORKER_METHOD_COMPARE : WORKER_METHOD_COMPARE_BUFFERED;
	return w->claim.direct ? WORKER_METHOD_DIRECT : WORKER_METHOD_BUFFERED;
}

static void fill_report(const struct worker *w, enum worker_report_kind kind, struct worker_report *r)
{
	const struct program *p = &w->program;
	*r = (struct worker_report){.kind = kind,
	        .stage = w->state == WORKER_WAITS_FOR_GPT ? WORKER_STAGE_OPEN : WORKER_STAGE_CLAIMED};
	r->logical_sector = w->claim.sector;
	r->found = w->claim.found;
	blank_text(&w->blank, r->blank, sizeof(r->blank));
	memcpy(r->stage_ns, p->stage_ns, sizeof(r->stage_ns));
	memcpy(r->stage_ns, w->stage_ns, sizeof(w->stage_ns));
	if (!w->started)
		return;
	r->stage = p->stage;
	r->done = program_done(p);
	r->total = p->stage_total;
	r->wire_done = program_wire(p);
	r->wire_total = p->wire_total;
	r->bytes_written = p->bytes_written;
	r->bytes_verified = p->bytes_verified;
	r->write_ns = p->write_ns;
	r->verify_ns = p->verify_ns;
	if (w->job.task == WORKER_COMMIT)
		r->method = p->answered ? WORKER_METHOD_ON_TARGET : WORKER_METHOD_NONE;
	else if (p->stage_ns[WORKER_STAGE_VERIFY])
		r->method = method_of(w);
}

static void judge(struct worker *w, struct worker_report *r)
{
	w->state = WORKER_WAITS_FOR_RELEASE;
	if (w->timer)
		loop_timer_off(w->timer);
	if (w->orphaned)
		loop_stop(w->loop, 1);
	else
		send_report(w, r);
}

static void refuse_as(struct worker *w, enum failure failure, bool asks, const char *text)
{
	struct worker_report r;
	fill_report(w, WORKER_VERDICT, &r);
	r.asks = asks;
	r.result = WORKER_FAIL;
	r.failure = failure == FAILURE_NONE ? FAILURE_STATION_ERROR : failure;
	r.refused = true;
	STR_COPY(r.text, text);
	judge(w, &r);
}

// A verdict before the first byte.
static void refuse(struct worker *w, enum failure failure, const char *text)
{
	refuse_as(w, failure, false, text);
}

static void refuse_err(struct worker *w, const struct err *e)
{
	refuse(w, (enum failure)e->failure, e->text);
}

/*
 * Of the two halves of one attempt: what was asked for is the whole plan. A COMMIT that passes has its answer: the board
 * compared every window of the rest, the host has read back what makes it boot.
 */
static void fill_target(const struct worker *w, struct worker_report *r)
{
	const struct worker_target *t = &w->job.target;
	if (w->job.task != WORKER_ASK && w->job.task != WORKER_COMMIT)
		return;
	if (!digest_from_hex(t->plan_sha256, r->plan_sha256, sizeof(r->plan_sha256)))
		memset(r->plan_sha256, 0, sizeof(r->plan_sha256));
	memset(r->readback_sha256, 0, sizeof(r->readback_sha256));
	memcpy(r->summary_sha256, w->program.summary_sha256, sizeof(r->summary_sha256));
	r->windows = t->windows;
	if (r->result == WORKER_UNVERIFIED && w->job.task == WORKER_ASK)
		r->result = WORKER_ASKED;
	if (r->result != WORKER_PASS)
		return;
	memcpy(r->readback_sha256, r->plan_sha256, sizeof(r->readback_sha256));
	r->bytes_verified = t->mapped;
}

static void on_concluded(void *context)
{
	struct worker *w = context;
	struct program *p = &w->program;
	struct worker_report r;
	fill_report(w, WORKER_VERDICT, &r);
	r.failure = p->failure;
	STR_COPY(r.text, p->text);
	if (p->failure != FAILURE_NONE)
		r.result = WORKER_FAIL;
	else
		r.result = program_reads_back(p) ? WORKER_PASS : WORKER_UNVERIFIED;
	if (image_front_state(w->image.front) == IMAGE_CONFIRMED)
		verify_expect(p);
	memcpy(r.plan_sha256, p->plan_sha256, sizeof(r.plan_sha256));
	memcpy(r.readback_sha256, p->readback_sha256, sizeof(r.readback_sha256));
	memcpy(r.extras_sha256, p->extras_sha256, sizeof(r.extras_sha256));
	memcpy(r.extras_readback_sha256, p->extras_sha256, sizeof(r.extras_readback_sha256));
	fill_target(w, &r);
	judge(w, &r);
}

static int open_disk(struct worker *w, struct err *e)
{
	const struct disk_spec spec = {.fd = w->claim.fd,
	        .tail_fd = w->claim.tail_fd,
	        .buffered = !w->claim.direct,
	        .sector = w->claim.sector,
	        .size = w->claim.found.size};
	int r = disk_open(w->loop, &spec, &w->disk, e);
	if (r < 0 || board_model_is_plain(&w->job.model))
		return r;
	return disk_simulate(w->loop, w->disk, &w->job.model, w->job.has_link ? FD_LINK : -1, &w->disk, e);
}

static struct layout lay_out(const struct worker *w)
{
	const struct image_front *front = w->image.front;
	// A file takes any image: its headers are counted in the sectors its GPT was made for.
	uint32_t lba = w->claim.block ? 0 : front->gpt_sector;
	return (struct layout){.ranges = front->ranges,
	        .count = front->range_count,
	        .image_size = front->image_size,
	        .device_size = w->claim.found.size,
	        .lba = lba > w->claim.sector ? lba : w->claim.sector,
	        .sector = w->claim.sector,
	        .zero_all = w->job.unmapped == WORKER_UNMAPPED_ZERO,
	        .holds_tail = w->job.task == WORKER_ASK,
	        .zero_headers = worker_writes(&w->job)};
}

// The proof is shared with the other workers of the image, or, where there is none to share, this worker's own.
static int map_shared(struct worker *w, struct err *e)
{
	int shared = w->job.has_proof ? FD_LINK + w->job.has_link : -1;
	if (w->job.window && shared >= 0 && herd_map(shared, &w->herd, e) < 0)
		return -e->num;
	if (w->job.verify != WORKER_VERIFY_COMPARE)
		return 0;
	_cleanup_close_ int own = shared < 0 ? proof_create(e) : -1;
	int fd = shared < 0 ? own : shared;
	return fd < 0 ? fd : proof_map(fd, &w->proof, e);
}

// Whether it may be programmed as far as its being blank goes; else it is refused.
static bool blank_enough(struct worker *w)
{
	char text[480], what[192];
	bool strict = w->job.blank >= WORKER_BLANK_ASK;
	if (!worker_writes(&w->job) || w->job.blank == WORKER_BLANK_PROGRAM)
		return true;
	blank_look(&w->claim, &w->image, &w->blank);
	if (!strict || w->blank.verdict == BLANK_YES)
		return true;
	blank_text(&w->blank, what, sizeof(what));
	snprintf(text, sizeof(text), "%s: %s; nothing was written to it", w->claim.label, what);
	switch ((enum blank_verdict)w->blank.verdict) {
	case BLANK_UNREADABLE: refuse(w, FAILURE_READ_ERROR, text); break;
	case BLANK_TOO_SLOW: refuse(w, FAILURE_DEVICE_TIMEOUT, text); break;
	default: refuse_as(w, FAILURE_NOT_BLANK, w->job.blank == WORKER_BLANK_ASK, text);
	}
	return false;
}

// Everything that can be known before the first byte is known: the parent may record the attempt.
static void claimed(struct worker *w)
{
	struct err e = {0};
	struct program_spec spec = {.job = &w->job,
	        .claim = &w->claim,
	        .image = &w->image,
	        .layout = lay_out(w),
	        .concluded = on_concluded,
	        .context = w};
	if (claim_fits(&w->claim, &spec.layout, w->image.front, &e) < 0 || open_disk(w, &e) < 0 ||
	        map_shared(w, &e) < 0) {
		refuse_err(w, &e);
		return;
	}
	spec.disk = w->disk;
	spec.proof = w->proof;
	spec.herd = w->herd;
	spec.target_fd = FD_LINK + w->job.has_link + w->job.has_proof;
	if (program_init(&w->program, &spec, &e) < 0) {
		refuse_err(w, &e);
		return;
	}
	// A board that holds this image is RETURNED, whatever else is to be said of what is on it.
	bool carries = w->job.ask_carries && claim_carries(&w->claim, &w->image);
	if (!carries && !blank_enough(w))
		return;
	w->state = WORKER_WAITS_FOR_GO;
	w->stage_ns[WORKER_STAGE_CLAIMED] = clock_mono_ns();
	struct worker_report r;
	fill_report(w, WORKER_CLAIMED, &r);
	r.carries_plan = carries;
	send_report(w, &r);
}

static void wait_for_gpt(struct worker *w)
{
	const struct image_front *front = w->image.front;
	enum image_state state = image_front_state(front);
	if (state == IMAGE_FAILED)
		refuse(w, (enum failure)front->failure, front->error);
	else if (state == IMAGE_CONFIRMED ||
	         image_front_offset(front) >= u64_min(GPT_SEEN_BYTES, front->image_size))
		claimed(w);
}

static void on_wake(void *context, uint32_t events)
{
	struct worker *w = context;
	(void)events;
	if (w->state == WORKER_WAITS_FOR_GPT)
		wait_for_gpt(w);
	else if (w->state == WORKER_RUNS)
		program_wake(&w->program);
}

static void on_timer(void *context)
{
	struct worker *w = context;
	uint64_t stall = w->job.stall_ms ? w->job.stall_ms * NSEC_PER_MSEC : STALL_DEFAULT_NS;
	program_tick(&w->program, stall);
	if (w->state != WORKER_RUNS)
		return;
	struct worker_report r;
	fill_report(w, WORKER_PROGRESS, &r);
	send_report(w, &r);
}

static void begin(struct worker *w)
{
	struct err e = {0};
	log_name(w->job.label[0] ? w->job.label : w->job.expect.node);
	w->state = WORKER_WAITS_FOR_GPT;
	w->stage_ns[WORKER_STAGE_OPEN] = clock_mono_ns();
	if (image_map(&w->image, &e) < 0 || claim_open(&w->job, &w->claim, &e) < 0 ||
	        loop_add_timer(w->loop, on_timer, w, &w->timer, &e) < 0 ||
	        // Edge-triggered and never read: see image.h.
	        loop_add_fd(w->loop, FD_WAKE, EPOLLIN | EPOLLET, on_wake, w, NULL, &e) < 0)
		refuse_err(w, &e);
	else
		wait_for_gpt(w);
}

static void go(struct worker *w)
{
	if (w->state != WORKER_WAITS_FOR_GO)
		return;
	if (claim_is_gone(&w->claim)) { // it may have waited long for this word
		struct err e;
		err_fail(&e, ENODEV, FAILURE_DEVICE_GONE,
		        "%s: the disk has left since it was opened; load the board again",
		        w->job.expect.node);
		refuse_err(w, &e);
		return;
	}
	w->state = WORKER_RUNS;
	w->started = true;
	uint64_t now = clock_mono_ns();
	loop_timer_set(w->timer, now + PROGRESS_NS, PROGRESS_NS);
	program_start(&w->program);
}

static void stop(struct worker *w, enum failure failure, const char *why)
{
	char text[480];
	const char *name = w->job.label[0] ? w->job.label : w->job.expect.node;
	if (w->state == WORKER_RUNS) {
		program_fail(&w->program, failure, "%s: %s before it was %s", name, why,
		        worker_writes(&w->job) ? "complete" : "compared");
	} else if (w->state != WORKER_WAITS_FOR_RELEASE) {
		snprintf(text, sizeof(text), "%s: %s; nothing was written to it", name, why);
		refuse(w, failure, text);
	}
}

// The device is let go only when nothing is in flight: otherwise closing it waits in the kernel, and the parent
// must not be told that it is free.
static void release(struct worker *w, bool eject)
{
	struct worker_report r;
	struct err e = {0};
	fill_report(w, WORKER_RELEASED, &r);
	if (w->started && program_in_flight(&w->program)) {
		loop_stop(w->loop, 1);
		return;
	}
	if (eject && w->claim.fd >= 0 && w->job.model.takes_eject) {
		r.ejected = true; // a simulated board: its fixture does the rest
	} else if (eject && w->claim.block && w->claim.fd >= 0) {
		r.ejected = claim_eject(&w->claim, &e) == 0;
		if (!r.ejected)
			log_warn("%s", e.text);
	}
	w->disk = disk_free(w->disk);
	claim_close(&w->claim);
	send_report(w, &r);
	loop_stop(w->loop, 0);
}

static void orphan(struct worker *w)
{
	w->orphaned = true;
	if (w->state == WORKER_RUNS)
		stop(w, FAILURE_INTERRUPTED, "the station stopped");
	else
		loop_stop(w->loop, 1);
}

static void obey(struct worker *w, uint32_t command)
{
	switch ((enum worker_command)command) {
	case WORKER_GO: go(w); break;
	case WORKER_CANCEL: stop(w, FAILURE_CANCELLED, "stopped by hand"); break;
	case WORKER_RELEASE:
	case WORKER_KEEP:
		if (w->state == WORKER_WAITS_FOR_RELEASE)
			release(w, w->job.eject && command == WORKER_RELEASE);
		break;
	}
}

static void on_socket(void *context, uint32_t events)
{
	struct worker *w = context;
	(void)events;
	union {
		struct worker_job job;
		uint32_t command;
	} packet;
	ssize_t n = fd_receive_packet(FD_SOCKET, &packet, sizeof(packet), NULL, NULL);
	if (n == -EAGAIN)
		return;
	if (n <= 0 || w->orphaned) {
		orphan(w);
	} else if (w->state == WORKER_WAITS_FOR_JOB && n == (ssize_t)sizeof(packet.job)) {
		w->job = packet.job;
		begin(w);
	} else if (w->state != WORKER_WAITS_FOR_JOB && n == (ssize_t)sizeof(packet.command)) {
		obey(w, packet.command);
	}
}

// At its end the process gives back everything; what is freed here is freed for the leak checker's sake, and
// only when the kernel does not write to it any more.
static void clean_up(struct worker *w)
{
	if (w->started && program_in_flight(&w->program))
		return;
	w->disk = disk_free(w->disk);
	program_deinit(&w->program);
	w->proof = proof_unmap(w->proof);
	w->herd = herd_unmap(w->herd);
	claim_close(&w->claim);
	image_close(&w->image);
	loop_free(w->loop);
	free(w);
}

int worker_role(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	struct err e = {0};
	struct worker *w = calloc(1, sizeof(*w));
	if (!w || child_enter(FD_COUNT, &e) < 0 || loop_new(&w->loop, &e) < 0) {
		fprintf(stderr, "gangway worker: %s\n", w ? e.text : "out of memory");
		free(w);
		return 1;
	}
	w->image =
	        (struct image){.data_fd = FD_DATA, .front_fd = FD_FRONT, .wake_fd = FD_WAKE, .lock_fd = -1};
	w->claim = (struct claim){.fd = -1, .tail_fd = -1};
	int r = loop_add_fd(w->loop, FD_SOCKET, EPOLLIN | EPOLLRDHUP, on_socket, w, NULL, &e);
	if (r == 0)
		r = loop_run(w->loop);
	clean_up(w);
	return r == 0 ? 0 : 1;
}
