// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "bytes.h"
#include "check.h"
#include "core/failure.h"
#include "image/decode.h"

static const struct codec {
	const char *name, *command; // compresses `plain` to stdout
	const struct decode_ops *ops;
} codecs[] = {
        {"gzip", "gzip -nc plain", &decode_gzip},
        {"gzip-members", "gzip -nc half1; gzip -nc half2", &decode_gzip},
        {"xz", "xz -c plain", &decode_xz},
        {"xz-blocks", "xz -T2 --block-size=16KiB -c plain", &decode_xz},
        {"xz-streams", "xz -c half1; head -c 8 /dev/zero; xz -c half2", &decode_xz},
        {"bzip2", "bzip2 -c plain", &decode_bzip2},
        {"bzip2-streams", "bzip2 -c half1; bzip2 -c half2", &decode_bzip2},
        {"zstd", "zstd -qc plain", &decode_zstd},
        {"zstd-frames", "zstd -qc half1; zstd -qc half2", &decode_zstd},
        {"zstd-skippable", "printf 'P*M\\030\\004\\0\\0\\0abcd'; zstd -qc plain", &decode_zstd},
        {"lz4", "lz4 -qc plain", &decode_lz4},
        {"lz4-frames", "lz4 -qc half1; lz4 -qc -B4 half2", &decode_lz4},
        {"lz4-linked", "lz4 -qc -BD --content-size plain", &decode_lz4},
        {"lz4-skippable", "printf 'P*M\\030\\004\\0\\0\\0abcd_*M\\030\\0\\0\\0\\0'; lz4 -qc plain",
                &decode_lz4},
};

static struct bytes plain;

static struct bytes compressed(const struct codec *codec)
{
	char command[300];
	snprintf(command, sizeof(command), "{ %s; } >sample", codec->command);
	assert_int_equal(system(command), 0);
	return read_all("sample");
}

static int make_plain(void **state)
{
	(void)state;
	assert_int_equal(system("{ head -c 20000 /dev/urandom; seq 1 12000; head -c 9000 /dev/zero; } >plain;"
	                        "head -c 40000 plain >half1; tail -c +40001 plain >half2"),
	        0);
	plain = read_all("plain");
	return 0;
}

static int free_plain(void **state)
{
	(void)state;
	free(plain.data);
	return 0;
}

// Decodes in pieces of random sizes. DECODE_END and *out, or what the decoder said.
static int decode(
        const struct decode_ops *ops, struct bytes in, unsigned *seed, struct bytes *out, struct err *e)
{
	void *state;
	size_t room = plain.size + 100000, fed = 0;
	*out = (struct bytes){.data = malloc(room)};
	assert_int_equal(ops->open(&state, e), 0);
	int r = DECODE_MORE;
	unsigned idle = 0;
	struct decode_io io = {.in = in.data};
	while (r == DECODE_MORE) {
		if (io.in_pos == io.in_size && fed < in.size) {
			fed += u64_min(in.size - fed, 1 + (size_t)rand_r(seed) % 20000);
			io.in_size = fed;
		}
		io.in_end = fed == in.size;
		io.out = out->data;
		io.out_pos = out->size;
		io.out_size = (size_t)u64_min(room, out->size + 1 + (size_t)rand_r(seed) % 30000);
		size_t before = io.in_pos + io.out_pos;
		r = ops->step(state, &io, e);
		out->size = io.out_pos;
		idle = io.in_pos + io.out_pos == before ? idle + 1 : 0;
		assert_true(idle < 10); // it gets on
		if (out->size == room)
			break;
	}
	ops->close(state);
	return r;
}

static const struct decode_ops *found(struct bytes in)
{
	const struct decode_ops *ops = NULL;
	_cleanup_close_ int fd = memfd_create("x", MFD_CLOEXEC);
	assert_true(fd >= 0 && fd_write_all(fd, in.data, in.size) == 0);
	assert_int_equal(decode_find(fd, &ops), 0);
	return ops;
}

