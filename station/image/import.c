// SPDX-License-Identifier: MIT
// Imports, seen from the parent: starts the importer and believes nothing it says unchecked.
#include "image/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/failure.h"
#include "image/front.h"
#include "image/import_wire.h"
#include "image/proof.h"

// How long an importer may take to remove what it made, when it is told to stop.
enum { STOP_MS = 5000 };

struct import {
	struct loop *loop;
	struct import_events events;
	void *context;
	struct child child;
	int sock;
	struct loop_source *on_sock, *on_child;
	int wake_fd;
	struct image image;
	struct front front; // writable: IMAGE_FAILED must be said even when the importer has died
	char codec[16];
	bool stored, unchanged, ready, done;
	struct err error; // num != 0: it failed
	unsigned depth;   // callbacks on the stack
	bool freed;       // import_free() was called inside one of them
};

struct image *import_image(struct import *import)
{
	return &import->image;
}

const char *import_codec(const struct import *import)
{
	return import->codec;
}

bool import_was_stored(const struct import *import)
{
	return import->stored;
}

bool import_was_unchanged(const struct import *import)
{
	return import->unchanged;
}

static void import_destroy(struct import *im)
{
	image_close(&im->image);
	front_close(&im->front);
	fd_close(&im->wake_fd);
	free(im);
}

// Callbacks may free the import: it goes when the last one on the stack has returned.
static void enter(struct import *im)
{
	im->depth++;
}
static bool leave(struct import *im)
{
	bool freed = im->freed;
	if (--im->depth == 0 && freed)
		import_destroy(im);
	return freed;
}

static void refuse(struct import *im, const char *why)
{
	if (!im->error.num)
		err_fail(&im->error, EPROTO, FAILURE_IMPORT_FAILED,
		        "the importer misbehaved (%s): the image may be malicious; get a good copy", why);
	child_signal(&im->child, SIGKILL);
}

static bool is_digest(const char *hex)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	return digest_from_hex(hex, digest, sizeof(digest));
}

// What arrives with IMPORT_READY must be what workers will rely on.
static const char *take_image(struct import *im, const struct import_message *m, int *fds, size_t count)
{
	struct stat st;
	struct err e;
	if (im->ready || count != IMPORT_READY_FDS)
		return "ready out of turn";
	if (m->bmap_sha256[0] && !is_digest(m->bmap_sha256))
		return "bmap digest";
	if (front_adopt(fds[1], &im->front, &e) < 0 || !front_is_sound(im->front.map, im->front.size))
		return "front";
	int flags = fcntl(fds[0], F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY || fstat(fds[0], &st) < 0 || !S_ISREG(st.st_mode) ||
	        (uint64_t)st.st_size != im->front.map->image_size)
		return "data";
	im->image.data_fd = steal_fd(&fds[0]);
	im->image.front_fd = steal_fd(&fds[1]);
	im->image.lock_fd = steal_fd(&fds[2]);
	im->image.wake_fd = steal_fd(&im->wake_fd);
	im->image.proof_fd = proof_create(NULL); // without it every worker proves for itself
	if (image_map(&im->image, &e) < 0)
		return "front";
	STR_COPY(im->image.bmap_sha256, m->bmap_sha256);
	im->stored = m->stored != 0;
	im->ready = true;
	return NULL;
}

static void take_failure(struct import *im, const struct import_message *m)
{
	int num = m->num > 0 && m->num < 4096 ? m->num : EIO;
	int failure = m->failure > 0 && m->failure < FAILURE_COUNT ? (int)m->failure : FAILURE_IMPORT_FAILED;
	// A file that took the importer over must not send a good board to the red bin.
	if (failure_counts((enum failure)failure))
		failure = FAILURE_IMPORT_FAILED;
	if (!im->error.num)
		err_fail(&im->error, num, failure, "%s", m->text);
}

static const char *take_done(struct import *im, const struct import_message *m)
{
	if (!im->ready || im->done || !is_digest(m->key) || !is_digest(m->source_sha256))
		return "done out of turn";
	STR_COPY(im->image.key, m->key);
	STR_COPY(im->image.source_sha256, m->source_sha256);
	im->unchanged = m->unchanged != 0;
	im->done = true;
	return NULL;
}

static void take_message(struct import *im, const struct import_message *m, int *fds, size_t count)
{
	const char *bad = NULL;
	if (im->done || im->error.num)
		return;
	switch (m->type) {
	case IMPORT_LOOKED: STR_COPY(im->codec, m->codec); break;
	case IMPORT_READY:
		bad = take_image(im, m, fds, count);
		if (!bad)
			im->events.ready(im->context, im);
		break;
	case IMPORT_PROGRESS:
		if (im->events.progress)
			im->events.progress(im->context, im, m->decoded, m->total);
		break;
	case IMPORT_NOTE:
		if (im->events.note) {
			struct err line; // err_set() makes it one printable line
			err_set(&line, EINVAL, "%s", m->text);
			im->events.note(im->context, im, line.text);
		}
		break;
	case IMPORT_DONE: bad = take_done(im, m); break;
	case IMPORT_FAILED: take_failure(im, m); break;
	default: bad = "unknown message";
	}
	if (bad && !im->freed)
		refuse(im, bad);
}

static void terminate_texts(struct import_message *m)
{
	m->codec[sizeof(m->codec) - 1] = '\0';
	m->key[sizeof(m->key) - 1] = '\0';
	m->source_sha256[sizeof(m->source_sha256) - 1] = '\0';
	m->bmap_sha256[sizeof(m->bmap_sha256) - 1] = '\0';
	m->text[sizeof(m->text) - 1] = '\0';
}

