// SPDX-License-Identifier: MIT
// A USB disk as sysfs shows it now, read by whoever has it open: no udev, whose word may be old.
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "board/usb.h"

void usb_text_clean(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
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

// One attribute of the USB device, trimmed as usb_look.c does.
static void read_attribute(const char *folder, const char *name, char *to, size_t size)
{
	char path[PATH_MAX + 32], text[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	to[0] = '\0';
	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return;
	str_copy(to, size, text + strspn(text, " "));
	for (size_t length = strlen(to); length && to[length - 1] == ' ';)
		to[--length] = '\0';
	usb_text_clean(to);
}

static void read_device(const char *folder, struct board *out)
{
	char vendor[8], product[8];
	read_attribute(folder, "idVendor", vendor, sizeof(vendor));
	read_attribute(folder, "idProduct", product, sizeof(product));
	snprintf(out->usb_id, sizeof(out->usb_id), "%.4s:%.4s", vendor, product);
	read_attribute(folder, "manufacturer", out->manufacturer, sizeof(out->manufacturer));
	read_attribute(folder, "product", out->usb_product, sizeof(out->usb_product));
	read_attribute(folder, "bcdDevice", out->bcd_device, sizeof(out->bcd_device));
	read_attribute(folder, "serial", out->serial, sizeof(out->serial));
	if (out->serial[0])
		STR_COPY(out->serial_source, "usb");
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
	if (lun < 0 || !go_up(path))
		return false;
	out->lun = (unsigned)lun;
	out->luns = usb_luns_in(path);
	while (!has_attribute(path, "idVendor"))
		if (!go_up(path))
			return false;
	read_device(path, out);
	return true;
}
