// SPDX-License-Identifier: MIT
// The web role's end of the control stream: requests out, answers and events in, and whether the station lives.
#ifndef GANGWAY_WEBUI_LINK_H
#define GANGWAY_WEBUI_LINK_H

#include <jansson.h>
#include <stdbool.h>

#include "base/loop.h"
#include "control/protocol.h"

enum {
	LINK_ANSWER_S = 10,  // an answer that takes longer is given up
	LINK_HELLO_S = 5,    // how often the station is asked whether it lives
	LINK_SILENCE_S = 10, // without a word for so long it counts as stalled
};

struct link;

// The whole answer object (borrowed), or NULL: no answer came in time. Called once a request, from the loop.
typedef void (*link_answer_fn)(void *context, const json_t *answer);

struct link_events {
	// An event of the subscription; `event` is borrowed.
	void (*event)(void *context, const char *name, const json_t *event);
	// The station has just answered a hello: every LINK_HELLO_S seconds while it lives.
	void (*alive)(void *context);
	// The stream ended or is broken: nothing else will come. `e` says why; the station's own end is num 0.
	void (*gone)(void *context, const struct err *e);
};

// Takes over the descriptor. `events` and `context` stay the caller's. Subscribes and starts asking.
int link_new(struct loop *loop, int fd, const struct link_events *events, void *context, struct link **out,
        struct err *e);
// Requests under way are settled without an answer. Always NULL.
struct link *link_free(struct link *link);

// Sends {"id","cmd","args"}; `args` is stolen (NULL: none), on failure too. answer may be NULL.
// -EBUSY: CONTROL_UNDER_WAY_MAX are under way; -EMSGSIZE: the line would be too long.
int link_request(struct link *link, const char *cmd, json_t *args, link_answer_fn answer, void *context,
        struct err *e);

// No answer will be delivered to this context any more.
void link_forget(struct link *link, const void *context);

// Whether anything came from the station in the last LINK_SILENCE_S seconds.
bool link_alive(const struct link *link);

#endif
