// SPDX-License-Identifier: MIT
// Per-port power: hub requests made by a process of their own, one at a time, with a time limit.
#include "board/usb_power.h"

#include <errno.h>
#include <signal.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "board/board.h"
#include "board/usb_port.h"

// A hub answers a control request within 5 s (USB 2.0, 9.2.6.1); opening a sick one may take the kernel longer.
enum { TIME_LIMIT_S = 15 };

struct request {
	char port[USB_PORT_SIZE];
	bool on;
};

struct usb_power {
	struct loop *loop;
	struct request queue[BOARD_SLOTS_MAX];
	unsigned count;
	struct child child; // pid 0: none runs
	struct loop_source *ended, *limit;
	bool late; // the child was killed, and does not end
	void (*done)(void *context);
	void *context;
};

static void start_next(struct usb_power *power);

static void drop_first(struct usb_power *power)
{
	power->count--;
	memmove(&power->queue[0], &power->queue[1], power->count * sizeof(power->queue[0]));
}

static void finish(struct usb_power *power)
{
	int status = 0;
	if (!child_ended(&power->child))
		return;
	power->ended = loop_remove(power->ended);
	if (child_reap(&power->child, &status) < 0)
		log_debug("power %s: its process is collected already", power->queue[0].port);
	loop_timer_off(power->limit);
	if (status != 0) {
		char text[64];
		child_status_text(status, text, sizeof(text));
		log_warn("power %s at %s failed: %s", power->queue[0].on ? "on" : "off", power->queue[0].port,
		        text);
	}
	power->late = false;
	drop_first(power);
	start_next(power);
	if (!power->count)
		power->done(power->context);
}

static void on_ended(void *context, uint32_t events)
{
	(void)events;
	struct usb_power *power = context;
	// The pidfd is closed when the child is reaped: stop watching it first.
	power->ended = loop_remove(power->ended);
	finish(power);
}

// A task that is stuck in the kernel cannot be killed, but it is no longer waited for by anything else.
static void on_limit(void *context)
{
	struct usb_power *power = context;
	log_warn("power at %s: no answer in %d s", power->queue[0].port, TIME_LIMIT_S);
	child_signal(&power->child, SIGKILL);
	power->late = true;
	power->done(power->context);
}

static int start(struct usb_power *power, struct err *e)
{
	const struct request *request = &power->queue[0];
	struct child_spec spec = {.role = "hub-power", .args = {request->port, request->on ? "on" : "off"}};
	int r = child_start(&spec, &power->child, e);
	if (r < 0)
		return r;
	r = loop_add_fd(power->loop, power->child.pidfd, EPOLLIN, on_ended, power, &power->ended, e);
	if (r == 0)
		r = loop_timer_after(power->limit, TIME_LIMIT_S * NSEC_PER_SEC);
	return r;
}

static void start_next(struct usb_power *power)
{
	struct err e = {0};
	while (power->count && start(power, &e) < 0) {
		log_error("power %s at %s: %s", power->queue[0].on ? "on" : "off", power->queue[0].port,
		        e.text);
		drop_first(power); // those behind it may fare better: no port is left dark for another's sake
	}
}

int usb_power_new(
        struct loop *loop, void (*done)(void *context), void *context, struct usb_power **out, struct err *e)
{
	struct usb_power *power = calloc(1, sizeof(*power));
	if (!power)
		return err_sys(e, ENOMEM, "power");
	power->loop = loop;
	power->done = done;
	power->context = context;
	int r = loop_add_timer(loop, on_limit, power, &power->limit, e);
	if (r < 0) {
		free(power);
		return r;
	}
	*out = power;
	return 0;
}

struct usb_power *usb_power_free(struct usb_power *power)
{
	if (!power)
		return NULL;
	loop_remove(power->ended);
	loop_remove(power->limit);
	if (power->child.pid)
		close(power->child.pidfd); // it dies with this process, and is reaped by whoever comes after
	free(power);
	return NULL;
}

bool usb_power_waits(const struct usb_power *power)
{
	return power->count && !power->late;
}

/*
 * Whoever wants a port on again no longer wants it off: a request that has waited so long (behind a hub that hangs, it may be
 * minutes) would cut the next board's power in the middle of its attempt. The first request runs already.
 */
static void drop_stale_off(struct usb_power *power, const char *port)
{
	unsigned kept = power->count ? 1 : 0;
	for (unsigned i = kept; i < power->count; i++) {
		const struct request *request = &power->queue[i];
		if (!request->on && !strcmp(request->port, port))
			log_warn("power off at %s: it has waited too long, and is not done", port);
		else
			power->queue[kept++] = *request;
	}
	power->count = kept;
}

int usb_power_switch(struct usb_power *power, const char *port, bool on, struct err *e)
{
	if (on)
		drop_stale_off(power, port);
	if (power->count == BOARD_SLOTS_MAX)
		return err_set(
		        e, EBUSY, "power at %s: %d requests are waiting already", port, BOARD_SLOTS_MAX);
	struct request *request = &power->queue[power->count++];
	STR_COPY(request->port, port);
	request->on = on;
	if (power->count == 1)
		start_next(power);
	return 0;
}
