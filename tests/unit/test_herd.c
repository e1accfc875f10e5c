// SPDX-License-Identifier: MIT
#include "check.h"
#include "image/herd.h"
#include "image/proof.h"

#define SECOND UINT64_C(1000000000)
#define NOW    (100 * SECOND)
#define WINDOW (100 * MIB)

static struct herd *new_herd(void)
{
	struct herd *herd = NULL;
	int fd = proof_create(NULL);
	assert_true(fd >= 0);
	assert_int_equal(herd_map(fd, &herd, NULL), 0);
	close(fd);
	return herd;
}

static int member_at(struct herd *herd, uint64_t offset)
{
	int member = herd_join(herd, NOW);
	assert_true(member >= 0);
	herd_note(herd, member, offset, NOW);
	return member;
}

static void pages_go_when_the_last_within_the_window_has_passed(void **state)
{
	(void)state;
	struct herd *herd = new_herd();
	int first = member_at(herd, 90 * MIB), last = member_at(herd, 20 * MIB);
	assert_false(herd_is_last(herd, first, 90 * MIB, WINDOW, NOW));
	assert_true(herd_is_last(herd, last, 20 * MIB, WINDOW, NOW));
	herd_unmap(herd);
}

static void who_falls_behind_the_window_is_not_waited_for_and_reads_alone(void **state)
{
	(void)state;
	struct herd *herd = new_herd();
	int leader = member_at(herd, 300 * MIB), near = member_at(herd, 250 * MIB),
	    lost = member_at(herd, 10 * MIB);
	assert_false(herd_is_last(herd, leader, 300 * MIB, WINDOW, NOW));
	assert_true(herd_is_last(herd, near, 250 * MIB, WINDOW, NOW));
	assert_true(herd_is_last(herd, lost, 10 * MIB, WINDOW, NOW));
	herd_unmap(herd);
}

static void who_hangs_has_died_or_has_left_is_not_waited_for(void **state)
{
	(void)state;
	struct herd *herd = new_herd();
	int first = member_at(herd, 90 * MIB), gone = member_at(herd, 20 * MIB);
	assert_false(herd_is_last(herd, first, 90 * MIB, WINDOW, NOW));
	herd_note(herd, first, 90 * MIB, NOW + HERD_STALE_NS);
	assert_true(herd_is_last(herd, first, 90 * MIB, WINDOW, NOW + HERD_STALE_NS));
	herd_leave(herd, gone);
	assert_true(herd_is_last(herd, first, 90 * MIB, WINDOW, NOW));
	herd_unmap(herd);
}

static void a_place_is_given_once_until_it_is_free_again(void **state)
{
	(void)state;
	struct herd *herd = new_herd();
	for (int i = 0; i < HERD_MEMBERS_MAX; i++)
		assert_int_equal(herd_join(herd, NOW), i);
	assert_int_equal(herd_join(herd, NOW), -1);
	herd_leave(herd, 7);
	assert_int_equal(herd_join(herd, NOW), 7);
	assert_int_equal(herd_join(herd, NOW + HERD_STALE_NS), 0);
	herd_unmap(herd);
}

static void an_image_that_fits_into_memory_has_no_window(void **state)
{
	(void)state;
	assert_int_equal(herd_window(600 * MIB, 4 * GIB), 0);
	assert_int_equal(herd_window(600 * MIB, 512 * MIB), 320 * MIB);
	assert_true(herd_memory() > 16 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(pages_go_when_the_last_within_the_window_has_passed),
	        cmocka_unit_test(who_falls_behind_the_window_is_not_waited_for_and_reads_alone),
	        cmocka_unit_test(who_hangs_has_died_or_has_left_is_not_waited_for),
	        cmocka_unit_test(a_place_is_given_once_until_it_is_free_again),
	        cmocka_unit_test(an_image_that_fits_into_memory_has_no_window),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
