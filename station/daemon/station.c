// SPDX-License-Identifier: MIT
// The station's life: start, run, stop.
#include <errno.h>
#include <sys/utsname.h>

#include "base/fd.h"
#include "base/lockfile.h"
#include "base/log.h"
#include "daemon/inside.h"
#include "flash/suggest.h"

// How long a stop waits for the boards before it cancels them, and for the ledger before it goes without its row.
#define STOP_BOARDS_NS (600 * NSEC_PER_SEC)
#define STOP_LEDGER_NS (10 * NSEC_PER_SEC)
#define STOP_HEADS_NS  (10 * NSEC_PER_SEC)
// How long a start waits for the folder: for a station that was killed, and for one of which nothing such is known.
#define LOCK_DYING_NS  (30 * NSEC_PER_SEC)
#define LOCK_LIVE_NS   NSEC_PER_SEC

void station_fatal(struct station *station, const struct err *e)
{
	log_error("%s", e->text);
	station->exit_code = 1;
	loop_stop(station->loop, 1);
}

// --- start -------------------------------------------------------------------------------------------------

static int lock_state(struct station *station, struct err *e)
{
	char path[PATH_MAX + 16];
	static const char *const folders[] = {"", "/run", "/store", "/heads"};
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s%s", station->config.state, folders[i]);
		int r = fd_mkdir_all(path, 0755, e);
		if (r < 0)
			return r;
	}
	snprintf(path, sizeof(path), "%s/lock", station->config.state);
	pid_t holder;
	int r = lockfile_take(path, LOCK_LIVE_NS, LOCK_DYING_NS, &station->lock_fd, &holder, e);
	if (r == -EBUSY)
		return err_set(e, EBUSY,
		        "%s: another station runs on this folder (process %d); stop it or name another "
		        "folder",
		        station->config.state, (int)holder);
	return r;
}

// The configuration's text stands in the ledger once, before the first run with it.
static void record_config(struct station *station, const char *last)
{
	const struct station_config *config = &station->config;
	if (!config->sha256[0] || (last && !strcmp(last, config->sha256)))
		return;
	json_t *body = json_pack(
	        "{s:s,s:s}", "sha256", config->sha256, "reason", last && last[0] ? "changed" : "first start");
	json_t *text = json_string(config->text);
	if (text) // else it is no UTF-8: its digest stands for it
		json_object_set_new(body, "text", text);
	rows_append(station, "config", body, -1, NULL, NULL);
}

static json_t *slots_json(const struct fixture *fixture)
{
	json_t *slots = json_array();
	for (unsigned i = 0; i < fixture->slot_count; i++)
		json_array_append_new(
		        slots, json_pack("{s:s,s:s,s:s}", "slot", fixture->slots[i].label, "port",
		                       fixture->slots[i].port, "hub", fixture->slots[i].hub));
	return slots;
}

static void record_start(struct station *station, const json_t *resume)
{
	struct utsname kernel;
	record_config(station, json_string_value(json_object_get(resume, "config_sha256")));
	if (uname(&kernel) < 0)
		STR_COPY(kernel.release, "unknown");
	json_t *body = json_pack("{s:s,s:s,s:s,s:s}", "station", station->config.name, "version",
	        GANGWAY_VERSION, "kernel", kernel.release, "boot_id", station->boot_id);
	if (station->config.sha256[0])
		json_object_set_new(body, "config_sha256", json_string(station->config.sha256));
	char to[64];
	heads_words(&station->config.heads, to, sizeof(to));
	json_object_set_new(body, "heads", json_string(to));
	rows_append(station, "station.start", body, -1, NULL, NULL);
	rows_append(station, "fixture",
	        json_pack("{s:s,s:s,s:o}", "name", station->fixture->name, "kind",
	                station->fixture->ops->kind, "slots", slots_json(station->fixture)),
	        -1, NULL, NULL);
}

