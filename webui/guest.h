// SPDX-License-Identifier: MIT
// Who is connected, and since when the server waits for the whole of its request.
#ifndef GANGWAY_WEBUI_GUEST_H
#define GANGWAY_WEBUI_GUEST_H

#include <stddef.h>
#include <stdint.h>

enum {
	GUESTS_MAX = 96,      // 32 event streams, and room for what else pages and scrapers ask
	GUESTS_OF_ONE = 64,   // from one address: what it does leaves room for the others
	GUEST_REQUEST_S = 20, // for a whole request, however it trickles in
};

struct guest {
	int fd;          // borrowed; below 0: a free place
	uint64_t due_ns; // of the monotonic clock; UINT64_MAX: its request is here
};

struct guests {
	struct guest all[GUESTS_MAX];
};

void guests_init(struct guests *guests);

// Someone connected: its request is due GUEST_REQUEST_S after `now_ns`. NULL when all places are taken.
struct guest *guest_enter(struct guests *guests, int fd, uint64_t now_ns);
void guest_leave(struct guest *guest); // NULL: nothing

// The whole request is here; the next one's time begins when the answer is out. NULL: nothing.
void guest_has_asked(struct guest *guest);
void guest_is_answered(struct guest *guest, uint64_t now_ns);

/*
 * Shuts the connections whose request is overdue: libmicrohttpd's own limit is on silence (MHD_OPTION_CONNECTION_TIMEOUT), so
 * a byte now and then would keep a place for ever. When the next one is due, UINT64_MAX: never.
 */
uint64_t guests_dismiss(struct guests *guests, uint64_t now_ns);

#endif
