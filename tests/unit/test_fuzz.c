// SPDX-License-Identifier: MIT
// Broken images and bmaps, at random: one line that says what is wrong, or the right bytes; nothing else.
// timeout: 120
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "bytes.h"
#include "check.h"
#include "core/failure.h"
#include "image/bmap.h"
#include "image/decode.h"
#include "image/pipeline.h"
#include "import_drive.h"

/*
 * Every round has a number, and all that is random in it comes from that: a failure names it, what crashed or hung has it
 * in the file "round" of the folder that tests/run keeps. FUZZ_FIRST=N begins there; FUZZ_SECONDS=S goes on for so long.
 * The first ROUNDS are done however slow the machine is.
 */
enum { ROUNDS = 120, SECONDS = 2, HANGS_AFTER_S = 100 };

enum { BLOCK = 4096, SIZE = 80 * BLOCK + 900, ROOM = 2 * SIZE };

static const struct sample {
	const char *name, *command;
	const char *end; // of the file's name: without one, what has lost its magic would be raw
	bool told;       // one stream with a checksum over its content: that tells a damage without a bmap
} samples[] = {
        {"raw", "cat plain", "", false},
        {"gzip", "gzip -nc plain", ".gz", true},
        {"gzip-members", "gzip -nc half1; gzip -nc half2", ".gz", false},
        {"xz", "xz -0c plain", ".xz", true},
        {"xz-crc32", "xz -0c -C crc32 plain", ".xz", true},
        {"xz-sha256", "xz -0c -C sha256 plain", ".xz", true},
        {"xz-unchecked", "xz -0c -C none plain", ".xz", false},
        {"xz-blocks", "xz -0c -T2 --block-size=100KiB plain", ".xz", true},
        {"xz-other-blocks", "xz -0c --block-list=40KiB,9KiB,200KiB plain", ".xz", true},
        {"xz-streams", "xz -0c half1; head -c 8 /dev/zero; xz -0c -C none half2; head -c 4 /dev/zero", ".xz",
                false},
        {"bzip2", "bzip2 -1c plain", ".bz2", true},
        {"bzip2-streams", "bzip2 -1c half1; bzip2 -1c half2", ".bz2", false},
        {"zstd", "zstd -q1c plain", ".zst", true},
        {"zstd-unsized", "zstd -q1c <plain", ".zst", true},
        {"zstd-frames", "printf 'P*M\\030\\004\\0\\0\\0abcd'; zstd -q1c half1; zstd -q1c half2", ".zst",
                false},
        {"lz4", "lz4 -qc --content-size plain", ".lz4", true},
        {"lz4-frames", "printf '_*M\\030\\004\\0\\0\\0abcd'; lz4 -qc half1; lz4 -qc -B4 -BX -BD half2",
                ".lz4", false},
};

static struct bytes packed[ARRAY_SIZE(samples)];
static struct bytes plain, map_text;
static struct bmap *map;

// Three ranges: the first two with holes behind them, the last one up to the image's odd end.
static void make_map(void)
{
	static struct bmap_range ranges[] = {
	        {.first = 0, .last = 19}, {.first = 30, .last = 49}, {.first = 70, .last = 80}};
	struct bmap b = {.major = 2,
	        .image_size = SIZE,
	        .block_size = BLOCK,
	        .blocks = 81,
	        .mapped_blocks = 51,
	        .checksum_type = "sha256",
	        .ranges = ranges,
	        .count = ARRAY_SIZE(ranges)};
	char *text;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		size_t from = (size_t)ranges[i].first * BLOCK,
		       to = (size_t)u64_min((ranges[i].last + 1) * BLOCK, SIZE);
		ranges[i].digest_size = DIGEST_SHA256_SIZE;
		digest_sha256(plain.data + from, to - from, ranges[i].digest);
	}
	assert_int_equal(bmap_text(&b, &text, &map_text.size, NULL), 0);
	map_text.data = (uint8_t *)text;
	assert_int_equal(bmap_parse("f.bmap", text, map_text.size, &map, NULL), 0);
}

