// SPDX-License-Identifier: MIT
// Server-sent events: one short ring of messages that every stream reads at its own pace.
#include "webui/events.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

// The bytes of one event as they go over the wire; shared by the ring and the streams that are sending it.
struct message {
	unsigned refs;
	size_t size;
	char data[];
};

struct client {
	struct events *events;
	struct client *next, *previous;
	struct http *http;
	struct MHD_Connection *connection;
	bool asleep;
	bool fresh;     // needs a snapshot before anything else
	uint64_t place; // the number of the next message to send
	struct message *current;
	size_t sent; // of current
};

struct events {
	const struct mirror *mirror;
	struct message *ring[EVENTS_RING]; // message n is at n % EVENTS_RING
	uint64_t next;                     // the number of the next message
	struct message *snapshot;          // of the mirror as it was at snapshot_at, for several streams
	uint64_t snapshot_at;
	struct client *clients;
	unsigned count;
	bool closing;
};

static struct message *message_unref(struct message *message)
{
	if (message && --message->refs == 0)
		free(message);
	return NULL;
}

// `before` and the event's name are ours and need no escaping; compact JSON has no newline.
static struct message *message_new(const char *before, const char *name, const json_t *data)
{
	_cleanup_free_ char *json = json_dumps(data, JSON_COMPACT);
	static const char format[] = "%sevent: %s\ndata: %s\n\n";
	if (!json)
		return NULL;
	size_t size = sizeof(format) + strlen(before) + strlen(name) + strlen(json);
	struct message *message = malloc(sizeof(*message) + size);
	if (!message)
		return NULL;
	message->refs = 1;
	message->size = (size_t)snprintf(message->data, size, format, before, name, json);
	return message;
}

// The mirror's message, made once for all streams that need it now; NULL: there is nothing to show yet.
static struct message *snapshot_message(struct events *events)
{
	if (events->snapshot && events->snapshot_at == events->next)
		return events->snapshot;
	events->snapshot = message_unref(events->snapshot);
	if (events->mirror->state)
		events->snapshot = message_new("retry: 2000\n", "snapshot", events->mirror->state);
	events->snapshot_at = events->next;
	return events->snapshot;
}

static void take_next(struct client *client)
{
	struct events *events = client->events;
	if (client->fresh || events->next - client->place > EVENTS_RING) {
		client->current = snapshot_message(events);
		client->fresh = !client->current;
		client->place = events->next;
	} else if (client->place < events->next) {
		client->current = events->ring[client->place % EVENTS_RING];
		client->place++;
	}
	client->sent = 0;
	if (client->current)
		client->current->refs++;
}

static ssize_t on_read(void *context, uint64_t position, char *buffer, size_t room)
{
	(void)position;
	struct client *client = context;
	if (client->events->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!client->current)
		take_next(client);
	if (!client->current) {
		client->asleep = true;
		MHD_suspend_connection(client->connection);
		return 0;
	}
	size_t part = client->current->size - client->sent;
	if (part > room)
		part = room;
	memcpy(buffer, client->current->data + client->sent, part);
	client->sent += part;
	if (client->sent == client->current->size)
		client->current = message_unref(client->current);
	return (ssize_t)part;
}

static void on_free(void *context)
{
	struct client *client = context;
	struct events *events = client->events;
	if (client->previous)
		client->previous->next = client->next;
	else
		events->clients = client->next;
	if (client->next)
		client->next->previous = client->previous;
	events->count--;
	message_unref(client->current);
	free(client);
}

static void wake_all(struct events *events)
{
	for (struct client *client = events->clients; client; client = client->next) {
		if (!client->asleep)
			continue;
		client->asleep = false;
		http_wake(client->http, client->connection);
	}
}

static void append(struct events *events, struct message *message)
{
	if (!message) {
		// Without memory for it nobody may go on as if nothing had been missed.
		for (struct client *client = events->clients; client; client = client->next)
			client->fresh = true;
		return;
	}
	size_t at = events->next % EVENTS_RING;
	message_unref(events->ring[at]);
	events->ring[at] = message;
	events->next++;
	wake_all(events);
}

void events_publish(struct events *events, const char *name, const json_t *event)
{
	if (strcmp(name, "snapshot")) {
		append(events, message_new("", name, event));
		return;
	}
	events->snapshot = message_unref(events->snapshot);
	for (struct client *client = events->clients; client; client = client->next)
		client->fresh = true;
	wake_all(events);
}

void events_heartbeat(struct events *events)
{
	// The comment is for tools that read the stream; a browser's EventSource hides comments from the page.
	json_t *data = json_object();
	append(events, data ? message_new(": heartbeat\n", "heartbeat", data) : NULL);
	json_decref(data);
}

static struct MHD_Response *stream_response(struct client *client)
{
	struct MHD_Response *response =
	        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 8192, on_read, client, on_free);
	if (!response)
		free(client);
	return response;
}

static void join(struct events *events, struct client *client)
{
	client->next = events->clients;
	if (events->clients)
		events->clients->previous = client;
	events->clients = client;
	events->count++;
}

void events_serve(struct events *events, struct http_request *request)
{
	if (events->count >= EVENTS_CLIENTS_MAX || events->closing) {
		http_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too-many-pages",
		        "32 pages are watching this station already; close one of them");
		return;
	}
	struct client *client = calloc(1, sizeof(*client));
	struct MHD_Response *response = NULL;
	if (client) {
		*client = (struct client){.events = events,
		        .http = request->http,
		        .connection = request->connection,
		        .fresh = true};
		response = stream_response(client);
	}
	if (response) {
		join(events, client);
		if (MHD_add_response_header(response, "Content-Type", "text/event-stream") != MHD_YES ||
		        MHD_add_response_header(response, "X-Accel-Buffering", "no") != MHD_YES)
			log_warn("http: an event stream goes without its headers");
	}
	http_answer(request, MHD_HTTP_OK, response);
}

unsigned events_clients(const struct events *events)
{
	return events->count;
}

int events_new(const struct mirror *mirror, struct events **out, struct err *e)
{
	struct events *events = calloc(1, sizeof(*events));
	if (!events)
		return err_sys(e, ENOMEM, "event streams");
	events->mirror = mirror;
	*out = events;
	return 0;
}

void events_close(struct events *events)
{
	events->closing = true;
	wake_all(events);
}

struct events *events_free(struct events *events)
{
	if (!events)
		return NULL;
	for (size_t i = 0; i < EVENTS_RING; i++)
		message_unref(events->ring[i]);
	message_unref(events->snapshot);
	free(events);
	return NULL;
}
