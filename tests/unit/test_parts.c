// SPDX-License-Identifier: MIT
// timeout: 180
#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lz4frame.h>
#include <lzma.h>
#include <malloc.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <zlib.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "check.h"
#include "core/failure.h"
#include "image/lanes.h"
#include "image/pipeline.h"
#include "survey.h"

enum { FRAMES_MAX = 400 };

// A compressed file made of frames, what it decodes to, and where each frame begins.
struct file {
	uint8_t *data, *plain;
	size_t size, plain_size, room, plain_room;
	size_t borders[FRAMES_MAX];
	unsigned frames;
};

static void grow(uint8_t **data, size_t *room, size_t needed)
{
	while (*room < needed)
		*room = *room ? 2 * *room : MIB;
	*data = realloc(*data, *room);
	assert_non_null(*data);
}

static void file_free(struct file *f)
{
	free(f->data);
	free(f->plain);
	*f = (struct file){0};
}

static uint64_t noise_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static size_t pick(uint64_t *seed, size_t below)
{
	return (size_t)(noise_next(seed) >> 8) % below;
}

// Zeros, noise, or something in between.
static void fill(uint8_t *data, size_t size, uint64_t *seed)
{
	static const uint64_t masks[] = {0, UINT64_MAX, UINT64_C(0x0303030303030303)};
	uint64_t mask = masks[pick(seed, ARRAY_SIZE(masks))];
	for (size_t i = 0; i < size; i += 8) {
		uint64_t word = noise_next(seed) & mask;
		memcpy(data + i, &word, (size_t)u64_min(8, size - i));
	}
}

static size_t zstd_frame(uint8_t *out, size_t room, const uint8_t *in, size_t size, uint64_t *seed)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, 1 + (int)pick(seed, 3));
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, (int)pick(seed, 2));
	size_t n = 0;
	if (pick(seed, 3) == 0) { // a skippable frame in front, as pzstd has it
		memcpy(out, "P*M\030\004\0\0\0abcd", 12);
		n = 12;
	}
	size_t made = ZSTD_compress2(z, out + n, room - n, in, size);
	assert_false(ZSTD_isError(made));
	ZSTD_freeCCtx(z);
	return n + made;
}

static size_t lz4_frame(uint8_t *out, size_t room, const uint8_t *in, size_t size, uint64_t *seed)
{
	LZ4F_preferences_t how = {
	        .frameInfo = {.blockSizeID = LZ4F_max64KB + pick(seed, 4),
	                .blockMode = pick(seed, 2) ? LZ4F_blockLinked : LZ4F_blockIndependent,
	                .contentChecksumFlag = LZ4F_contentChecksumEnabled,
	                .blockChecksumFlag = pick(seed, 2) ? LZ4F_blockChecksumEnabled : LZ4F_noBlockChecksum,
	                .contentSize = pick(seed, 2) ? size : 0}};
	size_t made = LZ4F_compressFrame(out, room, in, size, &how);
	assert_false(LZ4F_isError(made));
	return made;
}

static size_t bzip2_stream(uint8_t *out, size_t room, const uint8_t *in, size_t size, uint64_t *seed)
{
	unsigned made = (unsigned)room;
	union {
		const uint8_t *in;
		char *z;
	} from = {.in = in};
	assert_int_equal(BZ2_bzBuffToBuffCompress(
	                         (char *)out, &made, from.z, (unsigned)size, 1 + (int)pick(seed, 9), 0, 0),
	        BZ_OK);
	return made;
}