static int make_samples(void **state)
{
	(void)state;
	char command[400];
	shell("python3 -c 'import random, sys; r = random.Random(1).randbytes;"
	      "text = b\"\".join(b\"%d \" % n for n in range(20000));"
	      "sys.stdout.buffer.write((r(20000) + text + bytes(90000) + r(9000) + text + bytes(5000) + "
	      "text)[:328580])' "
	      ">plain; head -c 150000 plain >half1; tail -c +150001 plain >half2");
	plain = read_all("plain");
	assert_int_equal(plain.size, SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		snprintf(command, sizeof(command), "{ %s; } >sample", samples[i].command);
		shell(command);
		packed[i] = read_all("sample");
	}
	make_map();
	return 0;
}

static int free_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		free(packed[i].data);
	free(plain.data);
	free(map_text.data);
	map = bmap_free(map);
	return 0;
}

static uint64_t noise_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static size_t pick(uint64_t *seed, size_t below)
{
	return below ? (size_t)(noise_next(seed) >> 8) % below : 0;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : otherwise;
}

// A place: anywhere, or near the beginning or the end, where the formats have their headers.
static size_t place(const struct bytes *b, uint64_t *seed)
{
	size_t near = (size_t)u64_min(b->size, 80);
	switch (pick(seed, 3)) {
	case 0: return pick(seed, near);
	case 1: return b->size - near + pick(seed, near);
	default: return pick(seed, b->size);
	}
}

