// SPDX-License-Identifier: MIT
#include "check.h"
#include "core/estimate.h"

#define SECOND UINT64_C(1000000000)

static bool near(double a, double b)
{
	return a > b * 0.999 && a < b * 1.001;
}

static void a_board_with_its_own_wire_takes_what_is_left_at_its_speed(void **state)
{
	(void)state;
	const struct estimate_board boards[] = {{.left = 100, .rate = 10}, {.left = 1000, .rate = 20}};
	assert_true(near(estimate_seconds(boards, 2, 0), 10));
	assert_true(near(estimate_seconds(boards, 2, 1), 50));
}

// Ten bytes a second for three boards: they take turns until one is through, then the others have it.
static void a_shared_link_serves_all_and_then_those_that_are_left(void **state)
{
	(void)state;
	const struct estimate_board boards[] = {{.left = 10, .rate = 10. / 3, .shared = true},
	        {.left = 40, .rate = 10. / 3, .shared = true}, {.left = 100, .rate = 10. / 3, .shared = true},
	        {.left = 5000, .rate = 40}};
	assert_true(near(estimate_seconds(boards, 4, 0), 3));
	assert_true(near(estimate_seconds(boards, 4, 1), 9));
	assert_true(near(estimate_seconds(boards, 4, 2), 15)); // all 150 bytes have passed by then
}

static void nothing_is_said_before_a_byte_has_moved(void **state)
{
	(void)state;
	struct estimate_track track = {0};
	assert_true(estimate_rate(&track) == 0);
	estimate_note(&track, 5 * SECOND, 0);
	assert_true(estimate_rate(&track) == 0);
	const struct estimate_board boards[] = {{.left = 10}, {.left = 10, .shared = true}};
	assert_true(estimate_seconds(boards, 2, 0) < 0);
	assert_true(estimate_seconds(boards, 2, 1) < 0);
}

static void the_speed_follows_a_link_that_others_have_joined(void **state)
{
	(void)state;
	struct estimate_track track = {0};
	uint64_t now = SECOND, bytes = 0;
	for (int i = 0; i < 80; i++, now += SECOND / 4)
		estimate_note(&track, now, bytes += 1000);
	assert_true(near(estimate_rate(&track), 4000));
	for (int i = 0; i < 40; i++, now += SECOND / 4) // 10 s at half the speed
		estimate_note(&track, now, bytes += 500);
	assert_true(near(estimate_rate(&track), 2000));
}

static void seconds_are_said_in_words(void **state)
{
	(void)state;
	static const struct {
		double seconds;
		const char *words;
	} cases[] = {
	        {0, "1 s"}, {59.4, "59 s"}, {59.6, "1 min 00 s"}, {280, "4 min 40 s"}, {3900, "1 h 05 min"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char words[ESTIMATE_WORDS_SIZE];
		estimate_words(cases[i].seconds, words);
		assert_string_equal(words, cases[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(seconds_are_said_in_words),
	        cmocka_unit_test(a_board_with_its_own_wire_takes_what_is_left_at_its_speed),
	        cmocka_unit_test(a_shared_link_serves_all_and_then_those_that_are_left),
	        cmocka_unit_test(nothing_is_said_before_a_byte_has_moved),
	        cmocka_unit_test(the_speed_follows_a_link_that_others_have_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