static int open_control(struct station *station, struct err *e)
{
	int r = station->server ? 0
	                        : control_server_new(station->loop, station->config.state, &station_handlers,
	                                  station, &station->server, e);
	if (r == 0 && station->control_fd >= 0)
		r = control_server_adopt(station->server, station->control_fd, "cli", e);
	return r;
}

void station_waits(struct station *station)
{
	struct err e;
	if (station->server)
		return;
	int r = control_server_new(
	        station->loop, station->config.state, &station_handlers, station, &station->server, &e);
	if (r == 0)
		r = page_start(station, &e);
	if (r < 0)
		log_error("%s", e.text); // the log says why it waits, at least
}

// The ledger is open: the rest can start.
void station_ready(struct station *station, const json_t *resume)
{
	struct err e;
	resume_take(station, resume);
	resume_seats(station, resume);
	record_start(station, resume);
	resume_quarantine(station, resume);
	job_settle(station); // the last unit's row was written, and the station died before the job's
	int r = reader_start(station->loop, station->config.state, &station->reader, &e);
	if (r == 0)
		r = reader_start(station->loop, station->config.state, &station->answers, &e);
	if (r == 0)
		r = open_control(station, &e);
	if (r == 0)
		r = page_start(station, &e);
	if (r == 0)
		r = heads_start(station, &e);
	if (r == 0) {
		station->phase = PHASE_RUNNING;
		r = fixture_start(station->fixture, &e);
	}
	if (r < 0) {
		station_fatal(station, &e);
		return;
	}
	log_info("station '%s' runs on %s: %u slots", station->config.name, station->config.state,
	        station->seat_count);
	station->dirty_station = station->dirty_job = station->dirty_counts = true;
	for (unsigned i = 0; i < station->seat_count; i++)
		publish_seat(&station->seats[i]);
	lookup_ask(station);
}

static void on_signal(void *context, int signal)
{
	station_stop(context, signal == SIGTERM ? "SIGTERM" : "SIGINT", "");
}

static void on_stop_time(void *context)
{
	struct station *station = context;
	if (station->phase == PHASE_STOPPING) {
		seats_cancel_all(station);
		return;
	}
	if (station->phase == PHASE_STOPPED) {
		log_warn("the last heads are not delivered yet: the next start does it");
		loop_stop(station->loop, station->exit_code);
		return;
	}
	log_error("the ledger does not take the station's last row: stopping without it");
	loop_stop(station->loop, 1);
}

static int open_seats(struct station *station, struct err *e)
{
	int r = fixture_open(&station->config.fixture, station->config.state, station->loop,
	        &seat_fixture_events, station, &station->fixture, e);
	if (r < 0)
		return r;
	station->seat_count = station->fixture->slot_count;
	for (unsigned i = 0; i < station->seat_count && r == 0; i++) {
		struct seat *seat = &station->seats[i];
		seat->station = station;
		seat->index = i;
		seat->board.link_fd = -1;
		seat->slot.switches = station->fixture->slots[i].switches;
		r = leave_open(seat, e);
	}
	return r;
}

// What a job's verify policy may be chosen by. The job's word counts.
static void measure_machine(struct station *station)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	station->hash_rate = suggest_hash_rate();
	station->compare_suits =
	        suggest_compare(station->hash_rate, cores > 0 ? (unsigned)cores : 1, station->seat_count);
	if (station->compare_suits)
		log_info("a core of this machine hashes %u MB/s, too little for %u slots at full speed: jobs "
		         "do "
		         "better with --verify compare",
		        (unsigned)(station->hash_rate / 1000000), station->seat_count);
}

