// SPDX-License-Identifier: MIT
// Who else uses a disk, as the kernel tells it: mountinfo, swaps, sysfs (proc(5), sysfs-block ABI).
#include "flash/inuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/util.h"
#include "core/failure.h"

// More devices than one disk has partitions, or one system has disks; past it the answer is "in use".
enum { DEVICES_MAX = 512 };

struct devices {
	dev_t list[DEVICES_MAX];
	size_t count;
	bool overflow;
};

static bool has(const struct devices *set, dev_t device)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->list[i] == device)
			return true;
	return set->overflow;
}

static void add(struct devices *set, dev_t device)
{
	if (has(set, device))
		return;
	if (set->count < DEVICES_MAX)
		set->list[set->count++] = device;
	else
		set->overflow = true;
}

static int open_sysfs(const char *root, dev_t device, const char *below)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u/%s", root, major(device), minor(device), below);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool parse_device(const char *text, dev_t *out)
{
	unsigned a, b;
	if (sscanf(text, "%u:%u", &a, &b) != 2)
		return false;
	*out = makedev(a, b);
	return true;
}

static bool read_device(int dirfd, const char *path, dev_t *out)
{
	char text[32];
	return fd_read_text(dirfd, path, text, sizeof(text)) > 0 && parse_device(text, out);
}

// Adds every device NAME/dev below a sysfs folder (of the block device: its partitions; of "slaves": those).
static void add_below(const char *root, dev_t device, const char *below, bool partitions, struct devices *set)
{
	int fd = open_sysfs(root, device, below);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		char path[NAME_MAX + 16];
		dev_t found;
		snprintf(path, sizeof(path), "%s/%s", entry->d_name, partitions ? "partition" : "dev");
		if (entry->d_name[0] == '.' || faccessat(dirfd(dir), path, F_OK, 0) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/dev", entry->d_name);
		if (read_device(dirfd(dir), path, &found))
			add(set, found);
	}
}

dev_t inuse_whole_disk(const char *root, dev_t device)
{
	dev_t disk = device;
	_cleanup_close_ int fd = open_sysfs(root, device, "");
	// A partition's folder lies in its disk's; ".." leads there through the symbolic link's target.
	if (fd >= 0 && faccessat(fd, "partition", F_OK, 0) == 0)
		read_device(fd, "../dev", &disk);
	return disk;
}

