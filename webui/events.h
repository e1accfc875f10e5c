// SPDX-License-Identifier: MIT
// Server-sent events: one short ring of messages that every stream reads at its own pace.
#ifndef GANGWAY_WEBUI_EVENTS_H
#define GANGWAY_WEBUI_EVENTS_H

#include "webui/http.h"
#include "webui/mirror.h"

/*
 * Nothing is queued per client (law 10): the last EVENTS_RING messages are kept once, and each stream has a
 * place in them. A stream that falls behind by more gets one fresh snapshot instead of what it missed.
 */
enum { EVENTS_CLIENTS_MAX = 32, EVENTS_RING = 256 };

struct events;

// `mirror` stays the caller's and is where snapshots come from.
int events_new(const struct mirror *mirror, struct events **out, struct err *e);
// Ends all streams, the sleeping ones too: http_free() then finds none asleep.
void events_close(struct events *events);
// After http_free(): no stream may be left. Always NULL.
struct events *events_free(struct events *events);

// Sends an event, already in the mirror, to all streams. A snapshot replaces everything not yet sent.
void events_publish(struct events *events, const char *name, const json_t *event);

// Tells all streams that the station lives: "event: heartbeat", with a comment line before it.
void events_heartbeat(struct events *events);

// Turns the request into a stream; 503 beyond EVENTS_CLIENTS_MAX.
void events_serve(struct events *events, struct http_request *request);

unsigned events_clients(const struct events *events);

#endif
