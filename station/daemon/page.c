// SPDX-License-Identifier: MIT
// The web role: started with one end of a control stream and nothing else, and started again when it dies.
#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/inside.h"

static int page_launch(struct station *station, struct err *e);

static void page_later(struct station *station, const char *why)
{
	unsigned n = station->web_failures < 6 ? station->web_failures : 6;
	station->web_failures++;
	station->url[0] = '\0';
	station->dirty_station = true;
	alert_set(station, "page", "warn", "the page is not served: %s; it is started again", why);
	log_warn("page: %s", why);
	if (loop_timer_after(station->web_restart, (NSEC_PER_SEC / 2) << n) < 0)
		log_error("page: no timer to start it again");
}

static void page_ended(void *context, uint32_t events)
{
	struct station *station = context;
	int status = 0;
	char how[64];
	(void)events;
	station->web_source = loop_remove(station->web_source);
	if (child_reap(&station->web, &status) < 0 || station->phase >= PHASE_CLOSING)
		return;
	child_status_text(status, how, sizeof(how));
	page_later(station, how);
}

static void page_again(void *context)
{
	struct station *station = context;
	struct err e;
	if (page_launch(station, &e) < 0)
		page_later(station, e.text);
}

static int page_launch(struct station *station, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "page");
	struct child_spec spec = {
	        .role = "web", .args = {"--listen", station->config.listen}, .fds = {pair[1]}, .fd_count = 1};
	for (size_t i = 0; i < STATION_HOSTS_MAX && station->config.hosts[i][0]; i++) {
		spec.args[2 + 2 * i] = "--host";
		spec.args[3 + 2 * i] = station->config.hosts[i];
	}
	int r = child_start(&spec, &station->web, e);
	close(pair[1]);
	if (r == 0)
		r = loop_add_fd(station->loop, station->web.pidfd, EPOLLIN, page_ended, station,
		        &station->web_source, e);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	return control_server_adopt(station->server, pair[0], "web", e);
}

void page_listens(struct station *station)
{
	char *port = strrchr(station->config.listen, ':');
	const char *chosen = strrchr(station->url, ':');
	station->web_failures = 0;
	if (!port || strcmp(port, ":0") != 0 || !chosen)
		return;
	size_t room = sizeof(station->config.listen) - (size_t)(port - station->config.listen);
	snprintf(port, room, "%.*s", 1 + (int)strspn(chosen + 1, "0123456789"), chosen);
}

int page_start(struct station *station, struct err *e)
{
	if (!station->config.listen[0] || station->web_restart)
		return 0; // it shows already what the start waits for
	int r = loop_add_timer(station->loop, page_again, station, &station->web_restart, e);
	return r < 0 ? r : page_launch(station, e);
}

void page_free(struct station *station)
{
	loop_remove(station->web_source);
	loop_remove(station->web_restart);
	if (station->web.pid > 0) {
		child_signal(&station->web, SIGKILL); // it holds nothing that could be lost
		fd_close(&station->web.pidfd);
	}
}
