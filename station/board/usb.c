// SPDX-License-Identifier: MIT
// The USB fixture: slots are physical ports; boards come and go by udev's word. Opens no device.
#include "board/usb.h"

#include <errno.h>
#include <inttypes.h>

#include "base/fd.h"
#include "base/log.h"
#include "board/profile.h"
#include "board/usb_power.h"
#include "board/usb_tree.h"

enum { REASON_SIZE = 160 };

struct usb_fixture {
	struct fixture base;
	struct profile profile;
	struct udev *udev;
	struct udev_monitor *monitor;
	struct loop_source *source;
	struct usb_power *power;
	bool present[BOARD_SLOTS_MAX];
	struct board seen[BOARD_SLOTS_MAX];
	char reason[BOARD_SLOTS_MAX][REASON_SIZE];
};

// What a scan of sysfs found on the slots.
struct scan {
	bool present[BOARD_SLOTS_MAX];
	struct board board[BOARD_SLOTS_MAX];
	char reason[BOARD_SLOTS_MAX][REASON_SIZE];
	bool shut[BOARD_SLOTS_MAX]; // below a hub that is not the profile's: nobody knows which label it is
};

static struct usb_fixture *usb_of(struct fixture *f)
{
	union {
		struct fixture *base;
		struct usb_fixture *usb;
	} it = {.base = f}; // base is the first member
	return it.usb;
}

// Where a scan puts what it finds.
struct scanner {
	struct usb_fixture *usb;
	struct scan *scan;
};

static void scan_disk(void *context, const struct board *board)
{
	struct scanner *s = context;
	int slot = profile_slot_of(&s->usb->profile, board->identity.port);
	if (slot < 0)
		return;
	struct board *found = &s->scan->board[slot];
	usb_disk_join(found, board);
	found->slot = (unsigned)slot;
	s->scan->present[slot] = true;
}

// Two swapped cables are noticed while the station runs, too: no board is taken for its neighbour.
static void scan_hub(const struct usb_fixture *usb, struct udev_device *device, struct scan *scan)
{
	struct usb_node hub;
	if (!usb_node_read(device, &hub) || !usb_tree_is_foreign_hub(&usb->profile, &hub))
		return;
	for (unsigned i = 0; i < usb->profile.slot_count; i++) {
		if (!usb_port_is_below(usb->profile.slots[i].port, hub.port))
			continue;
		scan->shut[i] = true;
		snprintf(scan->reason[i], REASON_SIZE,
		        "another hub is at %.60s: put its cable back, or learn the fixture again", hub.port);
	}
}

static void scan_device(struct usb_fixture *usb, struct udev_device *device, struct scan *scan)
{
	char port[USB_PORT_SIZE];
	if (!usb_port_of(udev_device_get_syspath(device), port))
		return;
	int slot = profile_slot_of(&usb->profile, port);
	scan_hub(usb, device, scan);
	if (slot >= 0 && !scan->shut[slot])
		usb_device_reason(device, scan->reason[slot], REASON_SIZE);
}

static int scan_devices(struct usb_fixture *usb, struct scan *scan)
{
	struct udev_enumerate *list = udev_enumerate_new(usb->udev);
	if (!list)
		return -ENOMEM;
	udev_enumerate_add_match_subsystem(list, "usb");
	udev_enumerate_add_match_property(list, "DEVTYPE", "usb_device");
	int r = udev_enumerate_scan_devices(list);
	struct udev_list_entry *entry;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(list))
	{
		struct udev_device *device =
		        udev_device_new_from_syspath(usb->udev, udev_list_entry_get_name(entry));
		if (device)
			scan_device(usb, device, scan);
		udev_device_unref(device);
	}
	udev_enumerate_unref(list);
	return r < 0 ? r : 0;
}

// diskseq is unique within a boot: an unplug and a plug between two looks are not missed.
static bool same_disk(const struct board_identity *a, const struct board_identity *b)
{
	return a->rdev == b->rdev && a->diskseq == b->diskseq && a->size == b->size &&
	       !strcmp(a->node, b->node);
}

