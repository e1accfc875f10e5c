// SPDX-License-Identifier: MIT
// The station's end of the reader. Never blocks; a reader that died is started again by the next query.
#include "record/reader.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "record/wire.h"

struct query {
	char *text;
	reader_answer_fn answer;
	void *context;
};

// The first is with the child, the others wait here: so a child that dies takes one query with it.
struct reader {
	struct loop *loop;
	char state[PATH_MAX];
	struct child child;
	int sock;
	struct loop_source *socket, *ended;
	struct query queue[READER_QUEUE_MAX];
	unsigned first, count;
	bool asked;
};

static int start_child(struct reader *r, struct err *e);

static void stop_child(struct reader *r)
{
	int status;
	r->socket = loop_remove(r->socket);
	r->ended = loop_remove(r->ended);
	fd_close(&r->sock);
	if (r->child.pid > 0) {
		struct pollfd ended = {.fd = r->child.pidfd, .events = POLLIN};
		child_signal(&r->child, SIGKILL);
		(void)poll(&ended, 1, 1000);
		(void)child_reap(&r->child, &status);
	}
}

// Takes the first query off the queue and answers it.
static void finish_first(struct reader *r, const json_t *result, const struct err *e)
{
	struct query q = r->queue[r->first];
	r->first = (r->first + 1) % READER_QUEUE_MAX;
	r->count--;
	r->asked = false;
	free(q.text);
	q.answer(q.context, result, e);
}

// Hands the first query to the child, which is started if need be.
static int ask_first(struct reader *r, struct err *e)
{
	int result = r->child.pid > 0 ? 0 : start_child(r, e);
	if (result < 0)
		return result;
	result = wire_send(r->sock, r->queue[r->first].text, -1);
	if (result < 0)
		return err_sys(e, -result, "ledger: the reader cannot be asked");
	r->asked = true;
	return 0;
}

static void ask_next(struct reader *r)
{
	struct err e = {0};
	while (r->count && !r->asked && ask_first(r, &e) < 0)
		finish_first(r, NULL, &e);
}

static void on_socket(void *context, uint32_t events)
{
	struct reader *r = context;
	json_t *message = NULL;
	(void)events;
	int result = wire_receive(r->sock, &message, NULL);
	if (result == -EAGAIN)
		return;
	if (result <= 0) {
		r->socket = loop_remove(r->socket); // its end is reported when it is reaped
		return;
	}
	const json_t *error = json_object_get(message, "error");
	const char *text = json_string_value(json_object_get(error, "text"));
	struct err e = {.num = (int)json_integer_value(json_object_get(error, "num"))};
	STR_COPY(e.text, text ? text : "ledger: the reader gave no answer");
	const json_t *answer = json_object_get(message, "result");
	if (r->asked)
		finish_first(r, answer, answer ? NULL : &e);
	json_decref(message);
	ask_next(r);
}

static void on_ended(void *context, uint32_t events)
{
	struct reader *r = context;
	int status = 0;
	char how[64];
	struct err e = {0};
	(void)events;
	if (r->socket)
		on_socket(r, EPOLLIN); // its last answer may still be there
	if (!child_ended(&r->child))
		return;
	r->ended = loop_remove(r->ended);
	if (child_reap(&r->child, &status) < 0)
		log_error("reader: cannot be collected");
	stop_child(r);
	child_status_text(status, how, sizeof(how));
	err_set(&e, EPIPE, "ledger: the reader died (%s); ask again", how);
	if (r->asked)
		finish_first(r, NULL, &e);
	ask_next(r);
}

static int start_child(struct reader *r, struct err *e)
{
	int pair[2];
	int result = fd_packet_pair(pair, e);
	if (result < 0)
		return result;
	r->sock = pair[0];
	struct child_spec spec = {.role = "reader", .args = {r->state}, .fds = {pair[1]}, .fd_count = 1};
	result = child_start(&spec, &r->child, e);
	close(pair[1]);
	if (result == 0)
		result = loop_add_fd(r->loop, r->sock, EPOLLIN, on_socket, r, &r->socket, e);
	if (result == 0)
		result = loop_add_fd(r->loop, r->child.pidfd, EPOLLIN, on_ended, r, &r->ended, e);
	if (result < 0)
		stop_child(r);
	return result;
}

int reader_start(struct loop *loop, const char *state, struct reader **out, struct err *e)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (!r)
		return err_sys(e, ENOMEM, "reader");
	r->loop = loop;
	r->sock = -1;
	r->child = (struct child){.pidfd = -1};
	STR_COPY(r->state, state);
	int result = start_child(r, e);
	if (result < 0)
		free(r);
	else
		*out = r;
	return result;
}

int reader_query(struct reader *r, const char *name, const json_t *parameters, reader_answer_fn answer,
        void *context, struct err *e)
{
	if (r->count == READER_QUEUE_MAX)
		return err_set(e, EBUSY, "ledger: %d queries are waiting; ask again later", READER_QUEUE_MAX);
	json_t *message = json_pack("{s:s,s:o}", "query", name, "parameters",
	        parameters ? json_deep_copy(parameters) : json_object());
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	json_decref(message);
	if (!text)
		return err_sys(e, ENOMEM, "ledger: query '%s'", name);
	r->queue[(r->first + r->count++) % READER_QUEUE_MAX] = (struct query){text, answer, context};
	if (r->asked)
		return 0;
	// Nothing is under way, so this one is the first.
	int result = ask_first(r, e);
	if (result < 0) {
		free(text);
		r->count--;
	}
	return result;
}

struct reader *reader_free(struct reader *r)
{
	if (!r)
		return NULL;
	stop_child(r);
	for (; r->count; r->count--) {
		free(r->queue[r->first].text);
		r->first = (r->first + 1) % READER_QUEUE_MAX;
	}
	free(r);
	return NULL;
}
