// SPDX-License-Identifier: MIT
// The store's folders: attaching, locking, entries being made, room.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/failure.h"
#include "image/store_entry.h"
#include "image/store_hint.h"

static const char *const entry_files[] = {"data", "plan", "meta.json", "meta.json.new", "plan.new"};

// For its owner alone: a copy of an image is no more public than the image may be.
enum { FOLDER_MODE = 0700 };

static int open_folder(int at, const char *name, bool make)
{
	if (make && mkdirat(at, name, FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

// Older versions made them readable for all. Of a store that belongs to another user nothing is changed.
static void shut_folder(int fd)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 0777) != FOLDER_MODE &&
	        fchmod(fd, FOLDER_MODE) < 0)
		log_warn("the store's folders can be read by others: %s", strerror(errno));
}

int store_attach(const char *path, bool make, struct store *out, struct err *e)
{
	struct store s = STORE_NONE;
	int r = make ? fd_mkdir_all(path, 0755, e) : 0;
	if (r < 0)
		return err_prefix(e, "store");
	STR_COPY(s.path, path);
	s.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.dir < 0)
		return err_sys(e, errno, "store %s: cannot be opened", path);
	s.entries = open_folder(s.dir, "entries", make);
	s.tmp = open_folder(s.dir, "tmp", make);
	s.hints = open_folder(s.dir, "hints", make);
	int worst = s.entries < s.tmp ? s.entries : s.tmp;
	worst = worst < s.hints ? worst : s.hints;
	if (worst < 0) {
		store_detach(&s);
		return err_sys(e, -worst, "store %s: cannot be used", path);
	}
	if (make) {
		shut_folder(s.entries);
		shut_folder(s.tmp);
		shut_folder(s.hints);
	}
	*out = s;
	return 0;
}

void store_detach(struct store *s)
{
	fd_close(&s->dir);
	fd_close(&s->entries);
	fd_close(&s->tmp);
	fd_close(&s->hints);
}

