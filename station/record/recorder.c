// SPDX-License-Identifier: MIT
// The station's end of the recorder: queues rows, tells what became of them. Never blocks.
#include "record/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "record/wire.h"

// A row that did not fit the socket yet.
struct unsent {
	struct unsent *next;
	char *text;
	int fd;
};

struct recorder {
	struct loop *loop;
	const struct recorder_events *events;
	void *context;
	struct child child;
	int sock;
	struct loop_source *socket, *ended;
	struct unsent *first, **last;
	uint64_t next_ticket;
	unsigned waiting; // rows neither durable nor refused
	bool closing;
	void (*closed)(void *context);
	void *closed_context;
	char fatal[480];
};

static void unsent_drop_first(struct recorder *r)
{
	struct unsent *u = r->first;
	r->first = u->next;
	if (!r->first)
		r->last = &r->first;
	fd_close(&u->fd);
	free(u->text);
	free(u);
}

// Sends what fits. A broken socket is not an error here: the child's end is reported when it is reaped.
static void flush(struct recorder *r)
{
	while (r->first) {
		int result = wire_send(r->sock, r->first->text, r->first->fd);
		if (result == -EAGAIN)
			break;
		// Nobody would ever hear of its ticket: a recorder that is started again is given all that are not durable.
		if (result < 0)
			(void)child_signal(&r->child, SIGKILL);
		unsent_drop_first(r);
	}
	if (r->socket)
		loop_modify(r->socket, EPOLLIN | (r->first ? (uint32_t)EPOLLOUT : 0));
	if (!r->first && r->closing)
		shutdown(r->sock, SHUT_WR);
}

static int enqueue(struct recorder *r, json_t *message, int fd, uint64_t *ticket, struct err *e)
{
	struct unsent *u = calloc(1, sizeof(*u));
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	json_decref(message);
	int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (!u || !text || (fd >= 0 && copy < 0)) {
		free(u);
		free(text);
		fd_close(&copy);
		return err_sys(e, u && text ? errno : ENOMEM, "ledger: a row cannot be queued");
	}
	*u = (struct unsent){.text = text, .fd = copy};
	*r->last = u;
	r->last = &u->next;
	r->waiting++;
	*ticket = r->next_ticket++;
	flush(r);
	return 0;
}

static int check_room(const struct recorder *r, struct err *e)
{
	if (r->closing || r->child.pid <= 0)
		return err_set(e, EPIPE, "ledger: the recorder has ended; start the station again");
	if (r->waiting >= RECORDER_QUEUE_MAX)
		return err_set(e, EBUSY, "ledger: %u rows are waiting; the station waits too", r->waiting);
	return 0;
}

int recorder_append(struct recorder *r, const char *kind, const json_t *body, int attachment_fd,
        uint64_t *ticket, struct err *e)
{
	int result = check_room(r, e);
	if (result < 0)
		return result;
	json_t *copy = json_deep_copy(body);
	return enqueue(r,
	        json_pack("{s:I,s:s,s:o}", "t", (json_int_t)r->next_ticket, "kind", kind, "body", copy),
	        attachment_fd, ticket, e);
}

int recorder_append_again(struct recorder *r, uint64_t since, const char *kind, const json_t *body,
        int attachment_fd, uint64_t *ticket, struct err *e)
{
	int result = check_room(r, e);
	if (result < 0)
		return result;
	json_t *message = json_pack("{s:I,s:I,s:s,s:o}", "t", (json_int_t)r->next_ticket, "since",
	        (json_int_t)since, "kind", kind, "body", json_deep_copy(body));
	return enqueue(r, message, attachment_fd, ticket, e);
}

int recorder_sign_head(struct recorder *r, const char *reason, uint64_t *ticket, struct err *e)
{
	int result = check_room(r, e);
	if (result < 0)
		return result;
	return enqueue(
	        r, json_pack("{s:I,s:s}", "t", (json_int_t)r->next_ticket, "head", reason), -1, ticket, e);
}

int recorder_head_policy(struct recorder *r, unsigned rows, unsigned seconds, struct err *e)
{
	char text[80];
	snprintf(text, sizeof(text), "{\"head_rows\":%u,\"head_seconds\":%u}", rows, seconds);
	int result = wire_send(r->sock, text, -1);
	return result < 0 ? err_sys(e, -result, "ledger: the recorder does not hear when to sign") : 0;
}

static uint64_t ticket_of(const json_t *message)
{
	return (uint64_t)json_integer_value(json_object_get(message, "t"));
}

static const char *text_of(const json_t *message, const char *key)
{
	const char *text = json_string_value(json_object_get(message, key));
	return text ? text : "";
}

