// SPDX-License-Identifier: MIT
// A gang's members: starting workers, hearing them, and getting rid of them.
#include "flash/gang.h"

#include <errno.h>
#include <signal.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "image/herd.h"

// A cancelled worker has this long for its verdict, a released one for ejecting and closing (the eject alone may
// take 20 s), before it is killed; a killed one this long before its owner hears that it is stuck.
#define GRACE_CANCEL_NS  (10 * NSEC_PER_SEC)
#define GRACE_RELEASE_NS (40 * NSEC_PER_SEC)
#define GRACE_KILL_NS    (5 * NSEC_PER_SEC)

struct gang_member {
	struct child child;
	int pid; // kept after the child is reaped
	int sock;
	struct loop_source *on_sock, *on_exit, *timer;
	const struct gang_events *events;
	void *context;
	char label[256];
	uint32_t sector;
	bool writes, went, killed, judged, released, ejected, ended;
};

static void tell(struct gang_member *m, uint32_t command)
{
	// A full socket or a dead worker shows as a deadline or as its end.
	int r = fd_send_packet(m->sock, &command, sizeof(command), NULL, 0);
	if (r < 0)
		log_debug("%s: worker %d takes no command: %s", m->label, m->pid, strerror(-r));
}

static void made_up_verdict(struct gang_member *m, int status)
{
	char how[64];
	child_status_text(status, how, sizeof(how));
	struct worker_report r = {.kind = WORKER_VERDICT,
	        .result = WORKER_FAIL,
	        .failure = FAILURE_WORKER_DIED,
	        .logical_sector = m->sector};
	// Whether it boots is not known: it may have been killed behind its last write (law 6).
	snprintf(r.text, sizeof(r.text), "%s: its programming process died (%s)%s", m->label, how,
	        !m->writes ? " before it was compared"
	        : m->went  ? ": write it again before it is used"
	                   : "; nothing was written to it");
	m->judged = true;
	m->events->verdict(m->context, m, &r);
}

static void dispatch_report(struct gang_member *m, const struct worker_report *r)
{
	switch ((enum worker_report_kind)r->kind) {
	case WORKER_CLAIMED:
		m->sector = r->logical_sector;
		m->events->claimed(m->context, m, r);
		break;
	case WORKER_PROGRESS:
		if (m->events->progress)
			m->events->progress(m->context, m, r);
		break;
	case WORKER_VERDICT:
		if (m->judged)
			break;
		m->judged = true;
		if (!m->killed)
			loop_timer_off(m->timer); // a cancel's
		m->events->verdict(m->context, m, r);
		break;
	case WORKER_RELEASED:
		m->released = true;
		m->ejected = r->ejected;
		break;
	}
}

// Reads what is there; false when the worker has closed its end.
static bool read_reports(struct gang_member *m)
{
	struct worker_report r;
	for (;;) {
		ssize_t n = fd_receive_packet(m->sock, &r, sizeof(r), NULL, NULL);
		if (n == -EAGAIN)
			return true;
		if (n <= 0)
			return false;
		if (n == (ssize_t)sizeof(r))
			dispatch_report(m, &r);
	}
}

static void on_sock(void *context, uint32_t events)
{
	struct gang_member *m = context;
	(void)events;
	if (!read_reports(m))
		m->on_sock = loop_remove(m->on_sock); // its end comes through the pidfd
}

static void on_exit_event(void *context, uint32_t events)
{
	struct gang_member *m = context;
	int status = 0;
	(void)events;
	m->on_exit = loop_remove(m->on_exit); // before its pidfd is closed
	if (child_reap(&m->child, &status) < 0)
		log_error("%s: worker %d cannot be collected", m->label, m->pid);
	if (m->on_sock)
		read_reports(m); // its last words
	m->on_sock = loop_remove(m->on_sock);
	m->timer = loop_remove(m->timer);
	fd_close(&m->sock);
	if (!m->judged)
		made_up_verdict(m, status);
	m->ended = true;
	m->events->ended(m->context, m, m->ejected, !m->released);
}

static void kill_now(struct gang_member *m)
{
	m->killed = true;
	child_signal(&m->child, SIGKILL);
	loop_timer_after(m->timer, GRACE_KILL_NS);
}

static void on_deadline(void *context)
{
	struct gang_member *m = context;
	if (!m->killed) {
		log_warn("%s: worker %d does not answer and is killed", m->label, m->pid);
		kill_now(m);
	} else {
		log_error("%s: worker %d is stuck in the kernel", m->label, m->pid);
		m->events->stuck(m->context, m);
	}
}

