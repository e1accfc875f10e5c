// SPDX-License-Identifier: MIT
// Who is connected, and since when the server waits for the whole of its request.
#include "webui/guest.h"

#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"

void guests_init(struct guests *guests)
{
	for (size_t i = 0; i < GUESTS_MAX; i++)
		guests->all[i] = (struct guest){.fd = -1, .due_ns = UINT64_MAX};
}

struct guest *guest_enter(struct guests *guests, int fd, uint64_t now_ns)
{
	for (struct guest *guest = guests->all; guest < guests->all + GUESTS_MAX; guest++)
		if (guest->fd < 0) {
			guest->fd = fd;
			guest_is_answered(guest, now_ns);
			return guest;
		}
	return NULL;
}

void guest_leave(struct guest *guest)
{
	if (guest)
		*guest = (struct guest){.fd = -1, .due_ns = UINT64_MAX};
}

void guest_has_asked(struct guest *guest)
{
	if (guest)
		guest->due_ns = UINT64_MAX;
}

void guest_is_answered(struct guest *guest, uint64_t now_ns)
{
	if (guest)
		guest->due_ns = now_ns + GUEST_REQUEST_S * NSEC_PER_SEC;
}

uint64_t guests_dismiss(struct guests *guests, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX;
	for (struct guest *guest = guests->all; guest < guests->all + GUESTS_MAX; guest++) {
		if (guest->due_ns <= now_ns) {
			// The server reads the end and frees the connection itself; ENOTCONN: the client was quicker.
			if (shutdown(guest->fd, SHUT_RDWR) < 0)
				log_debug("http: a late connection has gone by itself");
			guest->due_ns = UINT64_MAX;
		}
		next = guest->due_ns < next ? guest->due_ns : next;
	}
	return next;
}