static void every_form_decodes_in_pieces_of_any_size(void **state)
{
	(void)state;
	unsigned seed = 7;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct bytes in = compressed(&codecs[i]), out;
		assert_ptr_equal(found(in), codecs[i].ops);
		for (int n = 0; n < 20; n++) {
			struct err e = {0};
			int r = decode(codecs[i].ops, in, &seed, &out, &e);
			if (r != DECODE_END)
				fail_msg("%s: %d %s", codecs[i].name, r, e.text);
			assert_int_equal(out.size, plain.size);
			assert_memory_equal(out.data, plain.data, plain.size);
			free(out.data);
		}
		free(in.data);
	}
}

static void fails(const struct codec *codec, struct bytes in, unsigned *seed, const char *what, size_t at)
{
	struct err e = {0};
	struct bytes out;
	int r = decode(codec->ops, in, seed, &out, &e);
	free(out.data);
	if (r >= 0)
		fail_msg("%s, %s at %zu of %zu: was decoded", codec->name, what, at, in.size);
	assert_int_equal(e.failure, FAILURE_IMPORT_FAILED);
	assert_true(e.text[0] && !strchr(e.text, '\n'));
}

static void a_cut_file_is_never_taken_for_a_whole_one(void **state)
{
	(void)state;
	unsigned seed = 8;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct bytes in = compressed(&codecs[i]);
		for (int n = 0; n < 40; n++) {
			size_t size =
			        n < 8 ? in.size - 1 - (size_t)n : 7 + (size_t)rand_r(&seed) % (in.size - 7);
			// A file of several streams, cut between them, is a whole file of fewer: only a bmap can tell.
			if (strchr(codecs[i].name, '-') && n >= 8)
				continue;
			// Exactly sized, so that a sanitizer sees every byte read too far.
			uint8_t *cut = malloc(size);
			memcpy(cut, in.data, size);
			fails(&codecs[i], (struct bytes){cut, size}, &seed, "cut", size);
			free(cut);
		}
		free(in.data);
	}
}

static void what_follows_the_end_is_refused(void **state)
{
	(void)state;
	static const char *const tails[] = {
	        "x", "garbage behind the end", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"};
	static const size_t sizes[] = {1, 22, 16};
	unsigned seed = 9;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct bytes in = compressed(&codecs[i]);
		for (size_t t = 0; t < ARRAY_SIZE(tails); t++) {
			uint8_t *longer = malloc(in.size + sizes[t]);
			memcpy(longer, in.data, in.size);
			memcpy(longer + in.size, tails[t], sizes[t]);
			fails(&codecs[i], (struct bytes){longer, in.size + sizes[t]}, &seed, "tail", t);
			free(longer);
		}
		free(in.data);
	}
}

static void a_flipped_bit_is_an_error_or_changes_nothing(void **state)
{
	(void)state;
	unsigned seed = 10;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct bytes in = compressed(&codecs[i]), out;
		unsigned seen = 0;
		for (int n = 0; n < 150; n++) {
			size_t at = (size_t)rand_r(&seed) % in.size;
			uint8_t bit = (uint8_t)(1u << rand_r(&seed) % 8);
			struct err e = {0};
			in.data[at] ^= bit;
			int r = decode(codecs[i].ops, in, &seed, &out, &e);
			in.data[at] ^= bit;
			if (r == DECODE_END &&
			        (out.size != plain.size || memcmp(out.data, plain.data, plain.size) != 0))
				fail_msg("%s: bit %u of byte %zu", codecs[i].name, bit, at);
			seen += r < 0;
			free(out.data);
		}
		assert_true(seen > 100);
		free(in.data);
	}
}

static void noise_behind_a_magic_is_an_error(void **state)
{
	(void)state;
	unsigned seed = 11;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct bytes in = compressed(&codecs[i]), out;
		for (int n = 0; n < 100; n++) {
			uint8_t noise[600];
			for (size_t b = 0; b < sizeof(noise); b++)
				noise[b] = (uint8_t)rand_r(&seed);
			size_t keep = 4 + (size_t)rand_r(&seed) % 30;
			memcpy(noise, in.data, keep);
			struct err e = {0};
			int r = decode(codecs[i].ops, (struct bytes){noise, sizeof(noise)}, &seed, &out, &e);
			free(out.data);
			if (r >= 0 && r != DECODE_MORE) // a bomb may fill all the room first
				fail_msg("%s: noise was decoded", codecs[i].name);
		}
		free(in.data);
	}
}

