// SPDX-License-Identifier: MIT
// Which decoder a file wants, and the words they share; the raw one.
#include "image/decode.h"

#include <errno.h>
#include <sched.h>
#include <strings.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/decode_chain.h"

static const struct {
	uint8_t bytes[6];
	uint8_t size;
	const struct decode_ops *ops;
} magics[] = {
        {{0x1f, 0x8b}, 2, &decode_gzip},                // RFC 1952, 2.3.1
        {{0xfd, '7', 'z', 'X', 'Z', 0}, 6, &decode_xz}, // The .xz File Format, 2.1.1.1
        {{'B', 'Z', 'h'}, 3, &decode_bzip2},            // as libbzip2 writes it
        {{0x28, 0xb5, 0x2f, 0xfd}, 4, &decode_zstd},    // RFC 8878, 3.1.1
        {{0x04, 0x22, 0x4d, 0x18}, 4, &decode_lz4},     // LZ4 Frame Format, "Magic Number"
        {{0x02, 0x21, 0x4c, 0x18}, 4, &decode_lz4},     // its legacy form, for a clear message
};

static const struct decode_ops *find_magic(const uint8_t *head, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (size >= magics[i].size && !memcmp(head, magics[i].bytes, magics[i].size))
			return magics[i].ops;
	return &decode_raw;
}

/*
 * Skippable frames (RFC 8878, 3.1.2), with which pzstd's files begin, are zstd's and lz4's alike: what comes behind them
 * tells whose they are. The decoder finds fault with anything else.
 */
int decode_find(int fd, const struct decode_ops **out)
{
	enum { HEAD = 8, SKIPPED_MAX = 1000 }; // each costs a read: nobody writes so many but to hold us up
	uint64_t at = 0;
	for (unsigned skipped = 0; skipped < SKIPPED_MAX; skipped++) {
		uint8_t head[HEAD];
		struct frame_walk walk = {0};
		ssize_t n = fd_pread_all(fd, head, sizeof(head), at);
		if (n < 0)
			return (int)n;
		*out = find_magic(head, (size_t)n);
		if (!frame_skippable(&walk, head, (size_t)n))
			break;
		at += walk.length;
	}
	if (at && *out != &decode_lz4)
		*out = &decode_zstd;
	return 0;
}

static const char *promised_codec(const char *name)
{
	static const struct {
		const char *suffix, *codec;
	} suffixes[] = {{".gz", "gzip"}, {".xz", "xz"}, {".bz2", "bzip2"}, {".zst", "zstd"}, {".lz4", "lz4"}};
	size_t length = strlen(name);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i].suffix);
		if (length > n && !strcasecmp(name + length - n, suffixes[i].suffix))
			return suffixes[i].codec;
	}
	return NULL;
}

int decode_choose(const char *name, int fd, const struct decode_ops **out, struct err *e)
{
	const struct decode_ops *ops;
	const char *promised = promised_codec(name);
	int r = decode_find(fd, &ops);
	if (r < 0)
		return err_fail(e, -r, FAILURE_IMPORT_FAILED, "%s: cannot be read: %s", name, strerror(-r));
	if (ops == &decode_raw && promised)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
		        "%s: does not begin as %s data does: it is damaged or misnamed; get a good copy, or "
		        "rename it "
		        "if it really is a raw image",
		        name, promised);
	*out = ops;
	return 0;
}

int decode_cut_short(struct err *e)
{
	return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED, "is cut short; get a complete copy");
}

int decode_garbage(struct err *e)
{
	return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
	        "has something behind its compressed data; get a good copy");
}

int decode_damaged(struct err *e, const char *why)
{
	return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED, "is damaged (%s); get a good copy", why);
}

int decode_no_memory(struct err *e)
{
	return err_fail(e, ENOMEM, FAILURE_STATION_ERROR, "no memory for its decoder");
}

unsigned decode_threads(void)
{
	// Not sysconf(3), which opens files that a sandboxed importer cannot.
	cpu_set_t cpus;
	int count = sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ? 1 : CPU_COUNT(&cpus);
	return (unsigned)u64_min((uint64_t)count, DECODE_THREADS_MAX);
}

unsigned decode_lanes(const struct decode_ops *ops, unsigned threads)
{
	// Reading and storing each have a thread of their own: what is no slower than they are gains by cores that they leave.
	unsigned busy = ops->swift ? 2 : 0;
	return threads >= busy + 2 ? threads - busy : 0;
}

static int raw_survey(int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
{
	(void)fd, (void)expected, (void)e;
	*out = (struct decode_survey){.size = file_size, .whole = true};
	return 0;
}

const struct decode_ops decode_raw = {.name = "raw", .survey = raw_survey};
