// SPDX-License-Identifier: MIT
// A physical USB port's name: the same across reboots and bus renumbering.
#ifndef GANGWAY_BOARD_USB_PORT_H
#define GANGWAY_BOARD_USB_PORT_H

#include <stdbool.h>
#include <stddef.h>

enum { USB_PORT_SIZE = 96 };

/*
 * The port of the device (or of what is below it: interface, disk) with this sysfs path, in the words of udev's
 * ID_PATH ("pci-0000:00:14.0-usb-0:2.3"): the host controller and the way through the hubs, without the bus
 * number, which changes. A root hub itself has a name that ends in ':' ("pci-0000:00:14.0-usb-0:"). False: there
 * is no USB device in the path.
 *
 * A USB 3 socket is two ports, one for SuperSpeed and one for 480 Mb/s and slower, of two hubs that may number theirs
 * differently. Both have the latter's name: sysfs says which belong together (ABI/testing/sysfs-bus-usb, portX/peer). Where
 * it does not, two of the same number do.
 */
bool usb_port_of(const char *syspath, char port[USB_PORT_SIZE]);

// Joins a hub's port and the way below it (".4.1"); below a root hub the first dot falls away. An absolute
// `way` (one that starts with no dot) is taken as it is. False when it does not fit, or there is no base.
bool usb_port_join(const char *base, const char *way, char port[USB_PORT_SIZE]);

// The port of the hub that this port is on ("pci-0000:00:14.0-usb-0:2" of "...-usb-0:2.3"; a root hub's ends in ':').
void usb_port_hub(const char *port, char hub[USB_PORT_SIZE]);

// Whether `port` is below the hub `above`, however deep.
bool usb_port_is_below(const char *port, const char *above);

#endif