uint64_t inuse_diskseq(const char *root, dev_t device)
{
	char text[32] = "";
	_cleanup_close_ int fd = open_sysfs(root, inuse_whole_disk(root, device), "");
	return fd >= 0 && fd_read_text(fd, "diskseq", text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

static bool same_thing(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

// Which bytes of which file or disk a target really is, below partitions and loop devices.
struct extent {
	struct stat of;
	uint64_t first, end; // bytes; UINT64_MAX: to wherever it ends
};

// Loop devices stand on files on loop devices only by somebody's will; the kernel itself takes no more than a few.
enum { LAYERS_MAX = 16 };

static bool read_number(const char *root, dev_t device, const char *name, uint64_t *out)
{
	char text[32] = "";
	_cleanup_close_ int fd = open_sysfs(root, device, "");
	bool has = fd >= 0 && fd_read_text(fd, name, text, sizeof(text)) > 0;
	*out = has ? strtoull(text, NULL, 10) : 0;
	return has;
}

// A part of what is below, `length` bytes from `start` on.
static void narrow(struct extent *extent, uint64_t start, uint64_t length)
{
	if (extent->end != UINT64_MAX)
		extent->end += start;
	else if (length)
		extent->end = start + length;
	extent->first += start;
}

// True: it is the partition of a disk, and now stands for those bytes of the disk.
static bool below_partition(const char *root, struct extent *extent)
{
	uint64_t start, length; // in units of 512 bytes on every disk (sysfs-block ABI)
	dev_t device = extent->of.st_rdev, disk = inuse_whole_disk(root, device);
	if (disk == device || !read_number(root, device, "start", &start) ||
	        !read_number(root, device, "size", &length))
		return false;
	narrow(extent, start * 512, length * 512);
	extent->of.st_rdev = disk;
	return true;
}

// True: it is a loop device, and now stands for those bytes of what is below it.
static bool below_loop(const char *root, struct extent *extent)
{
	char path[2 * PATH_MAX], backing[PATH_MAX];
	uint64_t start, length; // bytes; sizelimit 0: to its end
	struct stat st;
	dev_t device = extent->of.st_rdev;
	_cleanup_close_ int fd = open_sysfs(root, device, "loop");
	if (fd < 0 || fd_read_text(fd, "backing_file", backing, sizeof(backing)) <= 0)
		return false;
	snprintf(path, sizeof(path), "%s%s", root, backing);
	if (stat(path, &st) < 0 || !read_number(root, device, "loop/offset", &start) ||
	        !read_number(root, device, "loop/sizelimit", &length))
		return false; // deleted, or of another mount namespace
	narrow(extent, start, length);
	extent->of = st;
	return true;
}

static struct extent extent_of(const char *root, const struct stat *st)
{
	struct extent extent = {.of = *st, .end = UINT64_MAX};
	for (int i = 0; i < LAYERS_MAX && S_ISBLK(extent.of.st_mode); i++)
		if (!below_partition(root, &extent) && !below_loop(root, &extent))
			break;
	return extent;
}

bool inuse_share(const char *root, const struct stat *a, const struct stat *b)
{
	struct extent x = extent_of(root, a), y = extent_of(root, b);
	return same_thing(&x.of, &y.of) && x.first < y.end && y.first < x.end;
}

// What a file system stands on: the device, the disk it is part of, and all that below dm and md.
static void add_foundations(const char *root, dev_t device, struct devices *set)
{
	struct devices todo = {.list = {device}, .count = 1};
	for (size_t i = 0; i < todo.count; i++) {
		add(set, todo.list[i]);
		add(&todo, inuse_whole_disk(root, todo.list[i]));
		add_below(root, todo.list[i], "slaves", false, &todo);
	}
	set->overflow = set->overflow || todo.overflow;
}

struct mount {
	dev_t device;
	char point[PATH_MAX];
};

// One line of mountinfo. File systems of several devices (btrfs) show no block device's number: then the
// source's name counts.
static bool parse_mount(const char *root, char *line, struct mount *mount)
{
	unsigned a, b;
	char source[PATH_MAX];
	if (sscanf(line, "%*d %*d %u:%u %*s %4095s", &a, &b, mount->point) != 3)
		return false;
	mount->device = makedev(a, b);
	char *rest = strstr(line, " - ");
	struct stat st;
	char path[2 * PATH_MAX];
	if (a == 0 && rest && sscanf(rest, " - %*s %4095s", source) == 1 && source[0] == '/') {
		snprintf(path, sizeof(path), "%s%s", root, source);
		if (stat(path, &st) == 0 && S_ISBLK(st.st_mode))
			mount->device = st.st_rdev;
	}
	return true;
}

static bool is_system_point(const char *point)
{
	static const char *const points[] = {
	        "/", "/usr", "/var", "/home", "/boot", "/boot/efi", "/boot/firmware", "/efi"};
	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		if (!strcmp(point, points[i]))
			return true;
	return false;
}

static FILE *open_proc(const char *root, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/proc/%s", root, name);
	return fopen(path, "re");
}

static int check_mounts(
        const char *root, const char *name, dev_t device, const struct devices *own, struct err *e)
{
	_cleanup_fclose_ FILE *mounts = open_proc(root, "self/mountinfo");
	if (!mounts)
		return err_fail(e, errno, FAILURE_STATION_ERROR, "/proc/self/mountinfo cannot be read: %s",
		        strerror(errno));
	struct devices system = {0};
	char where[PATH_MAX] = "";
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	while (getline(&line, &room, mounts) > 0) {
		struct mount mount;
		if (!parse_mount(root, line, &mount))
			continue;
		if (is_system_point(mount.point))
			add_foundations(root, mount.device, &system);
		if (has(own, mount.device) && !where[0])
			STR_COPY(where, mount.point);
	}
	if (has(&system, device) || has(&system, inuse_whole_disk(root, device)))
		return err_fail(e, EBUSY, FAILURE_TARGET_SYSTEM,
		        "%s: the running system is on this disk; choose another target", name);
	if (where[0])
		return err_fail(e, EBUSY, FAILURE_TARGET_MOUNTED,
		        "%s: it is mounted on %.200s; unmount it first", name, where);
	return 0;
}

static int check_swaps(
        const char *root, const char *name, const struct stat *st, const struct devices *own, struct err *e)
{
	_cleanup_fclose_ FILE *swaps = open_proc(root, "swaps");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	while (swaps && getline(&line, &room, swaps) > 0) {
		char swap[PATH_MAX], path[2 * PATH_MAX];
		struct stat used;
		if (sscanf(line, "%4095s", swap) != 1 || swap[0] != '/')
			continue;
		snprintf(path, sizeof(path), "%s%s", root, swap);
		if (stat(path, &used) < 0)
			continue;
		if (same_thing(st, &used) || (S_ISBLK(used.st_mode) && has(own, used.st_rdev)))
			return err_fail(e, EBUSY, FAILURE_TARGET_SWAP,
			        "%s: %.200s is used as swap; 'swapoff %.200s' first", name, swap, swap);
	}
	return 0;
}

static int check_holders(const char *root, const char *name, const struct devices *own, struct err *e)
{
	for (size_t i = 0; i < own->count; i++) {
		int fd = open_sysfs(root, own->list[i], "holders");
		_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
		for (struct dirent *entry; dir && (entry = readdir(dir));)
			if (entry->d_name[0] != '.')
				return err_fail(e, EBUSY, FAILURE_TARGET_HELD,
				        "%s: it is held by %.100s; stop that LVM, md or crypt device first",
				        name, entry->d_name);
	}
	return 0;
}

static int check_disk(const char *root, const char *name, const struct stat *st, struct err *e)
{
	struct devices own = {0};
	int r = 0;
	if (S_ISBLK(st->st_mode)) {
		add(&own, st->st_rdev);
		add_below(root, st->st_rdev, "", true, &own);
		r = check_mounts(root, name, st->st_rdev, &own, e);
	}
	if (r == 0)
		r = check_swaps(root, name, st, &own, e);
	return r < 0 ? r : check_holders(root, name, &own, e);
}

// A file may be somebody's disk, too: what is mounted from a loop device on it would be written under its feet.
static int check_loop_of(
        const char *root, const char *name, const struct stat *file, const char *loop, struct err *e)
{
	char path[2 * PATH_MAX], backing[PATH_MAX];
	struct stat st, disk = {.st_mode = S_IFBLK};
	snprintf(path, sizeof(path), "%s/sys/block/%s/loop/backing_file", root, loop);
	if (fd_read_text(AT_FDCWD, path, backing, sizeof(backing)) <= 0)
		return 0;
	snprintf(path, sizeof(path), "%s%s", root, backing);
	if (stat(path, &st) < 0 || !same_thing(file, &st))
		return 0;
	snprintf(path, sizeof(path), "%s/sys/block/%s/dev", root, loop);
	return read_device(AT_FDCWD, path, &disk.st_rdev) ? check_disk(root, name, &disk, e) : 0;
}

static int check_loops(const char *root, const char *name, const struct stat *file, struct err *e)
{
	char path[PATH_MAX];
	int r = 0;
	snprintf(path, sizeof(path), "%s/sys/block", root);
	_cleanup_closedir_ DIR *dir = opendir(path);
	for (struct dirent *entry; dir && r == 0 && (entry = readdir(dir));)
		if (!strncmp(entry->d_name, "loop", 4))
			r = check_loop_of(root, name, file, entry->d_name, e);
	return r;
}

int inuse_check(const char *root, const char *name, const struct stat *st, struct err *e)
{
	int r = check_disk(root, name, st, e);
	return r == 0 && S_ISREG(st->st_mode) ? check_loops(root, name, st, e) : r;
}
