// SPDX-License-Identifier: MIT
// timeout: 180
#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "check.h"
#include "survey.h"

// Whether a file of a head, `count` units and a tail is found whole.
static bool of_nothing_is_whole(
        const struct decode_ops *ops, const char *head, const char *unit, unsigned count, const char *tail)
{
	enum { HEAD = 6, UNIT = 8, BLOCK = 3 };
	size_t unit_size = *head ? BLOCK : UNIT, room = HEAD + (size_t)count * unit_size + BLOCK, size = 0;
	uint8_t *data = malloc(room);
	assert_non_null(data);
	if (*head)
		memcpy(data, head, size = HEAD);
	for (unsigned i = 0; i < count; i++, size += unit_size)
		memcpy(data + size, unit, unit_size);
	if (*tail) {
		memcpy(data + size, tail, BLOCK);
		size += BLOCK;
	}
	bool whole = surveyed(ops, data, size).whole;
	free(data);
	return whole;
}

static void a_file_of_nothings_does_not_hold_a_look_up(void **state)
{
	(void)state;
	static const char skippable[] = "\x50\x2a\x4d\x18\0\0\0\0", frame[] = "\x28\xb5\x2f\xfd\x20\0";
	static const struct decode_ops *const both[] = {&decode_zstd, &decode_lz4};
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		assert_true(of_nothing_is_whole(both[i], "", skippable, SURVEY_LOOKS_MAX, ""));
		assert_false(of_nothing_is_whole(both[i], "", skippable, SURVEY_LOOKS_MAX + 1, ""));
	}
	// One frame of empty blocks; its head and its last block are looked at as well.
	assert_true(of_nothing_is_whole(&decode_zstd, frame, "\0\0", SURVEY_LOOKS_MAX - 2, "\1\0"));
	assert_false(of_nothing_is_whole(&decode_zstd, frame, "\0\0", SURVEY_LOOKS_MAX - 1, "\1\0"));
}

static void an_xz_with_padding_without_end_does_not_hold_a_look_up(void **state)
{
	(void)state;
	static const uint8_t text[] = "some text";
	uint8_t data[256];
	size_t size = 0;
	assert_int_equal(lzma_easy_buffer_encode(
	                         0, LZMA_CHECK_CRC32, NULL, text, sizeof(text), data, &size, sizeof(data)),
	        LZMA_OK);
	_cleanup_close_ int fd = memory_file(data, size);
	static const uint64_t padding[] = {4, 64 * MIB, 8 * GIB};
	for (size_t i = 0; i < ARRAY_SIZE(padding); i++) {
		struct decode_survey found;
		assert_int_equal(ftruncate(fd, (off_t)(size + padding[i])), 0);
		assert_int_equal(decode_xz.survey(fd, size + padding[i], 0, &found, NULL), 0);
		assert_int_equal(found.whole, i < 2);
		assert_int_equal(found.size, i < 2 ? sizeof(text) : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_file_of_nothings_does_not_hold_a_look_up),
	        cmocka_unit_test(an_xz_with_padding_without_end_does_not_hold_a_look_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