// Members of 65280 bytes at most, as bgzip makes them; the last one is empty.
static size_t bgzf_members(uint8_t *out, size_t room, const uint8_t *in, size_t size, uint64_t *seed)
{
	size_t n = 0, at = 0;
	do {
		z_stream z = {0};
		size_t take = (size_t)u64_min(size - at, 65280);
		union {
			const uint8_t *in;
			uint8_t *z;
		} from = {.in = in + at};
		assert_int_equal(
		        deflateInit2(&z, (int)pick(seed, 2), Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
		z.next_in = from.z;
		z.avail_in = (uInt)take;
		z.next_out = out + n + 18;
		z.avail_out = (uInt)(room - n - 18);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		size_t body = z.total_out, total = 18 + body + 8;
		deflateEnd(&z);
		memcpy(out + n, "\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0", 16);
		out[n + 16] = (uint8_t)(total - 1);
		out[n + 17] = (uint8_t)((total - 1) >> 8);
		uint32_t crc = (uint32_t)crc32(0, in + at, (uInt)take), length = (uint32_t)take;
		memcpy(out + n + 18 + body, &crc, 4);
		memcpy(out + n + 22 + body, &length, 4);
		n += total;
		at += take;
	} while (at < size);
	return n;
}

static const struct format {
	const char *name;
	const struct decode_ops *ops;
	size_t (*frame)(uint8_t *out, size_t room, const uint8_t *in, size_t size, uint64_t *seed);
	size_t shorter; // frames by so much: bzip2 is slow, and counts streams, not bytes
} formats[] = {{"zstd", &decode_zstd, zstd_frame, 1}, {"lz4", &decode_lz4, lz4_frame, 1},
        {"bzip2", &decode_bzip2, bzip2_stream, 16}, {"bgzf", &decode_gzip, bgzf_members, 1}};

static void add_frame(struct file *f, const struct format *format, size_t size, uint64_t *seed)
{
	size /= format->shorter;
	grow(&f->plain, &f->plain_room, f->plain_size + size + 1);
	fill(f->plain + f->plain_size, size, seed);
	size_t room = size + size / 8 + 100000;
	grow(&f->data, &f->room, f->size + room);
	f->borders[f->frames++] = f->size;
	f->size += format->frame(f->data + f->size, room, f->plain + f->plain_size, size, seed);
	f->plain_size += size;
}

static void make(struct file *f, const struct format *format, unsigned frames, size_t longest, uint64_t *seed)
{
	*f = (struct file){0};
	for (unsigned i = 0; i < frames; i++) // some are empty
		add_frame(f, format, i && pick(seed, 8) == 0 ? 0 : 1 + pick(seed, longest), seed);
}

static void no_progress(void *context, uint64_t done)
{
	(void)context, (void)done;
}

// Decodes `data` into *out, a file of what came. 0, or -errno and *e.
static int run(const struct decode_ops *ops, const uint8_t *data, size_t size, uint64_t limit,
        unsigned threads, int *out, struct err *e)
{
	uint8_t digest[DIGEST_SHA256_SIZE], wanted[DIGEST_SHA256_SIZE];
	_cleanup_close_ int in = memory_file(data, size);
	*out = memory_file("", 0);
	struct sink sink = {.image_name = "f.img", .data_fd = *out, .wake_fd = -1, .size_limit = limit};
	struct pipeline pipeline = {.image_name = "f.img",
	        .image_fd = in,
	        .file_size = size,
	        .ops = ops,
	        .sink = &sink,
	        .threads = threads,
	        .progress = no_progress};
	assert_int_equal(sink_open(&sink, e), 0);
	int r = pipeline_run(&pipeline, digest, e);
	digest_sha256(data, size, wanted);
	if (r == 0) {
		assert_memory_equal(digest, wanted, sizeof(wanted));
		assert_int_equal(ftruncate(*out, (off_t)sink.done), 0);
	}
	sink_close(&sink);
	return r;
}

static bool holds(int fd, const uint8_t *plain, size_t size)
{
	if (lseek(fd, 0, SEEK_END) != (off_t)size)
		return false;
	const uint8_t *map = mmap(NULL, size + 1, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	bool same = !memcmp(map, plain, size);
	munmap((void *)(uintptr_t)map, size + 1);
	return same;
}

static void any_layout_of_frames_gives_the_same_bytes(void **state)
{
	(void)state;
	uint64_t seed = 20;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		for (unsigned n = 0; n < 8; n++) {
			struct file f;
			struct err e = {0};
			make(&f, &formats[i], 2 + (unsigned)pick(&seed, 20), n % 4 ? 300000 : 2500000, &seed);
			_cleanup_close_ int out = -1;
			int r = run(formats[i].ops, f.data, f.size, UINT64_MAX, 2 + (unsigned)pick(&seed, 7),
			        &out, &e);
			if (r < 0 || !holds(out, f.plain, f.plain_size))
				fail_msg("%s, layout %u: %s", formats[i].name, n,
				        r < 0 ? e.text : "other bytes");
			file_free(&f);
		}
}

// All borders that are found, when `step` more bytes are seen at a time.
static unsigned cuts(const struct format *format, const struct file *f, size_t step, size_t found[FRAMES_MAX])
{
	unsigned n = 0;
	size_t begin = 0, seen = 0, end = 0;
	struct cut cut = {0};
	while (seen < f->size) {
		seen = (size_t)u64_min(seen + step, f->size);
		for (;;) {
			enum cut_result r =
			        format->ops->cut(&cut, f->data + begin, seen - begin, seen == f->size, &end);
			assert_int_not_equal(r, CUT_LOST);
			if (r == CUT_MORE || begin + end == f->size)
				break;
			begin += end;
			found[n++] = begin;
			cut = (struct cut){0};
		}
	}
	return n;
}

static void a_file_is_cut_between_frames_wherever_its_bytes_are_cut(void **state)
{
	(void)state;
	static const size_t steps[] = {1, 7, 1000, MIB};
	uint64_t seed = 21;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct file f;
		size_t first[FRAMES_MAX] = {0};
		make(&f, &formats[i], 60, 200000, &seed);
		unsigned count = cuts(&formats[i], &f, f.size, first);
		assert_true(count >= 3); // as much work as a thread is worth, and not one part a frame
		for (unsigned n = 0, border = 0; i != 3 && n < count; n++) {
			while (border < f.frames && f.borders[border] < first[n])
				border++;
			// zstd's skippable frame belongs to neither neighbour
			if (border == f.frames || f.borders[border] != first[n])
				assert_true(i == 0 && border && first[n] == f.borders[border - 1] + 12);
		}
		for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
			size_t found[FRAMES_MAX];
			if (steps[s] == 1 && i == 2)
				continue; // looks at all that has come: quadratic
			assert_int_equal(cuts(&formats[i], &f, steps[s], found), count);
			assert_memory_equal(found, first, count * sizeof(*found));
		}
		assert_true(surveyed(formats[i].ops, f.data, f.size).parts || i == 2);
		file_free(&f);
	}
}

// Measured on two cores: `pzstd`'s frames took a quarter longer in threads of their own than one after the other.
static void threads_are_taken_where_they_have_cores_left(void **state)
{
	(void)state;
	static const unsigned of_zstd[] = {0, 0, 0, 0, 2, 3, 4, 5, 6},
	                      of_bzip2[] = {0, 0, 2, 3, 4, 5, 6, 7, 8};
	for (unsigned threads = 1; threads <= DECODE_THREADS_MAX; threads++) {
		assert_int_equal(decode_lanes(&decode_zstd, threads), of_zstd[threads]);
		assert_int_equal(decode_lanes(&decode_bzip2, threads), of_bzip2[threads]);
	}
}

static void a_file_of_one_frame_is_not_taken_for_parts(void **state)
{
	(void)state;
	uint64_t seed = 22;
	for (size_t i = 0; i < 3; i++) {
		struct file f;
		make(&f, &formats[i], 1, 3000000, &seed);
		assert_false(surveyed(formats[i].ops, f.data, f.size).parts);
		file_free(&f);
	}
}

// pbzip2 gives each 900 kB a stream; a plain bzip2 file has one, which is not read to its end to know it.
static void pbzip2s_streams_are_seen_at_the_files_head(void **state)
{
	(void)state;
	uint64_t seed = 23;
	struct file f = {0};
	for (unsigned i = 0; i < 4; i++)
		add_frame(&f, &formats[2], 900000 * formats[2].shorter, &seed);
	assert_true(surveyed(&decode_bzip2, f.data, f.size).parts);
	file_free(&f);
}

// Boards wait for all of a file that does not end as bgzip ends it: it may be cut between two members.
static void a_bgzf_file_is_whole_with_its_last_mark_only(void **state)
{
	(void)state;
	uint64_t seed = 30;
	struct file f = {0};
	for (unsigned i = 0; i < 4; i++)
		add_frame(&f, &formats[3], 300000, &seed);
	assert_false(surveyed(&decode_gzip, f.data, f.size).whole);
	add_frame(&f, &formats[3], 0, &seed);
	assert_int_equal(f.size - f.borders[4], 28);
	assert_true(surveyed(&decode_gzip, f.data, f.size).whole);
	assert_true(surveyed(&decode_gzip, f.data, f.borders[4]).parts);
	file_free(&f);
}

// Fails both ways, in the same words, and names a place in [from, to].
static void fails(const struct format *format, const uint8_t *data, size_t size, const char *what,
        const char *words, size_t from, size_t to)
{
	static const unsigned threads[] = {0, 2, 8};
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
		struct err e = {0};
		_cleanup_close_ int out = -1;
		if (run(format->ops, data, size, UINT64_MAX, threads[t], &out, &e) == 0)
			fail_msg("%s, %s, %u threads: was decoded", format->name, what, threads[t]);
		unsigned long long at = 0;
		if (e.failure != FAILURE_IMPORT_FAILED || strchr(e.text, '\n') || !strstr(e.text, words) ||
		        sscanf(e.text, "f.img: near byte %llu: ", &at) != 1)
			fail_msg("%s, %s, %u threads: '%s'", format->name, what, threads[t], e.text);
		if (at < from || at > to)
			fail_msg("%s, %s, %u threads: %llu is not in %zu to %zu", format->name, what,
			        threads[t], at, from, to);
	}
}

