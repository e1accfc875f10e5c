// SPDX-License-Identifier: MIT
// HTTP over libmicrohttpd inside our own loop: requests with a bounded body, answers now or later.
#include "webui/http.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "webui/guest.h"
#include "webui/late_mhd.h"

struct http {
	struct loop *loop;
	struct loop_source *source, *timer, *wake;
	int wake_fd;     // eventfd: another round is wanted at once
	bool woken;      // ... which was said since the last one began
	uint64_t due_ns; // the timer's; UINT64_MAX: it is off
	struct MHD_Daemon *daemon;
	http_handler_fn handler;
	void *context;
	uint64_t requests;
	struct guests guests;
};

// An event wakes all pages that are open: they share a round. (A timer that is due at once costs 40 µs in a virtual machine.)
static void run_again(struct http *http)
{
	if (http->woken || http->wake_fd < 0)
		return;
	http->woken = true;
	if (eventfd_write(http->wake_fd, 1) < 0)
		log_error("http: wake: %s", strerror(errno));
}

static void set_timer(struct http *http, uint64_t due_ns)
{
	if (due_ns == http->due_ns)
		return;
	int r = due_ns == UINT64_MAX ? loop_timer_off(http->timer) : loop_timer_set(http->timer, due_ns, 0);
	if (r < 0)
		log_error("http: timer: %s", strerror(-r));
	http->due_ns = r < 0 ? UINT64_MAX : due_ns; // the next round tries again
}

// Lets libmicrohttpd do what it can without waiting, then asks when it wants to be called again.
static void run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	http->woken = false;
	if (MHD_run(http->daemon) != MHD_YES)
		log_error("http: the server could not run a round");
	uint64_t now = clock_mono_ns(), due = guests_dismiss(&http->guests, now);
	if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES && now + wait_ms * NSEC_PER_MSEC < due)
		due = now + wait_ms * NSEC_PER_MSEC;
	if (due <= now)
		run_again(http);
	else
		set_timer(http, due);
}

static void on_timer(void *context)
{
	struct http *http = context;
	http->due_ns = UINT64_MAX; // it has fired
	run(http);
}

// With an external loop a resumed connection makes no descriptor readable: we must call for it.
void http_wake(struct http *http, struct MHD_Connection *connection)
{
	MHD_resume_connection(connection);
	run_again(http);
}

static void on_wake(void *context, uint32_t events)
{
	struct http *http = context;
	eventfd_t count;
	(void)events;
	if (eventfd_read(http->wake_fd, &count) < 0 && errno != EAGAIN)
		log_error("http: wake: %s", strerror(errno));
	run(http);
}

static void on_fd(void *context, uint32_t events)
{
	(void)events;
	run(context);
}

