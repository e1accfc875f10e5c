// SPDX-License-Identifier: MIT
// The station: slots, jobs, images; events in, slot_step(), actions out. One thread, one loop, never blocks.
#ifndef GANGWAY_DAEMON_STATION_H
#define GANGWAY_DAEMON_STATION_H

#include <limits.h>

#include "base/loop.h"
#include "board/board.h"

enum { STATION_HOSTS_MAX = 4 };

// [match]: what this station's boards look like, whatever the job.
enum { STATION_USB_IDS_MAX = 16 };
struct station_match {
	char usb_ids[STATION_USB_IDS_MAX][16]; // "0525:a4a5"; "" behind the last; none: any
	uint64_t size_min, size_max;           // bytes; 0: no such end
	bool learn; // a job that says nothing about it learns its boards' signature from the first one
};

// Where signed heads go, and how often one is signed beside those at a job's end.
struct station_heads {
	char folder[PATH_MAX], command[1024], http[1024]; // "": not there
	bool syslog;
	unsigned rows, minutes;
};

struct station_config {
	char state[PATH_MAX]; // the station's folder: station.db, store/, control.sock, heads/, run/
	char name[64];        // as the ledger and the page call it
	char listen[80];      // ADDR:PORT of the page; "": no page
	char hosts[STATION_HOSTS_MAX]
	          [256];      // further names under which browsers may reach the page; "" behind the last
	uint64_t store_limit; // bytes; 0: no limit
	uint32_t stall_ms; // a board that answers nothing for so long has failed; 0: the worker's own limit
	uint32_t power_off_ms; // how long a port stays off in a power cycle; 0: 3 s
	bool eject;            // boards are ejected when they have their verdict
	struct fixture_settings fixture;
	struct station_heads heads;
	struct station_match match;
	char sha256[72]; // of the configuration's text, hex; "" without a file
	char *text;      // owned: the text; NULL without a file
};

// The defaults, without state and fixture.
void station_config_default(struct station_config *config);

// Reads an ini file:
//   [station] state= name= listen= host= store_limit= stall_ms= power_off_ms= eject=
//   [fixture] kind= and the kind's own settings
//   [match] usb_ids= size_min= size_max= signature=off|learn
// An unknown section or key is an error that names its line.
int station_config_load(const char *path, struct station_config *config, struct err *e);

void station_config_free(struct station_config *config);

// Whether the page can listen at this: an IP address and a port, "127.0.0.1:8080", "[::1]:0".
bool station_listens_at(const char *text);

// Runs a station until it has stopped. `control_fd` (-1: none) is a connected stream socket whose other end may
// drive it as the command line does. Exit code as main() returns it.
int station_run(const struct station_config *config, int control_fd);

// The role that re-hashes a store entry (station/image/store.h's store_check takes its time): gangway storecheck
// STORE KEY; exit 0 sound, 3 damaged and dropped, 1 it could not be told.
enum { STORECHECK_DAMAGED = 3 };
int storecheck_role(int argc, char **argv);

#endif
