// SPDX-License-Identifier: MIT
// Where a command puts what it has made.
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

int output_look(const char *path, const char *source, struct err *e)
{
	struct stat out, in;
	if (!path || stat(path, &out) < 0)
		return 0;
	if (S_ISDIR(out.st_mode))
		return err_set(e, EISDIR, "%s: is a folder; name a file in it", path);
	if (S_ISBLK(out.st_mode))
		return err_set(e, EINVAL, "%s: is a disk; name a file", path);
	if (S_ISREG(out.st_mode) && stat(source, &in) == 0 && out.st_dev == in.st_dev &&
	        out.st_ino == in.st_ino)
		return err_set(e, EINVAL, "%s: is what it would be made of; name another file", path);
	return 0;
}

static int put_through(const char *path, const void *data, size_t size, struct err *e)
{
	_cleanup_close_ int fd = path ? open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC) : -1;
	int r = path && fd < 0 ? -errno : fd_write_all(path ? fd : STDOUT_FILENO, data, size);
	return r < 0 ? err_sys(e, -r, "%s: cannot be written", path ? path : "standard output") : 0;
}

int output_put(const char *path, const void *data, size_t size, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;
	if (!path || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
		return put_through(path, data, size, e);
	return fd_write_file(realpath(path, real) ? real : path, data, size, 0644, e);
}