static void overwrite(struct bytes *b, size_t at, uint64_t *seed)
{
	static const uint32_t numbers[] = {
	        0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
	uint32_t number =
	        pick(seed, 2) ? numbers[pick(seed, ARRAY_SIZE(numbers))] : (uint32_t)noise_next(seed);
	memcpy(b->data + at, &number, (size_t)u64_min(1 + pick(seed, 4), b->size - at));
}

// Bytes are left out, or there twice.
static void move(struct bytes *b, size_t at, uint64_t *seed)
{
	size_t to = place(b, seed), rest = b->size - (size_t)u64_max(at, to);
	if (b->size + to - at > ROOM)
		return;
	memmove(b->data + to, b->data + at, at < to ? rest : b->size - at);
	b->size = at < to ? b->size : b->size - (at - to);
}

static void append(struct bytes *b, uint64_t *seed)
{
	static const char skippable[] = "P*M\030\xff\xff\xff\x7f";
	const struct bytes other = pick(seed, 2) ? (struct bytes){(uint8_t *)(uintptr_t)skippable, 8}
	                                         : packed[pick(seed, ARRAY_SIZE(samples))];
	size_t n = (size_t)u64_min(other.size, ROOM - b->size);
	memcpy(b->data + b->size, other.data, n);
	b->size += n;
}

static void break_bytes(struct bytes *b, bool may_append, uint64_t *seed)
{
	for (size_t times = 1 + pick(seed, 3); times && b->size; times--) {
		size_t at = place(b, seed);
		switch (pick(seed, 8)) {
		case 0: b->size = at; break;
		case 1: move(b, at, seed); break;
		case 2: may_append ? append(b, seed) : overwrite(b, at, seed); break;
		case 3:
		case 4: overwrite(b, at, seed); break;
		default: b->data[at] ^= (uint8_t)(1u << pick(seed, 8)); break;
		}
	}
}

// A number of the text becomes another one, or a whole line is left out or there twice.
static void break_text(struct bytes *b, uint64_t *seed)
{
	static const char *const numbers[] = {"0", "-1", "1", "4096", "18446744073709551615",
	        "18446744073709551616", "9223372036854775807", "0x10", "1e9", "", "2.1", "sha1"};
	char *text = (char *)b->data, *at = text + pick(seed, b->size);
	char *line = memrchr(text, '\n', (size_t)(at - text)),
	     *end = memchr(at, '\n', b->size - (size_t)(at - text));
	char *digits = strpbrk(at, "0123456789");
	if (pick(seed, 3) == 0 && line && end) {
		size_t rest = (size_t)(text + b->size - end), n = (size_t)(end - line);
		bool twice = pick(seed, 2);
		memmove(twice ? end + n : line, end, rest);
		if (twice)
			memcpy(end, line, n);
		b->size = twice ? b->size + n : b->size - n;
	} else if (digits) {
		const char *other = numbers[pick(seed, ARRAY_SIZE(numbers))];
		size_t n = strspn(digits, "0123456789"), m = strlen(other);
		memmove(digits + m, digits + n, (size_t)(text + b->size - (digits + n)));
		memcpy(digits, other, m);
		b->size = b->size + m - n;
	}
	b->data[b->size] = 0;
}

// The file's own checksum is made right again: what else is wrong with it must then be seen.
static void mend_checksum(struct bytes *b)
{
	static const char tag[] = "<BmapFileChecksum>";
	uint8_t digest[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE], *at = strstr((char *)b->data, tag);
	if (!at)
		return;
	at += sizeof(tag) - 1 + strspn(at + sizeof(tag) - 1, " ");
	if (strspn(at, "0123456789abcdef") != 64)
		return;
	memset(at, '0', 64);
	digest_sha256(b->data, b->size, digest);
	digest_hex(digest, sizeof(digest), hex);
	memcpy(at, hex, 64);
}

static void no_progress(void *context, uint64_t done)
{
	(void)context, (void)done;
}

static int memory_file(const struct bytes *b)
{
	int fd = memfd_create("f", MFD_CLOEXEC);
	assert_true(fd >= 0 && fd_write_all(fd, b->data, b->size) == 0);
	return fd;
}

// As the importer does it, in this process. 0 and *out, all that was decoded, or -errno and *e.
static int decode(size_t sample, const struct bytes *in, const struct bmap *bmap, int *out, uint64_t *size,
        struct err *e)
{
	char name[16];
	uint8_t digest[DIGEST_SHA256_SIZE];
	const struct decode_ops *ops;
	struct decode_survey survey = {0};
	_cleanup_free_ struct plan_range *ranges = NULL;
	_cleanup_close_ int fd = memory_file(in);
	*out = memory_file(&(struct bytes){0});
	snprintf(name, sizeof(name), "f.img%s", samples[sample].end);
	struct sink sink = {
	        .image_name = name, .bmap_name = "f.bmap", .bmap = bmap, .data_fd = *out, .wake_fd = -1};
	int r = decode_choose(name, fd, &ops, e);
	if (r == 0 && bmap)
		r = bmap_plan(bmap, &ranges, e);
	if (r < 0)
		return r;
	sink.ranges = ranges;
	sink.count = bmap ? bmap->count : 0;
	sink.size_known = bmap;
	sink.size_limit = bmap ? bmap->image_size : 4 * MIB;
	if (ops->survey(fd, in->size, sink.size_known ? sink.size_limit : 0, &survey, NULL) < 0)
		survey.parts = false; // the decoder tells it as well
	const struct pipeline pipeline = {.image_name = name,
	        .image_fd = fd,
	        .file_size = in->size,
	        .ops = ops,
	        .sink = &sink,
	        .threads = survey.parts ? 3 : 0,
	        .progress = no_progress};
	r = sink_open(&sink, e);
	if (r == 0)
		r = pipeline_run(&pipeline, digest, e);
	*size = sink.done;
	sink_close(&sink);
	return r;
}

struct tally {
	const char *test;
	uint64_t round;
	const char *sample;
	unsigned good, bad;
};

static void one_line(const struct tally *t, const struct err *e)
{
	bool named = !strncmp(e->text, "f.img", 5) || !strncmp(e->text, "f.bmap:", 7);
	bool known = e->failure == FAILURE_IMPORT_FAILED || e->failure == FAILURE_STORE_FULL;
	for (const char *at = e->text; *at; at++)
		known = known && (unsigned char)*at >= ' ' && *at != 0x7f;
	if (!known || !named || e->num == 0)
		fail_msg("%s, round %" PRIu64 " (%s): failure %d, errno %d, '%s'", t->test, t->round,
		        t->sample, e->failure, e->num, e->text);
}

// What nobody broke is good.
static void count(struct tally *t, bool intact, bool good)
{
	t->good += good;
	t->bad += !good;
	if (intact && !good)
		fail_msg("%s, round %" PRIu64 " (%s): was refused", t->test, t->round, t->sample);
}

static void right_bytes(const struct tally *t, int fd, uint64_t from, uint64_t length)
{
	static uint8_t got[SIZE];
	if (from + length > SIZE || fd_pread_all(fd, got, (size_t)length, from) != (ssize_t)length ||
	        memcmp(got, plain.data + from, (size_t)length) != 0)
		fail_msg("%s, round %" PRIu64 " (%s): other bytes were taken for good at %" PRIu64
		         "+%" PRIu64,
		        t->test, t->round, t->sample, from, length);
}

static void right_ranges(const struct tally *t, int fd, const struct bmap *bmap)
{
	for (size_t i = 0; i < bmap->count; i++)
		right_bytes(t, fd, bmap_range_offset(bmap, &bmap->ranges[i]),
		        bmap_range_length(bmap, &bmap->ranges[i]));
}

// All rounds of a test. Each gets its own seed and a buffer of ROOM bytes.
static void rounds(const char *test, void (*round)(struct tally *t, struct bytes *b, uint64_t seed))
{
	_cleanup_close_ int note = open("round", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	uint64_t first = number_from("FUZZ_FIRST", 0);
	uint64_t until = clock_mono_ns() + number_from("FUZZ_SECONDS", SECONDS) * NSEC_PER_SEC;
	struct tally t = {.test = test, .round = first};
	for (; t.round < first + ROUNDS || clock_mono_ns() < until; t.round++) {
		char text[100];
		int n = snprintf(text, sizeof(text), "%s, round %-20" PRIu64 "\n", test, t.round);
		assert_int_equal(pwrite(note, text, (size_t)n, 0), n);
		alarm(HANGS_AFTER_S);
		// Of its own, so that a sanitizer sees what reads behind its end.
		struct bytes b = {.data = malloc(ROOM)};
		assert_non_null(b.data);
		round(&t, &b, (t.round + 1) * UINT64_C(0x9e3779b97f4a7c15));
		free(b.data);
	}
	alarm(0);
	print_message("%s: %u good, %u bad\n", test, t.good, t.bad);
	assert_true(t.good >= 3 && t.bad >= 3);
}

static void copy(struct bytes *to, const struct bytes *from)
{
	memcpy(to->data, from->data, from->size);
	to->size = from->size;
}

static void break_image(struct tally *t, struct bytes *b, uint64_t seed)
{
	size_t i = t->round % ARRAY_SIZE(samples);
	bool guided = !samples[i].told || pick(&seed, 2);
	t->sample = samples[i].name;
	copy(b, &packed[i]);
	bool intact = t->round / ARRAY_SIZE(samples) % 4 == 0;
	if (!intact)
		break_bytes(b, guided, &seed);
	if (b->size == 0)
		return; // the importer does not come so far
	struct err e = {0};
	uint64_t size = 0;
	_cleanup_close_ int out = -1;
	int r = decode(i, b, guided ? map : NULL, &out, &size, &e);
	if (r < 0)
		one_line(t, &e);
	else if (guided)
		right_ranges(t, out, map);
	else
		right_bytes(t, out, 0, u64_max(size, SIZE));
	count(t, intact, r == 0);
}

static void a_broken_image_is_refused_in_one_line_or_gives_the_right_bytes(void **state)
{
	(void)state;
	rounds("broken images", break_image);
}

static void break_bmap(struct tally *t, struct bytes *b, uint64_t seed)
{
	size_t i = t->round % ARRAY_SIZE(samples);
	uint8_t digest[DIGEST_SHA256_SIZE];
	_cleanup_bmap_ struct bmap *bmap = NULL;
	struct err e = {0};
	t->sample = samples[i].name;
	copy(b, &map_text);
	b->data[b->size] = 0;
	bool intact = t->round / ARRAY_SIZE(samples) % 4 == 0;
	if (!intact && pick(&seed, 2))
		break_bytes(b, false, &seed);
	else if (!intact)
		break_text(b, &seed);
	b->data[b->size] = 0;
	if (pick(&seed, 3))
		mend_checksum(b);
	_cleanup_close_ int fd = memory_file(b), out = -1;
	uint64_t size;
	int r = bmap_load(fd, "f.bmap", digest, &bmap, &e);
	if (r == 0 && bmap->image_size <= 64 * MIB) // a size of exabytes is the store's to refuse
		r = decode(i, &packed[i], bmap, &out, &size, &e);
	if (r < 0)
		one_line(t, &e);
	else if (out >= 0)
		right_ranges(t, out, bmap);
	count(t, intact, r == 0);
}

static void a_broken_bmap_is_refused_in_one_line_or_maps_the_right_bytes(void **state)
{
	(void)state;
	rounds("broken bmaps", break_bmap);
}

static void put(const char *path, const struct bytes *b)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && fd_write_all(fd, b->data, b->size) == 0);
}

