// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/mman.h>

#include "check.h"
#include "image/proof.h"

#define SECOND UINT64_C(1000000000)

// Two workers, each with its own mapping.
struct workers {
	int fd;
	struct proof *a, *b;
};

static int set_up(void **state)
{
	struct workers *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->fd = proof_create(NULL);
	assert_true(w->fd >= 0);
	assert_int_equal(proof_map(w->fd, &w->a, NULL), 0);
	assert_int_equal(proof_map(w->fd, &w->b, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct workers *w = *state;
	proof_unmap(w->a);
	proof_unmap(w->b);
	close(w->fd);
	free(w);
	return 0;
}

static void one_worker_hashes_and_the_others_take_its_word(void **state)
{
	struct workers *w = *state;
	assert_false(proof_holds(w->b, 10));
	assert_true(proof_claim(w->a, 100));
	assert_false(proof_claim(w->b, 101));
	assert_false(proof_holds(w->b, 10));
	proof_end(w->a, 100);
	assert_true(proof_holds(w->b, 10));
}

static void a_proof_begun_before_an_attempt_does_not_count_for_it(void **state)
{
	struct workers *w = *state;
	assert_true(proof_claim(w->a, 100));
	proof_end(w->a, 100);
	assert_true(proof_holds(w->b, 100));
	assert_false(proof_holds(w->b, 101));
	assert_true(proof_claim(w->b, 300));
	assert_true(proof_holds(w->a, 10));
}

static void a_claim_that_is_not_kept_up_is_taken_over(void **state)
{
	struct workers *w = *state;
	uint64_t start = 5 * SECOND;
	assert_true(proof_claim(w->a, start));
	assert_false(proof_claim(w->b, start + PROOF_STALE_NS - 1));
	proof_keep(w->a, start + PROOF_STALE_NS - 1);
	assert_false(proof_claim(w->b, start + PROOF_STALE_NS + 1));
	assert_true(proof_claim(w->b, start + 3 * PROOF_STALE_NS));
	assert_false(proof_claim(w->a, start + 3 * PROOF_STALE_NS));
}

static void a_claimer_that_gives_up_proves_nothing_and_leaves_it_to_others(void **state)
{
	struct workers *w = *state;
	assert_true(proof_claim(w->a, 100));
	proof_end(w->a, 0);
	assert_false(proof_holds(w->b, 10));
	assert_true(proof_claim(w->b, 101));
}

static void a_descriptor_of_something_else_is_refused(void **state)
{
	(void)state;
	struct proof *other;
	int fd = memfd_create("other", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(proof_map(fd, &other, NULL), -EPROTO);
	close(fd);
	assert_int_equal(proof_map(-1, &other, NULL), -EPROTO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(one_worker_hashes_and_the_others_take_its_word),
	        TEST(a_proof_begun_before_an_attempt_does_not_count_for_it),
	        TEST(a_claim_that_is_not_kept_up_is_taken_over),
	        TEST(a_claimer_that_gives_up_proves_nothing_and_leaves_it_to_others),
	        TEST(a_descriptor_of_something_else_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
