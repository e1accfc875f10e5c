// SPDX-License-Identifier: MIT
#include "check.h"
#include "core/job.h"
#include "core/match.h"

static void five_hundred_never_becomes_five_hundred_and_six(void **state)
{
	(void)state;
	uint64_t random = 7;
	struct job_counts job = {.state = JOB_OPEN, .wanted = 500};
	for (unsigned i = 0; i < 100000 && !(job_is_full(&job) && !job.inflight); i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		unsigned dice = (unsigned)(random >> 33) % 10;
		if (dice < 5 && job_may_start(&job) && job.inflight < 64)
			job_started(&job);
		else if (job.inflight && dice == 5)
			job_ended(&job, JOB_END_FAIL, FAILURE_VERIFY_MISMATCH, false);
		else if (job.inflight && dice == 6)
			job_ended(&job, JOB_END_ABORTED, FAILURE_STORE_DAMAGED, false);
		else if (job.inflight)
			job_ended(&job, JOB_END_PASS, FAILURE_NONE, false);
		assert_true(job.made + job.inflight <= 500);
	}
	assert_int_equal(job.pass, 500);
	assert_false(job_may_start(&job));
}

static void a_unit_reworked_counts_once_and_a_rework_that_fails_is_missing(void **state)
{
	(void)state;
	struct job_counts job = {.state = JOB_OPEN, .wanted = 2};
	job_started(&job);
	job_ended(&job, JOB_END_PASS, FAILURE_NONE, false);
	job_started(&job);
	job_ended(&job, JOB_END_PASS, FAILURE_NONE, true);
	assert_int_equal(job.made, 1);
	assert_int_equal(job.pass, 2);
	job_started(&job);
	job_ended(&job, JOB_END_FAIL, FAILURE_WRITE_ERROR, true);
	assert_int_equal(job.made, 0);
	job_started(&job);
	job_ended(&job, JOB_END_PASS, FAILURE_NONE, false);
	job_started(&job);
	job_ended(&job, JOB_END_ABORTED, FAILURE_CANCELLED, true); // half written
	assert_int_equal(job.made, 0);
}

static void only_the_devices_failures_lower_the_yield(void **state)
{
	(void)state;
	struct job_counts job = {.state = JOB_OPEN};
	assert_true(job_yield(&job) < 0);
	enum failure failures[] = {FAILURE_WORKER_DIED, FAILURE_STATION_ERROR, FAILURE_VERIFY_MISMATCH};
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		job_started(&job);
		job_ended(&job, JOB_END_FAIL, failures[i], false);
	}
	job_started(&job);
	job_ended(&job, JOB_END_PASS, FAILURE_NONE, false);
	assert_int_equal(job.fail, 1);
	assert_int_equal(job.other, 2);
	assert_true(job_yield(&job) == 0.5);
}

static void a_job_that_closes_starts_nothing(void **state)
{
	(void)state;
	struct job_counts job = {.state = JOB_CLOSING};
	assert_false(job_may_start(&job));
	job.state = JOB_OPEN;
	assert_true(job_may_start(&job));
}

static void a_key_set_knows_what_it_was_given_and_nothing_else(void **state)
{
	(void)state;
	struct key_set set = {0};
	char key[32];
	assert_false(key_set_has(&set, "serial:1"));
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "serial:%d", i);
		assert_int_equal(key_set_add(&set, key), 0);
		assert_int_equal(key_set_add(&set, key), 0);
	}
	assert_int_equal(set.used, 1000);
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "serial:%d", i);
		assert_int_equal(key_set_has(&set, key), i < 1000);
	}
	key_set_clear(&set);
	assert_false(key_set_has(&set, "serial:1"));
}

static struct match_board a_board(void)
{
	return (struct match_board){.serial = "S1",
	        .vendor = "Linux",
	        .product = "UMS disk 0",
	        .revision = "ffff",
	        .usb_id = "0525:a4a5",
	        .size = 4 * GIB,
	        .logical_sector = 512,
	        .usb = true};
}

