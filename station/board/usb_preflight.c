// SPDX-License-Identifier: MIT
// What the host has to carry when every slot of a profile has a board. No device is touched here.
#include <inttypes.h>

#include "board/usb_tree.h"
#include "core/estimate.h"

/*
 * What common xHCI controllers have (xHCI 1.2, HCSPARAMS1: MaxSlots, 32 to 64 in practice; endpoint contexts 64 to
 * 96 in practice). A UMS board takes a device slot and three endpoints; a hub takes a slot and two.
 */
enum { SLOTS_COMMON = 32, SLOTS_MAX = 64, ENDPOINTS_COMMON = 64, BOARD_ENDPOINTS = 3, HUB_ENDPOINTS = 2 };
// What one 480 Mb/s link moves in practice, of the 53.2 MB/s that USB 2.0 (5.8.4) allows for bulk.
enum { LINK_BYTES_PER_S = 38000000 };
// USB 2.0, 4.1.1: seven tiers, of which the root hub is one and the device another.
enum { HUBS_DEEP_MAX = 5 };

// The length of "pci-0000:00:14.0-usb-0:": one host controller.
static size_t controller_length(const char *port)
{
	const char *usb = strstr(port, "-usb-");
	return usb ? (size_t)(usb - port) + strlen("-usb-0:") : strlen(port);
}

// Slots that share a root port share its link: "…-usb-0:2" of "…-usb-0:2.3.1".
static size_t link_length(const char *port)
{
	size_t start = controller_length(port);
	return start + strcspn(port + start, ".");
}

static unsigned count_alike(const struct profile *profile, const char *port, size_t length)
{
	unsigned count = 0;
	for (unsigned i = 0; i < profile->slot_count; i++)
		count += !strncmp(profile->slots[i].port, port, length) &&
		         (link_length(profile->slots[i].port) == length ||
		                 controller_length(profile->slots[i].port) == length);
	return count;
}

// What is on a controller: the boards that the profile's slots will have, the hubs, and whatever else is plugged in.
struct load {
	unsigned boards, hubs, others, endpoints;
};

static struct load load_of(const struct usb_tree *tree, const struct profile *profile, const char *port)
{
	size_t length = controller_length(port);
	struct load load = {.boards = count_alike(profile, port, length)};
	load.endpoints = load.boards * BOARD_ENDPOINTS;
	for (unsigned i = 0; i < tree->count; i++) {
		const struct usb_node *node = &tree->nodes[i];
		bool counts = !node->root && !strncmp(node->port, port, length);
		if (counts && node->hub_ports) {
			load.hubs++;
			load.endpoints += HUB_ENDPOINTS;
		} else if (counts && profile_slot_of(profile, node->port) < 0) {
			load.others++;
			load.endpoints += node->endpoints + 1; // and endpoint 0
		}
	}
	return load;
}

static unsigned check_controller(
        const struct usb_tree *tree, const struct profile *profile, const char *port, FILE *to)
{
	struct load load = load_of(tree, profile, port);
	unsigned slots = load.boards + load.hubs + load.others;
	const char *verdict = slots > SLOTS_MAX      ? "more than any has: use a second controller"
	                      : slots > SLOTS_COMMON ? "some controllers have 32 only: try all at once"
	                      : load.endpoints > ENDPOINTS_COMMON
	                              ? "some have 64 endpoints only: try all at once"
	                              : "fine";
	fprintf(to, "controller %.*s: %u boards", (int)(controller_length(port) - strlen("-usb-0:")), port,
	        load.boards);
	if (load.others)
		fprintf(to, ", %u other device%s", load.others, load.others == 1 ? "" : "s");
	fprintf(to, " and %u hub%s take %u device slots and %u endpoints: %s\n", load.hubs,
	        load.hubs == 1 ? "" : "s", slots, load.endpoints, verdict);
	return slots > SLOTS_MAX;
}

// A hub on a bad cable, or behind an old one, falls back to 12 Mb/s, and all its boards with it: slow, but it works.
static void note_speed(
        const struct usb_tree *tree, const struct profile *profile, const struct usb_node *hub, FILE *to)
{
	unsigned boards = 0;
	if (!hub->hub_ports || hub->root || hub->speed >= USB_HIGH_SPEED ||
	        usb_tree_find(tree, hub->port) != hub)
		return;
	for (unsigned i = 0; i < profile->slot_count; i++)
		boards += usb_port_is_below(profile->slots[i].port, hub->port);
	if (!boards)
		return;
	fprintf(to,
	        "note: hub at %s runs at %u Mb/s, and %u slot%s below it: try another cable, port or hub\n",
	        hub->port, hub->speed, boards, boards == 1 ? " is" : "s are");
}

static unsigned check_depth(const struct fixture_slot *slot, FILE *to)
{
	unsigned hubs = 0;
	for (const char *p = slot->port + controller_length(slot->port); *p; p++)
		hubs += *p == '.';
	if (hubs <= HUBS_DEEP_MAX)
		return 0;
	fprintf(to, "slot %s: %u hubs deep, USB allows %d\n", slot->label, hubs, HUBS_DEEP_MAX);
	return 1;
}

static void say_link(const struct profile *profile, const char *port, uint64_t bytes, FILE *to)
{
	char words[ESTIMATE_WORDS_SIZE];
	size_t length = link_length(port);
	unsigned boards = count_alike(profile, port, length);
	estimate_words((double)bytes * boards / LINK_BYTES_PER_S, words);
	if (boards == 1)
		fprintf(to, "link %.*s: 1 board has a 480 Mb/s link: about %s a cycle\n", (int)length, port,
		        words);
	else
		fprintf(to,
		        "link %.*s: %u boards share one 480 Mb/s link: about %s a cycle; two hubs on two "
		        "root "
		        "ports would halve it\n",
		        (int)length, port, boards, words);
}

// Whether an earlier slot has the same first `length` characters.
static bool seen_before(const struct profile *profile, unsigned slot, size_t (*length_of)(const char *))
{
	const char *port = profile->slots[slot].port;
	size_t length = length_of(port);
	for (unsigned i = 0; i < slot; i++)
		if (length_of(profile->slots[i].port) == length &&
		        !strncmp(profile->slots[i].port, port, length))
			return true;
	return false;
}

unsigned usb_tree_preflight(
        const struct usb_tree *tree, const struct profile *profile, uint64_t bytes, FILE *to)
{
	unsigned exceeded = 0;
	for (unsigned i = 0; i < profile->slot_count; i++) {
		if (!seen_before(profile, i, controller_length))
			exceeded += check_controller(tree, profile, profile->slots[i].port, to);
		exceeded += check_depth(&profile->slots[i], to);
	}
	for (unsigned i = 0; i < tree->count; i++)
		note_speed(tree, profile, &tree->nodes[i], to);
	for (unsigned i = 0; bytes && i < profile->slot_count; i++)
		if (!seen_before(profile, i, link_length))
			say_link(profile, profile->slots[i].port, bytes, to);
	return exceeded;
}
