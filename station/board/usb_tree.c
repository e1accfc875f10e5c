// SPDX-License-Identifier: MIT
// The USB tree as sysfs shows it: hubs and devices by physical port.
#include "board/usb_tree.h"

#include <errno.h>
#include <libudev.h>
#include <limits.h>
#include <stdlib.h>

#include "board/usb.h"

enum { NODES_MAX = 1024 };

static void copy_attribute(struct udev_device *device, const char *name, char *to, size_t size)
{
	const char *value = udev_device_get_sysattr_value(device, name);
	usb_text_take(value, to, size); // a profile keeps it as text
}

static unsigned number_attribute(struct udev_device *device, const char *name)
{
	const char *value = udev_device_get_sysattr_value(device, name);
	return value ? (unsigned)strtoul(value, NULL, 10) : 0;
}

bool usb_node_read(struct udev_device *device, struct usb_node *node)
{
	const char *vendor = udev_device_get_sysattr_value(device, "idVendor");
	const char *product = udev_device_get_sysattr_value(device, "idProduct");
	*node = (struct usb_node){0};
	if (!vendor || !product || !usb_port_of(udev_device_get_syspath(device), node->port))
		return false; // gone in the meantime
	snprintf(node->usb_id, sizeof(node->usb_id), "%.4s:%.4s", vendor, product);
	copy_attribute(device, "manufacturer", node->manufacturer, sizeof(node->manufacturer));
	copy_attribute(device, "product", node->product, sizeof(node->product));
	copy_attribute(device, "serial", node->serial, sizeof(node->serial));
	node->speed = number_attribute(device, "speed");
	node->hub_ports = number_attribute(device, "maxchild");
	node->bus = number_attribute(device, "busnum");
	node->address = number_attribute(device, "devnum");
	node->root = node->port[strlen(node->port) - 1] == ':';
	STR_COPY(node->name, udev_device_get_sysname(device));
	return true;
}

static int by_port(const void *a, const void *b)
{
	const struct usb_node *x = a, *y = b;
	int order = strverscmp(x->port, y->port);
	return order ? order : (int)x->speed - (int)y->speed;
}

static struct usb_node *node_at(struct usb_tree *tree, const char *port, unsigned bus)
{
	for (unsigned i = 0; i < tree->count; i++)
		if (tree->nodes[i].bus == bus && !strcmp(tree->nodes[i].port, port))
			return &tree->nodes[i];
	return NULL;
}

// Interfaces add to their device what it has: endpoints, and whether it is bulk-only SCSI storage.
static void add_interface(struct usb_tree *tree, struct udev_device *interface)
{
	char port[USB_PORT_SIZE];
	struct udev_device *parent = udev_device_get_parent(interface);
	struct usb_node *node = NULL;
	if (parent && usb_port_of(udev_device_get_syspath(interface), port))
		node = node_at(tree, port, number_attribute(parent, "busnum"));
	if (!node)
		return;
	const char *class = udev_device_get_sysattr_value(interface, "bInterfaceClass");
	const char *subclass = udev_device_get_sysattr_value(interface, "bInterfaceSubClass");
	const char *protocol = udev_device_get_sysattr_value(interface, "bInterfaceProtocol");
	const char *endpoints = udev_device_get_sysattr_value(interface, "bNumEndpoints");
	node->endpoints += endpoints ? (unsigned)strtoul(endpoints, NULL, 16) : 0;
	if (class && subclass && protocol && !strcmp(class, "08") && !strcmp(subclass, "06") &&
	        !strcmp(protocol, "50"))
		node->mass_storage = true;
}

typedef void (*visit_fn)(struct usb_tree *tree, struct udev_device *device);

static void add_device(struct usb_tree *tree, struct udev_device *device)
{
	if (tree->count < NODES_MAX && usb_node_read(device, &tree->nodes[tree->count]))
		tree->count++;
}

static int visit_all(struct udev *udev, const char *devtype, visit_fn visit, struct usb_tree *tree)
{
	struct udev_enumerate *list = udev_enumerate_new(udev);
	if (!list)
		return -ENOMEM;
	udev_enumerate_add_match_subsystem(list, "usb");
	udev_enumerate_add_match_property(list, "DEVTYPE", devtype);
	int r = udev_enumerate_scan_devices(list);
	struct udev_list_entry *entry;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(list))
	{
		struct udev_device *device =
		        udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));
		if (device)
			visit(tree, device);
		udev_device_unref(device);
	}
	udev_enumerate_unref(list);
	return r < 0 ? r : 0;
}

int usb_tree_read(struct usb_tree *out, struct err *e)
{
	*out = (struct usb_tree){.nodes = calloc(NODES_MAX, sizeof(*out->nodes))};
	struct udev *udev = udev_new();
	int r = out->nodes && udev ? visit_all(udev, "usb_device", add_device, out) : -ENOMEM;
	if (r == 0) {
		qsort(out->nodes, out->count, sizeof(*out->nodes), by_port);
		r = visit_all(udev, "usb_interface", add_interface, out);
	}
	udev_unref(udev);
	if (r == 0)
		return 0;
	usb_tree_done(out);
	return err_sys(e, -r, "the USB tree cannot be read from sysfs");
}

void usb_tree_done(struct usb_tree *tree)
{
	free(steal_ptr(&tree->nodes));
	tree->count = 0;
}

const struct usb_node *usb_tree_find(const struct usb_tree *tree, const char *port)
{
	for (unsigned i = 0; i < tree->count; i++)
		if (tree->nodes[i].speed <= USB_HIGH_SPEED && !strcmp(tree->nodes[i].port, port))
			return &tree->nodes[i];
	return NULL;
}

// The name of one of a hub's ports. What is plugged in there would have it; the port need not have anything.
static bool port_below(
        const char *root, const struct usb_node *hub, unsigned number, char port[USB_PORT_SIZE])
{
	char way[16], link[PATH_MAX], path[PATH_MAX], child[PATH_MAX + 80];
	snprintf(way, sizeof(way), ".%u", number);
	if (hub->speed <= USB_HIGH_SPEED)
		return usb_port_join(hub->port, way, port);
	snprintf(link, sizeof(link), "%s/sys/bus/usb/devices/%s", root, hub->name);
	if (!realpath(link, path))
		return false; // gone in the meantime
	if (hub->root)
		snprintf(child, sizeof(child), "%s/%u-%u", path, hub->bus, number);
	else
		snprintf(child, sizeof(child), "%s/%s.%u", path, hub->name, number);
	return usb_port_of(child, port);
}

unsigned usb_tree_halves(
        const char *root, const struct usb_tree *tree, const char *port, struct usb_half out[USB_HALVES_MAX])
{
	char name[USB_PORT_SIZE];
	unsigned count = 0;
	for (unsigned i = 0; i < tree->count; i++) {
		const struct usb_node *hub = &tree->nodes[i];
		for (unsigned n = 1; n <= hub->hub_ports && count < USB_HALVES_MAX; n++)
			if (port_below(root, hub, n, name) && !strcmp(name, port))
				out[count++] = (struct usb_half){hub->bus, hub->address, n};
	}
	return count;
}
