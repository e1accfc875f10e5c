// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "check.h"
#include "core/failure.h"
#include "core/plan.h"

static void plan_digest_is_sha256_over_offset_length_digest_lines(void **state)
{
	(void)state;
	struct plan_range ranges[2] = {{.offset = 0, .length = 3}, {.offset = 4096, .length = 3}};
	digest_sha256("abc", 3, ranges[0].sha256);
	digest_sha256("def", 3, ranges[1].sha256);
	static const char text[] =
	        "0 3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
	        "4096 3 cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34\n";
	uint8_t expected[DIGEST_SHA256_SIZE], got[DIGEST_SHA256_SIZE];
	digest_sha256(text, sizeof(text) - 1, expected);
	plan_digest(ranges, 2, got);
	assert_memory_equal(got, expected, sizeof(got));
}

static void plans_that_overlap_overflow_or_pass_the_end_are_unsound(void **state)
{
	(void)state;
	struct plan_range good[] = {{.offset = 0, .length = 10}, {.offset = 10, .length = 5}};
	assert_true(plan_is_sound(good, 2, 15));
	assert_false(plan_is_sound(good, 2, 14));
	struct plan_range overlap[] = {{.offset = 0, .length = 10}, {.offset = 9, .length = 5}};
	assert_false(plan_is_sound(overlap, 2, 100));
	struct plan_range unsorted[] = {{.offset = 10, .length = 5}, {.offset = 0, .length = 10}};
	assert_false(plan_is_sound(unsorted, 2, 100));
	struct plan_range empty[] = {{.offset = 0, .length = 0}};
	assert_false(plan_is_sound(empty, 1, 100));
	struct plan_range huge[] = {{.offset = 8, .length = UINT64_MAX - 4}};
	assert_false(plan_is_sound(huge, 1, UINT64_MAX));
}

static void gaps_and_ranges_together_cover_every_byte_once(void **state)
{
	(void)state;
	struct plan_range ranges[] = {
	        {.offset = 5, .length = 5}, {.offset = 10, .length = 2}, {.offset = 20, .length = 1}};
	struct plan_range *gaps = NULL;
	size_t count = 0;
	assert_int_equal(plan_gaps(ranges, 3, 30, &gaps, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(plan_bytes(gaps, count) + plan_bytes(ranges, 3), 30);
	assert_int_equal(gaps[1].offset, 12);
	assert_int_equal(gaps[1].length, 8);
	uint8_t expected[DIGEST_SHA256_SIZE];
	digest_sha256("\0\0\0\0\0\0\0", 8, expected);
	assert_memory_equal(gaps[1].sha256, expected, sizeof(expected));
	free(gaps);
	assert_int_equal(plan_gaps(ranges, 0, 0, &gaps, &count), 0);
	assert_int_equal(count, 0);
	free(gaps);
}

static void the_digest_of_zeros_does_not_depend_on_how_they_are_cut(void **state)
{
	(void)state;
	enum { SIZE = 200001 };
	void *zeros = calloc(1, SIZE);
	uint8_t expected[DIGEST_SHA256_SIZE], got[DIGEST_SHA256_SIZE];
	digest_sha256(zeros, SIZE, expected);
	plan_zero_digest(SIZE, got);
	assert_memory_equal(got, expected, sizeof(got));
	free(zeros);
}

static void every_failure_has_a_code_of_its_own_a_blame_a_reason_and_a_next_step(void **state)
{
	(void)state;
	for (int i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++) {
		const struct failure_info *info = failure_info((enum failure)i);
		assert_true(info->code[0] && info->reason[0] && info->next_step[0]);
		assert_true(blame_name(info->blame)[0]);
		assert_int_equal(failure_from_code(info->code), i);
	}
	assert_int_equal(failure_from_code("no such code"), FAILURE_NONE);
}

static void only_the_devices_own_errors_count_against_a_board(void **state)
{
	(void)state;
	assert_true(failure_counts(FAILURE_WRITE_ERROR));
	assert_true(failure_counts(FAILURE_VERIFY_MISMATCH));
	assert_false(failure_counts(FAILURE_STORE_DAMAGED));
	assert_false(failure_counts(FAILURE_IMPORT_FAILED));
	assert_false(failure_counts(FAILURE_WORKER_DIED));
	assert_false(failure_counts(FAILURE_CANCELLED));
	assert_string_equal(failure_info((enum failure)9999)->code, "station-error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(plan_digest_is_sha256_over_offset_length_digest_lines),
	        cmocka_unit_test(plans_that_overlap_overflow_or_pass_the_end_are_unsound),
	        cmocka_unit_test(gaps_and_ranges_together_cover_every_byte_once),
	        cmocka_unit_test(the_digest_of_zeros_does_not_depend_on_how_they_are_cut),
	        cmocka_unit_test(every_failure_has_a_code_of_its_own_a_blame_a_reason_and_a_next_step),
	        cmocka_unit_test(only_the_devices_own_errors_count_against_a_board),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
