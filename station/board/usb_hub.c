// SPDX-License-Identifier: MIT
// The hub-power role: SET and CLEAR FEATURE(PORT_POWER) on the hubs above a port (USB 2.0, 11.24.2).
#include <errno.h>
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/child.h"
#include "base/log.h"
#include "board/usb_power.h"
#include "board/usb_tree.h"

enum {
	PORT_POWER = 8,         // USB 2.0, table 11-17
	SET_PORT_FEATURE = 3,   // bmRequestType 0x23
	CLEAR_PORT_FEATURE = 1, // bmRequestType 0x23
	TIMEOUT_MS = 5000,
	HALVES_MAX = 2, // a USB 3 hub is two hubs: one at 480 Mb/s, one faster
};

struct half {
	unsigned bus, address;
};

// "…-usb-0:2.3" is port 3 of the hub at "…-usb-0:2"; of "…-usb-0:3", port 3 of the root hub "…-usb-0:".
static bool split(const char *port, char above[USB_PORT_SIZE], unsigned *number)
{
	str_copy(above, USB_PORT_SIZE, port);
	char *colon = strrchr(above, ':'), *dot = strrchr(above, '.');
	if (!colon)
		return false;
	char *last = dot && dot > colon ? dot : colon;
	if (sscanf(last + 1, "%u", number) != 1 || !*number)
		return false;
	last[last == colon ? 1 : 0] = '\0';
	return true;
}

// The hub at that port on each of the controller's two sides.
static unsigned find_halves(const struct usb_tree *tree, const char *hub, unsigned number, struct half *out)
{
	unsigned count = 0;
	for (unsigned i = 0; i < tree->count && count < HALVES_MAX; i++)
		if (!strcmp(tree->nodes[i].port, hub) && tree->nodes[i].hub_ports >= number)
			out[count++] = (struct half){tree->nodes[i].bus, tree->nodes[i].address};
	return count;
}

static int request(libusb_device *device, unsigned number, bool on)
{
	libusb_device_handle *handle;
	int r = libusb_open(device, &handle);
	if (r < 0)
		return r;
	r = libusb_control_transfer(handle,
	        LIBUSB_REQUEST_TYPE_CLASS | LIBUSB_RECIPIENT_OTHER | LIBUSB_ENDPOINT_OUT,
	        on ? SET_PORT_FEATURE : CLEAR_PORT_FEATURE, PORT_POWER, (uint16_t)number, NULL, 0,
	        TIMEOUT_MS);
	libusb_close(handle);
	return r;
}

static libusb_device *find_device(libusb_device **list, ssize_t count, const struct half *half)
{
	for (ssize_t i = 0; i < count; i++)
		if (libusb_get_bus_number(list[i]) == half->bus &&
		        libusb_get_device_address(list[i]) == half->address)
			return list[i];
	return NULL;
}

static int switch_halves(const struct half *halves, unsigned count, unsigned number, bool on, struct err *e)
{
	libusb_context *usb;
	libusb_device **list;
	int r = libusb_init(&usb);
	if (r < 0)
		return err_set(e, EIO, "libusb: %s", libusb_strerror(r));
	ssize_t devices = libusb_get_device_list(usb, &list);
	for (unsigned i = 0; i < count && r >= 0; i++) {
		libusb_device *hub = find_device(list, devices, &halves[i]);
		r = hub ? request(hub, number, on) : LIBUSB_ERROR_NO_DEVICE;
	}
	if (devices >= 0)
		libusb_free_device_list(list, 1);
	libusb_exit(usb);
	if (r < 0)
		return err_set(e, EIO,
		        "%s; a hub without power switching cannot do it, and the udev rule must "
		        "give this user the hub",
		        libusb_strerror(r));
	return 0;
}

static int switch_port(const char *port, bool on, struct err *e)
{
	char above[USB_PORT_SIZE];
	unsigned number, count;
	struct half halves[HALVES_MAX];
	struct usb_tree tree;
	if (!split(port, above, &number))
		return err_set(e, EINVAL, "%s: no USB port", port);
	int r = usb_tree_read(&tree, e);
	if (r < 0)
		return r;
	count = find_halves(&tree, above, number, halves);
	usb_tree_done(&tree);
	if (!count)
		return err_set(e, ENODEV, "%s: there is no such hub, or it has no port %u", port, number);
	r = switch_halves(halves, count, number, on, e);
	return r < 0 ? err_prefix(e, "%s", port) : 0;
}

int hub_power_role(int argc, char **argv)
{
	struct err e = {0};
	if (argc != 3 || (strcmp(argv[2], "on") != 0 && strcmp(argv[2], "off") != 0)) {
		fprintf(stderr, "usage: gangway hub-power PORT on|off\n");
		return 2;
	}
	log_name("hub-power");
	int r = child_enter(0, &e);
	if (r == 0)
		r = switch_port(argv[1], !strcmp(argv[2], "on"), &e);
	if (r < 0)
		log_error("%s", e.text);
	return r < 0;
}
