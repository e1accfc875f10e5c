// SPDX-License-Identifier: MIT
// A profile against the USB tree: what changed since it was learnt. No device is touched here.
#include <errno.h>
#include <inttypes.h>

#include "board/usb_tree.h"

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

bool usb_tree_is_foreign_hub(const struct profile *profile, const struct usb_node *node)
{
	if (!node->hub_ports || node->speed > USB_HIGH_SPEED)
		return false; // the faster half of a USB 3 hub is another hub
	for (unsigned i = 0; i < profile->hub_count; i++)
		if (!strcmp(profile->hubs[i].port, node->port))
			return !same_hub(&profile->hubs[i], node);
	return false;
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
	const struct usb_node *hub = usb_tree_find(tree, above), *here = usb_tree_find(tree, slot->port);
	bool fits = hub && number >= 1 && number <= hub->hub_ports;
	if (fits && !(here && here->hub_ports))
		return 0;
	if (fits)
		fprintf(to,
		        "slot %s: a hub is at %s, where a board goes: another model's profile? Learn the "
		        "fixture, or unplug that hub\n",
		        slot->label, slot->port);
	else if (hub)
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