// The page loads nothing from elsewhere, is framed by nobody, and runs no script but its own files.
static void add_headers(struct MHD_Response *response)
{
	static const char *const headers[][2] = {
	        {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "
	                                    "img-src 'self'; connect-src 'self'; "
	                                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	        {"X-Content-Type-Options", "nosniff"},
	        {"X-Frame-Options", "DENY"},
	        {"Referrer-Policy", "no-referrer"},
	        {"Cross-Origin-Opener-Policy", "same-origin"},
	        {"Cross-Origin-Resource-Policy", "same-origin"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (MHD_add_response_header(response, headers[i][0], headers[i][1]) != MHD_YES)
			log_error("http: header %s could not be added", headers[i][0]);
	if (!MHD_get_response_header(response, "Cache-Control") &&
	        MHD_add_response_header(response, "Cache-Control", "no-store") != MHD_YES)
		log_error("http: header Cache-Control could not be added");
}

void http_answer(struct http_request *request, unsigned status, struct MHD_Response *response)
{
	if (request->response) {
		MHD_destroy_response(request->response);
		request->response = NULL;
	}
	if (response)
		add_headers(response);
	request->response = response;
	request->status = status;
	request->handled = true;
	if (request->suspended) {
		request->suspended = false;
		http_wake(request->http, request->connection);
	}
}

static struct MHD_Response *text_response(
        const char *type, size_t size, void *text, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, text, mode);
	if (response && MHD_add_response_header(response, "Content-Type", type) != MHD_YES) {
		MHD_destroy_response(response);
		return NULL;
	}
	return response;
}

void http_answer_text(struct http_request *request, unsigned status, const char *type, const char *text)
{
	char *copy = strdup(text);
	struct MHD_Response *response =
	        copy ? text_response(type, strlen(copy), copy, MHD_RESPMEM_MUST_FREE) : NULL;
	http_answer(request, status, response);
}

void http_answer_file(
        struct http_request *request, const char *type, const char *disposition, char *text, size_t size)
{
	struct MHD_Response *response =
	        text_response(type, size, text, text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (response && MHD_add_response_header(response, "Content-Disposition", disposition) != MHD_YES) {
		MHD_destroy_response(response);
		response = NULL;
	}
	http_answer(request, MHD_HTTP_OK, response);
}

void http_answer_json(struct http_request *request, unsigned status, json_t *json)
{
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (text)
		http_answer_text(request, status, "application/json", text);
	else
		http_answer(request, status, NULL);
}

void http_answer_error(struct http_request *request, unsigned status, const char *code, const char *text)
{
	http_answer_json(request, status, json_pack("{s:{s:s, s:s}}", "error", "code", code, "text", text));
}

void http_answer_busy(struct http_request *request, unsigned retry_s, const char *code, const char *text)
{
	char seconds[16];
	json_t *json = json_pack("{s:{s:s, s:s}}", "error", "code", code, "text", text);
	char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	snprintf(seconds, sizeof(seconds), "%u", retry_s);
	struct MHD_Response *response =
	        body ? text_response("application/json", strlen(body), body, MHD_RESPMEM_MUST_FREE) : NULL;
	if (response && MHD_add_response_header(response, "Retry-After", seconds) != MHD_YES)
		log_error("http: header Retry-After could not be added");
	http_answer(request, MHD_HTTP_SERVICE_UNAVAILABLE, response);
}

const char *http_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_argument(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct arguments {
	http_argument_fn fn;
	void *context;
	int result;
};

static enum MHD_Result on_argument(
        void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct arguments *arguments = context;
	(void)kind;
	arguments->result = arguments->fn(arguments->context, name, value ? value : "");
	return arguments->result < 0 ? MHD_NO : MHD_YES;
}

int http_each_argument(struct http_request *request, http_argument_fn fn, void *context)
{
	struct arguments arguments = {.fn = fn, .context = context};
	(void)MHD_get_connection_values(
	        request->connection, MHD_GET_ARGUMENT_KIND, on_argument, &arguments); // how many
	return arguments.result;
}

uint64_t http_request_count(const struct http *http)
{
	return http->requests;
}

static enum MHD_Result queue_answer(struct http_request *request)
{
	// Without a response (no memory) the connection is closed: the one answer that needs none.
	return request->response ? MHD_queue_response(request->connection, request->status, request->response)
	                         : MHD_NO;
}

static enum MHD_Result start(struct http *http, struct MHD_Connection *connection, const char *method,
        const char *path, void **state)
{
	struct http_request *request = calloc(1, sizeof(*request));
	if (!request)
		return MHD_NO;
	*state = request;
	http->requests++;
	request->http = http;
	request->connection = connection;
	request->method = strcmp(method, "HEAD") ? method : "GET";
	request->path = path;
	request->body = request->buffer;
	const char *length = http_header(request, "Content-Length");
	if (!length || strtoull(length, NULL, 10) <= HTTP_BODY_MAX)
		return MHD_YES;
	http_answer_error(request, 413, "too-large", "the body is over 16 KiB");
	return queue_answer(request);
}

// A body that came without its length and grows past the limit ends the connection.
static enum MHD_Result take_body(struct http_request *request, const char *data, size_t *size)
{
	if (*size > HTTP_BODY_MAX - request->body_size)
		return MHD_NO;
	memcpy(request->buffer + request->body_size, data, *size);
	request->body_size += *size;
	*size = 0;
	return MHD_YES;
}

static struct guest *guest_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
        enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (code == MHD_CONNECTION_NOTIFY_CLOSED)
		guest_leave(*socket_context);
	else if (info)
		*socket_context = guest_enter(&http->guests, info->connect_fd, clock_mono_ns());
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
        const char *method, const char *version, const char *data, size_t *size, void **state)
{
	(void)version;
	struct http *http = context;
	struct http_request *request = *state;
	if (!request)
		return start(http, connection, method, path, state);
	if (*size)
		return take_body(request, data, size);
	guest_has_asked(guest_of(connection));
	if (!request->handled)
		http->handler(http->context, request);
	if (request->handled)
		return queue_answer(request);
	request->suspended = true;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static void on_completed(
        void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)code;
	struct http_request *request = *state;
	guest_is_answered(guest_of(connection), clock_mono_ns());
	if (!request)
		return;
	if (request->ended)
		request->ended(request->context, request);
	if (request->response)
		MHD_destroy_response(request->response);
	free(request);
	*state = NULL;
}

// "%00" would end a name early, and so mean another one: it becomes a control character, which no name may have.
static size_t on_unescape(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	for (char *zero = strstr(text, "%00"); zero; zero = strstr(zero + 3, "%00"))
		zero[2] = '1';
	return MHD_http_unescape(text);
}

static void on_log(void *context, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *context, const char *format, va_list ap)
{
	(void)context;
	char text[256];
	vsnprintf(text, sizeof(text), format, ap);
	text[strcspn(text, "\r\n")] = 0;
	log_debug("http: %s", text);
}

static int http_start(struct http *http, int listen_fd, struct err *e)
{
	int loaded = late_mhd_load(e);
	if (loaded < 0) {
		close(listen_fd);
		return loaded;
	}
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
	        NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
	        MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
	        MHD_OPTION_CONNECTION_LIMIT, (unsigned)GUESTS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
	        (unsigned)GUESTS_OF_ONE, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S,
	        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
	        NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
	if (!http->daemon) {
		close(listen_fd);
		return err_set(e, EIO, "http: the server cannot be started");
	}
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return err_set(e, EIO, "http: libmicrohttpd has no epoll");
	int r = loop_add_timer(http->loop, on_timer, http, &http->timer, e);
	if (r == 0)
		r = loop_add_fd(http->loop, http->wake_fd, EPOLLIN, on_wake, http, &http->wake, e);
	if (r == 0)
		r = loop_add_fd(http->loop, info->epoll_fd, EPOLLIN, on_fd, http, &http->source, e);
	return r;
}

int http_new(struct loop *loop, int listen_fd, http_handler_fn handler, void *context, struct http **out,
        struct err *e)
{
	struct http *http = calloc(1, sizeof(*http));
	if (!http) {
		close(listen_fd);
		return err_sys(e, ENOMEM, "http");
	}
	*http = (struct http){.loop = loop,
	        .handler = handler,
	        .context = context,
	        .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	        .due_ns = UINT64_MAX};
	guests_init(&http->guests);
	int r = http_start(http, listen_fd, e);
	if (r < 0) {
		http_free(http);
		return r;
	}
	*out = http;
	return 0;
}

struct http *http_free(struct http *http)
{
	if (!http)
		return NULL;
	http->source = loop_remove(http->source);
	http->timer = loop_remove(http->timer);
	http->wake = loop_remove(http->wake);
	fd_close(&http->wake_fd); // a connection that is resumed from here on wakes nobody
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	free(http);
	return NULL;
}
