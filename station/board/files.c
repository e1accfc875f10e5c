// SPDX-License-Identifier: MIT
// The files fixture: slots named in the configuration as paths of disks or regular files.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libudev.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/log.h"
#include "board/board.h"

struct files_fixture {
	struct fixture base;
	char paths[BOARD_SLOTS_MAX][256];
	bool present[BOARD_SLOTS_MAX];
	bool odd[BOARD_SLOTS_MAX];
	struct board_identity seen[BOARD_SLOTS_MAX];
	int inotify;
	struct loop_source *inotify_source, *udev_source;
	struct udev *udev;
	struct udev_monitor *monitor;
};

static struct files_fixture *files_of(struct fixture *f)
{
	union {
		struct fixture *base;
		struct files_fixture *files;
	} it = {.base = f}; // base is the first member
	return it.files;
}

static uint64_t sysfs_number(dev_t rdev, const char *attribute)
{
	char path[128], text[32];
	uint64_t value = 0;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(rdev), minor(rdev), attribute);
	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) <= 0 || !board_bytes_parse(text, &value))
		return 0;
	return value;
}

// What is at the path, without opening it: stat(2) and sysfs only. False: nothing that could be a board.
static bool look(struct files_fixture *files, unsigned slot, struct board *out, const char **odd)
{
	struct stat st;
	*odd = NULL;
	*out = (struct board){.slot = slot, .link_fd = -1};
	struct board_identity *id = &out->identity;
	STR_COPY(id->node, files->paths[slot]);
	if (stat(id->node, &st) < 0)
		return false;
	if (S_ISBLK(st.st_mode)) {
		id->rdev = st.st_rdev;
		id->size =
		        sysfs_number(st.st_rdev, "size") * 512; // sysfs counts 512-byte units on every disk
		id->diskseq = sysfs_number(st.st_rdev, "diskseq");
		out->logical_sector = (uint32_t)sysfs_number(st.st_rdev, "queue/logical_block_size");
	} else if (S_ISREG(st.st_mode)) {
		id->dev = st.st_dev;
		id->ino = st.st_ino;
		id->size = (uint64_t)st.st_size;
	} else {
		*odd = "neither a disk nor a regular file";
		return false;
	}
	return id->size > 0;
}

static bool same_identity(const struct board_identity *a, const struct board_identity *b)
{
	return a->rdev == b->rdev && a->dev == b->dev && a->ino == b->ino && a->diskseq == b->diskseq &&
	       a->size == b->size;
}

static void check_slot(struct files_fixture *files, unsigned slot)
{
	const struct fixture_events *events = files->base.events;
	struct board board;
	const char *odd;
	bool there = look(files, slot, &board, &odd);
	if (files->present[slot] && (!there || !same_identity(&board.identity, &files->seen[slot]))) {
		files->present[slot] = false;
		events->left(files->base.context, slot);
	}
	if (files->odd[slot] != (odd != NULL)) {
		files->odd[slot] = odd != NULL;
		events->oddity(files->base.context, slot, odd ? odd : "");
	}
	if (there && !files->present[slot]) {
		files->present[slot] = true;
		files->seen[slot] = board.identity;
		events->arrived(files->base.context, &board);
	}
}

static void check_all(struct files_fixture *files)
{
	for (unsigned i = 0; i < files->base.slot_count; i++)
		check_slot(files, i);
}

// The deepest folder on the way to a path that is there.
static void nearest_folder(const char *path, char *folder, size_t size)
{
	struct stat st;
	str_copy(folder, size, path);
	do {
		char *slash = strrchr(folder, '/');
		slash[slash == folder] = '\0';
	} while (folder[1] && (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode)));
}

/*
 * udev makes /dev/disk/by-path with the first disk and removes it with the last one, so what is watched is the nearest
 * folder that is there; whatever happens in it, it is looked for anew, until none deeper has come meanwhile.
 */
static int watch_name(struct files_fixture *files, unsigned slot, struct err *e)
{
	enum { TRIES = 16 }; // each is told of by an event as well
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF |
	                      IN_MOVE_SELF | IN_ONLYDIR;
	char folder[256], watched[256] = "";
	for (unsigned i = 0; i < TRIES; i++) {
		nearest_folder(files->paths[slot], folder, sizeof(folder));
		if (!strcmp(folder, watched))
			break;
		if (inotify_add_watch(files->inotify, folder, mask) >= 0)
			STR_COPY(watched, folder);
		else if (errno != ENOENT && errno != ENOTDIR)
			return err_sys(e, errno, "slot %s: folder %s cannot be watched",
			        files->base.slots[slot].label, folder);
	}
	return 0;
}

static int watch_all(struct files_fixture *files, struct err *e)
{
	int r = 0;
	for (unsigned i = 0; i < files->base.slot_count && r == 0; i++)
		r = watch_name(files, i, e);
	return r;
}

static void inotify_ready(void *context, uint32_t events)
{
	struct files_fixture *files = context;
	char data[4096] __attribute__((aligned(8)));
	(void)events;
	while (read(files->inotify, data, sizeof(data)) > 0)
		;
	struct err e;
	if (watch_all(files, &e) < 0)
		log_warn("files fixture: %s", e.text);
	check_all(files);
}

