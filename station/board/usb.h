// SPDX-License-Identifier: MIT
// What is on a USB port, as udev and sysfs know it: a board's disk, another disk, something else. Opens nothing.
#ifndef GANGWAY_BOARD_USB_H
#define GANGWAY_BOARD_USB_H

#include <libudev.h>

#include "board/board.h"
#include "board/usb_port.h"

// A disk of usb-storage or uas, filled into *out (slot and link_fd are the caller's): its LUN is out->lun, out->disks
// has it alone, out->luns what the board shows. False: no USB disk, or udev has not finished with it, or it goes away.
bool usb_disk_look(struct udev_device *block, struct board *out);

// Calls fn for every disk on a USB port that udev is done with, and that has this LUN (USB_ANY_LUN: any). 0, or -errno.
enum { USB_ANY_LUN = -1 };
typedef void (*usb_disk_fn)(void *context, const struct board *board);
int usb_disks(struct udev *udev, int lun, usb_disk_fn fn, void *context);

// What sysfs says now of the USB disk with this number: port, LUN, luns, serial, strings, IDs; not its identity's
// numbers, which whoever has it open asks it for. False: it is on no USB port (any more). Needs no udev. `root` stands
// before /sys: "" but in tests.
bool usb_disk_read(const char *root, dev_t disk, struct board *out);

// The LUN in a SCSI device's name, "3:0:0:1" (host, channel, target, LUN); -1: it is no such name, or a LUN that no
// ums has.
int usb_lun_of(const char *scsi_name);

// The LUNs below a SCSI target's folder in sysfs, bit n for LUN n. The kernel has found all of a device's before udev
// hears of the first.
uint32_t usb_luns_in(const char *target);

// A device's own text, from sysfs, as rows and pages may have it (JSON): the blanks that SCSI pads with and sysfs' newlines
// go, what is not printable ASCII becomes '?', what does not fit is cut. NULL gives "".
void usb_text_take(const char *raw, char *to, size_t size);

// A serial number likewise; but two that differ stay different: one that would have lost anything ends in '~' and 16 digits
// of the SHA-256 of all of it.
void usb_serial_take(const char *raw, char *to, size_t size);

// USB's mass storage, SCSI, bulk-only: the one interface that U-Boot's ums has (drivers/usb/gadget/f_mass_storage.c).
bool usb_is_bulk_only(const char *class, const char *subclass, const char *protocol);

// Whether this USB disk says U-Boot's `ums` (match_is_ums()).
bool usb_is_ums(const struct board *board);

// Adds a disk to what was found at its port (`found`: empty at first). The two sides of a USB 3 port have one name, so that
// it may be two devices': their disks are never mixed, and the one that is a board counts.
void usb_disk_join(struct board *found, const struct board *disk);

// A monitor of disks and USB devices, as udev reports them once its rules are done; NULL with *e set.
struct udev_monitor *usb_monitor_new(struct udev *udev, struct err *e);
// Throws away what the monitor has to say: whoever calls this looks at everything anyway. An overflow is over then.
void usb_monitor_drain(struct udev_monitor *monitor);

// Why the USB device (not a disk) at a slot's port is no board, for the tile; "" when it may still become one.
void usb_device_reason(struct udev_device *device, char *reason, size_t size);

#endif