// Everything that waits in the socket. False: freed, or nothing more will come.
static bool drain(struct import *im)
{
	while (!im->freed && im->sock >= 0) {
		struct import_message m;
		int fds[IMPORT_READY_FDS];
		size_t count = IMPORT_READY_FDS;
		ssize_t n = fd_receive_packet(im->sock, &m, sizeof(m), fds, &count);
		if (n == -EAGAIN)
			return true;
		if (n == 0 || (n < 0 && n != -EMSGSIZE))
			return false;
		if (n == sizeof(m)) {
			terminate_texts(&m);
			take_message(im, &m, fds, count);
		} else {
			refuse(im, "packet");
		}
		for (size_t i = 0; i < count; i++)
			fd_close(&fds[i]);
	}
	return false;
}

static void on_sock(void *context, uint32_t events)
{
	struct import *im = context;
	(void)events;
	enter(im);
	if (!drain(im) && !im->freed)
		im->on_sock = loop_remove(im->on_sock); // the rest is the child's end
	leave(im);
}

// All that an import is to be trusted for, after its process has ended and can change nothing any more.
static void judge(struct import *im, int status)
{
	char how[80];
	child_status_text(status, how, sizeof(how));
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (im->error.num)
		return;
	if (!clean || !im->done)
		err_fail(&im->error, ECHILD, FAILURE_IMPORT_FAILED,
		        "the importer ended before the import was complete (%s); try again, and report it if "
		        "it "
		        "repeats",
		        how);
	else if (image_front_state(im->front.map) != IMAGE_CONFIRMED ||
	         image_front_offset(im->front.map) != im->front.map->image_size ||
	         !front_is_sound(im->front.map, im->front.size))
		refuse(im, "front at the end");
}

static void on_child(void *context, uint32_t events)
{
	struct import *im = context;
	int status = 0;
	(void)events;
	enter(im);
	drain(im);
	if (im->freed || !child_ended(&im->child)) {
		leave(im);
		return;
	}
	im->on_child = loop_remove(im->on_child);
	im->on_sock = loop_remove(im->on_sock);
	if (child_reap(&im->child, &status) < 0)
		log_error("importer: cannot be collected");
	fd_close(&im->sock);
	judge(im, status);
	if (im->error.num && im->ready) {
		front_fail(im->front.map, &im->error);
		front_wake(im->image.wake_fd);
	}
	if (im->error.num)
		im->events.failed(im->context, im, &im->error);
	else
		im->events.done(im->context, im);
	leave(im);
}

static int start_child(struct import *im, const struct import_request *q, struct err *e)
{
	int pair[2];
	char limit[24];
	int r = fd_packet_pair(pair, e);
	if (r < 0)
		return r;
	im->sock = pair[0];
	_cleanup_close_ int theirs = pair[1];
	snprintf(limit, sizeof(limit), "%" PRIu64, q->store_limit);
	struct child_spec spec = {.role = "importer",
	        .args = {q->store, limit, q->holes_unmapped ? "holes" : "all",
	                q->trust_times ? "times" : "hash", q->image_name},
	        .fds = {theirs, im->wake_fd, q->image_fd},
	        .fd_count = 3};
	if (q->bmap_fd >= 0) {
		spec.args[5] = q->bmap_name ? q->bmap_name : "bmap";
		spec.fds[spec.fd_count++] = q->bmap_fd;
	}
	return child_start(&spec, &im->child, e);
}

int import_start(struct loop *loop, const struct import_request *request, const struct import_events *events,
        void *context, struct import **out, struct err *e)
{
	struct import *im = calloc(1, sizeof(*im));
	if (!im)
		return err_sys(e, ENOMEM, "%s", request->image_name);
	*im = (struct import){.loop = loop,
	        .events = *events,
	        .context = context,
	        .child = {.pidfd = -1},
	        .sock = -1,
	        .front = FRONT_NONE,
	        .image = {.data_fd = -1, .front_fd = -1, .wake_fd = -1, .lock_fd = -1},
	        .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	int r = im->wake_fd < 0 ? err_sys(e, errno, "eventfd") : start_child(im, request, e);
	if (r == 0)
		r = loop_add_fd(loop, im->sock, EPOLLIN, on_sock, im, &im->on_sock, e);
	if (r == 0)
		r = loop_add_fd(loop, im->child.pidfd, EPOLLIN, on_child, im, &im->on_child, e);
	if (r < 0) {
		import_free(im);
		return r;
	}
	*out = im;
	return 0;
}

// Closing the socket tells the importer to remove what it made and to end; one that does not is killed.
static void stop_child(struct import *im)
{
	int status;
	if (im->child.pid <= 0)
		return;
	struct pollfd ended = {.fd = im->child.pidfd, .events = POLLIN};
	if (poll(&ended, 1, STOP_MS) != 1) {
		child_signal(&im->child, SIGKILL);
		poll(&ended, 1, STOP_MS);
	}
	child_reap(&im->child, &status);
}

struct import *import_free(struct import *im)
{
	if (!im || im->freed)
		return NULL;
	im->on_sock = loop_remove(im->on_sock);
	im->on_child = loop_remove(im->on_child);
	fd_close(&im->sock);
	stop_child(im);
	if (im->depth)
		im->freed = true;
	else
		import_destroy(im);
	return NULL;
}
