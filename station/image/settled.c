// SPDX-License-Identifier: MIT
// Settled files: marks from their change time.
#include "image/settled.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/util.h"

static bool keeps_times(int fd)
{
	static const uint32_t kinds[] = {
	        EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC};
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((uint32_t)fs.f_type == kinds[i])
			return true;
	return false;
}

void settled_mark(int fd, const char *boot_id, uint64_t now_ns, char mark[SETTLED_MARK_SIZE])
{
	struct stat st;
	mark[0] = '\0';
	if (!boot_id[0] || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ctim.tv_sec < 0 ||
	        !keeps_times(fd))
		return;
	uint64_t changed_ns = (uint64_t)st.st_ctim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_ctim.tv_nsec;
	if (changed_ns > now_ns || now_ns - changed_ns < SETTLED_NS)
		return;
	snprintf(mark, SETTLED_MARK_SIZE, "%.*s %" PRIu64, CLOCK_BOOT_ID_SIZE - 1, boot_id, changed_ns);
}

int settled_sync(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}
