// SPDX-License-Identifier: MIT
// The store: publishing, opening, checking and removing whole entries.
#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/failure.h"
#include "image/proof.h"
#include "image/store_entry.h"

int store_default_path(char *path, size_t size, struct err *e)
{
	const char *own = getenv("GANGWAY_STORE"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;
	if (own && *own)
		n = snprintf(path, size, "%s", own);
	else if (geteuid() == 0)
		n = snprintf(path, size, "/var/cache/gangway/store");
	else if (cache && *cache == '/')
		n = snprintf(path, size, "%s/gangway/store", cache);
	else if (home && *home)
		n = snprintf(path, size, "%s/.cache/gangway/store", home);
	else
		return err_set(e, ENOENT, "no folder for the store: neither HOME nor GANGWAY_STORE is set");
	return n < 0 || (size_t)n >= size ? err_sys(e, ENAMETOOLONG, "the store's folder") : 0;
}

int store_new_sync(const struct store_new *new_entry, struct err *e)
{
	if (fsync(new_entry->data) < 0)
		return err_fail(e, errno, errno == ENOSPC ? FAILURE_STORE_FULL : FAILURE_STORE_ERROR,
		        "the stored image cannot be synced to disk: %s", strerror(errno));
	return 0;
}

static int write_plan(int dir, const struct image_front *front, size_t size)
{
	_cleanup_close_ int fd = openat(dir, "plan", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, front, size);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static void hex_of(const void *data, size_t size, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	digest_sha256(data, size, digest);
	digest_hex(digest, sizeof(digest), hex);
}

static int write_entry(const struct store_new *new_entry, const struct image_front *front, size_t front_size,
        struct store_meta *meta, struct err *e)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	plan_digest(front->ranges, front->range_count, digest);
	digest_hex(digest, sizeof(digest), meta->plan_sha256);
	hex_of(front, front_size, meta->file_sha256);
	int r = store_meta_stat(new_entry->data, meta, e);
	if (r < 0)
		return r;
	r = write_plan(new_entry->dir, front, front_size);
	if (r < 0)
		return err_fail(e, -r, r == -ENOSPC ? FAILURE_STORE_FULL : FAILURE_STORE_ERROR,
		        "the store's plan cannot be written: %s", strerror(-r));
	r = store_meta_write(new_entry->dir, meta, e);
	if (r == 0 && fsync(new_entry->dir) < 0)
		r = err_sys(e, errno, "the store's entry cannot be synced to disk");
	return r;
}

int store_new_publish(const struct store *s, struct store_new *new_entry, const struct image_front *front,
        size_t front_size, struct store_meta *meta, struct err *e)
{
	int r = write_entry(new_entry, front, front_size, meta, e);
	if (r < 0)
		return r;
	_cleanup_close_ int lock = store_lock(s, e);
	if (lock < 0)
		return lock;
	if (renameat(s->tmp, new_entry->name, s->entries, meta->key) < 0) {
		if (errno != EEXIST && errno != ENOTEMPTY)
			return err_sys(e, errno, "store %s: the entry cannot be published", s->path);
		return 0; // another import of the same source was first: its entry stays
	}
	new_entry->name[0] = '\0';
	if (fsync(s->entries) < 0 || fsync(s->tmp) < 0)
		return err_sys(e, errno, "store %s: cannot be synced to disk", s->path);
	return 0;
}

// What of an entry's bytes is hashed when it is opened. Hashing takes as long as the image is large.
enum look { LOOK_QUICK, LOOK_TOUCHED, LOOK_WHOLE };

// An entry as it is being opened.
struct opening {
	int dir, data, lock;
	struct store_meta meta;
	struct front front;
	char *damaged; // why it cannot be used; "" while it can
	bool touched;
};

static void blame(const struct opening *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void blame(const struct opening *o, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(o->damaged, 200, format, args);
	va_end(args);
}

/*
 * What keeps a file of an entry from being read. Damage drops the entry, and whoever has no other copy of the source has
 * lost it: so what is only wrong with this process or this moment is an error, and no damage.
 */
static int unreadable(const struct opening *o, const char *what, int num, struct err *e)
{
	static const int passing[] = {EMFILE, ENFILE, ENOMEM, EINTR, EACCES, EPERM, EWOULDBLOCK};
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (num == passing[i])
			return err_fail(e, num, FAILURE_STORE_ERROR,
			        "the store's entry cannot be opened: %s: %s", what, strerror(num));
	blame(o, "%s: %s", what, strerror(num));
	return 0;
}

// Under the store's lock, so that nobody removes it between finding and locking it. 0, -ENOENT, or -errno.
static int open_files(const struct store *s, const char *key, struct opening *o, struct err *e)
{
	_cleanup_close_ int lock = store_lock(s, e);
	if (lock < 0)
		return lock;
	o->dir = openat(s->entries, key, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (o->dir < 0)
		return errno == ENOENT ? err_set(e, ENOENT, "store %s: has no %s", s->path, key)
		                       : err_sys(e, errno, "store %s: %s", s->path, key);
	o->data = openat(o->dir, "data", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	o->lock = openat(o->dir, "data", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (o->data < 0 || o->lock < 0 || flock(o->lock, LOCK_SH | LOCK_NB) < 0)
		return unreadable(o, "data", errno, e);
	return 0;
}

// The plan into a front of its own; its digest is in meta.json.
static int open_plan(struct opening *o, enum image_state state, struct err *e)
{
	_cleanup_close_ int fd = openat(o->dir, "plan", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return unreadable(o, "plan", errno, e);
	uint64_t size = (uint64_t)st.st_size;
	if (size < front_bytes(1) || size > front_bytes(FRONT_RANGES_MAX) ||
	        (size - front_bytes(0)) % sizeof(struct plan_range)) {
		blame(o, "plan: has the wrong size");
		return 0;
	}
	int r = front_new((size - front_bytes(0)) / sizeof(struct plan_range), &o->front, e);
	if (r < 0)
		return r;
	char hex[SHA256_HEX_SIZE];
	if (fd_pread_all(fd, o->front.map, size, 0) != (ssize_t)size) {
		blame(o, "plan: cannot be read");
		return 0;
	}
	hex_of(o->front.map, size, hex);
	if (strcmp(hex, o->meta.file_sha256) != 0 || !front_is_sound(o->front.map, size))
		blame(o, "plan: is damaged");
	front_advance(o->front.map, o->front.map->image_size);
	atomic_store_explicit(&o->front.map->state, state, memory_order_release);
	return 0;
}

static int check_ranges(struct opening *o, const char *why, struct err *e)
{
	struct image image = {.data_fd = o->data};
	for (uint32_t i = 0; i < o->front.map->range_count; i++) {
		const struct plan_range *range = &o->front.map->ranges[i];
		bool matches = false;
		struct err unread;
		int r = image_check_range(&image, range, &matches, &unread);
		if (r == -ENOMEM) {
			*e = unread;
			return r;
		}
		if (r < 0)
			blame(o, "data: %.150s", unread.text);
		else if (!matches)
			blame(o, "data: %s, and bytes %" PRIu64 " to %" PRIu64 " are not what was stored",
			        why, range->offset, range->offset + range->length - 1);
		if (*o->damaged)
			return 0;
	}
	return 0;
}

// Times and blocks as they were published: nobody wrote into it. Else every range is hashed before it is used, by whoever
// asked for more than a quick look.
static int check_data(struct opening *o, enum look look, struct err *e)
{
	struct store_meta now = o->meta;
	struct stat st;
	if (fstat(o->data, &st) < 0 || (uint64_t)st.st_size != o->front.map->image_size) {
		blame(o, "data: has the wrong length");
		return 0;
	}
	int r = store_meta_stat(o->data, &now, e);
	if (r < 0)
		return r;
	bool touched = now.data_mtime_ns != o->meta.data_mtime_ns ||
	               now.data_ctime_ns != o->meta.data_ctime_ns || now.data_blocks != o->meta.data_blocks;
	if (!touched && look != LOOK_WHOLE)
		return 0;
	o->touched = touched;
	if (look == LOOK_QUICK)
		return 0;
	r = check_ranges(o, touched ? "was touched since it was stored" : "was hashed again", e);
	if (r < 0 || *o->damaged || !touched)
		return r;
	struct err unwritten;
	if (store_meta_write(o->dir, &now, &unwritten) == 0)
		return 0;
	log_debug("%s", unwritten.text); // then it is hashed again the next time
	if (look == LOOK_WHOLE)
		*e = unwritten; // its asker counts on it: it would ask again and again
	return look == LOOK_WHOLE ? -unwritten.num : 0;
}

static int open_and_check(const struct store *s, const char *key, enum image_state state, enum look look,
        struct opening *o, struct err *e)
{
	int r = open_files(s, key, o, e);
	if (r < 0 || *o->damaged)
		return r;
	struct err why;
	r = store_meta_read(o->dir, &o->meta, &why);
	if (r < 0 && r != -EINVAL)
		return unreadable(o, "meta.json", -r, e);
	if (r < 0) {
		blame(o, "%s", why.text);
		return 0;
	}
	char own[SHA256_HEX_SIZE];
	store_key(o->meta.source_sha256, o->meta.bmap_sha256, o->meta.mapping, own);
	if (strcmp(own, key) != 0) {
		blame(o, "meta.json is of another entry");
		return 0;
	}
	r = open_plan(o, state, e);
	if (r < 0 || *o->damaged)
		return r;
	return check_data(o, look, e);
}

static void opening_close(struct opening *o)
{
	front_close(&o->front);
	fd_close(&o->dir);
	fd_close(&o->data);
	fd_close(&o->lock);
}

// Opens, checks and, when it is damaged, drops. 0, or -ENOENT with *damaged set or not.
static int open_entry(const struct store *s, const char *key, enum image_state state, enum look look,
        struct opening *o, struct err *e)
{
	int r = open_and_check(s, key, state, look, o, e);
	if (r == 0 && !*o->damaged)
		return 0;
	opening_close(o);
	if (r < 0)
		return r;
	r = store_entry_drop(s, key, false, e);
	if (r < 0 && r != -ENOENT)
		return r;
	return err_fail(e, ENOENT, FAILURE_STORE_DAMAGED,
	        "store %s: entry %.12s was damaged and is dropped (%s); nothing is wrong with any board",
	        s->path, key, o->damaged);
}

static int entry_take(const struct store *s, const char *key, enum image_state state, enum look look,
        struct image *out, struct front *front, struct store_meta *meta, bool *touched, char damaged[200],
        struct err *e)
{
	struct opening o = {.dir = -1, .data = -1, .lock = -1, .front = FRONT_NONE, .damaged = damaged};
	damaged[0] = '\0';
	int r = open_entry(s, key, state, look, &o, e);
	if (r < 0)
		return r;
	// The last use, for the store's limit: meta.json's own time.
	if (utimensat(o.dir, "meta.json", NULL, 0) < 0)
		log_debug("store %s: last use cannot be noted: %s", s->path, strerror(errno));
	out->data_fd = steal_fd(&o.data);
	out->lock_fd = steal_fd(&o.lock);
	STR_COPY(out->key, o.meta.key);
	STR_COPY(out->source_sha256, o.meta.source_sha256);
	STR_COPY(out->bmap_sha256, o.meta.bmap_sha256);
	*meta = o.meta;
	*front = o.front;
	o.front = FRONT_NONE;
	*touched = o.touched;
	opening_close(&o);
	return 0;
}

int store_entry_open(const struct store *s, const char *key, enum image_state state, struct image *out,
        struct front *front, struct store_meta *meta, char damaged[200], struct err *e)
{
	bool touched; // and hashed, then
	return entry_take(s, key, state, LOOK_TOUCHED, out, front, meta, &touched, damaged, e);
}

int store_open(const char *path, const char *key, struct image *out, bool *touched, struct err *e)
{
	struct store s;
	struct image image = {.data_fd = -1, .front_fd = -1, .wake_fd = -1, .lock_fd = -1};
	struct front front = FRONT_NONE;
	struct store_meta meta;
	char damaged[200];
	int r = store_attach(path, false, &s, e);
	if (r < 0)
		return r;
	r = entry_take(&s, key, IMAGE_CONFIRMED, LOOK_QUICK, &image, &front, &meta, touched, damaged, e);
	store_detach(&s);
	if (r < 0)
		return r;
	image.front_fd = steal_fd(&front.fd);
	front_close(&front);
	image.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	image.proof_fd = proof_create(NULL); // without it every worker proves for itself
	r = image.wake_fd < 0 ? err_sys(e, errno, "eventfd") : image_map(&image, e);
	if (r < 0) {
		image_close(&image);
		return r;
	}
	*out = image;
	return 0;
}

int store_check(const char *path, const char *key, bool *healthy, struct err *e)
{
	struct store s;
	char damaged[200] = "";
	struct opening o = {.dir = -1, .data = -1, .lock = -1, .front = FRONT_NONE, .damaged = damaged};
	int r = store_attach(path, false, &s, e);
	if (r < 0)
		return r;
	struct err why;
	r = open_entry(&s, key, IMAGE_CONFIRMED, LOOK_WHOLE, &o, &why);
	store_detach(&s);
	opening_close(&o);
	*healthy = r == 0;
	if (r == -ENOENT && *damaged) {
		log_warn("%s", why.text);
		return 0;
	}
	if (r < 0 && e)
		*e = why;
	return r;
}

int store_remove(const char *path, const char *key, struct err *e)
{
	struct store s;
	int r = store_attach(path, false, &s, e);
	if (r < 0)
		return r;
	r = store_entry_drop(&s, key, true, e);
	if (r == -EBUSY)
		err_set(e, EBUSY, "store %s: %.12s is in use; close its jobs first", path, key);
	if (r == -ENOENT)
		err_set(e, ENOENT, "store %s: has no %.12s", path, key);
	store_detach(&s);
	return r;
}