static struct decode_survey survey(const struct decode_ops *ops, struct bytes in, uint64_t expected)
{
	struct decode_survey found = {.size = 12345};
	struct err e = {0};
	FILE *f = fopen("surveyed", "w");
	assert_int_equal(fwrite(in.data, 1, in.size, f), in.size);
	assert_int_equal(fclose(f), 0);
	_cleanup_close_ int fd = open("surveyed", O_RDONLY | O_CLOEXEC);
	if (ops->survey(fd, in.size, expected, &found, &e) < 0)
		return (struct decode_survey){0};
	return found;
}

static void a_look_at_a_file_tells_its_size_where_the_format_states_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct bytes in = compressed(&codecs[i]);
		bool tells = codecs[i].ops == &decode_xz || codecs[i].ops == &decode_zstd ||
		             !strcmp(codecs[i].name, "lz4-linked");
		assert_int_equal(survey(codecs[i].ops, in, 0).size, tells ? plain.size : 0);
		free(in.data);
	}
	const struct codec piped = {"zstd-piped", "zstd -qc <plain", &decode_zstd};
	struct bytes in = compressed(&piped);
	assert_int_equal(survey(&decode_zstd, in, 0).size, 0); // a pipe's frame does not state it
	assert_true(survey(&decode_zstd, in, 0).whole);
	free(in.data);
}

static void a_look_at_a_files_end_tells_a_whole_file_from_a_cut_one(void **state)
{
	(void)state;
	unsigned seed = 14;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct bytes in = compressed(&codecs[i]);
		uint64_t expected = plain.size;
		if (!strcmp(codecs[i].name, "gzip-members"))
			expected -=
			        40000; // the last member's size: boards wait, as they must not for one member
		if (!survey(codecs[i].ops, in, expected).whole)
			fail_msg("%s: does not look whole", codecs[i].name);
		for (int n = 0; n < 20; n++) {
			size_t size = 1 + (size_t)rand_r(&seed) % (in.size - 1);
			if (strchr(codecs[i].name, '-') && size < in.size / 2)
				continue; // between two streams, perhaps
			if (survey(codecs[i].ops, (struct bytes){in.data, size}, expected).whole)
				fail_msg("%s: looks whole when cut at %zu of %zu", codecs[i].name, size,
				        in.size);
		}
		struct bytes longer = {malloc(in.size + 20), in.size + 20};
		memcpy(longer.data, in.data, in.size);
		memcpy(longer.data + in.size, "garbage at the end..", 20);
		if (survey(codecs[i].ops, longer, expected).whole)
			fail_msg("%s: looks whole with garbage behind it", codecs[i].name);
		free(longer.data);
		free(in.data);
	}
}

static void a_cut_xz_is_noticed_before_anything_is_decoded(void **state)
{
	(void)state;
	struct bytes in = compressed(&codecs[2]);
	free(in.data);
	assert_int_equal(truncate("sample", (off_t)in.size - 5), 0);
	_cleanup_close_ int fd = open("sample", O_RDONLY | O_CLOEXEC);
	struct decode_survey found;
	struct err e = {0};
	assert_true(decode_xz.survey(fd, in.size - 5, 0, &found, &e) < 0);
	assert_non_null(strstr(e.text, "has no whole xz index at its end"));
}

// The .xz File Format, 3.1: size, flags, filter 0x21 with one byte of dictionary size, padding, CRC32.
static void a_dictionary_beyond_the_limit_is_refused(void **state)
{
	(void)state;
	struct bytes in = compressed(&codecs[2]), out;
	uint8_t *header = in.data + 12, *filter = memmem(header, 16, "\x21\x01", 2);
	size_t size = ((size_t)header[0] + 1) * 4;
	assert_non_null(filter);
	filter[2] = 39; // 3 GiB
	uint32_t crc = lzma_crc32(header, size - 4, 0);
	memcpy(header + size - 4, &crc, sizeof(crc));
	struct err e = {0};
	unsigned seed = 12;
	int r = decode(&decode_xz, in, &seed, &out, &e);
	free(out.data);
	free(in.data);
	assert_true(r < 0);
	assert_non_null(strstr(e.text, "1024 are allowed"));
}

