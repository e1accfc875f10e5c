// SPDX-License-Identifier: MIT
// A job's board signature: learned from one board, it tells its sisters from other products.
#include <string.h>

#include "check.h"
#include "core/match.h"

static struct match_board a_board(void)
{
	return (struct match_board){.serial = "SN0001",
	        .vendor = "Linux",
	        .product = "UMS disk 0",
	        .revision = "ffff",
	        .usb_id = "0525:a4a5",
	        .manufacturer = "Acme",
	        .usb_product = "Gateway v2",
	        .bcd_device = "0200",
	        .size = UINT64_C(7818182656),
	        .logical_sector = 512,
	        .luns = 1,
	        .usb = true,
	        .own_serial = "SN0001"};
}

static struct match_result judge(const struct match_board *board, const struct match_rules *rules)
{
	const struct match_history none = {0};
	struct match_result result;
	match_judge(board, rules, &none, &result);
	return result;
}

static void serials_become_patterns_of_length_and_character_classes(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	        {"VB00000001", "[A-Z]{2}[0-9]{8}"}, {"SN0001", "[A-Z]{2}[0-9]{4}"}, {"123456789", "[0-9]{9}"},
	        {"7", "[0-9]"}, {"1a2B", "[0-9A-Za-z]{4}"}, {"1122334455667788", "[0-9]{16}"},
	        {"0123456789abcdef", "[0-9a-f]{16}"}, {"DEADBEEF", "[A-Z]{8}"}, {"DEADBEE0", "[0-9A-F]{8}"},
	        {"A1B2C3Z9", "[0-9A-Z]{8}"}, {"GW-2024/0017", "[A-Z]{2}-[0-9]{4}/[0-9]{4}"},
	        {"a*b", "[a-z]\\*[a-z]"},
	        {"??????????????????????????????????????????????????????????????",
	                "*"}, // longer than a pattern
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char pattern[SIGNATURE_PATTERN_SIZE];
		signature_pattern_learn(cases[i][0], pattern, sizeof(pattern));
		assert_string_equal(pattern, cases[i][1]);
		assert_true(signature_pattern_valid(pattern));
		assert_true(signature_pattern_fits(pattern, cases[i][0]));
	}
}

static void a_pattern_fits_the_whole_serial_or_not_at_all(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = {
	        {"[A-Z]{2}[0-9]{8}", "XY12345678", true},
	        {"[A-Z]{2}[0-9]{8}", "XY1234567", false},
	        {"[A-Z]{2}[0-9]{8}", "XY123456789", false},
	        {"[A-Z]{2}[0-9]{8}", "xy12345678", false},
	        {"", "", true},
	        {"", "x", false},
	        {"*", "", true},
	        {"GW-*", "GW-", true},
	        {"GW-*", "GW1", false},
	        {"*-[0-9]{2}", "a-b-17", true},
	        {"*-[0-9]{2}", "a-b-1x", false},
	        {"*ab*ab?", "xababab1", true},
	        {"a?{3}z", "a123z", true},
	        {"[!0-9]x", "1x", false},
	        {"[!0-9]x", "-x", true},
	        {"[]a-]{3}", "]-a", true},
	        {"\\[\\*", "[*", true},
	        {"\\[\\*", "[x", false},
	        {"*a*a*a*a*a*a*a*a*a*a*a*a*b",
	                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(signature_pattern_valid(cases[i].pattern));
		assert_int_equal(signature_pattern_fits(cases[i].pattern, cases[i].text), cases[i].fits);
	}
}

static void what_is_no_pattern_is_told_and_fits_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = {"[0-9", "a{", "a{0}", "a{64}", "a{x}", "{3}", "a{2", "x\\", "[]"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(signature_pattern_valid(bad[i]));
		assert_false(signature_pattern_fits(bad[i], "a"));
		assert_false(signature_pattern_fits(bad[i], ""));
	}
}

