// SPDX-License-Identifier: MIT
// The USB tree as sysfs shows it: hubs and devices by physical port, and whether a profile still fits it.
#ifndef GANGWAY_BOARD_USB_TREE_H
#define GANGWAY_BOARD_USB_TREE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "board/profile.h"

enum { USB_HIGH_SPEED = 480 }; // Mb/s

struct usb_node {
	char port[USB_PORT_SIZE];
	char name[48];   // sysfs': "2-1.4", "usb2"; they change
	char usb_id[16]; // "0525:a4a5"
	char manufacturer[64], product[64], serial[64];
	unsigned speed;        // Mb/s
	unsigned hub_ports;    // 0: no hub
	unsigned endpoints;    // of its interfaces, endpoint 0 not counted
	unsigned bus, address; // of the node /dev/bus/usb/BBB/DDD: they change
	bool root;
	bool mass_storage; // an interface 08/06/50
};

struct usb_tree {
	unsigned count;
	struct usb_node *nodes; // in the order of their ports
};

struct udev_device;
// One device as a node, but for what its interfaces add. False: it goes away.
bool usb_node_read(struct udev_device *device, struct usb_node *out);

// Reads the tree; opens no device. usb_tree_done() frees it.
int usb_tree_read(struct usb_tree *out, struct err *e);
void usb_tree_done(struct usb_tree *tree);

// The node at a port, on the side that boards are on (480 Mb/s and slower; a USB 3 hub is there twice); or NULL.
const struct usb_node *usb_tree_find(const struct usb_tree *tree, const char *port);

// A port as the hub that it is on has it. A USB 3 socket is on two: one at 480 Mb/s, one faster, and its numbers may differ.
struct usb_half {
	unsigned bus, address; // the hub's
	unsigned number;
};
enum { USB_HALVES_MAX = 2 };
// Finds a port's halves; returns how many. `root` stands before /sys: "" but in tests.
unsigned usb_tree_halves(
        const char *root, const struct usb_tree *tree, const char *port, struct usb_half out[USB_HALVES_MAX]);

// Fills the profile's [hubs]: every hub that a slot is below.
int usb_tree_learn_hubs(const struct usb_tree *tree, struct profile *profile, struct err *e);

// One line on `to` for each thing that no longer fits the profile (missing, other or moved hubs, swapped cables);
// returns how many. Hubs that look alike without serials are said so once, as a note that does not count.
unsigned usb_tree_check(const struct usb_tree *tree, const struct profile *profile, FILE *to);

// Whether a hub is another one than the profile has at its port: the slots below it are not those of the labels.
bool usb_tree_is_foreign_hub(const struct profile *profile, const struct usb_node *node);

/*
 * What the host has to carry when every slot has a board, as lines on `to`: device slots and endpoints of each controller,
 * hubs that are too deep or, as a note, run slow, and how long a cycle takes where slots share a link. `bytes`: what one board moves
 * over its wire in a cycle, there and back; 0: no estimate. Returns the number of limits exceeded.
 */
unsigned usb_tree_preflight(
        const struct usb_tree *tree, const struct profile *profile, uint64_t bytes, FILE *to);

#endif