static int station_start(struct station *station, int control_fd, struct err *e)
{
	static const int signals[] = {SIGTERM, SIGINT};
	clock_boot_id(station->boot_id);
	clock_utc_text(station->started);
	int r = lock_state(station, e);
	if (r == 0)
		r = loop_add_signals(station->loop, signals, ARRAY_SIZE(signals), on_signal, station, e);
	if (r == 0)
		r = loop_add_timer(station->loop, on_stop_time, station, &station->stop_timer, e);
	if (r == 0)
		r = publish_start(station, e);
	if (r == 0)
		r = lookup_start(station, e);
	if (r == 0)
		r = refusals_start(station, e);
	if (r == 0)
		r = open_seats(station, e);
	if (r == 0)
		measure_machine(station);
	station->control_fd = control_fd;
	return r < 0 ? r : rows_start(station, e);
}

// --- stop --------------------------------------------------------------------------------------------------

static void on_recorder_closed(void *context)
{
	struct station *station = context;
	station->phase = PHASE_STOPPED;
	publish_now(station); // the last verdicts are not to be guessed
	if (heads_finish(station) && loop_timer_after(station->stop_timer, STOP_HEADS_NS) == 0)
		return;
	loop_stop(station->loop, station->exit_code);
}

static void on_stop_recorded(void *context, uint64_t seq, const struct err *e)
{
	struct station *station = context;
	(void)seq;
	if (e)
		station->exit_code = 1;
	recorder_close(station->ledger.recorder, on_recorder_closed, station);
}

void station_settle(struct station *station)
{
	if (station->phase != PHASE_STOPPING || !seats_idle(station))
		return;
	refusals_settle(station);
	station->phase = PHASE_CLOSING;
	station->importing = picture_unref(station->importing);
	if (loop_timer_after(station->stop_timer, STOP_LEDGER_NS) < 0)
		log_warn("no timer for the end");
	json_t *body = json_pack("{s:s}", "reason", station->stop_reason);
	if (station->stop_person[0])
		json_object_set_new(body, "operator", json_string(station->stop_person));
	rows_append(station, "station.stop", body, -1, on_stop_recorded, station);
}

void station_stop(struct station *station, const char *reason, const char *person)
{
	if (station->phase == PHASE_STARTING) {
		loop_stop(station->loop, 1);
		return;
	}
	if (station->phase == PHASE_RUNNING) {
		log_info("%s: no board is started any more; those under way are finished", reason);
		station->phase = PHASE_STOPPING;
		STR_COPY(station->stop_reason, reason);
		STR_COPY(station->stop_person, person);
		leave_stop(station);
		station->dirty_station = true;
		publish_soon(station);
		if (loop_timer_after(station->stop_timer, STOP_BOARDS_NS) < 0)
			log_warn("no timer for the end");
	} else if (station->phase == PHASE_STOPPING) {
		log_info("%s again: the boards under way are cancelled", reason);
		seats_cancel_all(station);
	}
	station_settle(station);
}

static void station_free(struct station *station)
{
	page_free(station);
	heads_free(station);
	heal_free(station);
	ontarget_free(station);
	images_free(station);
	job_free(station);
	seats_free(station);
	reader_free(station->reader);
	reader_free(station->answers);
	rows_free(station);
	control_server_free(station->server);
	json_decref(station->pools);
	fixture_free(station->fixture);
	loop_remove(station->publish_timer);
	loop_remove(station->ask_again);
	loop_remove(station->refusals_timer);
	loop_remove(station->stop_timer);
	fd_close(&station->lock_fd);
	loop_free(station->loop);
	free(station);
}

int station_run(const struct station_config *config, int control_fd)
{
	struct err e;
	struct station *station = calloc(1, sizeof(*station));
	if (!station)
		return 1;
	station->config = *config;
	station->lock_fd = station->heads_fd = -1;
	log_name("station");
	int r = loop_new(&station->loop, &e);
	if (r == 0)
		r = station_start(station, control_fd, &e);
	if (r < 0)
		log_error("%s", e.text);
	else
		r = loop_run(station->loop);
	station_free(station);
	return r == 0 ? 0 : 1;
}
