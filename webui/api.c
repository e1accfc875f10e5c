// SPDX-License-Identifier: MIT
// What each URL does.
#include "webui/api.h"

#include <errno.h>
#include <string.h>

#include "webui/answer.h"
#include "webui/assets.h"
#include "webui/metrics.h"

static void serve_asset(struct http_request *request, const struct asset *asset)
{
	char tag[ASSET_TAG_SIZE];
	asset_tag(asset, tag);
	const char *known = http_header(request, "If-None-Match");
	bool same = known && !strcmp(known, tag);
	size_t size = same ? 0 : (size_t)(asset->end - asset->start);
	union {
		const unsigned char *in;
		void *out;
	} data = {.in = asset->start}; // MHD_RESPMEM_PERSISTENT only reads
	struct MHD_Response *response =
	        MHD_create_response_from_buffer(size, data.out, MHD_RESPMEM_PERSISTENT);
	// "no-cache" is "ask first": after an upgrade of the station no wall screen keeps the old page.
	if (response && (MHD_add_response_header(response, "Content-Type", asset->type) != MHD_YES ||
	                        MHD_add_response_header(response, "ETag", tag) != MHD_YES ||
	                        MHD_add_response_header(response, "Cache-Control", "no-cache") != MHD_YES)) {
		MHD_destroy_response(response);
		response = NULL;
	}
	http_answer(request, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}

static void get_healthz(struct api *api, struct http_request *request)
{
	if (link_alive(api->link) && api->mirror.state)
		http_answer_text(request, MHD_HTTP_OK, "text/plain", "ok\n");
	else
		http_answer_text(
		        request, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain", "the station does not answer\n");
}

static void get_metrics(struct api *api, struct http_request *request)
{
	const struct metrics_web web = {.station_up = link_alive(api->link),
	        .streams = events_clients(api->events),
	        .requests = http_request_count(api->http)};
	_cleanup_free_ char *text = metrics_text(api->mirror.state, &web);
	if (text)
		http_answer_text(request, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text);
	else
		http_answer(request, MHD_HTTP_OK, NULL);
}

static void get_state(struct api *api, struct http_request *request)
{
	if (api->mirror.state && link_alive(api->link))
		http_answer_json(request, MHD_HTTP_OK, json_incref(api->mirror.state));
	else
		http_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "no-station",
		        "the station does not answer; the page shows nothing it cannot vouch for");
}

static void get_events(struct api *api, struct http_request *request)
{
	events_serve(api->events, request);
}

// Browsers say where a request comes from; a page from elsewhere gets no token, even one it could not read.
static void get_token(struct api *api, struct http_request *request)
{
	const char *origin = http_header(request, "Origin");
	const char *site = http_header(request, "Sec-Fetch-Site");
	if ((origin && !guard_origin(origin, http_header(request, "Host"))) ||
	        (site && strcmp(site, "same-origin") && strcmp(site, "none"))) {
		http_answer_error(request, MHD_HTTP_FORBIDDEN, "cross-origin",
		        "only the station's own page gets a token");
		return;
	}
	http_answer_json(request, MHD_HTTP_OK, json_pack("{s:s}", "token", api->guard.token));
}

static void on_answer(void *context, const json_t *answer)
{
	struct http_request *request = context;
	request->ended = NULL;
	answer_station(request, answer);
}

static void on_ended(void *context, struct http_request *request)
{
	struct api *api = context;
	link_forget(api->link, request);
}

// Asks the station; the HTTP request sleeps until it answers. `args` is stolen.
static void ask(struct api *api, struct http_request *request, const char *cmd, json_t *args)
{
	struct err e = {0};
	request->ended = on_ended;
	request->context = api;
	int r = link_request(api->link, cmd, args, on_answer, request, &e);
	if (r == -EBUSY)
		http_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", e.text);
	else if (r < 0)
		http_answer_error(request, MHD_HTTP_BAD_REQUEST, "bad-request", e.text);
}

// The body's object, {} for an empty body; NULL: it is something else.
static json_t *body_object(const struct http_request *request)
{
	if (!request->body_size)
		return json_object();
	json_t *body = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(body))
		return body;
	json_decref(body);
	return NULL;
}

