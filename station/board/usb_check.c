// SPDX-License-Identifier: MIT
// A profile against the USB tree: what changed, and what the host has to carry. No device is touched here.
#include <errno.h>
#include <inttypes.h>

#include "board/usb_tree.h"

/*
 * What common xHCI controllers have (xHCI 1.2, HCSPARAMS1: MaxSlots, 32 to 64 in practice; endpoint contexts 64 to
 * 96 in practice). A UMS board takes a device slot and three endpoints; a hub takes a slot and two.
 */
enum { SLOTS_COMMON = 32, SLOTS_MAX = 64, ENDPOINTS_COMMON = 64, BOARD_ENDPOINTS = 3, HUB_ENDPOINTS = 2 };
// What one 480 Mb/s link moves in practice, of the 53.2 MB/s that USB 2.0 (5.8.4) allows for bulk.
enum { LINK_BYTES_PER_S = 38000000 };

static bool has_slot_below(const struct profile *profile, const char *port)
{
	for (unsigned i = 0; i < profile->slot_count; i++)
		if (usb_port_is_below(profile->slots[i].port, port))
			return true;
	return false;
}

int usb_tree_learn_hubs(const struct usb_tree *tree, struct profile *profile, struct err *e)
{
	profile->hub_count = 0;
	for (unsigned i = 0; i < tree->count; i++) {
		const struct usb_node *node = &tree->nodes[i];
		if (!node->hub_ports || node->root || node != usb_tree_find(tree, node->port) ||
		        !has_slot_below(profile, node->port))
			continue;
		if (profile->hub_count == PROFILE_HUBS_MAX)
			return err_set(e, E2BIG, "more than %d hubs are above the slots", PROFILE_HUBS_MAX);
		struct profile_hub *hub = &profile->hubs[profile->hub_count++];
		STR_COPY(hub->port, node->port);
		STR_COPY(hub->usb_id, node->usb_id);
		STR_COPY(hub->serial, node->serial);
		hub->ports = node->hub_ports;
	}
	return 0;
}

static bool same_hub(const struct profile_hub *hub, const struct usb_node *node)
{
	return node && node->hub_ports == hub->ports && !strcmp(node->usb_id, hub->usb_id) &&
	       !strcmp(node->serial, hub->serial);
}

// Where else a hub like this one is: the first such port that the profile does not expect it at.
static const struct usb_node *moved_to(
        const struct usb_tree *tree, const struct profile *profile, const struct profile_hub *hub)
{
	for (unsigned i = 0; i < tree->count; i++) {
		const struct usb_node *node = &tree->nodes[i];
		bool expected = false;
		if (node->root || node != usb_tree_find(tree, node->port) || !same_hub(hub, node))
			continue;
		for (unsigned j = 0; j < profile->hub_count; j++)
			expected |= !strcmp(profile->hubs[j].port, node->port) &&
			            same_hub(&profile->hubs[j], node);
		if (!expected)
			return node;
	}
	return NULL;
}

static unsigned check_hub(
        const struct usb_tree *tree, const struct profile *profile, const struct profile_hub *hub, FILE *to)
{
	const struct usb_node *there = usb_tree_find(tree, hub->port);
	if (same_hub(hub, there))
		return 0;
	const struct usb_node *moved = moved_to(tree, profile, hub);
	fprintf(to, "hub %s%s%s is not at %s", hub->usb_id, hub->serial[0] ? " serial " : "", hub->serial,
	        hub->port);
	if (there)
		fprintf(to, "; %s%s%s (%u ports) is there", there->usb_id, there->serial[0] ? " serial " : "",
		        there->serial, there->hub_ports);
	if (moved)
		fprintf(to, "; it is at %s: put its cable back, or learn the fixture again", moved->port);
	else
		fprintf(to, "; plug it in there, or learn the fixture again");
	fputc('\n', to);
	return 1;
}