// Whether any disk of the board that was seen is still there: it was never unplugged.
static bool same_plug(const struct board *seen, const struct board *now)
{
	for (unsigned i = 0; i < BOARD_LUNS_MAX; i++)
		if (seen->disks[i].identity.node[0] &&
		        same_disk(&seen->disks[i].identity, &now->disks[i].identity))
			return true;
	return false;
}

// Some of its disks came later than others, or the medium in one was changed.
static bool same_disks(const struct board *seen, const struct board *now)
{
	bool same = seen->luns == now->luns;
	for (unsigned i = 0; same && i < BOARD_LUNS_MAX; i++)
		same = same_disk(&seen->disks[i].identity, &now->disks[i].identity);
	return same;
}

static void report_slot(struct usb_fixture *usb, unsigned slot, struct scan *scan)
{
	const struct fixture_events *events = usb->base.events;
	void *context = usb->base.context;
	bool there = scan->present[slot] && !scan->shut[slot];
	struct board *board = &scan->board[slot];
	const char *reason = there ? "" : scan->reason[slot];
	if (there)
		board_choose_lun(board, usb->base.lun);
	if (usb->present[slot] && (!there || !same_plug(&usb->seen[slot], board))) {
		usb->present[slot] = false;
		events->left(context, slot);
	}
	if (strcmp(reason, usb->reason[slot]) != 0) {
		STR_COPY(usb->reason[slot], reason);
		events->oddity(context, slot, reason);
	}
	if (!there || (usb->present[slot] && same_disks(&usb->seen[slot], board)))
		return;
	usb->seen[slot] = *board;
	if (usb->present[slot])
		events->changed(context, board);
	else
		events->arrived(context, board);
	usb->present[slot] = true;
}

// Looks at everything and reports what differs: no event that got lost can leave it wrong for longer than until
// the next one.
static void look(struct usb_fixture *usb)
{
	_cleanup_free_ struct scan *scan = calloc(1, sizeof(*scan));
	if (!scan)
		return;
	struct scanner scanner = {usb, scan};
	int r = usb_disks(usb->udev, USB_ANY_LUN, scan_disk, &scanner);
	if (r == 0)
		r = scan_devices(usb, scan);
	if (r < 0) {
		log_error("usb fixture: sysfs cannot be read: %s", strerror(-r));
		return;
	}
	for (unsigned i = 0; i < usb->base.slot_count; i++)
		report_slot(usb, i, scan);
}

static void on_monitor(void *context, uint32_t events)
{
	struct usb_fixture *usb = context;
	(void)events;
	usb_monitor_drain(usb->monitor); // however many there are, one look is enough
	look(usb);
}

static int listen(struct usb_fixture *usb, struct err *e)
{
	usb->monitor = usb_monitor_new(usb->udev, e);
	if (!usb->monitor)
		return -EIO;
	return loop_add_fd(
	        usb->base.loop, udev_monitor_get_fd(usb->monitor), EPOLLIN, on_monitor, usb, &usb->source, e);
}

// Refuses to run on a tree that the profile does not fit: a board must never be taken for its neighbour.
static int check_tree(const struct usb_fixture *usb, struct err *e)
{
	struct usb_tree tree;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = usb_tree_read(&tree, e);
	if (r < 0)
		return r;
	FILE *to = open_memstream(&text, &size);
	unsigned problems = to ? usb_tree_check(&tree, &usb->profile, to) : 0;
	usb_tree_done(&tree);
	if (!to || fclose(to) != 0)
		return err_sys(e, ENOMEM, "usb fixture");
	if (!problems)
		return 0;
	return err_set(e, ENODEV, "fixture %s: %.*s (%u problem%s; 'gangway fixture check' shows all)",
	        usb->profile.name, (int)strcspn(text, "\n"), text, problems, problems == 1 ? "" : "s");
}