static struct match_result judge(
        struct match_board board, struct match_rules rules, struct match_history history)
{
	struct match_result result;
	match_judge(&board, &rules, &history, &result);
	return result;
}

static void a_board_of_this_job_is_told_from_all_that_are_not(void **state)
{
	(void)state;
	static const char *const ids[] = {"0525:a4a5", NULL};
	const struct match_rules rules = {
	        .open = true, .image_size = 2 * GIB, .size_max = 8 * GIB, .gpt_sector = 512, .usb_ids = ids};
	const struct match_history none = {0};
	struct match_board board = a_board();
	assert_int_equal(judge(board, rules, none).verdict, MATCH_OK);
	board.vendor = "Generic"; // Linux's own g_mass_storage may carry the same VID:PID
	assert_int_equal(judge(board, rules, none).failure, FAILURE_TARGET_MISMATCH);
	board = a_board();
	board.usb_id = "1fc9:0152";
	assert_int_equal(judge(board, rules, none).verdict, MATCH_REFUSED);
	board = a_board();
	board.size = 1 * GIB;
	assert_int_equal(judge(board, rules, none).failure, FAILURE_TARGET_TOO_SMALL);
	board.size = 16 * GIB;
	assert_int_equal(judge(board, rules, none).failure, FAILURE_TARGET_MISMATCH);
	board = a_board();
	board.logical_sector = 4096;
	assert_int_equal(judge(board, rules, none).failure, FAILURE_TARGET_SECTOR_SIZE);
	board = a_board();
	board.vendor = "", board.usb = false; // a file or a disk named by path carries no signature
	assert_int_equal(judge(board, rules, none).verdict, MATCH_OK);
	assert_int_equal(judge(a_board(), (struct match_rules){0}, none).verdict, MATCH_NO_JOB);
}

static void boards_that_want_a_person_are_held(void **state)
{
	(void)state;
	const struct match_rules rules = {.open = true, .serial = MATCH_SERIAL_HOLD};
	struct match_board board = a_board();
	struct match_result r = judge(board, rules, (struct match_history){.returned = true});
	assert_int_equal(r.verdict, MATCH_HELD);
	assert_true(r.returned);
	assert_int_equal(
	        judge(board, rules, (struct match_history){.returned = true, .granted = true}).verdict,
	        MATCH_OK);
	r = judge(board, rules, (struct match_history){.duplicate = true, .granted = true});
	assert_int_equal(r.failure, FAILURE_SERIAL_DUPLICATE); // no release makes one serial two
	board.serial = "";
	assert_int_equal(judge(board, rules, (struct match_history){0}).failure, FAILURE_SERIAL_MISSING);
	r = judge(a_board(), rules, (struct match_history){.asking = true});
	assert_int_equal(r.verdict, MATCH_ASKING); // nothing starts before the ledger has answered
	r = judge(a_board(), rules, (struct match_history){.asking = true, .returned = true});
	assert_int_equal(r.verdict, MATCH_ASKING); // what it says may be worse than RETURNED
	r = judge(a_board(), rules,
	        (struct match_history){
	                .granted = true, .barred = FAILURE_UNIT_SCRAPPED, .barred_why = "cracked"});
	assert_int_equal(r.verdict, MATCH_REFUSED); // whoever releases it
	assert_string_equal(r.reason, "the unit was scrapped: cracked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(five_hundred_never_becomes_five_hundred_and_six),
	        cmocka_unit_test(a_unit_reworked_counts_once_and_a_rework_that_fails_is_missing),
	        cmocka_unit_test(only_the_devices_failures_lower_the_yield),
	        cmocka_unit_test(a_job_that_closes_starts_nothing),
	        cmocka_unit_test(a_key_set_knows_what_it_was_given_and_nothing_else),
	        cmocka_unit_test(a_board_of_this_job_is_told_from_all_that_are_not),
	        cmocka_unit_test(boards_that_want_a_person_are_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
