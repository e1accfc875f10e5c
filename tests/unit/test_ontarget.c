// SPDX-License-Identifier: MIT
#include "check.h"
#include "core/failure.h"
#include "image/ontarget.h"

#define NONCE "00112233445566778899aabbccddeeff"
#define PLAN  "1111111111111111111111111111111111111111111111111111111111111111"

static const struct ontarget_expect expect = {NONCE, PLAN, 13};

// What a board writes: the lines sorted, the digest over the others and the zeros behind them among them.
static void summary(char block[ONTARGET_BLOCK], const char *bad, const char *checked, const char *nonce,
        const char *plan, const char *result)
{
	char text[ONTARGET_BLOCK] = {0}, hex[SHA256_HEX_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];
	snprintf(text, sizeof(text),
	        "gw_sum_bad=%s\ngw_sum_checked=%s\ngw_sum_nonce=%s\ngw_sum_plan=%s\ngw_sum_result=%s\n", bad,
	        checked, nonce, plan, result);
	digest_sha256(text, sizeof(text), digest);
	digest_hex(digest, sizeof(digest), hex);
	memset(block, 0, ONTARGET_BLOCK);
	snprintf(block, ONTARGET_BLOCK,
	        "gw_sum_bad=%s\ngw_sum_checked=%s\ngw_sum_digest=%s\ngw_sum_nonce=%s\ngw_sum_plan=%s\n"
	        "gw_sum_result=%s\n",
	        bad, checked, hex, nonce, plan, result);
}

static void assert_refused(const char *block, int failure, const char *word)
{
	uint64_t wrong_at;
	struct err e = {0};
	assert_true(ontarget_judge(block, &expect, &wrong_at, &e) < 0);
	assert_int_equal(e.failure, failure);
	assert_non_null(strstr(e.text, word));
}

static void a_summary_of_this_attempt_that_says_pass_is_a_pass(void **state)
{
	char block[ONTARGET_BLOCK];
	uint64_t wrong_at;
	struct err e = {0};
	(void)state;
	summary(block, "none", "d", NONCE, PLAN, "pass");
	assert_int_equal(ontarget_judge(block, &expect, &wrong_at, &e), 0);
}

static void a_difference_is_the_boards_fault_and_named(void **state)
{
	char block[ONTARGET_BLOCK];
	(void)state;
	summary(block, "5242880", "4", NONCE, PLAN, "fail");
	assert_refused(block, FAILURE_VERIFY_MISMATCH, "byte 5242880");
}

static void anything_but_this_attempts_answer_is_none(void **state)
{
	char block[ONTARGET_BLOCK];
	(void)state;
	memset(block, 0, sizeof(block));
	assert_refused(block, FAILURE_NO_ANSWER, "no summary");
	summary(block, "none", "d", "ff112233445566778899aabbccddeeff", PLAN, "pass");
	assert_refused(block, FAILURE_WRONG_ANSWER, "another request");
	summary(block, "none", "d", "none", PLAN, "pass");
	assert_refused(block, FAILURE_WRONG_ANSWER, "another request");
	summary(block, "none", "d", NONCE, NONCE NONCE, "pass");
	assert_refused(block, FAILURE_WRONG_ANSWER, "another image");
	summary(block, "none", "c", NONCE, PLAN, "pass");
	assert_refused(block, FAILURE_WRONG_ANSWER, "windows");
	memset(block, 0xff, sizeof(block));
	assert_refused(block, FAILURE_WRONG_ANSWER, "damaged");
}

// What a board writes before it begins.
static void a_check_that_never_ended_is_no_answer_and_says_how_often_it_began(void **state)
{
	char block[ONTARGET_BLOCK] = "gw_sum_tries=3\n";
	(void)state;
	assert_refused(block, FAILURE_NO_ANSWER, "0x3 times");
	strcat(block, "gw_sum_nonce=" NONCE "\n");
	assert_refused(block, FAILURE_WRONG_ANSWER, "damaged");
}

static void a_request_is_known_by_its_whole_nonce(void **state)
{
	_cleanup_free_ char *place = NULL;
	size_t size = 0;
	struct err e = {0};
	(void)state;
	assert_int_equal(ontarget_place(NONCE, "x", 1, &place, &size, &e), 0);
	assert_true(ontarget_is_request(place, NONCE));
	assert_false(ontarget_is_request(place, "00112233445566778899aabbccddeefe"));
	assert_false(ontarget_is_request(place, ""));
	assert_false(ontarget_is_request(place + ONTARGET_BLOCK, NONCE));
}

static void no_byte_of_it_can_be_changed(void **state)
{
	char whole[ONTARGET_BLOCK], block[ONTARGET_BLOCK];
	uint64_t wrong_at;
	(void)state;
	summary(whole, "none", "d", NONCE, PLAN, "pass");
	for (size_t i = 0; i < strlen(whole); i++) {
		struct err e = {0};
		memcpy(block, whole, sizeof(block));
		block[i] ^= 1;
		assert_true(ontarget_judge(block, &expect, &wrong_at, &e) < 0);
	}
}

static void a_request_holds_the_script_and_its_digest(void **state)
{
	static const char script[] = "echo hello\n";
	char nonce[ONTARGET_NONCE_SIZE], hex[SHA256_HEX_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];
	_cleanup_free_ char *place = NULL;
	size_t size = 0;
	struct err e = {0};
	(void)state;
	assert_int_equal(ontarget_nonce(nonce, &e), 0);
	assert_int_equal(strlen(nonce), 32);
	assert_int_equal(ontarget_place(nonce, script, strlen(script), &place, &size, &e), 0);
	assert_int_equal(size, 3 * ONTARGET_BLOCK);
	digest_sha256(script, strlen(script), digest);
	digest_hex(digest, sizeof(digest), hex);
	assert_non_null(strstr(place, nonce));
	assert_non_null(strstr(place, hex));
	assert_int_equal(place[ONTARGET_BLOCK], 0);
	assert_string_equal(place + 2 * (size_t)ONTARGET_BLOCK, script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_summary_of_this_attempt_that_says_pass_is_a_pass),
	        cmocka_unit_test(a_difference_is_the_boards_fault_and_named),
	        cmocka_unit_test(anything_but_this_attempts_answer_is_none),
	        cmocka_unit_test(a_check_that_never_ended_is_no_answer_and_says_how_often_it_began),
	        cmocka_unit_test(a_request_is_known_by_its_whole_nonce),
	        cmocka_unit_test(no_byte_of_it_can_be_changed),
	        cmocka_unit_test(a_request_holds_the_script_and_its_digest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
