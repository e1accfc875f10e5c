// SPDX-License-Identifier: MIT
// What changed goes to the subscribers, gathered: at most five times a second.
#include <stdarg.h>

#include "base/log.h"
#include "daemon/inside.h"

#define PUBLISH_EVERY_NS (200 * NSEC_PER_MSEC)
#define COUNT_DOWN_NS    NSEC_PER_SEC // of boards that are waited for: nothing but time tells of them

static void publish_part(
        struct station *station, bool *dirty, const char *name, json_t *(*make)(const struct station *))
{
	if (!*dirty)
		return;
	*dirty = false;
	json_t *event = json_pack("{s:s,s:o}", "event", name, name, make(station));
	if (event)
		control_publish(station->server, event);
	json_decref(event);
}

// True when there is a board that is waited for.
static bool count_down(struct station *station)
{
	bool due = clock_mono_ns() >= station->counted_down + COUNT_DOWN_NS, any = false;
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		if (seat->slot.state != SLOT_AWAITING)
			continue;
		seat->dirty = seat->dirty || due;
		any = true;
	}
	if (due)
		station->counted_down = clock_mono_ns();
	return any;
}

void publish_now(void *context)
{
	struct station *station = context;
	if (!station->server)
		return;
	station->publish_armed = false;
	station->published = clock_mono_ns();
	if (count_down(station) &&
	        loop_timer_set(station->publish_timer, station->counted_down + COUNT_DOWN_NS, 0) < 0)
		log_error("no timer for the boards that are waited for");
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		if (!seat->dirty)
			continue;
		seat->dirty = false;
		json_t *event = json_pack("{s:s,s:o}", "event", "slot", "slot", snapshot_slot(seat));
		if (event)
			control_publish(station->server, event);
		json_decref(event);
	}
	publish_part(station, &station->dirty_station, "station", snapshot_station);
	publish_part(station, &station->dirty_job, "job", snapshot_job);
	publish_part(station, &station->dirty_import, "import", snapshot_import);
	publish_part(station, &station->dirty_counts, "counts", snapshot_counts);
	publish_part(station, &station->dirty_ledger, "ledger", snapshot_ledger);
	publish_part(station, &station->dirty_alerts, "alerts", snapshot_alerts);
}

int publish_start(struct station *station, struct err *e)
{
	return loop_add_timer(station->loop, publish_now, station, &station->publish_timer, e);
}

void publish_soon(struct station *station)
{
	if (station->publish_armed || !station->server)
		return;
	// Never from inside the caller: several changes of one event are one publishing.
	uint64_t at = u64_max(clock_mono_ns(), station->published + PUBLISH_EVERY_NS);
	station->publish_armed = loop_timer_set(station->publish_timer, at, 0) == 0;
}

void publish_seat(struct seat *seat)
{
	seat->dirty = true;
	publish_soon(seat->station);
}

static struct alert *alert_find(struct station *station, const char *topic)
{
	for (unsigned i = 0; i < station->alert_count; i++)
		if (!strcmp(station->alerts[i].topic, topic))
			return &station->alerts[i];
	return NULL;
}

void alert_set(struct station *station, const char *topic, const char *level, const char *format, ...)
{
	struct alert *alert = alert_find(station, topic);
	if (!alert && station->alert_count < ALERTS_MAX)
		alert = &station->alerts[station->alert_count++];
	if (!alert)
		return;
	STR_COPY(alert->topic, topic);
	STR_COPY(alert->level, level);
	va_list ap;
	va_start(ap, format);
	vsnprintf(alert->text, sizeof(alert->text), format, ap);
	va_end(ap);
	station->dirty_alerts = true;
	publish_soon(station);
}

void alert_clear(struct station *station, const char *topic)
{
	struct alert *alert = alert_find(station, topic);
	if (!alert)
		return;
	*alert = station->alerts[--station->alert_count];
	station->dirty_alerts = true;
	publish_soon(station);
}