// Its job is sent when it is watched: until then it has opened nothing, and can be ended without waiting for a device.
static int start_worker(struct gang_member *m, const struct image *image, struct worker_job *job, int link_fd,
        int worker_sock, struct err *e)
{
	struct child_spec spec = {.role = "worker",
	        .fds = {worker_sock, image->data_fd, image->front_fd, image->wake_fd},
	        .fd_count = 4,
	        .stdout_fd = -1};
	job->has_link = link_fd >= 0;
	job->window = image->front && image->proof_fd > 0
	                      ? herd_window(image->front->mapped_bytes, herd_memory())
	                      : 0;
	// The store's pages of an image larger than memory come and go: what was proven would not be what is compared, and
	// each board would have its disk read once more, at that. A hash of what the board gives needs none of them.
	if (job->window && job->verify == WORKER_VERIFY_COMPARE)
		job->verify = WORKER_VERIFY_READBACK;
	job->has_proof = image->proof_fd > 0 && (job->verify == WORKER_VERIFY_COMPARE || job->window);
	job->has_target = image->target_fd > 0;
	if (job->has_link)
		spec.fds[spec.fd_count++] = link_fd;
	if (job->has_proof)
		spec.fds[spec.fd_count++] = image->proof_fd;
	if (job->has_target)
		spec.fds[spec.fd_count++] = image->target_fd;
	int r = child_start(&spec, &m->child, e);
	m->pid = m->child.pid;
	return r;
}

static int send_job(struct gang_member *m, const struct worker_job *job, struct err *e)
{
	int r = fd_send_packet(m->sock, job, sizeof(*job), NULL, 0);
	return r < 0 ? err_sys(e, -r, "worker for %s", m->label) : 0;
}

static int watch(struct gang_member *m, struct loop *loop, struct err *e)
{
	int r = loop_add_timer(loop, on_deadline, m, &m->timer, e);
	if (r == 0)
		r = loop_add_fd(loop, m->sock, EPOLLIN | EPOLLRDHUP, on_sock, m, &m->on_sock, e);
	if (r == 0)
		r = loop_add_fd(loop, m->child.pidfd, EPOLLIN, on_exit_event, m, &m->on_exit, e);
	return r;
}

// A worker that could not be watched, and was given no job.
static void discard(struct gang_member *m)
{
	loop_remove(m->on_sock);
	loop_remove(m->on_exit);
	loop_remove(m->timer);
	child_end(&m->child);
	fd_close(&m->sock);
	free(m);
}

int gang_add(struct loop *loop, const struct image *image, const struct worker_job *job, int link_fd,
        const struct gang_events *events, void *context, struct gang_member **out, struct err *e)
{
	struct gang_member *m = calloc(1, sizeof(*m));
	struct worker_job own = *job;
	int pair[2];
	if (!m)
		return err_sys(e, ENOMEM, "worker");
	*m = (struct gang_member){
	        .sock = -1, .events = events, .context = context, .writes = job->task != WORKER_VERIFY};
	STR_COPY(m->label, job->label[0] ? job->label : job->expect.node);
	int r = fd_packet_pair(pair, e);
	if (r == 0) {
		m->sock = pair[0];
		r = start_worker(m, image, &own, link_fd, pair[1], e);
		close(pair[1]);
	}
	if (r == 0)
		r = watch(m, loop, e);
	if (r == 0)
		r = send_job(m, &own, e);
	if (r < 0) {
		discard(m);
		return r;
	}
	*out = m;
	return 0;
}

void gang_go(struct gang_member *m)
{
	m->went = true;
	tell(m, WORKER_GO);
}

void gang_cancel(struct gang_member *m)
{
	if (m->ended || m->judged || m->killed)
		return;
	tell(m, WORKER_CANCEL);
	loop_timer_after(m->timer, GRACE_CANCEL_NS);
}

void gang_release(struct gang_member *m, bool eject)
{
	if (m->ended || m->killed || !m->timer) // it has died: the verdict says so, its end follows
		return;
	tell(m, eject ? WORKER_RELEASE : WORKER_KEEP);
	loop_timer_after(m->timer, GRACE_RELEASE_NS);
}

void gang_kill(struct gang_member *m)
{
	if (!m->ended && !m->killed)
		kill_now(m);
}

void *gang_context(const struct gang_member *m)
{
	return m->context;
}

int gang_pid(const struct gang_member *m)
{
	return m->pid;
}

struct gang_member *gang_free(struct gang_member *m)
{
	free(m);
	return NULL;
}
