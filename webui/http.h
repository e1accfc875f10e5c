// SPDX-License-Identifier: MIT
// HTTP over libmicrohttpd inside our own loop: requests with a bounded body, answers now or later.
#ifndef GANGWAY_WEBUI_HTTP_H
#define GANGWAY_WEBUI_HTTP_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

enum {
	HTTP_BODY_MAX = 16 * 1024,
	HTTP_TIMEOUT_S = 20, // without a byte either way
};

struct http;

struct http_request {
	const char *method; // "HEAD" arrives as "GET"
	const char *path;   // percent-decoded
	const char *body;   // NUL-terminated
	size_t body_size;
	// Set by whoever answers later: called when the request ends in any way, answered or not.
	void (*ended)(void *context, struct http_request *request);
	void *context;
	size_t held; // whoever answers may keep count of what the answer holds until `ended`
	// The rest is http.c's.
	struct http *http;
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	unsigned status;
	bool handled, suspended;
	char buffer[HTTP_BODY_MAX + 1];
};

// Answers with one of the http_answer functions, now or later; until then the connection sleeps.
typedef void (*http_handler_fn)(void *context, struct http_request *request);

// Serves the listening socket, which it takes over.
int http_new(struct loop *loop, int listen_fd, http_handler_fn handler, void *context, struct http **out,
        struct err *e);
// Ends all connections; sleeping streams must have been woken (events_free) before. Always NULL.
struct http *http_free(struct http *http);

// A header or query argument, NULL when absent. Borrowed until the request ends.
const char *http_header(const struct http_request *request, const char *name);
const char *http_argument(const struct http_request *request, const char *name);

// Calls `fn` with each query argument ("" without a value) until it gives an answer below 0, which is returned.
typedef int (*http_argument_fn)(void *context, const char *name, const char *value);
int http_each_argument(struct http_request *request, http_argument_fn fn, void *context);

// Takes the response over and puts the security headers on it. NULL counts as an allocation failure.
void http_answer(struct http_request *request, unsigned status, struct MHD_Response *response);
void http_answer_text(struct http_request *request, unsigned status, const char *type, const char *text);
// A download; `text` (malloc'd, may be NULL when empty) is stolen, `disposition` as in RFC 6266.
void http_answer_file(
        struct http_request *request, const char *type, const char *disposition, char *text, size_t size);
// `json` is stolen.
void http_answer_json(struct http_request *request, unsigned status, json_t *json);
// 503 with Retry-After.
void http_answer_busy(struct http_request *request, unsigned retry_s, const char *code, const char *text);
// {"error":{"code","text"}}
void http_answer_error(struct http_request *request, unsigned status, const char *code, const char *text);

// Wakes a connection that sleeps in MHD_suspend_connection(); the server goes on with it in the loop's next round.
void http_wake(struct http *http, struct MHD_Connection *connection);

// Requests served so far.
uint64_t http_request_count(const struct http *http);

#endif
