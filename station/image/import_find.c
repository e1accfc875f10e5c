// SPDX-License-Identifier: MIT
// Finds an image's bmap beside it.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "core/failure.h"
#include "image/import.h"

// The order of the reference, https://github.com/yoctoproject/bmaptool: the full name first, then without its
// extensions, one by one.
int import_find_bmap(const char *image_path, char *found, size_t size, struct err *e)
{
	char stem[PATH_MAX];
	if (strlen(image_path) >= sizeof(stem))
		return err_sys(e, ENAMETOOLONG, "%s", image_path);
	STR_COPY(stem, image_path);
	char *base = strrchr(stem, '/');
	base = base ? base + 1 : stem;
	for (;;) {
		int n = snprintf(found, size, "%s.bmap", stem);
		if (n < 0 || (size_t)n >= size)
			return err_sys(e, ENAMETOOLONG, "%s", image_path);
		int fd = open(found, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT && errno != ENOTDIR) {
			int num = errno == EPERM ? EACCES : errno; // -1 means that there is none
			return err_fail(e, num, FAILURE_IMPORT_FAILED, "%s: cannot be opened: %s", found,
			        strerror(num));
		}
		char *dot = strrchr(base, '.');
		if (!dot || dot == base)
			break;
		*dot = '\0';
	}
	found[0] = '\0';
	return -1;
}
