// SPDX-License-Identifier: MIT
// A USB disk as sysfs shows it now, read by whoever has it open: no udev, whose word may be old.
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/digest.h"
#include "base/fd.h"
#include "board/usb.h"
#include "core/match.h"

enum { SERIAL_DIGITS = 16 };

// What a text of sysfs is without its padding.
static const char *trim(const char *raw, size_t *length)
{
	const char *from = raw ? raw : "";
	*length = strlen(from);
	while (*length && (from[*length - 1] == '\n' || from[*length - 1] == '\r'))
		--*length;
	while (*length && *from == ' ')
		from++, --*length;
	while (*length && from[*length - 1] == ' ')
		--*length;
	return from;
}

// True: it is all there, byte for byte.
static bool take(const char *from, size_t length, char *to, size_t size)
{
	size_t room = length < size ? length : size - 1;
	bool whole = room == length;
	for (size_t i = 0; i < room; i++) {
		bool printable = from[i] >= ' ' && from[i] <= '~';
		to[i] = printable ? from[i] : '?';
		whole = whole && printable;
	}
	to[room] = '\0';
	return whole;
}

void usb_text_take(const char *raw, char *to, size_t size)
{
	size_t length;
	const char *from = trim(raw, &length);
	(void)take(from, length, to, size);
}

void usb_serial_take(const char *raw, char *to, size_t size)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	size_t length;
	const char *from = trim(raw, &length);
	if (take(from, length, to, size))
		return;
	digest_sha256(from, length, digest);
	digest_hex(digest, sizeof(digest), hex);
	size_t kept = strlen(to);
	if (kept > size - SERIAL_DIGITS - 2)
		kept = size - SERIAL_DIGITS - 2;
	snprintf(to + kept, size - kept, "~%.*s", SERIAL_DIGITS, hex);
}

bool usb_is_bulk_only(const char *class, const char *subclass, const char *protocol)
{
	return class && subclass && protocol && !strcmp(class, "08") && !strcmp(subclass, "06") &&
	       !strcmp(protocol, "50");
}

bool usb_is_ums(const struct board *board)
{
	const struct match_board subject = {.vendor = board->vendor,
	        .product = board->product,
	        .revision = board->revision,
	        .other_interface = board->other_interface};
	return match_is_ums(&subject);
}

void usb_disk_join(struct board *found, const struct board *disk)
{
	bool first = !found->luns, same = found->usb_device == disk->usb_device;
	if (first || (!same && !usb_is_ums(found) && usb_is_ums(disk))) {
		*found = *disk;
	} else if (same) {
		found->disks[disk->lun] = disk->disks[disk->lun];
		found->luns |= disk->luns;
	}
}

int usb_lun_of(const char *scsi_name)
{
	unsigned host, channel, target, lun;
	char rest;
	int n = sscanf(scsi_name, "%u:%u:%u:%u%c", &host, &channel, &target, &lun, &rest);
	return n == 4 && lun < BOARD_LUNS_MAX ? (int)lun : -1;
}

uint32_t usb_luns_in(const char *target)
{
	uint32_t luns = 0;
	_cleanup_closedir_ DIR *dir = opendir(target);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		int lun = usb_lun_of(entry->d_name);
		if (lun >= 0)
			luns |= UINT32_C(1) << lun;
	}
	return luns;
}

// A USB string has 126 characters at most, each of up to 3 bytes here.
enum { ATTRIBUTE_SIZE = 512 };

// One attribute as sysfs has it, with its newline; "" where there is none.
static void read_raw(const char *folder, const char *name, char raw[ATTRIBUTE_SIZE])
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : fd_read_all(fd, raw, ATTRIBUTE_SIZE - 1);
	raw[n > 0 ? n : 0] = '\0';
}

static void read_attribute(const char *folder, const char *name, char *to, size_t size)
{
	char raw[ATTRIBUTE_SIZE];
	read_raw(folder, name, raw);
	usb_text_take(raw, to, size);
}

static void read_device(const char *folder, struct board *out)
{
	char vendor[8], product[8], serial[ATTRIBUTE_SIZE];
	read_attribute(folder, "idVendor", vendor, sizeof(vendor));
	read_attribute(folder, "idProduct", product, sizeof(product));
	snprintf(out->usb_id, sizeof(out->usb_id), "%.4s:%.4s", vendor, product);
	read_attribute(folder, "manufacturer", out->manufacturer, sizeof(out->manufacturer));
	read_attribute(folder, "product", out->usb_product, sizeof(out->usb_product));
	read_attribute(folder, "bcdDevice", out->bcd_device, sizeof(out->bcd_device));
	read_raw(folder, "serial", serial);
	usb_serial_take(serial, out->serial, sizeof(out->serial));
	if (out->serial[0])
		STR_COPY(out->serial_source, "usb");
}

static void read_inquiry(const char *folder, struct board *out)
{
	read_attribute(folder, "vendor", out->vendor, sizeof(out->vendor));
	read_attribute(folder, "model", out->product, sizeof(out->product));
	read_attribute(folder, "rev", out->revision, sizeof(out->revision));
}

static void read_interface(const char *folder, struct board *out)
{
	char class[8], subclass[8], protocol[8];
	read_attribute(folder, "bInterfaceClass", class, sizeof(class));
	read_attribute(folder, "bInterfaceSubClass", subclass, sizeof(subclass));
	read_attribute(folder, "bInterfaceProtocol", protocol, sizeof(protocol));
	out->other_interface = !usb_is_bulk_only(class, subclass, protocol);
}

static bool has_attribute(const char *folder, const char *name)
{
	char path[PATH_MAX + 32];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return stat(path, &st) == 0;
}

// The folder above; false at the top.
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

bool usb_disk_read(const char *root, dev_t disk, struct board *out)
{
	char link[PATH_MAX], path[PATH_MAX];
	*out = (struct board){.link_fd = -1};
	snprintf(link, sizeof(link), "%s/sys/dev/block/%u:%u/device", root, major(disk), minor(disk));
	if (!realpath(link, path) || !usb_port_of(path, out->identity.port))
		return false;
	int lun = usb_lun_of(strrchr(path, '/') + 1);
	read_inquiry(path, out);
	if (lun < 0 || !go_up(path))
		return false;
	out->lun = (unsigned)lun;
	out->luns = usb_luns_in(path);
	out->other_interface = true;
	while (!has_attribute(path, "idVendor")) {
		if (has_attribute(path, "bInterfaceClass"))
			read_interface(path, out);
		if (!go_up(path))
			return false;
	}
	read_device(path, out);
	return true;
}
