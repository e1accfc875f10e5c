// SPDX-License-Identifier: MIT
// A physical USB port's name: the same across reboots and bus renumbering.
#include "board/usb_port.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include "base/util.h"

// "usb3": a root hub.
static bool is_root(const char *part)
{
	return !strncmp(part, "usb", 3) && isdigit((unsigned char)part[3]) &&
	       !part[3 + strspn(part + 3, "0123456789")];
}

// "3-2.1" (and "3-2.1:1.0", its interface): the way behind the bus number, else NULL.
static const char *way_of(const char *part)
{
	size_t digits = strspn(part, "0123456789");
	if (!digits || part[digits] != '-')
		return NULL;
	const char *way = part + digits + 1;
	size_t length = strspn(way, "0123456789.");
	return length && (!way[length] || way[length] == ':') ? way : NULL;
}

// "0000:00:14.0"
static bool is_pci(const char *name)
{
	unsigned domain, bus, slot, function;
	return sscanf(name, "%4x:%2x:%2x.%1u", &domain, &bus, &slot, &function) == 4;
}

bool usb_port_of(const char *syspath, char port[USB_PORT_SIZE])
{
	char path[PATH_MAX], *save = NULL;
	const char *controller = NULL, *before = NULL, *way = NULL;
	str_copy(path, sizeof(path), syspath);
	for (const char *part = strtok_r(path, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (is_root(part))
			controller = before;
		else if (controller && way_of(part))
			way = way_of(part);
		before = part;
	}
	if (!controller)
		return false;
	int length = way ? (int)strcspn(way, ":") : 0;
	int n = snprintf(port, USB_PORT_SIZE, "%s-%s-usb-0:%.*s", is_pci(controller) ? "pci" : "platform",
	        controller, length, way ? way : "");
	return n > 0 && n < USB_PORT_SIZE;
}

bool usb_port_join(const char *base, const char *way, char port[USB_PORT_SIZE])
{
	int n;
	if (way[0] != '.')
		n = snprintf(port, USB_PORT_SIZE, "%s", way);
	else if (!base[0])
		return false;
	else
		n = snprintf(
		        port, USB_PORT_SIZE, "%s%s", base, base[strlen(base) - 1] == ':' ? way + 1 : way);
	return n > 0 && n < USB_PORT_SIZE;
}

void usb_port_hub(const char *port, char hub[USB_PORT_SIZE])
{
	str_copy(hub, USB_PORT_SIZE, port);
	char *way = strrchr(hub, ':');
	char *last = way ? strrchr(way, '.') : NULL;
	if (last)
		*last = '\0';
	else if (way)
		way[1] = '\0';
}

bool usb_port_is_below(const char *port, const char *above)
{
	size_t length = strlen(above);
	if (!length || strncmp(port, above, length) != 0)
		return false;
	return above[length - 1] == ':' ? port[length] != 0 : port[length] == '.';
}
