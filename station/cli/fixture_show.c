// SPDX-License-Identifier: MIT
// `gangway fixture show` and `check`: the USB tree beside the profile.
#include <errno.h>
#include <inttypes.h>
#include <libudev.h>
#include <stdio.h>
#include <string.h>

#include "board/profile.h"
#include "board/usb.h"
#include "board/usb_tree.h"
#include "cli/command.h"
#include "cli/fixture.h"
#include "core/match.h"

struct disks {
	unsigned count;
	struct board list[2 * BOARD_SLOTS_MAX];
};

static void collect(void *context, const struct board *board)
{
	struct disks *disks = context;
	if (disks->count < ARRAY_SIZE(disks->list))
		disks->list[disks->count++] = *board;
}

static const struct board *disk_at(const struct disks *disks, const char *port)
{
	for (unsigned i = 0; i < disks->count; i++)
		if (!strcmp(disks->list[i].identity.port, port))
			return &disks->list[i];
	return NULL;
}

static void put_disk(const struct board *b)
{
	struct match_board subject = {.serial = b->serial,
	        .vendor = b->vendor,
	        .product = b->product,
	        .revision = b->revision,
	        .usb_id = b->usb_id,
	        .size = b->identity.size,
	        .logical_sector = b->logical_sector,
	        .other_interface = b->other_interface,
	        .usb = true};
	struct match_rules rules = {0};
	struct match_history history = {0};
	struct match_result result;
	match_judge(&subject, &rules, &history, &result);
	if (result.verdict == MATCH_REFUSED)
		printf("%s: %s", b->identity.node, result.reason);
	else
		printf("%s: board, %s, %s%s, %" PRIu64 " MB", b->identity.node, b->product,
		        b->serial[0] ? "serial " : "no serial", b->serial, b->identity.size / 1000000);
}

static void put_node(const struct usb_node *node, const struct disks *disks)
{
	const struct board *disk = disk_at(disks, node->port);
	printf("%s ", node->usb_id);
	if (node->hub_ports)
		printf("%s, %u ports, %u Mb/s", node->root ? "root hub" : "hub", node->hub_ports,
		        node->speed);
	else if (disk)
		put_disk(disk);
	else if (node->mass_storage)
		printf("no board: %s has no disk (yet)", node->product);
	else
		printf("no board: %s is no mass storage", node->product[0] ? node->product : "it");
	fputc('\n', stdout);
}

static bool is_empty(const struct usb_tree *tree, const char *port)
{
	for (unsigned i = 0; i < tree->count; i++)
		if (!strcmp(tree->nodes[i].port, port))
			return false;
	return true;
}

static void put_tree(const struct usb_tree *tree, const struct profile *profile, const struct disks *disks)
{
	for (unsigned i = 0; i < tree->count; i++) {
		const struct usb_node *node = &tree->nodes[i];
		int slot = profile_slot_of(profile, node->port);
		char label[32] = "";
		if (slot >= 0 && !node->hub_ports)
			snprintf(label, sizeof(label), "slot %s", profile->slots[slot].label);
		printf("%-36s %-10s ", node->port, label);
		put_node(node, disks);
	}
	for (unsigned i = 0; i < profile->slot_count; i++)
		if (is_empty(tree, profile->slots[i].port))
			printf("%-36s slot %-5s empty\n", profile->slots[i].port, profile->slots[i].label);
}

static int find_disks(struct disks *out, struct err *e)
{
	struct udev *udev = udev_new();
	if (!udev)
		return err_sys(e, ENOMEM, "udev");
	int r = usb_disks(udev, 0, collect, out);
	udev_unref(udev);
	return r < 0 ? err_sys(e, -r, "disks cannot be listed from sysfs") : 0;
}

int fixture_show(const struct fixture_options *o, struct err *e)
{
	_cleanup_free_ struct disks *disks = calloc(1, sizeof(*disks));
	_cleanup_free_ struct profile *profile = calloc(1, sizeof(*profile));
	struct usb_tree tree;
	if (!disks || !profile)
		return err_sys(e, ENOMEM, "fixture");
	int r = o->profile ? profile_load(o->profile, o->base, profile, e) : 0;
	if (r == 0)
		r = find_disks(disks, e);
	if (r == 0)
		r = usb_tree_read(&tree, e);
	if (r < 0)
		return r;
	put_tree(&tree, profile, disks);
	usb_tree_preflight(&tree, profile, 2 * o->bytes, stdout); // nothing without slots
	usb_tree_done(&tree);
	return EXIT_OK;
}

int fixture_check(const struct fixture_options *o, struct err *e)
{
	_cleanup_free_ struct profile *profile = calloc(1, sizeof(*profile));
	struct usb_tree tree;
	if (!profile)
		return err_sys(e, ENOMEM, "fixture");
	int r = profile_load(o->profile, o->base, profile, e);
	if (r == 0)
		r = usb_tree_read(&tree, e);
	if (r < 0)
		return r;
	unsigned problems = usb_tree_check(&tree, profile, stdout);
	problems += usb_tree_preflight(&tree, profile, 2 * o->bytes, stdout); // written and read back
	usb_tree_done(&tree);
	if (problems)
		printf("fixture %s: does not fit: %u problem%s\n", profile->name, problems,
		        problems == 1 ? "" : "s");
	else
		printf("fixture %s: fits, %u slots\n", profile->name, profile->slot_count);
	return problems ? EXIT_FAILED : EXIT_OK;
}
