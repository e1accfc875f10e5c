// SPDX-License-Identifier: MIT
// An image larger than memory: where each board reads the store.
#include "image/herd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "image/proof.h"

struct member {
	_Atomic uint64_t seen_ns; // 0: the place is free
	_Atomic uint64_t offset;
};

struct herd {
	struct member members[HERD_MEMBERS_MAX];
};
_Static_assert(sizeof(struct herd) <= PROOF_PAGE, "it has one page");

int herd_map(int fd, struct herd **out, struct err *e)
{
	void *map = mmap(NULL, sizeof(struct herd), PROT_READ | PROT_WRITE, MAP_SHARED, fd, PROOF_PAGE);
	if (map == MAP_FAILED)
		return err_sys(e, errno, "the workers' shared places");
	*out = map;
	return 0;
}

struct herd *herd_unmap(struct herd *herd)
{
	if (herd)
		munmap(herd, sizeof(*herd));
	return NULL;
}

static bool is_alive(uint64_t seen_ns, uint64_t now_ns)
{
	return seen_ns && now_ns < seen_ns + HERD_STALE_NS;
}

int herd_join(struct herd *herd, uint64_t now_ns)
{
	for (int i = 0; i < HERD_MEMBERS_MAX; i++) {
		struct member *m = &herd->members[i];
		uint64_t seen = atomic_load(&m->seen_ns);
		if (is_alive(seen, now_ns) || !atomic_compare_exchange_strong(&m->seen_ns, &seen, now_ns))
			continue;
		atomic_store(&m->offset, 0);
		return i;
	}
	return -1;
}

void herd_leave(struct herd *herd, int member)
{
	atomic_store(&herd->members[member].seen_ns, 0);
}

void herd_note(struct herd *herd, int member, uint64_t offset, uint64_t now_ns)
{
	atomic_store(&herd->members[member].offset, offset);
	atomic_store(&herd->members[member].seen_ns, now_ns);
}

bool herd_is_last(const struct herd *herd, int member, uint64_t offset, uint64_t window, uint64_t now_ns)
{
	uint64_t behind = UINT64_MAX,
	         foremost = 0; // the nearest to the foremost of those that need it; the foremost
	for (int i = 0; i < HERD_MEMBERS_MAX; i++) {
		const struct member *m = &herd->members[i];
		if (!is_alive(atomic_load(&m->seen_ns), now_ns))
			continue;
		uint64_t at = atomic_load(&m->offset);
		foremost = u64_max(foremost, at);
		if (i != member && at < offset && (behind == UINT64_MAX || at > behind))
			behind = at;
	}
	return behind == UINT64_MAX || foremost - behind > window;
}

uint64_t herd_window(uint64_t mapped, uint64_t available)
{
	return mapped <= available / 4 * 3 ? 0 : available / 8 * 5;
}

static uint64_t number_in(const char *path)
{
	char text[64];
	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0 || text[0] < '0' || text[0] > '9')
		return UINT64_MAX; // "max", or no such file
	return strtoull(text, NULL, 10);
}

// The limits of a group and of those above it. `path` is from /proc/self/cgroup.
static uint64_t group_limit(const char *root, const char *path, const char *file)
{
	char group[PATH_MAX], name[PATH_MAX + 64];
	uint64_t limit = UINT64_MAX;
	STR_COPY(group, path);
	for (;;) {
		snprintf(name, sizeof(name), "%s%s/%s", root, group, file);
		limit = u64_min(limit, number_in(name));
		char *slash = strrchr(group, '/');
		if (!slash)
			return limit;
		*slash = '\0';
	}
}

// cgroups(7): "hierarchy:controllers:path" a line; version 2 is hierarchy 0 without controllers.
static uint64_t cgroup_limit(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 128];
	uint64_t limit = UINT64_MAX;
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		if (!strcmp(controllers, ":memory"))
			limit = u64_min(
			        limit, group_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
		else if (!strcmp(controllers, ":"))
			limit = u64_min(limit, group_limit("/sys/fs/cgroup", path, "memory.max"));
	}
	return limit;
}

static uint64_t machine_memory(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t kib;
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			return kib * KIB;
	return UINT64_MAX;
}

uint64_t herd_memory(void)
{
	return u64_min(machine_memory(), cgroup_limit());
}