static void every_damage_is_named_with_its_place_and_in_the_same_words(void **state)
{
	(void)state;
	uint64_t seed = 24;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct format *format = &formats[i];
		struct file f = {0};
		for (unsigned n = 0; n < 8; n++)
			add_frame(&f, format, 700000 + pick(&seed, 500000), &seed);
		size_t last = f.borders[7], size = f.size;
		fails(format, f.data, last + (size - last) / 2, "cut in its last frame", "is cut short", last,
		        size);
		fails(format, f.data, size - 1, "cut at its end", "is cut short", last, size);
		grow(&f.data, &f.room, size + 22);
		memcpy(f.data + size, "garbage behind the end", 22);
		fails(format, f.data, size + 22, "garbage at its end", "behind its compressed data", size,
		        size + 22);
		// The checksum at the end of frame 3, of which bzip2's comes last but padding.
		size_t at = f.borders[4] - (format->ops == &decode_gzip ? 6 : 3);
		uint8_t was = f.data[at];
		if (format->ops == &decode_bzip2) {
			f.data[f.borders[3] + 10] ^= 0x10; // of the block, behind its mark
			fails(format, f.data, size, "wrong checksum", "is damaged", f.borders[3],
			        f.borders[5]);
		} else {
			f.data[at] = (uint8_t)(was ^ 0x10);
			fails(format, f.data, size, "wrong checksum", "is damaged", f.borders[3],
			        f.borders[4] + 20);
		}
		file_free(&f);
	}
}