// "/api/v1/slots/LABEL/ack" -> the label and the command "slot.ack". False: no such action.
static bool slot_action(const char *path, char *label, size_t size, const char **cmd)
{
	static const char *const actions[][2] = {{"/ack", "slot.ack"}, {"/release", "slot.release"},
	        {"/cancel", "slot.cancel"}, {"/scan", "slot.scan"}};
	static const char prefix[] = "/api/v1/slots/";
	if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
		return false;
	path += sizeof(prefix) - 1;
	const char *action = strrchr(path, '/');
	size_t length = action ? (size_t)(action - path) : 0;
	if (!length || length >= size)
		return false;
	memcpy(label, path, length);
	label[length] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(action, actions[i][0])) {
			*cmd = actions[i][1];
			return true;
		}
	return false;
}

static bool job_action(const char *path, const char **cmd)
{
	static const char *const actions[][2] = {{"/api/v1/job/close", "job.close"},
	        {"/api/v1/job/start", "job.start"},
	        {"/api/v1/job/signature/approve", "job.signature.approve"},
	        {"/api/v1/job/signature/reject", "job.signature.reject"}};
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(path, actions[i][0])) {
			*cmd = actions[i][1];
			return true;
		}
	return false;
}

// Same-origin page with a token, or nothing changes.
static bool may_change(struct api *api, struct http_request *request)
{
	if (!guard_origin(http_header(request, "Origin"), http_header(request, "Host")))
		http_answer_error(request, MHD_HTTP_FORBIDDEN, "cross-origin",
		        "only a request with this station's own Origin may change something");
	else if (!guard_token(&api->guard, http_header(request, "X-Gangway-Token")))
		http_answer_error(request, MHD_HTTP_FORBIDDEN, "bad-token",
		        "X-Gangway-Token is missing or old; GET /api/v1/token gives one");
	else
		return true;
	return false;
}

static void post(struct api *api, struct http_request *request)
{
	char label[64];
	const char *cmd;
	bool slot = slot_action(request->path, label, sizeof(label), &cmd);
	if (!slot && !job_action(request->path, &cmd)) {
		http_answer_error(request, MHD_HTTP_NOT_FOUND, "not-found", "no such action");
		return;
	}
	if (!may_change(api, request))
		return;
	json_t *args = body_object(request);
	if (!args || (slot && json_object_set_new(args, "slot", json_string(label)))) {
		json_decref(args);
		http_answer_error(request, MHD_HTTP_BAD_REQUEST, "bad-body", "the body is not a JSON object");
		return;
	}
	ask(api, request, cmd, args);
}

static void get(struct api *api, struct http_request *request)
{
	static const struct {
		const char *path;
		void (*get)(struct api *api, struct http_request *request);
	} routes[] = {
	        {"/healthz", get_healthz},
	        {"/metrics", get_metrics},
	        {"/api/v1/state", get_state},
	        {"/api/v1/events", get_events},
	        {"/api/v1/token", get_token},
	};
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (!strcmp(request->path, routes[i].path)) {
			routes[i].get(api, request);
			return;
		}
	// All pages of the ledger are one file, which looks at its own URL.
	bool ledger = !strncmp(request->path, "/ledger/", strlen("/ledger/"));
	const struct asset *asset = asset_find(ledger ? "/ledger" : request->path);
	if (asker_get(api->asker, request))
		return;
	if (asset)
		serve_asset(request, asset);
	else
		http_answer_error(request, MHD_HTTP_NOT_FOUND, "not-found", "nothing is here");
}

void api_handle(void *context, struct http_request *request)
{
	struct api *api = context;
	if (!guard_host(&api->guard, http_header(request, "Host")))
		http_answer_error(request, MHD_HTTP_MISDIRECTED_REQUEST, "unknown-host",
		        "the Host header names neither an address nor a name of this station ([station] host "
		        "= "
		        "NAME allows one)");
	else if (!strcmp(request->method, "GET"))
		get(api, request);
	else if (!strcmp(request->method, "POST"))
		post(api, request);
	else
		http_answer_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "method", "GET, HEAD or POST");
}
