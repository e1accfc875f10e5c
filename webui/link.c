// SPDX-License-Identifier: MIT
// The web role's end of the control stream: requests out, answers and events in, and whether the station lives.
#include "webui/link.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

struct pending {
	json_int_t id; // 0: free
	uint64_t deadline;
	link_answer_fn answer;
	void *context;
};

struct link {
	struct loop *loop;
	int fd;
	struct loop_source *source, *hello_timer, *answer_timer;
	const struct link_events *events;
	void *context;
	json_int_t last_id;
	uint64_t heard_ns;
	struct pending pending[CONTROL_UNDER_WAY_MAX];
	struct control_lines in;
	char out[CONTROL_UNDER_WAY_MAX * 4096]; // most lines are short; a full buffer is -EBUSY
	size_t out_used;
};

static void link_gone(struct link *link, int num, const char *why)
{
	if (!link->source)
		return;
	link->source = loop_remove(link->source);
	struct err e = {0};
	if (num)
		err_set(&e, num, "control stream: %s", why);
	link->events->gone(link->context, &e);
}

// The answer timer stands at the earliest deadline.
static void set_answer_timer(struct link *link)
{
	uint64_t first = 0;
	for (size_t i = 0; i < CONTROL_UNDER_WAY_MAX; i++)
		if (link->pending[i].id && (!first || link->pending[i].deadline < first))
			first = link->pending[i].deadline;
	int r = first ? loop_timer_set(link->answer_timer, first, 0) : loop_timer_off(link->answer_timer);
	if (r < 0)
		link_gone(link, -r, "timer");
}

static void settle(struct pending *pending, const json_t *answer)
{
	struct pending was = *pending;
	*pending = (struct pending){0};
	if (was.answer)
		was.answer(was.context, answer);
}

static void on_answer_timer(void *context)
{
	struct link *link = context;
	uint64_t now = clock_mono_ns();
	for (size_t i = 0; i < CONTROL_UNDER_WAY_MAX; i++)
		if (link->pending[i].id && link->pending[i].deadline <= now)
			settle(&link->pending[i], NULL);
	set_answer_timer(link);
}

static void take_answer(struct link *link, const json_t *line)
{
	json_int_t id = json_integer_value(json_object_get(line, "id"));
	for (size_t i = 0; id && i < CONTROL_UNDER_WAY_MAX; i++)
		if (link->pending[i].id == id)
			settle(&link->pending[i], line);
	set_answer_timer(link);
}

static void take_line(struct link *link, const char *text)
{
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	link->heard_ns = clock_mono_ns();
	const char *name = json_string_value(json_object_get(line, "event"));
	if (name)
		link->events->event(link->context, name, line);
	else if (json_is_object(line))
		take_answer(link, line);
	else
		link_gone(link, EPROTO, "the station sent a line that is not a JSON object");
	json_decref(line);
}

static void take_lines(struct link *link)
{
	while (link->source) {
		_cleanup_free_ char *line = control_lines_take(&link->in);
		if (!line)
			return;
		take_line(link, line);
	}
}

static void on_readable(struct link *link)
{
	size_t space;
	char *to = control_lines_space(&link->in, &space);
	if (!to) {
		link_gone(link, EMSGSIZE, "the station's line is too long, or memory is short");
		return;
	}
	ssize_t n = read(link->fd, to, space);
	if (n > 0) {
		control_lines_filled(&link->in, (size_t)n);
		take_lines(link);
	} else if (n == 0 || errno == ECONNRESET) {
		link_gone(link, 0, "");
	} else if (errno != EAGAIN && errno != EINTR) {
		link_gone(link, errno, "cannot be read");
	}
}

static void flush(struct link *link)
{
	ssize_t n = 1;
	while (link->out_used && n > 0) {
		n = write(link->fd, link->out, link->out_used);
		if (n > 0) {
			memmove(link->out, link->out + n, link->out_used - (size_t)n);
			link->out_used -= (size_t)n;
		}
	}
	// A dead peer shows when reading, too: that is where it is reported.
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		link->out_used = 0;
	int r = loop_modify(link->source, EPOLLIN | (link->out_used ? EPOLLOUT : 0));
	if (r < 0)
		link_gone(link, -r, "event loop");
}