static void udev_ready(void *context, uint32_t events)
{
	struct files_fixture *files = context;
	struct udev_device *device;
	(void)events;
	while ((device = udev_monitor_receive_device(files->monitor)))
		udev_device_unref(device);
	check_all(files);
}

// Disks that come and go under a name that stays (loop devices, media changes) are told by the kernel alone.
static void watch_kernel(struct files_fixture *files)
{
	files->udev = udev_new();
	files->monitor = files->udev ? udev_monitor_new_from_netlink(files->udev, "kernel") : NULL;
	if (!files->monitor ||
	        udev_monitor_filter_add_match_subsystem_devtype(files->monitor, "block", NULL) < 0 ||
	        udev_monitor_enable_receiving(files->monitor) < 0 ||
	        loop_add_fd(files->base.loop, udev_monitor_get_fd(files->monitor), EPOLLIN, udev_ready, files,
	                &files->udev_source, NULL) < 0)
		log_warn("files fixture: the kernel's device events cannot be heard; only created and "
		         "removed names are seen");
}

static int watch_names(struct files_fixture *files, struct err *e)
{
	files->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (files->inotify < 0)
		return err_sys(e, errno, "files fixture: inotify");
	int r = watch_all(files, e);
	if (r < 0)
		return r;
	return loop_add_fd(
	        files->base.loop, files->inotify, EPOLLIN, inotify_ready, files, &files->inotify_source, e);
}

static int files_start(struct fixture *f, struct err *e)
{
	struct files_fixture *files = files_of(f);
	int r = watch_names(files, e);
	if (r < 0)
		return r;
	watch_kernel(files);
	check_all(files);
	return 0;
}

static int files_power(struct fixture *f, unsigned slot, bool on, struct err *e)
{
	(void)on;
	return err_set(e, ENOTSUP, "slot %s: a files fixture switches no power", f->slots[slot].label);
}

static void files_recheck(struct fixture *f, unsigned slot)
{
	check_slot(files_of(f), slot);
}

static void files_free(struct fixture *f)
{
	struct files_fixture *files = files_of(f);
	loop_remove(files->inotify_source);
	loop_remove(files->udev_source);
	fd_close(&files->inotify);
	udev_monitor_unref(files->monitor);
	udev_unref(files->udev);
	free(files);
}

static const struct fixture_ops files_ops = {
        .kind = "files",
        .start = files_start,
        .power = files_power,
        .recheck = files_recheck,
        .free = files_free,
};

static int add_slot(struct files_fixture *files, const char *label, const char *path, struct err *e)
{
	struct fixture *base = &files->base;
	struct fixture_slot *slot = &base->slots[base->slot_count];
	if (base->slot_count == BOARD_SLOTS_MAX)
		return err_set(e, E2BIG, "[fixture] slot.%s: a fixture has at most %d slots", label,
		        BOARD_SLOTS_MAX);
	if (!fixture_label_is_good(label))
		return err_set(e, EINVAL, "[fixture] slot.%.40s: %s", label, FIXTURE_LABEL_RULE);
	if (path[0] != '/')
		return err_set(e, EINVAL, "[fixture] slot.%s = %s: not an absolute path", label, path);
	for (unsigned i = 0; i < base->slot_count; i++)
		if (!strcmp(base->slots[i].label, label) || !strcmp(files->paths[i], path))
			return err_set(e, EEXIST, "[fixture] slot.%s = %s: label or path is named twice",
			        label, path);
	STR_COPY(slot->label, label);
	snprintf(slot->port, sizeof(slot->port), "file-%s", label);
	STR_COPY(files->paths[base->slot_count], path);
	base->slot_count++;
	return 0;
}

int fixture_files_open(const struct fixture_settings *settings, const char *state, struct loop *loop,
        struct fixture **out, struct err *e)
{
	(void)state;
	struct files_fixture *files = calloc(1, sizeof(*files));
	if (!files)
		return err_sys(e, ENOMEM, "files fixture");
	files->base.ops = &files_ops;
	files->base.loop = loop;
	files->inotify = -1;
	STR_COPY(files->base.name, "files");
	static const char *const known[] = {"columns", "slot.", NULL};
	uint64_t columns = 0;
	int r = fixture_settings_check(settings, known, e);
	for (unsigned i = 0; i < settings->count && r == 0; i++)
		if (!strncmp(settings->items[i].key, "slot.", 5))
			r = add_slot(files, settings->items[i].key + 5, settings->items[i].value, e);
	if (r == 0 && !files->base.slot_count)
		r = err_set(
		        e, EINVAL, "[fixture] kind = files: no slot; say slot.1 = /dev/sdX or a file's path");
	unsigned usual = files->base.slot_count <= 8 ? 4 : 8;
	if (r == 0)
		r = fixture_setting_number(settings, "columns", 1, BOARD_SLOTS_MAX, usual, &columns, e);
	if (r < 0) {
		files_free(&files->base);
		return r;
	}
	files->base.columns = (unsigned)columns;
	files->base.rows = (files->base.slot_count + files->base.columns - 1) / files->base.columns;
	for (unsigned i = 0; i < files->base.slot_count; i++) {
		files->base.slots[i].row = i / files->base.columns;
		files->base.slots[i].column = i % files->base.columns;
	}
	*out = &files->base;
	return 0;
}
