// SPDX-License-Identifier: MIT
// The station's end of the control socket: many clients, bounded buffers, nobody can block it.
#ifndef GANGWAY_CONTROL_SERVER_H
#define GANGWAY_CONTROL_SERVER_H

#include <jansson.h>

#include "base/loop.h"
#include "control/protocol.h"

struct control_server;
struct control_client;

// One request. Its owner answers it exactly once, at once or later; the answer frees it. A client that has gone
// meanwhile makes no difference.
struct control_request {
	struct control_client *client; // NULL: it has gone
	const char *cmd;               // borrowed from `line`
	const json_t *args;            // an object, borrowed from `line`; never NULL
	int fds[CONTROL_FDS_MAX];      // the request's; the owner may steal one and leave -1
	size_t fd_count;
	const char *role;   // "cli" or "web"
	char operator_[32]; // who asked, for the ledger: "uid 1000", "web"
	json_t *line;
	json_t *id;
};

struct control_handlers {
	void (*request)(void *context, struct control_request *request);
	// A new snapshot for a subscriber; the server takes the reference.
	json_t *(*snapshot)(void *context);
};

// Listens on STATE/control.sock (mode 0660), over a dead station's socket if need be: the caller holds STATE's lock.
int control_server_new(struct loop *loop, const char *state, const struct control_handlers *handlers,
        void *context, struct control_server **out, struct err *e);

// A client connected already: one end of a socket pair, which the server then owns. `role` is a constant.
int control_server_adopt(struct control_server *server, int fd, const char *role, struct err *e);

// Sends an event to every subscriber; one that has not read the last ones gets a snapshot later instead.
void control_publish(struct control_server *server, const json_t *event);

// `result` is taken; NULL counts as {}.
void control_answer(struct control_request *request, json_t *result);
void control_refuse(struct control_request *request, const char *code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
// As control_refuse(), with e's text.
void control_refuse_err(struct control_request *request, const char *code, const struct err *e);
// Makes this request's client a subscriber: {} and a snapshot follow.
void control_subscribe(struct control_request *request);

// Closes all; requests still under way must be answered before (their answers go nowhere) or after.
struct control_server *control_server_free(struct control_server *server);

#endif