static void garbage_between_two_frames_is_an_error_at_that_place(void **state)
{
	(void)state;
	uint64_t seed = 25;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct file f = {0};
		for (unsigned n = 0; n < 8; n++)
			add_frame(&f, &formats[i], 900000, &seed);
		grow(&f.data, &f.room, f.size + 9);
		size_t at = f.borders[5];
		memmove(f.data + at + 9, f.data + at, f.size - at);
		memcpy(f.data + at, "garbage!!", 9);
		fails(&formats[i], f.data, f.size + 9, "garbage in between", "get a good copy", at, at + 20);
		file_free(&f);
	}
}

static void a_sink_that_refuses_ends_all_threads(void **state)
{
	(void)state;
	uint64_t seed = 26;
	struct file f;
	make(&f, &formats[0], 40, 1000000, &seed);
	for (unsigned n = 0; n < 20; n++) {
		struct err e = {0};
		_cleanup_close_ int out = -1;
		assert_int_equal(
		        run(&decode_zstd, f.data, f.size, pick(&seed, f.plain_size), 4, &out, &e), -EFBIG);
		assert_int_equal(e.failure, FAILURE_STORE_FULL);
	}
	file_free(&f);
}

// A line of /proc/self/status, in bytes.
static uint64_t status_bytes(const char *name)
{
	char text[8192];
	assert_true(fd_read_text(AT_FDCWD, "/proc/self/status", text, sizeof(text)) > 0);
	const char *line = strstr(text, name);
	assert_non_null(line);
	return strtoull(line + strlen(name), NULL, 10) * KIB;
}

// Memory that this process has now; the peak (proc(5), clear_refs) begins anew.
static uint64_t memory_now(void)
{
	malloc_trim(0);
	_cleanup_close_ int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0 && write(fd, "5", 1) == 1);
	return status_bytes("VmRSS:");
}

// Sanitizers keep what was freed, and shadows of all.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool measurable = false;
#else
static const bool measurable = true;
#endif

