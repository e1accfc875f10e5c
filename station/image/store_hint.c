// SPDX-License-Identifier: MIT
// Hints: which entry the source with this path, size and time had the last time it was hashed.
#include "image/store_hint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"

// Whether the open file still has its name: its last holder may have removed it while we waited.
static bool still_named(int folder, const char *name, int fd)
{
	struct stat own, named;
	return fstat(fd, &own) == 0 && fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

// KEY, or KEY and a mark behind a blank.
static void read_both(struct store_hint *hint)
{
	enum { KEY = SHA256_HEX_SIZE - 1 };
	char text[KEY + 1 + SETTLED_MARK_SIZE] = "";
	uint8_t digest[DIGEST_SHA256_SIZE];
	hint->key[0] = hint->mark[0] = '\0';
	if (fd_pread_all(hint->fd, text, sizeof(text) - 1, 0) < KEY)
		return;
	if (text[KEY] == ' ')
		STR_COPY(hint->mark, text + KEY + 1);
	text[KEY] = '\0';
	if (digest_from_hex(text, digest, sizeof(digest)))
		memcpy(hint->key, text, KEY + 1);
	else
		hint->mark[0] = '\0';
}

int store_hint_lock(const struct store *s, const char *identity, struct store_hint *out, struct err *e)
{
	struct store_hint hint = STORE_HINT_NONE;
	STR_COPY(hint.name, identity);
	for (;;) {
		hint.fd = openat(s->hints, identity, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (hint.fd < 0)
			return err_sys(e, errno, "store %s: hint cannot be opened", s->path);
		int r = flock(hint.fd, LOCK_EX);
		if (r < 0 && errno != EINTR) {
			r = err_sys(e, errno, "store %s: hint cannot be locked", s->path);
			fd_close(&hint.fd);
			return r;
		}
		if (r == 0 && still_named(s->hints, identity, hint.fd))
			break;
		fd_close(&hint.fd);
	}
	read_both(&hint);
	*out = hint;
	return 0;
}

int store_hint_set(struct store_hint *hint, const char *key, const char *mark, struct err *e)
{
	char text[SHA256_HEX_SIZE + SETTLED_MARK_SIZE];
	snprintf(text, sizeof(text), "%s%s%s", key, key[0] && mark[0] ? " " : "", key[0] ? mark : "");
	int r = ftruncate(hint->fd, 0) < 0 ? -errno : 0;
	if (r == 0)
		r = fd_pwrite_all(hint->fd, text, strlen(text), 0);
	STR_COPY(hint->key, key);
	STR_COPY(hint->mark, key[0] ? mark : "");
	return r < 0 ? err_sys(e, -r, "the store's hint cannot be written") : 0;
}

void store_hint_release(const struct store *s, struct store_hint *hint)
{
	if (hint->fd >= 0 && !hint->key[0])
		unlinkat(s->hints, hint->name, 0);
	fd_close(&hint->fd);
	*hint = STORE_HINT_NONE;
}

static void forget_one(const struct store *s, const char *name, const char *key)
{
	struct store_hint hint = {.fd = openat(s->hints, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
	if (hint.fd < 0)
		return;
	read_both(&hint);
	if (!strcmp(hint.key, key) && flock(hint.fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(s->hints, name, 0);
	fd_close(&hint.fd);
}

void store_hint_forget(const struct store *s, const char *key)
{
	int fd = openat(s->hints, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return;
	}
	struct dirent *entry;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			forget_one(s, entry->d_name, key);
	closedir(dir);
}
