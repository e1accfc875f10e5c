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
};

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

static libusb_device *find_device(libusb_device **list, ssize_t count, const struct usb_half *half)
{
	for (ssize_t i = 0; i < count; i++)
		if (libusb_get_bus_number(list[i]) == half->bus &&
		        libusb_get_device_address(list[i]) == half->address)
			return list[i];
	return NULL;
}

// Both are tried, whatever becomes of one: no half stays dark for the other's sake.
static int switch_halves(const struct usb_half *halves, unsigned count, bool on, struct err *e)
{
	libusb_context *usb;
	libusb_device **list;
	int failed = 0, r = libusb_init(&usb);
	if (r < 0)
		return err_set(e, EIO, "libusb: %s", libusb_strerror(r));
	ssize_t devices = libusb_get_device_list(usb, &list);
	for (unsigned i = 0; i < count; i++) {
		libusb_device *hub = find_device(list, devices, &halves[i]);
		r = hub ? request(hub, halves[i].number, on) : LIBUSB_ERROR_NO_DEVICE;
		failed = failed ? failed : r < 0 ? r : 0;
	}
	if (devices >= 0)
		libusb_free_device_list(list, 1);
	libusb_exit(usb);
	if (failed)
		return err_set(e, EIO,
		        "%s; a hub without power switching cannot do it, and the udev rule must "
		        "give this user the hub",
		        libusb_strerror(failed));
	return 0;
}

static int switch_port(const char *port, bool on, struct err *e)
{
	struct usb_half halves[USB_HALVES_MAX];
	struct usb_tree tree;
	int r = usb_tree_read(&tree, e);
	if (r < 0)
		return r;
	unsigned count = usb_tree_halves("", &tree, port, halves);
	usb_tree_done(&tree);
	if (!count)
		return err_set(e, ENODEV, "%s: there is no hub with such a port", port);
	r = switch_halves(halves, count, on, e);
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
