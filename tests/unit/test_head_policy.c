// SPDX-License-Identifier: MIT
// When a head is due, by a clock of the test's own.
#include "base/clock.h"
#include "check.h"
#include "record/head_policy.h"

static const uint64_t start = 1000 * NSEC_PER_SEC, minutes15 = 900 * NSEC_PER_SEC;

static void nothing_is_due_while_a_head_covers_all(void **state)
{
	struct head_policy p = {.rows = 10, .after_ns = minutes15};
	(void)state;
	head_policy_note(&p, 0, start);
	assert_int_equal(head_policy_due_ns(&p), 0);
	assert_false(head_policy_is_full(&p, 0));
}

static void the_time_runs_from_the_first_row_that_none_covers(void **state)
{
	struct head_policy p = {.rows = 10, .after_ns = minutes15};
	(void)state;
	head_policy_note(&p, 1, start);
	assert_int_equal(head_policy_due_ns(&p), start + minutes15);
	// Rows that follow do not put it off: a busy line has its heads, too.
	head_policy_note(&p, 2, start + minutes15 - 1);
	assert_int_equal(head_policy_due_ns(&p), start + minutes15);
	head_policy_note(&p, 0, start + minutes15);
	assert_int_equal(head_policy_due_ns(&p), 0);
	head_policy_note(&p, 1, start + 2 * minutes15);
	assert_int_equal(head_policy_due_ns(&p), start + 3 * minutes15);
}

static void the_last_word_on_the_time_counts_for_rows_that_wait(void **state)
{
	struct head_policy p = {.rows = 1000, .after_ns = minutes15};
	(void)state;
	head_policy_note(&p, 3, start);
	p.after_ns = 60 * NSEC_PER_SEC;
	assert_int_equal(head_policy_due_ns(&p), start + 60 * NSEC_PER_SEC);
}

static void so_many_rows_want_one_at_once(void **state)
{
	struct head_policy p = {.rows = 3, .after_ns = minutes15};
	(void)state;
	assert_false(head_policy_is_full(&p, 2));
	assert_true(head_policy_is_full(&p, 3));
	assert_true(head_policy_is_full(&p, 40)); // a batch may bring many
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nothing_is_due_while_a_head_covers_all),
	        cmocka_unit_test(the_time_runs_from_the_first_row_that_none_covers),
	        cmocka_unit_test(the_last_word_on_the_time_counts_for_rows_that_wait),
	        cmocka_unit_test(so_many_rows_want_one_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
