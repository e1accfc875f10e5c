// SPDX-License-Identifier: MIT
// Per-port power: hub requests made by a process of their own, one at a time, with a time limit.
#ifndef GANGWAY_BOARD_USB_POWER_H
#define GANGWAY_BOARD_USB_POWER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/loop.h"

struct usb_power;

// `done` is called, from the loop, when usb_power_waits() has become false.
int usb_power_new(
        struct loop *loop, void (*done)(void *context), void *context, struct usb_power **out, struct err *e);
struct usb_power *usb_power_free(struct usb_power *power); // always NULL

// Queues a request: `gangway hub-power PORT on|off` runs when those before it have ended. What comes of it shows as
// the board leaving or arriving; a request that fails is logged. `on` takes back an `off` of
// the same port that has not begun. -EBUSY when the queue is full (one a slot).
int usb_power_switch(struct usb_power *power, const char *port, bool on, struct err *e);

// Whether a request runs or waits. One that hangs in the kernel beyond its time limit is not waited for.
bool usb_power_waits(const struct usb_power *power);

// The role's main: argv is "hub-power" PORT on|off. Both halves of a USB 3 hub are switched.
int hub_power_role(int argc, char **argv);

#endif