static void on_message(struct recorder *r, const json_t *message)
{
	const char *event = text_of(message, "event");
	struct err e = {.num = EINVAL};
	STR_COPY(e.text, text_of(message, "text"));
	if (!strcmp(event, "durable")) {
		r->waiting--;
		r->events->durable(r->context, ticket_of(message),
		        (uint64_t)json_integer_value(json_object_get(message, "seq")),
		        text_of(message, "hash"));
	} else if (!strcmp(event, "refused")) {
		r->waiting--;
		if (r->events->refused)
			r->events->refused(r->context, ticket_of(message), &e);
	} else if (!strcmp(event, "ready")) {
		r->events->ready(r->context, json_object_get(message, "resume"));
	} else if (!strcmp(event, "failing")) {
		e.num = (int)json_integer_value(json_object_get(message, "num"));
		r->events->failing(r->context, &e);
	} else if (!strcmp(event, "recovered")) {
		r->events->recovered(r->context);
	} else if (!strcmp(event, "anchored") && r->events->anchored) {
		r->events->anchored(
		        r->context, (uint64_t)json_integer_value(json_object_get(message, "row")));
	} else if (!strcmp(event, "fatal")) {
		STR_COPY(r->fatal, e.text);
	}
}

// False when the peer has hung up.
static bool receive_all(struct recorder *r)
{
	for (;;) {
		json_t *message = NULL;
		int result = wire_receive(r->sock, &message, NULL);
		if (result == -EAGAIN)
			return true;
		if (result <= 0)
			return false;
		on_message(r, message);
		json_decref(message);
	}
}

static void on_socket(void *context, uint32_t events)
{
	struct recorder *r = context;
	if (events & EPOLLOUT)
		flush(r);
	// What the end means is said when the child is reaped.
	if (!receive_all(r))
		r->socket = loop_remove(r->socket);
}

static void on_ended(void *context, uint32_t events)
{
	struct recorder *r = context;
	int status = 0;
	char how[64];
	(void)events;
	(void)receive_all(r); // its last words
	if (!child_ended(&r->child))
		return;
	r->ended = loop_remove(r->ended);
	r->socket = loop_remove(r->socket);
	if (child_reap(&r->child, &status) < 0)
		log_error("recorder: cannot be collected");
	if (r->closing) {
		if (r->closed)
			r->closed(r->closed_context);
		return;
	}
	child_status_text(status, how, sizeof(how));
	r->events->died(r->context, r->fatal[0] ? r->fatal : how);
}

static int start_child(struct recorder *r, const char *state, const char *live, struct err *e)
{
	int pair[2];
	int result = fd_packet_pair(pair, e);
	if (result < 0)
		return result;
	r->sock = pair[0];
	struct child_spec spec = {.role = "recorder", .args = {state, live}, .fds = {pair[1]}, .fd_count = 1};
	result = child_start(&spec, &r->child, e);
	close(pair[1]);
	if (result == 0)
		result = loop_add_fd(r->loop, r->sock, EPOLLIN, on_socket, r, &r->socket, e);
	if (result == 0)
		result = loop_add_fd(r->loop, r->child.pidfd, EPOLLIN, on_ended, r, &r->ended, e);
	return result;
}

int recorder_start(struct loop *loop, const char *state, const struct recorder_events *events, void *context,
        struct recorder **out, struct err *e)
{
	return recorder_start_again(loop, state, NULL, events, context, out, e);
}

int recorder_start_again(struct loop *loop, const char *state, const char *live,
        const struct recorder_events *events, void *context, struct recorder **out, struct err *e)
{
	struct recorder *r = calloc(1, sizeof(*r));
	if (!r)
		return err_sys(e, ENOMEM, "recorder");
	*r = (struct recorder){.loop = loop,
	        .events = events,
	        .context = context,
	        .sock = -1,
	        .child = {.pidfd = -1},
	        .next_ticket = 1};
	r->last = &r->first;
	int result = start_child(r, state, live, e);
	if (result < 0)
		recorder_free(r);
	else
		*out = r;
	return result;
}

void recorder_close(struct recorder *r, void (*closed)(void *context), void *context)
{
	r->closing = true;
	r->closed = closed;
	r->closed_context = context;
	flush(r);
}

struct recorder *recorder_free(struct recorder *r)
{
	if (!r)
		return NULL;
	loop_remove(r->socket);
	loop_remove(r->ended);
	while (r->first)
		unsent_drop_first(r);
	fd_close(&r->sock);
	if (r->child.pid > 0) {
		// Not asked to close first: it is stopped, and what it was not told is not in the ledger.
		struct pollfd ended = {.fd = r->child.pidfd, .events = POLLIN};
		int status;
		child_signal(&r->child, SIGKILL);
		(void)poll(&ended, 1, 1000);
		(void)child_reap(&r->child, &status);
	}
	free(r);
	return NULL;
}
