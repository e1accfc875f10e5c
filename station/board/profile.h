// SPDX-License-Identifier: MIT
// A fixture profile: which physical port is which label on the fixture's case, and which hubs are in between.
#ifndef GANGWAY_BOARD_PROFILE_H
#define GANGWAY_BOARD_PROFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "board/board.h"
#include "board/usb_port.h"

/*
 * An ini file:
 *
 *   [fixture]
 *   name = Lab hub             ; for the page
 *   columns = 4                ; how the page draws it
 *   power = yes                ; its ports really switch VBUS, one by one (no): see docs/wiring.md
 *   base = pci-...-usb-0:2     ; where the hub is plugged in, for ports that start with a dot
 *   [slots]
 *   1 = .1                     ; label = port, in the order the page shows
 *   2 = pci-0000:00:14.0-usb-0:4
 *   [hubs]
 *   pci-...-usb-0|2 = 05e3:0610 4 SERIAL   ; what was there when it was learnt ('|' stands for ':', which inih
 *                                          ; takes for '='); the serial only if the hub has one
 */
enum { PROFILE_HUBS_MAX = 16 };

struct profile_hub {
	char port[USB_PORT_SIZE];
	char usb_id[16];
	unsigned ports;
	char serial[64];
};

struct profile {
	char name[64];
	char base[USB_PORT_SIZE];
	unsigned columns;
	bool switches;
	unsigned slot_count;
	struct fixture_slot slots[BOARD_SLOTS_MAX]; // ports are absolute
	unsigned hub_count;
	struct profile_hub hubs[PROFILE_HUBS_MAX];
};

// `base` (NULL or "": the file's own) says where a known hub is plugged in.
int profile_load(const char *path, const char *base, struct profile *out, struct err *e);

// Writes it as profile_load() reads it; the file appears whole.
int profile_save(const char *path, const struct profile *profile, struct err *e);

// The slot of a port, or -1.
int profile_slot_of(const struct profile *profile, const char *port);

// 0, or -EEXIST, -E2BIG, -EINVAL with the reason.
int profile_add_slot(struct profile *profile, const char *label, const char *port, struct err *e);

// Rows and columns of the slots, from `columns` (0: a guess).
void profile_arrange(struct profile *profile);

#endif
