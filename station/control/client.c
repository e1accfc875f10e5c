// SPDX-License-Identifier: MIT
// A client of the control socket.
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fd.h"

struct control_connection {
	int fd;
	json_int_t next_id;
	struct control_lines in;
	json_t *events; // an array of those that came while an answer was waited for
};

int control_connect_fd(int fd, struct control_connection **out, struct err *e)
{
	struct control_connection *connection = calloc(1, sizeof(*connection));
	json_t *events = json_array();
	if (!connection || !events) {
		close(fd);
		free(connection);
		json_decref(events);
		return err_sys(e, ENOMEM, "control socket");
	}
	*connection =
	        (struct control_connection){.fd = fd, .events = events, .in = {.limit = CONTROL_ANSWER_MAX}};
	*out = connection;
	return 0;
}

int control_connect(const char *state, struct control_connection **out, struct err *e)
{
	struct sockaddr_un address;
	_cleanup_close_ int folder = -1;
	int r = control_address(state, &address, &folder, e);
	if (r < 0)
		return r;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "control socket");
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int num = errno;
		close(fd);
		if (num == ENOENT || num == ECONNREFUSED)
			return err_set(e, num,
			        "%s: no station runs on this state folder; start one or name another with "
			        "--state",
			        state);
		if (num == EACCES)
			return err_set(e, num,
			        "%s/" CONTROL_SOCKET ": Permission denied; it is for the station's user and "
			        "group: join the group, or become that user (sudo)",
			        state);
		return err_sys(e, num, "%s/" CONTROL_SOCKET, state);
	}
	return control_connect_fd(fd, out, e);
}

struct control_connection *control_disconnect(struct control_connection *connection)
{
	if (!connection)
		return NULL;
	close(connection->fd);
	control_lines_free(&connection->in);
	json_decref(connection->events);
	free(connection);
	return NULL;
}

int control_connection_fd(const struct control_connection *connection)
{
	return connection->fd;
}

static int wait_readable(int fd, uint64_t deadline_ns, struct err *e)
{
	for (;;) {
		int timeout = -1;
		if (deadline_ns != UINT64_MAX) {
			uint64_t now = clock_mono_ns();
			timeout = now >= deadline_ns
			                  ? 0
			                  : (int)((deadline_ns - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
		}
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = poll(&p, 1, timeout);
		if (n > 0)
			return 0;
		if (n == 0)
			return err_set(e, EAGAIN, "control socket: nothing came in time");
		if (errno != EINTR)
			return err_sys(e, errno, "control socket");
	}
}

// The next line's object.
static int next_object(struct control_connection *c, uint64_t deadline_ns, json_t **out, struct err *e)
{
	for (;;) {
		_cleanup_free_ char *line = control_lines_take(&c->in);
		if (line) {
			*out = json_loads(line, 0, NULL);
			return json_is_object(*out)
			               ? 0
			               : err_set(e, EPROTO,
			                         "control socket: the station sent no JSON object");
		}
		size_t space;
		char *to = control_lines_space(&c->in, &space);
		if (!to)
			return err_set(e, EMSGSIZE, "control socket: the station's line is too long");
		int r = wait_readable(c->fd, deadline_ns, e);
		if (r < 0)
			return r;
		ssize_t n = recv(c->fd, to, space, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, EPIPE, "the station has closed the connection");
		control_lines_filled(&c->in, (size_t)n);
	}
}

static int send_line(
        struct control_connection *c, const json_t *line, const int *fds, size_t fd_count, struct err *e)
{
	size_t size = 0;
	_cleanup_free_ char *text = control_encode(line, &size);
	if (!text)
		return err_sys(e, ENOMEM, "control socket");
	// The descriptors go with the first byte; the rest follows as an ordinary stream.
	int r = fd_send_packet(c->fd, text, 1, fds, fd_count);
	if (r == 0)
		r = fd_write_all(c->fd, text + 1, size - 1);
	return r < 0 ? err_sys(e, -r, "control socket: the station does not take the request") : 0;
}

static int take_answer(json_t *answer, json_t **result, struct err *e)
{
	int r = 0;
	if (json_is_true(json_object_get(answer, "ok"))) {
		if (result)
			*result = json_incref(json_object_get(answer, "result"));
	} else {
		const char *text =
		        json_string_value(json_object_get(json_object_get(answer, "error"), "text"));
		r = err_set(e, EPROTO, "%s", text ? text : "the station refused without a reason");
	}
	json_decref(answer);
	return r;
}

int control_send(struct control_connection *c, const char *cmd, json_t *args, const int *fds, size_t fd_count,
        json_int_t *id, struct err *e)
{
	*id = ++c->next_id;
	json_t *line = json_pack("{s:I,s:s,s:o}", "id", *id, "cmd", cmd, "args", args ? args : json_object());
	if (!line)
		return err_sys(e, ENOMEM, "control socket");
	int r = send_line(c, line, fds, fd_count, e);
	json_decref(line);
	return r;
}

int control_call(struct control_connection *c, const char *cmd, json_t *args, const int *fds, size_t fd_count,
        json_t **result, struct err *e)
{
	json_int_t id = 0;
	int r = control_send(c, cmd, args, fds, fd_count, &id, e);
	while (r == 0) {
		json_t *object = NULL;
		r = next_object(c, UINT64_MAX, &object, e);
		if (r < 0) {
			json_decref(object);
			break;
		}
		if (!json_object_get(object, "event") &&
		        json_integer_value(json_object_get(object, "id")) == id)
			return take_answer(object, result, e);
		json_array_append_new(c->events, object);
	}
	return r;
}

int control_event(struct control_connection *c, int timeout_ms, json_t **out, struct err *e)
{
	if (json_array_size(c->events)) {
		*out = json_incref(json_array_get(c->events, 0));
		json_array_remove(c->events, 0);
		return 0;
	}
	uint64_t deadline =
	        timeout_ms < 0 ? UINT64_MAX : clock_mono_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
	*out = NULL;
	int r = next_object(c, deadline, out, e);
	if (r < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return r;
}
