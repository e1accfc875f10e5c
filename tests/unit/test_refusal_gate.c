// SPDX-License-Identifier: MIT
// A plug with a loose contact does not fill the ledger, by a clock of the test's own.
#include "base/clock.h"
#include "check.h"
#include "daemon/refusal_gate.h"

static const uint64_t start = 1000 * NSEC_PER_SEC;

static unsigned passed(struct refusal_gate *gate, uint64_t now, unsigned tries)
{
	unsigned count = 0;
	while (tries--)
		count += refusal_gate_pass(gate, now);
	return count;
}

static void what_a_person_plugs_in_by_mistake_is_all_recorded(void **state)
{
	struct refusal_gate gate = {0};
	(void)state;
	assert_int_equal(passed(&gate, start, REFUSAL_BURST), REFUSAL_BURST);
}

static void a_loose_contact_is_counted_from_then_on(void **state)
{
	struct refusal_gate gate = {0};
	(void)state;
	assert_int_equal(passed(&gate, start, 1000), REFUSAL_BURST);
	assert_int_equal(passed(&gate, start + REFUSAL_EVERY_NS - 1, 1000), 0);
	assert_int_equal(passed(&gate, start + REFUSAL_EVERY_NS, 1000), 1);
	assert_int_equal(passed(&gate, start + 3 * REFUSAL_EVERY_NS, 1000), 2);
}

static void a_day_of_it_is_bounded(void **state)
{
	struct refusal_gate gate = {0};
	unsigned count = 0;
	(void)state;
	for (uint64_t second = 0; second < 86400; second++)
		count += passed(&gate, start + second * NSEC_PER_SEC, 5);
	assert_in_range(count, 8640, 8640 + REFUSAL_BURST);
}

static void a_quiet_plug_has_its_credit_back(void **state)
{
	struct refusal_gate gate = {0};
	(void)state;
	passed(&gate, start, 1000);
	assert_int_equal(passed(&gate, start + REFUSAL_BURST * REFUSAL_EVERY_NS, 1000), REFUSAL_BURST);
	assert_int_equal(passed(&gate, start + 1000 * REFUSAL_BURST * REFUSAL_EVERY_NS, 1000), REFUSAL_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_person_plugs_in_by_mistake_is_all_recorded),
	        cmocka_unit_test(a_loose_contact_is_counted_from_then_on),
	        cmocka_unit_test(a_day_of_it_is_bounded),
	        cmocka_unit_test(a_quiet_plug_has_its_credit_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
