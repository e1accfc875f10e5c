// SPDX-License-Identifier: MIT
// What a command reads: an image, and the bmap that belongs to it.
#include "cli/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/util.h"
#include "core/failure.h"
#include "image/import.h"

static int open_one(const char *what, const char *path, int *fd, struct err *e)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	int error = errno;
	return err_fail(e, error, FAILURE_IMPORT_FAILED, "%s: the %s cannot be opened: %s; %s", path, what,
	        strerror(error),
	        error == EACCES || error == EPERM ? "make it readable for this user" : "check the name");
}

int source_open_image(const char *path, int *fd, struct err *e)
{
	return open_one("image", path, fd, e);
}

int source_open_bmap(const char *image, const char *bmap, char *name, size_t size, int *fd, struct err *e)
{
	if (!bmap) {
		*fd = import_find_bmap(image, name, size, e);
		return *fd < -1 ? *fd : 0;
	}
	str_copy(name, size, bmap);
	return open_one("bmap", bmap, fd, e);
}