static void on_event(void *context, uint32_t events)
{
	struct link *link = context;
	if (events & EPOLLOUT)
		flush(link);
	if (link->source && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		on_readable(link);
}

static struct pending *free_pending(struct link *link)
{
	for (size_t i = 0; i < CONTROL_UNDER_WAY_MAX; i++)
		if (!link->pending[i].id)
			return &link->pending[i];
	return NULL;
}

static int append_line(struct link *link, json_t *line, struct err *e)
{
	size_t room = sizeof(link->out) - link->out_used;
	size_t size = json_dumpb(line, link->out + link->out_used, room, JSON_COMPACT);
	if (!size || size + 1 > CONTROL_REQUEST_MAX)
		return err_set(e, EMSGSIZE, "request: longer than the control socket takes");
	if (size + 1 > room)
		return err_set(e, EBUSY, "the station is busy; try again");
	link->out[link->out_used + size] = '\n';
	link->out_used += size + 1;
	return 0;
}

int link_request(
        struct link *link, const char *cmd, json_t *args, link_answer_fn answer, void *context, struct err *e)
{
	struct pending *pending = free_pending(link);
	if (!link->source || !pending) {
		json_decref(args);
		return err_set(e, EBUSY, "the station is busy; try again");
	}
	json_int_t id = ++link->last_id;
	json_t *line = json_pack("{s:I, s:s, s:o*}", "id", id, "cmd", cmd, "args", args);
	if (!line)
		return err_set(e, EINVAL, "request '%s': not valid UTF-8", cmd);
	int r = append_line(link, line, e);
	json_decref(line);
	if (r < 0)
		return r;
	*pending = (struct pending){.id = id,
	        .deadline = clock_mono_ns() + LINK_ANSWER_S * NSEC_PER_SEC,
	        .answer = answer,
	        .context = context};
	set_answer_timer(link);
	flush(link);
	return 0;
}

void link_forget(struct link *link, const void *context)
{
	for (size_t i = 0; i < CONTROL_UNDER_WAY_MAX; i++)
		if (link->pending[i].id && link->pending[i].context == context)
			link->pending[i].answer = NULL;
}

bool link_alive(const struct link *link)
{
	return link->source && clock_mono_ns() - link->heard_ns < LINK_SILENCE_S * NSEC_PER_SEC;
}

static void on_hello(void *context, const json_t *answer)
{
	struct link *link = context;
	if (answer)
		link->events->alive(link->context);
}

static void on_hello_timer(void *context)
{
	struct link *link = context;
	// Busy with 16 unanswered requests is as good as no answer: silence then tells.
	link_request(link, "hello", NULL, on_hello, link, NULL);
}

static int link_start(struct link *link, struct err *e)
{
	int r = fd_set_nonblocking(link->fd, true);
	if (r < 0)
		return err_sys(e, -r, "control stream");
	r = loop_add_fd(link->loop, link->fd, EPOLLIN, on_event, link, &link->source, e);
	if (r == 0)
		r = loop_add_timer(link->loop, on_answer_timer, link, &link->answer_timer, e);
	if (r == 0)
		r = loop_add_timer(link->loop, on_hello_timer, link, &link->hello_timer, e);
	if (r == 0)
		r = link_request(link, "subscribe", NULL, NULL, NULL, e);
	if (r < 0)
		return r;
	r = loop_timer_set(link->hello_timer, clock_mono_ns(), LINK_HELLO_S * NSEC_PER_SEC);
	return r < 0 ? err_sys(e, -r, "timer") : 0;
}

int link_new(struct loop *loop, int fd, const struct link_events *events, void *context, struct link **out,
        struct err *e)
{
	struct link *link = calloc(1, sizeof(*link));
	if (!link) {
		close(fd);
		return err_sys(e, ENOMEM, "control stream");
	}
	*link = (struct link){.loop = loop, .fd = fd, .events = events, .context = context};
	link->in.limit = CONTROL_ANSWER_MAX;
	link->heard_ns = clock_mono_ns();
	int r = link_start(link, e);
	if (r < 0) {
		link_free(link);
		return r;
	}
	*out = link;
	return 0;
}

struct link *link_free(struct link *link)
{
	if (!link)
		return NULL;
	for (size_t i = 0; i < CONTROL_UNDER_WAY_MAX; i++)
		if (link->pending[i].id)
			settle(&link->pending[i], NULL);
	loop_remove(link->source);
	loop_remove(link->hello_timer);
	loop_remove(link->answer_timer);
	fd_close(&link->fd);
	control_lines_free(&link->in);
	free(link);
	return NULL;
}
