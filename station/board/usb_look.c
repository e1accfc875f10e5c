// SPDX-License-Identifier: MIT
// What is on a USB port, as udev and sysfs know it: a board's disk, another disk, something else. Opens nothing.
#include <errno.h>
#include <stdlib.h>

#include "board/usb.h"

// A sysfs text without the white space that SCSI pads with.
static void copy_trimmed(struct udev_device *device, const char *name, char *to, size_t size)
{
	usb_text_take(udev_device_get_sysattr_value(device, name), to, size);
}

static uint64_t number_of(struct udev_device *device, const char *name)
{
	const char *value = udev_device_get_sysattr_value(device, name);
	return value ? strtoull(value, NULL, 10) : 0;
}

static void fill_usb(struct udev_device *usb, struct board *out)
{
	const char *vendor = udev_device_get_sysattr_value(usb, "idVendor");
	const char *product = udev_device_get_sysattr_value(usb, "idProduct");
	if (vendor && product)
		snprintf(out->usb_id, sizeof(out->usb_id), "%.4s:%.4s", vendor, product);
	copy_trimmed(usb, "manufacturer", out->manufacturer, sizeof(out->manufacturer));
	copy_trimmed(usb, "product", out->usb_product, sizeof(out->usb_product));
	copy_trimmed(usb, "bcdDevice", out->bcd_device, sizeof(out->bcd_device));
	usb_serial_take(udev_device_get_sysattr_value(usb, "serial"), out->serial, sizeof(out->serial));
	out->usb_device = (uint32_t)(number_of(usb, "busnum") << 16 | number_of(usb, "devnum"));
	if (out->serial[0])
		STR_COPY(out->serial_source, "usb");
}

static void fill_interface(struct udev_device *block, struct board *out)
{
	struct udev_device *interface =
	        udev_device_get_parent_with_subsystem_devtype(block, "usb", "usb_interface");
	out->other_interface =
	        !interface || !usb_is_bulk_only(udev_device_get_sysattr_value(interface, "bInterfaceClass"),
	                              udev_device_get_sysattr_value(interface, "bInterfaceSubClass"),
	                              udev_device_get_sysattr_value(interface, "bInterfaceProtocol"));
}

static void fill_disk(struct udev_device *block, const char *node, struct board *out)
{
	struct board_lun *disk = &out->disks[out->lun];
	struct board_identity *id = &out->identity;
	STR_COPY(id->node, node);
	id->rdev = udev_device_get_devnum(block);
	id->diskseq = number_of(block, "diskseq");
	id->size = number_of(block, "size") * 512; // sysfs counts 512-byte units on every disk
	out->logical_sector = (uint32_t)number_of(block, "queue/logical_block_size");
	disk->identity = *id;
	disk->logical_sector = out->logical_sector;
	STR_COPY(disk->product, out->product);
}

/*
 * Before udev is done the node may still have another owner and the queue its old limits. Its database goes by device numbers,
 * which are reused: what it says may be of the disk before, whose leaving udev has not worked off yet. Our rule notes which
 * disk it was for.
 */
static bool is_ready(struct udev_device *block)
{
	const char *noted = udev_device_get_property_value(block, "GANGWAY_DISKSEQ");
	if (!udev_device_get_is_initialized(block))
		return false;
	return !noted || strtoull(noted, NULL, 10) == number_of(block, "diskseq");
}