// A station that died in the middle of a power cycle has left a port dark.
static int light_up(struct usb_fixture *usb, struct err *e)
{
	int r = 0;
	for (unsigned i = 0; i < usb->base.slot_count && r == 0; i++)
		if (usb->base.slots[i].switches && !usb->present[i])
			r = usb_power_switch(usb->power, usb->base.slots[i].port, true, e);
	return r;
}

static int usb_start(struct fixture *f, struct err *e)
{
	struct usb_fixture *usb = usb_of(f);
	int r = check_tree(usb, e);
	if (r == 0)
		r = listen(usb, e); // before the first look: nothing falls in between
	if (r == 0)
		look(usb);
	return r == 0 ? light_up(usb, e) : r;
}

static int usb_power(struct fixture *f, unsigned slot, bool on, struct err *e)
{
	return usb_power_switch(usb_of(f)->power, f->slots[slot].port, on, e);
}

static bool usb_power_is_moving(const struct fixture *f)
{
	return usb_power_waits(((const struct usb_fixture *)f)->power);
}

static void on_powered(void *context)
{
	const struct fixture *f = context;
	if (f->events->powered)
		f->events->powered(f->context);
}

static void usb_recheck(struct fixture *f, unsigned slot)
{
	(void)slot;
	look(usb_of(f));
}

static void usb_preflight(struct fixture *f, uint64_t bytes, FILE *to)
{
	struct usb_tree tree;
	struct err e;
	if (usb_tree_read(&tree, &e) < 0) {
		log_warn("usb fixture: %s", e.text);
		return;
	}
	usb_tree_preflight(&tree, &usb_of(f)->profile, bytes, to);
	usb_tree_done(&tree);
}

static void usb_free(struct fixture *f)
{
	struct usb_fixture *usb = usb_of(f);
	usb_power_free(usb->power);
	loop_remove(usb->source);
	udev_monitor_unref(usb->monitor);
	udev_unref(usb->udev);
	free(usb);
}

static const struct fixture_ops usb_ops = {
        .kind = "usb",
        .has_uboot = true,
        .start = usb_start,
        .power = usb_power,
        .power_waits = usb_power_is_moving,
        .recheck = usb_recheck,
        .preflight = usb_preflight,
        .free = usb_free,
};

static int read_settings(struct usb_fixture *usb, const struct fixture_settings *settings, struct err *e)
{
	static const char *const known[] = {"profile", "base", "lun", NULL};
	uint64_t lun = 0;
	const char *path = fixture_setting(settings, "profile");
	int r = fixture_settings_check(settings, known, e);
	if (r < 0)
		return r;
	if (!path)
		return err_set(e, EINVAL,
		        "[fixture] kind = usb: profile = PATH is missing; 'gangway fixture learn' writes "
		        "one");
	r = fixture_setting_number(settings, "lun", 0, 7, 0, &lun, e);
	if (r < 0)
		return r;
	usb->base.lun = (unsigned)lun;
	return profile_load(path, fixture_setting(settings, "base"), &usb->profile, e);
}

int fixture_usb_open(const struct fixture_settings *settings, const char *state, struct loop *loop,
        struct fixture **out, struct err *e)
{
	(void)state;
	struct usb_fixture *usb = calloc(1, sizeof(*usb));
	if (!usb)
		return err_sys(e, ENOMEM, "usb fixture");
	usb->base.ops = &usb_ops;
	usb->base.loop = loop;
	usb->udev = udev_new();
	int r = usb->udev ? read_settings(usb, settings, e) : err_sys(e, ENOMEM, "usb fixture");
	if (r == 0)
		r = usb_power_new(loop, on_powered, &usb->base, &usb->power, e);
	if (r < 0) {
		usb_free(&usb->base);
		return r;
	}
	const struct profile *profile = &usb->profile;
	STR_COPY(usb->base.name, profile->name);
	usb->base.slot_count = profile->slot_count;
	usb->base.columns = profile->columns;
	usb->base.rows = (profile->slot_count + profile->columns - 1) / profile->columns;
	memcpy(usb->base.slots, profile->slots, sizeof(usb->base.slots));
	*out = &usb->base;
	return 0;
}
