// SPDX-License-Identifier: MIT
#include "check.h"
#include "flash/suggest.h"

#define MB UINT64_C(1000000)

static void comparing_is_suggested_where_hashing_would_keep_half_the_cores_busy(void **state)
{
	(void)state;
	assert_false(suggest_compare(2000 * MB, 2, 16)); // SHA instructions
	assert_true(suggest_compare(350 * MB, 2, 16));   // none
	assert_false(suggest_compare(350 * MB, 16, 16)); // none, but many cores
	assert_true(suggest_compare(2000 * MB, 2, 64));
}

static void one_board_gains_nothing_from_comparing(void **state)
{
	(void)state;
	assert_false(suggest_compare(10 * MB, 1, 1));
}

static void an_unknown_rate_suggests_nothing(void **state)
{
	(void)state;
	assert_false(suggest_compare(0, 1, 64));
}

static void the_measured_rate_is_one_a_processor_can_have(void **state)
{
	(void)state;
	uint64_t rate = suggest_hash_rate();
	assert_true(rate > 5 * MB && rate < 50000 * MB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(comparing_is_suggested_where_hashing_would_keep_half_the_cores_busy),
	        cmocka_unit_test(one_board_gains_nothing_from_comparing),
	        cmocka_unit_test(an_unknown_rate_suggests_nothing),
	        cmocka_unit_test(the_measured_rate_is_one_a_processor_can_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
