// SPDX-License-Identifier: MIT
// A client of the control socket, for the command line: one request at a time, and events.
#ifndef GANGWAY_CONTROL_CLIENT_H
#define GANGWAY_CONTROL_CLIENT_H

#include <jansson.h>

#include "base/util.h"
#include "control/protocol.h"

struct control_connection;

// Connects to STATE/control.sock. -ENOENT or -ECONNREFUSED: no station runs on this state folder; *e says so.
int control_connect(const char *state, struct control_connection **out, struct err *e);
// Over a connected stream socket, which the connection then owns.
int control_connect_fd(int fd, struct control_connection **out, struct err *e);
struct control_connection *control_disconnect(struct control_connection *connection); // always NULL
static inline void control_disconnectp(struct control_connection **connection)
{
	*connection = control_disconnect(*connection);
}

// Sends a request and waits for its answer. `args` is taken (NULL: none), `fds` are borrowed. *result is the
// caller's to free (NULL pointer: not wanted). An error the station answered with is -EPROTO and e->text its text.
// Events that come meanwhile are kept for control_event().
int control_call(struct control_connection *connection, const char *cmd, json_t *args, const int *fds,
        size_t fd_count, json_t **result, struct err *e);

// Sends a request without waiting; *id is its number. Its answer comes through control_event().
int control_send(struct control_connection *connection, const char *cmd, json_t *args, const int *fds,
        size_t fd_count, json_int_t *id, struct err *e);

// The next event (an object with "event", or the answer to a control_send()); waits at most timeout_ms (-1: no limit). *out is the caller's. -EAGAIN: none came in time;
// -EPIPE: the station has gone.
int control_event(struct control_connection *connection, int timeout_ms, json_t **out, struct err *e);

// The socket, to be polled; bytes may have been read already: ask control_event() with 0 first.
int control_connection_fd(const struct control_connection *connection);

#endif