// Each row changes one thing of the board that the signature was learned from.
static void another_product_is_refused_with_the_field_that_differs(void **state)
{
	(void)state;
	struct match_board first = a_board();
	struct signature signature;
	signature_learn(&first, &signature);
	const struct match_rules rules = {.open = true, .signature_wanted = true, .signature = &signature};
	assert_int_equal(judge(&first, &rules).verdict, MATCH_OK);
	struct match_board boards[] = {
	        a_board(), a_board(), a_board(), a_board(), a_board(), a_board(), a_board()};
	boards[0].usb_id = "1fc9:0152";
	boards[1].manufacturer = "";
	boards[2].usb_product = "Camera";
	boards[3].bcd_device = "0221";
	boards[4].serial = boards[4].own_serial = "SN00001";
	boards[5].luns = 3;
	boards[6].size++;
	static const char *const reasons[] = {
	        "USB id is '1fc9:0152', this job's boards say '0525:a4a5'",
	        "manufacturer string is '', this job's boards say 'Acme'",
	        "product string is 'Camera', this job's boards say 'Gateway v2'",
	        "bcdDevice is '0221', this job's boards say '0200'",
	        "serial is 'SN00001', this job's boards have '[A-Z]{2}[0-9]{4}'",
	        "it shows 2 LUNs, this job's boards show 1",
	        "capacity is 7818182657 bytes, this job's boards have 7818182656",
	};
	for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++) {
		struct match_result r = judge(&boards[i], &rules);
		assert_int_equal(r.verdict, MATCH_REFUSED);
		assert_int_equal(r.failure, FAILURE_TARGET_MISMATCH);
		assert_string_equal(r.reason, reasons[i]);
	}
	struct match_board sister = a_board();
	sister.serial = sister.own_serial = "SN0002";
	assert_int_equal(judge(&sister, &rules).verdict, MATCH_OK);
}

static void a_person_cannot_release_another_product(void **state)
{
	(void)state;
	struct match_board first = a_board(), other = a_board();
	struct signature signature;
	signature_learn(&first, &signature);
	other.usb_product = "Camera";
	const struct match_rules rules = {.open = true, .signature = &signature};
	const struct match_history granted = {.granted = true};
	struct match_result r;
	match_judge(&other, &rules, &granted, &r);
	assert_int_equal(r.verdict, MATCH_REFUSED);
}

static void fields_that_a_signature_does_not_name_are_not_checked(void **state)
{
	(void)state;
	struct match_board board = a_board();
	struct signature signature = {.fields = SIGNATURE_PRODUCT | SIGNATURE_SIZES,
	        .product = "Gateway v2",
	        .size_count = 2,
	        .sizes = {{4, 5}, {7818182656, 7900000000}}};
	const struct match_rules rules = {.open = true, .signature = &signature};
	board.manufacturer = "Somebody";
	board.usb_id = "1234:5678";
	board.serial = board.own_serial = "";
	assert_int_equal(judge(&board, &rules).verdict, MATCH_OK);
	board.size = UINT64_C(7900000001);
	struct match_result r = judge(&board, &rules);
	assert_string_equal(r.reason,
	        "capacity is 7900000001 bytes, this job's boards have 4 to 5 or 7818182656 to 7900000000");
}

static void a_serial_that_a_person_gave_says_nothing_of_the_product(void **state)
{
	(void)state;
	struct match_board first = a_board(), scanned = a_board();
	struct signature signature;
	signature_learn(&first, &signature);
	const struct match_rules rules = {.open = true, .signature = &signature};
	scanned.serial = "whatever the label says";
	assert_int_equal(judge(&scanned, &rules).verdict, MATCH_OK);
	scanned.serial = scanned.own_serial = ""; // the serial policy's business
	assert_int_equal(judge(&scanned, &rules).verdict, MATCH_OK);
}