// In a process of its own: what `threads` take more than one that only streams, in MiB.
static unsigned memory_of(const struct file *f, unsigned threads)
{
	int result[2];
	assert_int_equal(pipe(result), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = {0};
		uint8_t digest[DIGEST_SHA256_SIZE];
		int in = memory_file(f->data, f->size);
		uint64_t before = memory_now(), more = 0;
		struct sink sink = {
		        .image_name = "f.img", .data_fd = -1, .wake_fd = -1, .size_limit = UINT64_MAX};
		struct pipeline pipeline = {.image_name = "f.img",
		        .image_fd = in,
		        .file_size = f->size,
		        .ops = &decode_zstd,
		        .sink = &sink,
		        .threads = threads,
		        .progress = no_progress};
		if (sink_open(&sink, &e) == 0 && pipeline_run(&pipeline, digest, &e) == 0)
			more = status_bytes("VmHWM:") - before;
		if (write(result[1], &more, sizeof(more)) != sizeof(more))
			_exit(1);
		_exit(0);
	}
	uint64_t more = 0;
	int status;
	assert_int_equal(read(result[0], &more, sizeof(more)), sizeof(more));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(result[0]);
	close(result[1]);
	assert_true(more > 0);
	return (unsigned)(more / MIB);
}

static void a_bomb_takes_no_more_than_the_lanes_have(void **state)
{
	(void)state;
	if (!measurable)
		return;
	enum {
		THREADS = 8,
		FRAME = 48 * 1024 * 1024,
		BOUND = 10 * 8 + 32
	}; // lanes x MiB, and what belongs to all
	struct file f = {.data = malloc(MIB)};
	uint8_t *zeros = calloc(1, FRAME);
	for (unsigned i = 0; i < 40; i++)
		f.size += ZSTD_compress(f.data + f.size, MIB - f.size, zeros, FRAME, 1);
	free(zeros);
	assert_true(surveyed(&decode_zstd, f.data, f.size).parts);
	unsigned took = memory_of(&f, THREADS);
	if (took > BOUND)
		fail_msg("%u MiB, not %u", took, BOUND);
	assert_true(took > THREADS); // they have worked
	file_free(&f);
}

static void frames_longer_than_a_part_may_be_are_not_collected(void **state)
{
	(void)state;
	if (!measurable)
		return;
	enum { THREADS = 4, FRAME = 80 * 1024 * 1024 };
	size_t room = ZSTD_compressBound(FRAME),
	       bound = 37 + 6 * 8 + 48; // one part, the lanes' pieces, and what belongs to all
	struct file f = {.data = malloc(2 * room)};
	uint8_t *plain = malloc(FRAME);
	uint64_t seed = 27;
	for (size_t i = 0; i < FRAME; i += 8) {
		uint64_t word = noise_next(&seed);
		memcpy(plain + i, &word, 8);
	}
	for (unsigned i = 0; i < 2; i++)
		f.size += ZSTD_compress(f.data + f.size, 2 * room - f.size, plain, FRAME, 1);
	free(plain);
	assert_false(surveyed(&decode_zstd, f.data, f.size).parts); // so they are streamed at once,
	unsigned took = memory_of(&f, THREADS); // and would be if the file had changed since
	if (took > bound)
		fail_msg("%u MiB, not %zu", took, bound);
	file_free(&f);
}

// Every thread would have a window of its own: 8 times the 1 GiB that one may have.
static void frames_with_large_windows_are_decoded_one_by_one(void **state)
{
	(void)state;
	static const int logs[] = {23, 25, 30};
	uint64_t seed = 29;
	uint8_t *plain = calloc(1, 2 * MIB), *out = malloc(MIB);
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		struct cut cut = {0};
		size_t size = 0, end = 0;
		for (unsigned frame = 0; frame < 3; frame++) {
			ZSTD_CCtx *z = ZSTD_createCCtx();
			ZSTD_inBuffer from = {plain, 2 * MIB, 0};
			ZSTD_outBuffer to = {out, MIB, size};
			ZSTD_CCtx_setParameter(
			        z, ZSTD_c_windowLog, logs[i]); // not adapted to a size: it is not known
			assert_false(ZSTD_isError(ZSTD_compressStream2(z, &to, &from, ZSTD_e_continue)));
			assert_int_equal(ZSTD_compressStream2(z, &to, &from, ZSTD_e_end), 0);
			ZSTD_freeCCtx(z);
			size = to.pos;
		}
		assert_int_equal(surveyed(&decode_zstd, out, size).parts, logs[i] == 23);
		assert_true(surveyed(&decode_zstd, out, size).whole);
		assert_int_equal(
		        decode_zstd.cut(&cut, out, size, true, &end), logs[i] == 23 ? CUT_HERE : CUT_LOST);
		struct err e = {0};
		_cleanup_close_ int decoded = -1;
		assert_int_equal(
		        run(&decode_zstd, out, size, UINT64_MAX, 2 + (unsigned)pick(&seed, 3), &decoded, &e),
		        0);
		assert_int_equal(lseek(decoded, 0, SEEK_END), 6 * MIB);
	}
	free(plain);
	free(out);
}