static void lz4s_legacy_form_is_named(void **state)
{
	(void)state;
	const struct codec legacy = {"lz4-legacy", "lz4 -qc -l plain", &decode_lz4};
	struct bytes in = compressed(&legacy), out;
	struct err e = {0};
	unsigned seed = 13;
	assert_ptr_equal(found(in), &decode_lz4);
	assert_true(decode(legacy.ops, in, &seed, &out, &e) < 0);
	assert_non_null(strstr(e.text, "legacy"));
	free(out.data);
	free(in.data);
}

// Whoever writes a million of them wants us to look at each; and where nothing comes behind them it is zstd's to say so.
static void skippable_frames_tell_the_codec_of_what_follows_them(void **state)
{
	(void)state;
	static const char frame[] = "P*M\030\0\0\0\0";
	enum { FRAMES = 200000 };
	uint8_t *many = malloc(FRAMES * 8 + 4);
	for (size_t i = 0; i < FRAMES; i++)
		memcpy(many + 8 * i, frame, 8);
	memcpy(many + FRAMES * 8, "\x04\x22\x4d\x18", 4);
	assert_ptr_equal(found((struct bytes){many, 8}), &decode_zstd);
	assert_ptr_equal(found((struct bytes){many, 5}), &decode_raw);
	assert_ptr_equal(found((struct bytes){many + 8 * (FRAMES - 900), 8 * 900 + 4}), &decode_lz4);
	assert_ptr_equal(
	        found((struct bytes){many, FRAMES * 8 + 4}), &decode_zstd); // not looked at to its end
	memcpy(many + 8, "\x1f\x8b\x08\0", 4);
	assert_ptr_equal(found((struct bytes){many, 16}), &decode_zstd); // which has none of this
	free(many);
}

static void a_name_that_promises_a_codec_the_bytes_do_not_keep_is_refused(void **state)
{
	(void)state;
	_cleanup_close_ int zeros = memfd_create("x", MFD_CLOEXEC), xz = memfd_create("x", MFD_CLOEXEC);
	assert_true(ftruncate(zeros, 16) == 0 && fd_write_all(xz,
	                                                 "\xfd"
	                                                 "7zXZ\0",
	                                                 6) == 0);
	const struct decode_ops *ops = NULL;
	struct err e = {0};
	assert_int_equal(decode_choose("a.wic.xz", zeros, &ops, &e), -EINVAL);
	assert_int_equal(e.failure, FAILURE_IMPORT_FAILED);
	assert_non_null(strstr(e.text, "a.wic.xz: does not begin as xz data does"));
	assert_int_equal(decode_choose("a.wic", zeros, &ops, &e), 0);
	assert_ptr_equal(ops, &decode_raw);
	assert_int_equal(decode_choose("misnamed.gz", xz, &ops, &e), 0);
	assert_ptr_equal(ops, &decode_xz);
	assert_int_equal(decode_choose(".xz", zeros, &ops, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(skippable_frames_tell_the_codec_of_what_follows_them),
	        cmocka_unit_test(a_name_that_promises_a_codec_the_bytes_do_not_keep_is_refused),
	        cmocka_unit_test(every_form_decodes_in_pieces_of_any_size),
	        cmocka_unit_test(a_cut_file_is_never_taken_for_a_whole_one),
	        cmocka_unit_test(what_follows_the_end_is_refused),
	        cmocka_unit_test(a_flipped_bit_is_an_error_or_changes_nothing),
	        cmocka_unit_test(noise_behind_a_magic_is_an_error),
	        cmocka_unit_test(a_look_at_a_file_tells_its_size_where_the_format_states_it),
	        cmocka_unit_test(a_look_at_a_files_end_tells_a_whole_file_from_a_cut_one),
	        cmocka_unit_test(a_cut_xz_is_noticed_before_anything_is_decoded),
	        cmocka_unit_test(a_dictionary_beyond_the_limit_is_refused),
	        cmocka_unit_test(lz4s_legacy_form_is_named),
	};
	return cmocka_run_group_tests(tests, make_plain, free_plain);
}