// A slot's way must exist: a hub with such a port above it.
static unsigned check_slot(const struct usb_tree *tree, const struct fixture_slot *slot, FILE *to)
{
	char above[USB_PORT_SIZE];
	STR_COPY(above, slot->port);
	char *colon = strrchr(above, ':'), *dot = strrchr(above, '.');
	unsigned number = 0;
	if (!colon)
		return fprintf(to, "slot %s: %s is no port\n", slot->label, slot->port), 1;
	char *last = dot && dot > colon ? dot : colon;
	sscanf(last + 1, "%u", &number);
	last[last == colon ? 1 : 0] = '\0';
	const struct usb_node *hub = usb_tree_find(tree, above);
	if (hub && number >= 1 && number <= hub->hub_ports)
		return 0;
	if (hub)
		fprintf(to, "slot %s: the hub at %s has %u ports, none with number %u\n", slot->label, above,
		        hub->hub_ports, number);
	else
		fprintf(to, "slot %s: there is no hub at %s\n", slot->label, above);
	return 1;
}

static void note_twins(const struct profile *profile, FILE *to)
{
	for (unsigned i = 0; i < profile->hub_count; i++)
		for (unsigned j = 0; j < i; j++) {
			const struct profile_hub *a = &profile->hubs[j], *b = &profile->hubs[i];
			if (strcmp(a->usb_id, b->usb_id) != 0 || strcmp(a->serial, b->serial) != 0 ||
			        usb_port_is_below(b->port, a->port))
				continue;
			fprintf(to,
			        "note: the hubs at %s and %s look alike; if their cables were swapped, "
			        "nobody could tell: mark them\n",
			        a->port, b->port);
			return;
		}
}

unsigned usb_tree_check(const struct usb_tree *tree, const struct profile *profile, FILE *to)
{
	unsigned problems = 0, hubs;
	for (unsigned i = 0; i < profile->hub_count; i++)
		problems += check_hub(tree, profile, &profile->hubs[i], to);
	hubs = problems; // a hub that is missing explains its slots
	for (unsigned i = 0; !hubs && i < profile->slot_count; i++)
		problems += check_slot(tree, &profile->slots[i], to);
	note_twins(profile, to);
	return problems;
}

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

static unsigned preflight_controller(
        const struct usb_tree *tree, const struct profile *profile, const char *port, FILE *to)
{
	size_t length = controller_length(port);
	unsigned boards = count_alike(profile, port, length), hubs = 0;
	for (unsigned i = 0; i < tree->count; i++)
		hubs += tree->nodes[i].hub_ports && !tree->nodes[i].root &&
		        !strncmp(tree->nodes[i].port, port, length);
	unsigned slots = boards + hubs, endpoints = boards * BOARD_ENDPOINTS + hubs * HUB_ENDPOINTS;
	const char *verdict = slots > SLOTS_MAX      ? "more than any has: use a second controller"
	                      : slots > SLOTS_COMMON ? "some controllers have 32 only: try all at once"
	                      : endpoints > ENDPOINTS_COMMON ? "some have 64 endpoints only: try all at once"
	                                                     : "fine";
	fprintf(to, "controller %.*s: %u boards and %u hubs take %u device slots and %u endpoints: %s\n",
	        (int)(length - strlen("-usb-0:")), port, boards, hubs, slots, endpoints, verdict);
	return slots > SLOTS_MAX;
}

static void preflight_link(const struct profile *profile, const char *port, uint64_t bytes, FILE *to)
{
	size_t length = link_length(port);
	unsigned boards = count_alike(profile, port, length);
	// Read-back is a second pass over the same wire.
	uint64_t seconds = 2 * bytes * boards / LINK_BYTES_PER_S;
	fprintf(to,
	        "link %.*s: %u board%s share one 480 Mb/s link: about %" PRIu64 " min %02" PRIu64
	        " s a cycle",
	        (int)length, port, boards, boards == 1 ? "" : "s", seconds / 60, seconds % 60);
	fprintf(to, boards > 1 ? "; two hubs on two root ports would halve it\n" : "\n");
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
	for (unsigned i = 0; i < profile->slot_count; i++)
		if (!seen_before(profile, i, controller_length))
			exceeded += preflight_controller(tree, profile, profile->slots[i].port, to);
	for (unsigned i = 0; bytes && i < profile->slot_count; i++)
		if (!seen_before(profile, i, link_length))
			preflight_link(profile, profile->slots[i].port, bytes, to);
	return exceeded;
}
