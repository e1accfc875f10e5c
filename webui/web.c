// SPDX-License-Identifier: MIT
// The web role: puts listening socket, control stream, streams and server together.
#include "webui/web.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "webui/api.h"
#include "webui/assets.h"
#include "webui/shut.h"

struct web {
	struct api api;
	struct loop *loop;
};

static const char usage[] = "usage: gangway web --listen ADDR:PORT [--host NAME]...\n";

static void on_event(void *context, const char *name, const json_t *event)
{
	struct web *web = context;
	if (mirror_apply(&web->api.mirror, name, event))
		events_publish(web->api.events, name, event);
}

static void on_alive(void *context)
{
	struct web *web = context;
	events_heartbeat(web->api.events);
}

static void on_gone(void *context, const struct err *e)
{
	struct web *web = context;
	if (e->num)
		log_error("%s", e->text);
	loop_stop(web->loop, e->num ? 1 : 0);
}

// "127.0.0.1:8080", "[::1]:0" -> address and port as getaddrinfo wants them.
static bool split_listen(const char *text, char *address, size_t size, const char **port)
{
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || !colon[1])
		return false;
	const char *end = colon;
	if (*text == '[') {
		if (end[-1] != ']')
			return false;
		text++;
		end--;
	}
	size_t length = (size_t)(end - text);
	if (!length || length >= size)
		return false;
	memcpy(address, text, length);
	address[length] = 0;
	*port = colon + 1;
	return true;
}

static int bind_one(const struct addrinfo *info, const char *listen_text, int *out, struct err *e)
{
	int on = 1;
	_cleanup_close_ int fd =
	        socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
	if (fd < 0)
		return err_sys(e, errno, "web page on %s", listen_text);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	        bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, 128) < 0) {
		const int num = errno;
		const char *why = num == EADDRINUSE ? "the port is taken; choose another"
		                  : num == EADDRNOTAVAIL
		                          ? "this machine has no such address; 0.0.0.0 is all it has"
		                  : num == EACCES ? "ports below 1024 are root's; choose another"
		                                  : NULL;
		return why ? err_set(e, num, "web page on %s: %s", listen_text, why)
		           : err_sys(e, num, "web page on %s", listen_text);
	}
	*out = steal_fd(&fd);
	return 0;
}

static int bind_listen(const char *text, int *out, struct err *e)
{
	char address[256];
	const char *port;
	struct addrinfo *info;
	const struct addrinfo hints = {
	        .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	if (!split_listen(text, address, sizeof(address), &port))
		return err_set(e, EINVAL, "web page on '%s': not ADDR:PORT, as in 127.0.0.1:8080", text);
	if (getaddrinfo(address, port, &hints, &info) != 0)
		return err_set(e, EINVAL, "web page on '%s': not an IP address and a port", text);
	int r = bind_one(info, text, out, e);
	freeaddrinfo(info);
	return r;
}

// Where a browser on this machine finds the page; a wildcard address is reached by loopback.
static int listen_url(int fd, char *url, size_t size, struct err *e)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);
	char host[128], port[16];
	if (getsockname(fd, (struct sockaddr *)&at, &length) < 0)
		return err_sys(e, errno, "web page");
	if (getnameinfo((struct sockaddr *)&at, length, host, sizeof(host), port, sizeof(port),
	            NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return err_set(e, EIO, "web page: the address cannot be named");
	if (!strcmp(host, "0.0.0.0"))
		STR_COPY(host, "127.0.0.1");
	else if (!strcmp(host, "::"))
		STR_COPY(host, "::1");
	bool v6 = at.ss_family == AF_INET6;
	snprintf(url, size, "http://%s%s%s:%s/", v6 ? "[" : "", host, v6 ? "]" : "", port);
	return 0;
}

static int report_url(struct web *web, int listen_fd, struct err *e)
{
	char url[256];
	int r = listen_url(listen_fd, url, sizeof(url), e);
	if (r < 0)
		return r;
	return link_request(web->api.link, "web.listening", json_pack("{s:s}", "url", url), NULL, NULL, e);
}

static int web_start(struct web *web, const char *listen_text, struct err *e)
{
	static const struct link_events events = {.event = on_event, .alive = on_alive, .gone = on_gone};
	_cleanup_close_ int listen_fd = -1;
	int r = loop_new(&web->loop, e);
	if (r == 0)
		r = bind_listen(listen_text, &listen_fd, e);
	if (r == 0)
		r = events_new(&web->api.mirror, &web->api.events, e);
	if (r == 0)
		r = link_new(web->loop, CHILD_FD_FIRST, &events, web, &web->api.link, e);
	if (r == 0)
		r = asker_new(web->api.link, &web->api.asker, e);
	if (r == 0)
		r = report_url(web, listen_fd, e);
	if (r == 0)
		r = http_new(web->loop, steal_fd(&listen_fd), api_handle, &web->api, &web->api.http, e);
	char tag[ASSET_TAG_SIZE];
	asset_tag(asset_find("/"), tag); // the first digest makes OpenSSL read its configuration
	return r == 0 ? shut_in(e) : r;
}

// The order matters: what sleeps for an answer or an event is woken before the server stops.
static void web_stop(struct web *web)
{
	if (web->api.asker)
		asker_close(web->api.asker);
	web->api.link = link_free(web->api.link);
	if (web->api.events)
		events_close(web->api.events);
	web->api.http = http_free(web->api.http);
	web->api.asker = asker_free(web->api.asker);
	web->api.events = events_free(web->api.events);
	mirror_clear(&web->api.mirror);
	web->loop = loop_free(web->loop);
}

static int web_arguments(int argc, char **argv, struct web *web, const char **listen_text, struct err *e)
{
	static const struct option options[] = {
	        {"listen", required_argument, NULL, 'l'}, {"host", required_argument, NULL, 'h'}, {0}};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'l')
			*listen_text = optarg;
		else if (option != 'h')
			return err_set(e, EINVAL, "unknown option");
		else if (guard_allow(&web->api.guard, optarg, e) < 0)
			return -e->num;
	}
	return *listen_text && optind == argc ? 0 : err_set(e, EINVAL, "--listen ADDR:PORT is missing");
}

int web_role(int argc, char **argv)
{
	struct web web = {0};
	struct err e = {0};
	const char *listen_text = NULL;
	log_name("web");
	int r = child_enter(1, &e);
	if (r == 0)
		r = guard_init(&web.api.guard, &e);
	if (r == 0 && web_arguments(argc, argv, &web, &listen_text, &e) < 0) {
		log_error("%s", e.text);
		fputs(usage, stderr);
		return 2;
	}
	if (r == 0)
		r = web_start(&web, listen_text, &e);
	if (r == 0) {
		r = loop_run(web.loop);
		if (r < 0)
			err_sys(&e, -r, "event loop");
	}
	if (r < 0)
		log_error("%s", e.text);
	web_stop(&web);
	return r ? 1 : 0;
}