static void until_a_signature_is_approved_boards_wait_and_say_what_they_are(void **state)
{
	(void)state;
	struct match_board board = a_board();
	const struct match_rules rules = {.open = true, .signature_wanted = true};
	struct match_history history = {.granted = true}; // no release by hand helps
	struct match_result r;
	match_judge(&board, &rules, &history, &r);
	assert_int_equal(r.verdict, MATCH_HELD);
	assert_int_equal(r.failure, FAILURE_SIGNATURE_UNAPPROVED);
	assert_string_equal(r.reason,
	        "are the job's boards like this? 'Acme' 'Gateway v2' 0525:a4a5 rev 0200, serial "
	        "[A-Z]{2}[0-9]{4}, 7818182656 bytes, 1 LUN");
	board.size = 10;
	const struct match_rules window = {.open = true, .signature_wanted = true, .size_min = 11};
	assert_int_equal(judge(&board, &window).verdict, MATCH_REFUSED); // nothing to learn from it
}

static void a_rejected_signature_stays_refused_while_others_are_learned(void **state)
{
	(void)state;
	struct match_board board = a_board(), other = a_board();
	struct signature rejected;
	signature_learn(&board, &rejected);
	const struct match_rules rules = {
	        .open = true, .signature_wanted = true, .rejected = &rejected, .rejected_count = 1};
	board.serial = board.own_serial = "SN0009"; // its sisters, too
	assert_int_equal(judge(&board, &rules).verdict, MATCH_REFUSED);
	other.usb_product = "Camera";
	assert_int_equal(judge(&other, &rules).verdict, MATCH_HELD);
}

static void a_job_programs_its_lun_or_nothing(void **state)
{
	(void)state;
	struct match_board board = a_board();
	board.luns = 3;
	const struct match_rules second = {.open = true, .lun = 1}, third = {.open = true, .lun = 2};
	assert_int_equal(judge(&board, &second).verdict, MATCH_OK);
	struct match_result r = judge(&board, &third);
	assert_int_equal(r.verdict, MATCH_REFUSED);
	assert_string_equal(r.reason, "it has no LUN 2, which this job programs");
	board.size = 0;
	r = judge(&board, &second);
	assert_int_equal(r.verdict, MATCH_NO_JOB);
	assert_string_equal(r.reason, "LUN 1 has no disk yet");
}

static void the_stations_own_rules_hold_without_a_signature(void **state)
{
	(void)state;
	static const char *const ids[] = {"1fc9:0152", "0525:a4a5", NULL};
	static const char *const others[] = {"1fc9:0152", NULL};
	struct match_board board = a_board();
	const struct match_rules good = {.open = true, .usb_ids = ids, .size_min = 1, .size_max = UINT64_MAX};
	const struct match_rules id = {.usb_ids = others}; // with and without a job
	const struct match_rules small = {.open = true, .size_min = UINT64_C(7818182657)};
	const struct match_rules large = {.open = true, .size_max = UINT64_C(7818182655)};
	assert_int_equal(judge(&board, &good).verdict, MATCH_OK);
	assert_int_equal(judge(&board, &id).verdict, MATCH_REFUSED);
	assert_int_equal(judge(&board, &small).verdict, MATCH_REFUSED);
	assert_int_equal(judge(&board, &large).verdict, MATCH_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(serials_become_patterns_of_length_and_character_classes),
	        cmocka_unit_test(a_pattern_fits_the_whole_serial_or_not_at_all),
	        cmocka_unit_test(what_is_no_pattern_is_told_and_fits_nothing),
	        cmocka_unit_test(another_product_is_refused_with_the_field_that_differs),
	        cmocka_unit_test(a_person_cannot_release_another_product),
	        cmocka_unit_test(fields_that_a_signature_does_not_name_are_not_checked),
	        cmocka_unit_test(a_serial_that_a_person_gave_says_nothing_of_the_product),
	        cmocka_unit_test(until_a_signature_is_approved_boards_wait_and_say_what_they_are),
	        cmocka_unit_test(a_rejected_signature_stays_refused_while_others_are_learned),
	        cmocka_unit_test(a_job_programs_its_lun_or_nothing),
	        cmocka_unit_test(the_stations_own_rules_hold_without_a_signature),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