bool usb_disk_look(struct udev_device *block, struct board *out)
{
	struct udev_device *scsi =
	        udev_device_get_parent_with_subsystem_devtype(block, "scsi", "scsi_device");
	struct udev_device *usb = udev_device_get_parent_with_subsystem_devtype(block, "usb", "usb_device");
	const char *node = udev_device_get_devnode(block);
	*out = (struct board){.link_fd = -1};
	if (!scsi || !usb || !node || !is_ready(block))
		return false;
	int lun = usb_lun_of(udev_device_get_sysname(scsi));
	if (lun < 0 || !usb_port_of(udev_device_get_syspath(block), out->identity.port))
		return false;
	out->lun = (unsigned)lun;
	struct udev_device *target = udev_device_get_parent(scsi);
	out->luns = (target ? usb_luns_in(udev_device_get_syspath(target)) : 0) | UINT32_C(1) << lun;
	copy_trimmed(scsi, "vendor", out->vendor, sizeof(out->vendor));
	copy_trimmed(scsi, "model", out->product, sizeof(out->product));
	copy_trimmed(scsi, "rev", out->revision, sizeof(out->revision));
	fill_usb(usb, out);
	fill_interface(block, out);
	fill_disk(block, node, out);
	return out->identity.size > 0;
}

int usb_disks(struct udev *udev, int lun, usb_disk_fn fn, void *context)
{
	struct udev_enumerate *list = udev_enumerate_new(udev);
	if (!list)
		return -ENOMEM;
	udev_enumerate_add_match_subsystem(list, "block");
	udev_enumerate_add_match_property(list, "DEVTYPE", "disk");
	int r = udev_enumerate_scan_devices(list);
	struct udev_list_entry *entry;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(list))
	{
		struct board board;
		struct udev_device *device =
		        udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));
		if (device && usb_disk_look(device, &board) && (lun == USB_ANY_LUN || (int)board.lun == lun))
			fn(context, &board);
		udev_device_unref(device);
	}
	udev_enumerate_unref(list);
	return r < 0 ? r : 0;
}

struct udev_monitor *usb_monitor_new(struct udev *udev, struct err *e)
{
	struct udev_monitor *monitor = udev_monitor_new_from_netlink(udev, "udev");
	if (monitor && udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", "disk") >= 0 &&
	        udev_monitor_filter_add_match_subsystem_devtype(monitor, "usb", "usb_device") >= 0 &&
	        udev_monitor_enable_receiving(monitor) >= 0)
		return monitor;
	udev_monitor_unref(monitor);
	err_set(e, EIO, "udev's events cannot be heard; is udevd running?");
	return NULL;
}

void usb_monitor_drain(struct udev_monitor *monitor)
{
	struct udev_device *device;
	while ((device = udev_monitor_receive_device(monitor)))
		udev_device_unref(device);
}

// Whether any interface of the device is bulk-only SCSI: usb-storage takes a second to make a disk of it.
static bool may_become_a_disk(struct udev_device *device)
{
	struct udev_enumerate *list = udev_enumerate_new(udev_device_get_udev(device));
	bool found = false;
	if (!list)
		return true;
	udev_enumerate_add_match_parent(list, device);
	udev_enumerate_add_match_subsystem(list, "usb");
	udev_enumerate_add_match_sysattr(list, "bInterfaceClass", "08");
	udev_enumerate_add_match_sysattr(list, "bInterfaceSubClass", "06");
	udev_enumerate_add_match_sysattr(list, "bInterfaceProtocol", "50");
	if (udev_enumerate_scan_devices(list) >= 0)
		found = udev_enumerate_get_list_entry(list) != NULL;
	udev_enumerate_unref(list);
	return found;
}

void usb_device_reason(struct udev_device *device, char *reason, size_t size)
{
	const char *class = udev_device_get_sysattr_value(device, "bDeviceClass");
	char product[64], vendor_id[8], product_id[8];
	reason[0] = '\0';
	copy_trimmed(device, "product", product, sizeof(product));
	copy_trimmed(device, "idVendor", vendor_id, sizeof(vendor_id));
	copy_trimmed(device, "idProduct", product_id, sizeof(product_id));
	if (class && !strcmp(class, "09"))
		snprintf(reason, size,
		        "a hub is plugged in here (%s:%s %s); boards go into its ports or here", vendor_id,
		        product_id, product);
	else if (!may_become_a_disk(device))
		snprintf(reason, size, "no board in ums: %s:%s %s has no disk", vendor_id, product_id,
		        product);
}