int store_lock(const struct store *s, struct err *e)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd;
	while (r >= 0 && (r = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
		r = 0;
	if (fd < 0 || r < 0) {
		r = err_sys(e, errno, "store %s: cannot be locked", s->path);
		fd_close(&fd);
		return r;
	}
	return fd;
}

int store_remove_tree(const struct store *s, const char *name)
{
	_cleanup_close_ int dir = openat(s->tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(entry_files); i++)
		if (unlinkat(dir, entry_files[i], 0) < 0 && errno != ENOENT)
			return -errno;
	return unlinkat(s->tmp, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

// Nobody holds the data file, so nobody is making or using it any more. The caller holds the store's lock.
static bool is_abandoned(int folder, const char *name)
{
	char path[NAME_MAX + 8];
	snprintf(path, sizeof(path), "%s/data", name);
	_cleanup_close_ int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? errno == ENOENT : flock(fd, LOCK_EX | LOCK_NB) == 0;
}

typedef void (*entry_fn)(const struct store *s, int folder, const char *name, void *context);

static int each_entry(const struct store *s, int folder, entry_fn fn, void *context, struct err *e)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int r = err_sys(e, errno, "store %s: cannot be listed", s->path);
		fd_close(&fd);
		return r;
	}
	struct dirent *entry;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			fn(s, folder, entry->d_name, context);
	closedir(dir);
	return 0;
}

static void sweep_one(const struct store *s, int folder, const char *name, void *context)
{
	(void)context;
	if (!is_abandoned(folder, name))
		return;
	int r = store_remove_tree(s, name);
	if (r < 0 && r != -ENOENT)
		log_warn("store %s: tmp/%s cannot be removed: %s", s->path, name, strerror(-r));
}

void store_new_drop(const struct store *s, struct store_new *new_entry)
{
	if (new_entry->name[0]) {
		int r = store_remove_tree(s, new_entry->name);
		if (r < 0 && r != -ENOENT)
			log_warn("store %s: tmp/%s cannot be removed: %s", s->path, new_entry->name,
			        strerror(-r));
	}
	fd_close(&new_entry->dir);
	fd_close(&new_entry->data);
	fd_close(&new_entry->share);
	*new_entry = STORE_NEW_NONE;
}

int store_entry_drop_locked(const struct store *s, const char *key, bool unused_only)
{
	char name[SHA256_HEX_SIZE + 8];
	snprintf(name, sizeof(name), "drop-%s", key);
	if (unused_only && !is_abandoned(s->entries, key))
		return -EBUSY;
	store_remove_tree(s, name); // left by one who died here
	if (renameat(s->entries, key, s->tmp, name) < 0)
		return -errno;
	store_hint_forget(s, key);
	return store_remove_tree(s, name);
}

int store_entry_drop(const struct store *s, const char *key, bool unused_only, struct err *e)
{
	_cleanup_close_ int lock = store_lock(s, e);
	if (lock < 0)
		return lock;
	int r = store_entry_drop_locked(s, key, unused_only);
	return r < 0 ? err_sys(e, -r, "store %s: %.12s cannot be removed", s->path, key) : 0;
}

struct usage {
	uint64_t bytes;       // of everything, with what is reserved
	uint64_t promised;    // the part of it that is reserved and not written yet
	char oldest[80];      // the least recently used entry that is not in use
	struct timespec last; // its last use
	uint64_t oldest_bytes;
};

static uint64_t data_bytes(int folder, const char *name)
{
	char path[NAME_MAX + 8];
	struct stat st;
	snprintf(path, sizeof(path), "%s/data", name);
	return fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

// 0 for what is not an entry being made.
static uint64_t reserved_bytes(const char *name)
{
	uint64_t id, bytes;
	return sscanf(name, "new-%16" SCNx64 "-%16" SCNx64, &id, &bytes) == 2 ? bytes : 0;
}

static void count_one(const struct store *s, int folder, const char *name, void *context)
{
	struct usage *usage = context;
	uint64_t bytes = data_bytes(folder, name);
	uint64_t reserved = folder == s->tmp ? u64_max(reserved_bytes(name), bytes) : bytes;
	usage->bytes += reserved;
	usage->promised += reserved - bytes;
	char path[NAME_MAX + 16];
	struct stat st = {0};
	snprintf(path, sizeof(path), "%s/meta.json", name);
	if (folder != s->entries || strlen(name) >= sizeof(usage->oldest))
		return;
	if (fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_mtim = (struct timespec){0};
	bool older = !usage->oldest[0] || st.st_mtim.tv_sec < usage->last.tv_sec ||
	             (st.st_mtim.tv_sec == usage->last.tv_sec && st.st_mtim.tv_nsec < usage->last.tv_nsec);
	if (!older || !is_abandoned(folder, name))
		return;
	STR_COPY(usage->oldest, name);
	usage->last = st.st_mtim;
	usage->oldest_bytes = bytes;
}

static int no_room(const struct store *s, uint64_t bytes, uint64_t limit, uint64_t available, struct err *e)
{
	if (bytes > available || !available)
		return err_fail(e, ENOSPC, FAILURE_STORE_FULL,
		        "store %s: the image needs %" PRIu64 " MiB, its disk has %" PRIu64
		        " MiB free; free space or name another store",
		        s->path, bytes / MIB + 1, available / MIB);
	return err_fail(e, ENOSPC, FAILURE_STORE_FULL,
	        "store %s: the image needs %" PRIu64 " MiB, the store's limit of %" PRIu64
	        " MiB has no room for it; raise the limit",
	        s->path, bytes / MIB + 1, limit / MIB);
}

static int measure(const struct store *s, struct usage *usage, uint64_t *available, struct err *e)
{
	struct statvfs fs;
	*usage = (struct usage){0};
	int r = each_entry(s, s->entries, count_one, usage, e);
	if (r == 0)
		r = each_entry(s, s->tmp, count_one, usage, e);
	if (r == 0 && fstatvfs(s->dir, &fs) < 0)
		r = err_sys(e, errno, "store %s: free space", s->path);
	if (r == 0)
		*available = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (r == 0)
		*available -= u64_min(*available, usage->promised);
	return r;
}

// The caller holds the store's lock: an entry that is seen unused must not be opened before it is gone.
static int make_room(const struct store *s, uint64_t bytes, uint64_t limit, uint64_t *left, struct err *e)
{
	int r = each_entry(s, s->tmp, sweep_one, NULL, e);
	while (r == 0) {
		struct usage usage;
		uint64_t available = 0;
		r = measure(s, &usage, &available, e);
		if (r < 0)
			return r;
		*left = u64_min(available, !limit ? UINT64_MAX : limit - u64_min(limit, usage.bytes));
		// With nothing known in advance, an eighth of the limit is made free.
		uint64_t wanted = bytes ? bytes : limit / 8;
		if (wanted <= *left || (!bytes && !usage.oldest[0] && *left))
			return 0;
		if (!usage.oldest[0] || (limit && bytes > limit))
			return no_room(s, bytes, limit, available, e);
		log_info("store %s: dropping %.12s (%" PRIu64 " MiB, least recently used)", s->path,
		        usage.oldest, usage.oldest_bytes / MIB);
		r = store_entry_drop_locked(s, usage.oldest, true);
		if (r < 0)
			err_sys(e, -r, "store %s: %.12s cannot be removed", s->path, usage.oldest);
	}
	return r;
}

static int make_new(const struct store *s, uint64_t bytes, struct store_new *new_entry)
{
	uint64_t id;
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -EIO;
	snprintf(new_entry->name, sizeof(new_entry->name), "new-%016" PRIx64 "-%" PRIx64, id, bytes);
	new_entry->dir = open_folder(s->tmp, new_entry->name, true);
	if (new_entry->dir < 0)
		return new_entry->dir;
	new_entry->data = openat(new_entry->dir, "data", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (new_entry->data >= 0)
		new_entry->share = openat(new_entry->dir, "data", O_RDONLY | O_CLOEXEC);
	if (new_entry->share < 0 || flock(new_entry->share, LOCK_SH | LOCK_NB) < 0)
		return -errno;
	return 0;
}

int store_new_open(const struct store *s, uint64_t bytes, uint64_t limit, struct store_new *out,
        uint64_t *left, struct err *e)
{
	struct store_new new_entry = STORE_NEW_NONE;
	_cleanup_close_ int lock = store_lock(s, e);
	if (lock < 0)
		return lock;
	int r = make_room(s, bytes, limit, left, e);
	if (r < 0)
		return r;
	r = make_new(s, bytes ? bytes : u64_min(*left, limit / 8), &new_entry);
	if (r < 0) {
		store_new_drop(s, &new_entry);
		return err_fail(e, -r, r == -ENOSPC ? FAILURE_STORE_FULL : FAILURE_STORE_ERROR,
		        "store %s: no new entry can be made: %s", s->path, strerror(-r));
	}
	*out = new_entry;
	return 0;
}

struct search {
	const struct store_meta *wanted;
	bool found;
};

static void compare_one(const struct store *s, int folder, const char *name, void *context)
{
	struct search *search = context;
	const struct store_meta *wanted = search->wanted;
	struct store_meta meta;
	(void)s;
	_cleanup_close_ int dir = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (search->found || dir < 0 || store_meta_read(dir, &meta, NULL) < 0)
		return;
	search->found = meta.source_size == wanted->source_size &&
	                !strcmp(meta.bmap_sha256, wanted->bmap_sha256) &&
	                !strcmp(meta.mapping, wanted->mapping) && !strcmp(meta.codec, wanted->codec);
}

int store_may_hold(const struct store *s, const struct store_meta *source, bool *may, struct err *e)
{
	struct search search = {.wanted = source};
	int r = each_entry(s, s->entries, compare_one, &search, e);
	*may = search.found;
	return r;
}
