// SPDX-License-Identifier: MIT
// A physical USB port's name: the same across reboots and bus renumbering.
#include "board/usb_port.h"

#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/util.h"

// USB 2.0, 4.1.1 (and USB 3.2, 10.1): seven tiers, the root hub's included; a path that claims more is cut.
enum { TIERS_MAX = 8, HIGH_SPEED = 480 /* Mb/s */ };

// A sysfs path's way from a root hub down: the root hub first, then each hub, and the device.
struct way {
	char path[PATH_MAX];
	const char *controller;       // ".../0000:00:14.0", its last part
	const char *parts[TIERS_MAX]; // "usb2", "2-1", "2-1.4"
	unsigned count;
};

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

// The path is cut into its parts. False: there is no USB device in it.
static bool split(const char *syspath, struct way *out)
{
	char *save = NULL;
	const char *before = NULL;
	out->count = 0;
	str_copy(out->path, sizeof(out->path), syspath);
	for (const char *part = strtok_r(out->path, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (is_root(part) && before) {
			out->controller = before;
			out->parts[0] = part;
			out->count = 1;
		} else if (out->count && out->count < TIERS_MAX && way_of(part) && !strchr(part, ':')) {
			out->parts[out->count++] = part;
		}
		before = part;
	}
	return out->count > 0;
}

static bool plain_name(const struct way *way, char port[USB_PORT_SIZE])
{
	int n = snprintf(port, USB_PORT_SIZE, "%s-%s-usb-0:%s", is_pci(way->controller) ? "pci" : "platform",
	        way->controller, way->count > 1 ? way_of(way->parts[way->count - 1]) : "");
	return n > 0 && n < USB_PORT_SIZE;
}

// The path of one of the way's parts; `syspath` is the one that was split.
static bool path_to(const char *syspath, const struct way *way, unsigned part, char path[PATH_MAX])
{
	size_t length = (size_t)(way->parts[part] - way->path) + strlen(way->parts[part]);
	return (size_t)snprintf(path, PATH_MAX, "%.*s", (int)length, syspath) == length;
}

static bool is_fast(const char *syspath, const struct way *way)
{
	char root[PATH_MAX], path[PATH_MAX + 8], speed[16] = "";
	if (!path_to(syspath, way, 0, root))
		return false;
	snprintf(path, sizeof(path), "%s/speed", root);
	return fd_read_text(AT_FDCWD, path, speed, sizeof(speed)) > 0 &&
	       strtoul(speed, NULL, 10) > HIGH_SPEED;
}

// The port on the slow side that is the other half of the one that part `i` is plugged into.
static bool find_peer(const char *syspath, const struct way *way, unsigned i, char port[USB_PORT_SIZE])
{
	char hub[PATH_MAX], pattern[PATH_MAX + 96], peer[PATH_MAX] = "", base[USB_PORT_SIZE], last[16];
	const char *name = way->parts[i - 1], *part = way->parts[i];
	const char *dot = strrchr(part, '.'), *number = dot ? dot + 1 : way_of(part);
	struct way other;
	glob_t found;
	if (!path_to(syspath, way, i - 1, hub))
		return false;
	// A hub has one interface, 0 (USB 2.0, 11.23.1), whose folder has its ports; the root hub's is "2-0:1.0".
	snprintf(pattern, sizeof(pattern), "%s/%s%s:*.0/%s-port%s/peer", hub, i == 1 ? name + 3 : name,
	        i == 1 ? "-0" : "", name, number);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0 && !realpath(found.gl_pathv[0], peer))
		peer[0] = '\0';
	globfree(&found);
	const char *end = strrchr(peer, '/'), *digits = end ? strstr(end, "-port") : NULL;
	if (!digits || !split(peer, &other) || is_fast(peer, &other) || !plain_name(&other, base))
		return false;
	int n = snprintf(last, sizeof(last), ".%s", digits + strlen("-port"));
	return n < (int)sizeof(last) && usb_port_join(base, last, port);
}

// The way below a hub that has a peer is the same on both sides, also when that of its ports is not known (yet).
static bool slow_name(const char *syspath, const struct way *way, char port[USB_PORT_SIZE])
{
	char base[USB_PORT_SIZE];
	for (unsigned i = way->count - 1; i > 0; i--) {
		const char *rest = way->parts[way->count - 1] + strlen(way->parts[i]);
		if (!find_peer(syspath, way, i, base))
			continue;
		if (rest[0])
			return usb_port_join(base, rest, port);
		str_copy(port, USB_PORT_SIZE, base);
		return true;
	}
	return false;
}

bool usb_port_of(const char *syspath, char port[USB_PORT_SIZE])
{
	struct way way;
	if (!split(syspath, &way))
		return false;
	return (is_fast(syspath, &way) && slow_name(syspath, &way, port)) || plain_name(&way, port);
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