static void corrupt(struct file *f, uint64_t *seed)
{
	size_t at = pick(seed, f->size), to = pick(seed, f->size), length = 1 + pick(seed, 4000);
	size_t head = (size_t)u64_min(f->borders[pick(seed, f->frames)] + pick(seed, 20), f->size - 1);
	switch (pick(seed, 5)) {
	case 0: f->data[at] ^= (uint8_t)(1u << pick(seed, 8)); break;
	case 1: f->data[head] = (uint8_t)noise_next(seed); break;
	case 2: f->size = at + 1; break;
	case 3:
		length = (size_t)u64_min(length, f->size - u64_max(at, to));
		memmove(f->data + to, f->data + at, length);
		break;
	default: // a whole frame is left out
		if (f->borders[2] >= f->size)
			break;
		memmove(f->data + f->borders[1], f->data + f->borders[2], f->size - f->borders[2]);
		f->size -= f->borders[2] - f->borders[1];
		break;
	}
}

// Whatever is done to a file: threads never crash nor hang, and take for good what one thread takes for good, only.
static void broken_files_fare_as_with_one_thread(void **state)
{
	(void)state;
	uint64_t seed = 28, until = clock_mono_ns() + 15 * NSEC_PER_SEC;
	unsigned good = 0, bad = 0;
	for (unsigned n = 0; n < 40 || (n < 160 && clock_mono_ns() < until); n++) {
		const struct format *format = &formats[n % ARRAY_SIZE(formats)];
		struct file f;
		struct err e = {0};
		make(&f, format, 8, 500000, &seed);
		grow(&f.data, &f.room, f.size + 100);
		for (size_t times = pick(&seed, 3); times > 0; times--)
			corrupt(&f, &seed);
		_cleanup_close_ int one = -1, many = -1;
		int r = run(format->ops, f.data, f.size, 64 * MIB, 0, &one, &e);
		off_t size = r == 0 ? lseek(one, 0, SEEK_END) : 0;
		if ((run(format->ops, f.data, f.size, 64 * MIB, 3, &many, &e) == 0) != (r == 0))
			fail_msg("%s, number %u: one thread %d, several not; %s", format->name, n, r, e.text);
		if (r == 0 && size) {
			uint8_t *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, one, 0);
			assert_ptr_not_equal(map, MAP_FAILED);
			assert_true(holds(many, map, (size_t)size));
			munmap(map, (size_t)size);
		}
		good += r == 0;
		bad += r < 0;
		file_free(&f);
	}
	assert_true(good > 5 && bad > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(any_layout_of_frames_gives_the_same_bytes),
	        cmocka_unit_test(a_file_is_cut_between_frames_wherever_its_bytes_are_cut),
	        cmocka_unit_test(threads_are_taken_where_they_have_cores_left),
	        cmocka_unit_test(a_file_of_one_frame_is_not_taken_for_parts),
	        cmocka_unit_test(pbzip2s_streams_are_seen_at_the_files_head),
	        cmocka_unit_test(a_bgzf_file_is_whole_with_its_last_mark_only),
	        cmocka_unit_test(every_damage_is_named_with_its_place_and_in_the_same_words),
	        cmocka_unit_test(garbage_between_two_frames_is_an_error_at_that_place),
	        cmocka_unit_test(a_sink_that_refuses_ends_all_threads),
	        cmocka_unit_test(a_bomb_takes_no_more_than_the_lanes_have),
	        cmocka_unit_test(frames_longer_than_a_part_may_be_are_not_collected),
	        cmocka_unit_test(frames_with_large_windows_are_decoded_one_by_one),
	        cmocka_unit_test(broken_files_fare_as_with_one_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