// Both, and what lies between them: the importer itself, shut in, and its store.
static void break_import(struct tally *t, struct bytes *b, uint64_t seed)
{
	size_t i = t->round % ARRAY_SIZE(samples);
	bool bmap_too = pick(&seed, 4) == 0;
	struct drive d = {0};
	if (t->round % 8)
		return; // a process each
	t->sample = samples[i].name;
	copy(b, bmap_too ? &map_text : &packed[i]);
	b->data[b->size] = 0;
	bool intact = t->round / 8 % 4 == 0;
	if (!intact && bmap_too)
		break_text(b, &seed);
	else if (!intact)
		break_bytes(b, true, &seed);
	if (bmap_too && pick(&seed, 2))
		mend_checksum(b);
	char name[16];
	snprintf(name, sizeof(name), "f.img%s", samples[i].end);
	put(name, bmap_too ? &packed[i] : b);
	put("f.bmap", bmap_too ? b : &map_text);
	int r = drive_run(&d, "store", name, "f.bmap", false, GIB);
	assert_true(r == 0 || r == 1);
	const struct image *image = d.import && d.readies ? import_image(d.import) : NULL;
	if (r == 1)
		one_line(t, &d.error);
	for (uint32_t n = 0; r == 0 && n < image->front->range_count; n++)
		right_bytes(
		        t, image->data_fd, image->front->ranges[n].offset, image->front->ranges[n].length);
	if (image)
		assert_int_equal(image_front_state(image->front), r == 0 ? IMAGE_CONFIRMED : IMAGE_FAILED);
	drive_end(&d);
	assert_int_equal(count_in("store/tmp"), 0);
	count(t, intact, r == 0);
}

static void the_importer_itself_ends_with_one_line_or_the_right_bytes_and_leaves_nothing_half_done(
        void **state)
{
	(void)state;
	rounds("imports", break_import);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "importer"))
		return import_role(argc - 1, argv + 1);
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_broken_image_is_refused_in_one_line_or_gives_the_right_bytes),
	        cmocka_unit_test(a_broken_bmap_is_refused_in_one_line_or_maps_the_right_bytes),
	        cmocka_unit_test(
	                the_importer_itself_ends_with_one_line_or_the_right_bytes_and_leaves_nothing_half_done),
	};
	return cmocka_run_group_tests(tests, make_samples, free_samples);
}
