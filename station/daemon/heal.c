// SPDX-License-Identifier: MIT
// A store entry that a worker found damaged: no board starts from it, it is hashed again by a process of its own,
// and dropped when it is bad. The boards are not to blame (law 8).
#include <errno.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/inside.h"
#include "image/store.h"

static void note_check(struct station *station, const char *name, const char *key)
{
	STR_COPY(station->check_key, key);
	STR_COPY(station->check_name, name);
}

void heal_touched(struct station *station, const char *name, const char *key)
{
	if (station->check_key[0])
		return; // one at a time: the job asks again when it is done
	note_check(station, name, key);
	heal_try(station);
}

void heal_suspect(struct station *station, struct picture *picture)
{
	if (picture->damaged)
		return;
	picture->damaged = true;
	if (station->check.pid <= 0)
		note_check(station, picture->name, picture->key);
	alert_set(station, "image", "error",
	        "image '%s': the store's copy is damaged; no board is started from it", picture->name);
	log_error("image '%s': a worker found the store's copy damaged", picture->name);
}

static void tell_unsound(struct station *station, const char *name, int status)
{
	char how[64];
	child_status_text(status, how, sizeof(how));
	if (WIFEXITED(status) && WEXITSTATUS(status) == STORECHECK_DAMAGED)
		alert_set(station, "image", "error",
		        "image '%s': the store's copy was damaged; add it again: gangway image add (no board "
		        "is to blame)",
		        name);
	else
		alert_set(station, "image", "error",
		        "image '%s': whether the store's copy is sound could not be found out (%s); add it "
		        "again: gangway image add, or close the job and open it again",
		        name, how);
}

static void checked(void *context, uint32_t events)
{
	struct station *station = context;
	int status = 0;
	(void)events;
	if (!child_ended(&station->check))
		return;
	station->check_source = loop_remove(station->check_source);
	if (child_reap(&station->check, &status) < 0)
		log_error("the store's check cannot be collected");
	char name[sizeof(station->check_name)];
	STR_COPY(name, station->check_name);
	station->check_key[0] = '\0';
	bool sound = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (sound)
		log_info("image '%s': the store's copy is sound", name);
	else
		tell_unsound(station, name, status);
	struct picture *picture = station->job.picture;
	if (picture && picture->damaged) { // another image's: it had to wait
		note_check(station, picture->name, picture->key);
		heal_try(station);
	}
	if (sound || strcmp(name, station->job.image) != 0) {
		job_take_picture(station);
		seat_rematch_all(station);
	}
}

void heal_try(struct station *station)
{
	struct picture *picture = station->job.picture;
	if (!station->check_key[0] || station->check.pid > 0)
		return;
	if (picture && picture->damaged) {
		if (picture->users > 1)
			return; // workers still hold the entry
		station->job.picture = picture_unref(picture);
	}
	char store[PATH_MAX + 8];
	snprintf(store, sizeof(store), "%s/store", station->config.state);
	struct child_spec spec = {.role = "storecheck", .args = {store, station->check_key}};
	struct err e;
	if (child_start(&spec, &station->check, &e) < 0) {
		log_error("%s", e.text);
		station->check_key[0] = '\0';
		return;
	}
	if (loop_add_fd(station->loop, station->check.pidfd, EPOLLIN, checked, station,
	            &station->check_source, &e) < 0)
		log_error("%s", e.text);
}

void heal_free(struct station *station)
{
	loop_remove(station->check_source);
	if (station->check.pid > 0)
		fd_close(&station->check.pidfd); // it dies with the station
}

int storecheck_role(int argc, char **argv)
{
	struct err e;
	bool healthy = false;
	if (argc != 3)
		return 2;
	if (child_enter(0, &e) < 0 || store_check(argv[1], argv[2], &healthy, &e) < 0) {
		log_error("storecheck: %s", e.text);
		return 1;
	}
	return healthy ? 0 : STORECHECK_DAMAGED;
}
