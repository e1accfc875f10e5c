// SPDX-License-Identifier: MIT
// Signed heads leave the station: the courier as a child, started again when it dies, and what waits as an alert.
#include <errno.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/inside.h"
#include "record/wire.h"

static int heads_launch(struct station *station, struct err *e);

static bool heads_are_sent(const struct station *station)
{
	const struct station_heads *to = &station->config.heads;
	return to->folder[0] || to->command[0] || to->http[0] || to->syslog;
}

void heads_words(const struct station_heads *heads, char *text, size_t size)
{
	const struct {
		const char *kind;
		bool is_set;
	} all[] = {{"folder", heads->folder[0]}, {"command", heads->command[0]}, {"http", heads->http[0]},
	        {"syslog", heads->syslog}};
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].is_set && used < size)
			used += (size_t)snprintf(
			        text + used, size - used, "%s%s", used ? " " : "", all[i].kind);
}

// Whether the courier of today carries there: what an earlier configuration named is not waited for.
static bool is_configured(const struct station_heads *heads, const json_t *to)
{
	const char *kind = json_string_value(json_object_get(to, "destination"));
	const char *target = json_string_value(json_object_get(to, "target"));
	const struct {
		const char *kind, *target;
	} now[] = {{"folder", heads->folder}, {"command", heads->command}, {"http", heads->http},
	        {"syslog", heads->syslog ? "syslog" : ""}};
	for (size_t i = 0; kind && target && i < ARRAY_SIZE(now); i++)
		if (!strcmp(kind, now[i].kind))
			return !strcmp(target, now[i].target);
	return false;
}

// "2 signed heads wait for folder /mnt/q since 2026-11-21T05:02:11Z: no such file or directory"
static void show(struct station *station)
{
	char text[400] = "";
	size_t i, used = 0;
	const json_t *to;
	json_array_foreach(station->heads_status, i, to)
	{
		json_int_t waiting = json_integer_value(json_object_get(to, "waiting"));
		const char *since = json_string_value(json_object_get(to, "since"));
		if (waiting && used < sizeof(text) && is_configured(&station->config.heads, to))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
			        "%s%lld for the %s since %.19sZ: %.120s", used ? "; " : "",
			        (long long)waiting, json_string_value(json_object_get(to, "destination")),
			        since ? since : "?", json_string_value(json_object_get(to, "error")));
	}
	if (used)
		alert_set(station, "heads", "warn", "signed heads wait to leave the station: %s", text);
	else
		alert_clear(station, "heads");
	station->dirty_ledger = true;
	publish_soon(station);
}

static void on_told(void *context, uint32_t events)
{
	struct station *station = context;
	json_t *message = NULL;
	(void)events;
	int r = wire_receive(station->heads_fd, &message, NULL);
	if (r > 0) {
		json_decref(station->heads_status);
		station->heads_status = json_incref(json_object_get(message, "heads"));
		station->heads_failures = 0;
		show(station);
	} else if (r != -EAGAIN) {
		station->heads_source = loop_remove(station->heads_source); // its end is told by its pidfd
	}
	json_decref(message);
}

static void heads_later(struct station *station, const char *why)
{
	unsigned n = station->heads_failures < 6 ? station->heads_failures : 6;
	station->heads_failures++;
	alert_set(station, "heads", "warn",
	        "signed heads do not leave the station: %s; the courier is started again", why);
	log_warn("courier: %s", why);
	if (loop_timer_after(station->heads_restart, (NSEC_PER_SEC / 2) << n) < 0)
		log_error("courier: no timer to start it again");
}

static void on_ended(void *context, uint32_t events)
{
	struct station *station = context;
	int status = 0;
	char how[64];
	(void)events;
	if (!child_ended(&station->heads))
		return;
	station->heads_ended = loop_remove(station->heads_ended);
	station->heads_source = loop_remove(station->heads_source);
	fd_close(&station->heads_fd);
	if (child_reap(&station->heads, &status) < 0)
		return;
	child_status_text(status, how, sizeof(how));
	if (station->phase == PHASE_STOPPED)
		loop_stop(station->loop, station->exit_code); // it was waited for
	else
		heads_later(station, how);
}

static void heads_again(void *context)
{
	struct station *station = context;
	struct err e;
	if (heads_launch(station, &e) < 0)
		heads_later(station, e.text);
}

static int heads_launch(struct station *station, struct err *e)
{
	const struct station_heads *to = &station->config.heads;
	char words[3][PATH_MAX + 16];
	const struct {
		const char *kind, *target;
	} targets[] = {{"folder", to->folder}, {"command", to->command}, {"http", to->http}};
	struct child_spec spec = {.role = "courier", .args = {station->config.state}, .fd_count = 1};
	int pair[2], n = 1;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		snprintf(words[i], sizeof(words[i]), "%s=%s", targets[i].kind, targets[i].target);
		if (targets[i].target[0])
			spec.args[n++] = words[i];
	}
	if (to->syslog)
		spec.args[n] = "syslog=";
	int r = fd_packet_pair(pair, e);
	if (r < 0)
		return r;
	spec.fds[0] = pair[1];
	r = child_start(&spec, &station->heads, e);
	close(pair[1]);
	station->heads_fd = pair[0];
	if (r == 0)
		r = loop_add_fd(station->loop, pair[0], EPOLLIN, on_told, station, &station->heads_source, e);
	if (r == 0)
		r = loop_add_fd(station->loop, station->heads.pidfd, EPOLLIN, on_ended, station,
		        &station->heads_ended, e);
	if (r < 0) {
		station->heads_source = loop_remove(station->heads_source);
		fd_close(&station->heads_fd);
	}
	return r;
}

int heads_start(struct station *station, struct err *e)
{
	if (!heads_are_sent(station))
		return 0;
	int r = loop_add_timer(station->loop, heads_again, station, &station->heads_restart, e);
	return r < 0 ? r : heads_launch(station, e);
}

bool heads_finish(struct station *station)
{
	if (station->heads.pid <= 0)
		return false;
	station->heads_source = loop_remove(station->heads_source);
	fd_close(&station->heads_fd); // it delivers what is there, and ends
	return true;
}

void heads_free(struct station *station)
{
	loop_remove(station->heads_source);
	loop_remove(station->heads_ended);
	loop_remove(station->heads_restart);
	fd_close(&station->heads_fd);
	if (station->heads.pid > 0) {
		child_signal(&station->heads, SIGKILL); // what it had not delivered waits for the next start
		fd_close(&station->heads.pidfd);
	}
	json_decref(station->heads_status);
}
