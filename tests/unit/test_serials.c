// SPDX-License-Identifier: MIT
// Serial numbers that are handed out: their patterns, and what a kill between any two rows leaves of them.
#include <limits.h>

#include "core/serial.h"
#include "ledger_rows.h"
#include "record/ledger.h"
#include "record/verify.h"

static void a_pattern_makes_numbers_and_a_bad_one_is_known(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "GW", "%d", "%s", "%u%u", "%%u", "GW-%", "GW-%6u", "GW-%00u",
	        "GW-%019u", "GW %u", "%u\n", "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd%ueeee", "%n%u", "%u%"};
	char out[SERIAL_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (serial_pattern_is_good(bad[i]))
			fail_msg("'%s' was taken for a pattern", bad[i]);
	assert_true(serial_pattern_is_good("GW-%06u"));
	serial_make("GW-%06u", 12, out);
	assert_string_equal(out, "GW-000012");
	serial_make("GW-%06u", 12345678, out);
	assert_string_equal(out, "GW-12345678");
	assert_true(serial_pattern_is_good("%u/B"));
	serial_make("%u/B", UINT64_MAX, out);
	assert_string_equal(out, "18446744073709551615/B");
}

// --- kills -------------------------------------------------------------------------------------------------

static json_t *reserve(int attempt, int n)
{
	char serial[SERIAL_SIZE];
	serial_make("S%03u", (uint64_t)n, serial);
	return json_pack(
	        "{s:s,s:s,s:i,s:i}", "serial", serial, "pool", "S%03u", "attempt", attempt, "number", n);
}

static json_t *opened(int attempt, int n)
{
	char serial[SERIAL_SIZE];
	serial_make("S%03u", (uint64_t)n, serial);
	json_t *body = rows_open(attempt, serial, "first", "");
	json_object_set_new(body, "serial_source", json_string("allocated"));
	return body;
}

struct bench {
	char state[32];
	struct ledger *ledger;
	json_t *resume;
};

static void reopen(struct bench *b)
{
	struct err e = {0};
	json_t *interrupted = NULL;
	b->ledger = ledger_free(b->ledger);
	json_decref(b->resume);
	if (ledger_open(b->state, NULL, &b->ledger, &e) < 0 ||
	        ledger_start(b->ledger, &interrupted, &e) < 0 ||
	        ledger_resume(b->ledger, interrupted, &b->resume, &e) < 0)
		fail_msg("%s", e.text);
	json_decref(interrupted);
}

static int append(struct bench *b, const char *kind, json_t *body, struct err *e)
{
	assert_int_equal(ledger_begin(b->ledger, e), 0);
	int r = ledger_append(b->ledger, kind, body, NULL, e);
	json_decref(body);
	assert_int_equal(ledger_commit(b->ledger, e), 0);
	return r;
}

static void must(struct bench *b, const char *kind, json_t *body)
{
	struct err e = {0};
	if (append(b, kind, body, &e) != 0)
		fail_msg("%s: %s", kind, e.text);
}

static int64_t number(struct bench *b, const char *sql)
{
	struct err e = {0};
	int64_t n = -1;
	if (db_number(ledger_db(b->ledger), sql, &n, &e) < 0)
		fail_msg("%s: %s", sql, e.text);
	return n;
}

static json_int_t next_of(const struct bench *b)
{
	const json_t *pool = json_array_get(json_object_get(b->resume, "pools"), 0);
	return pool ? json_integer_value(json_object_get(pool, "next")) : 1;
}

enum { STORY = 12 };

// Three boards at once, as a station writes their rows: one passes, one fails, one passes.
static void write_story(struct bench *b, int rows)
{
	const struct {
		const char *kind;
		json_t *body;
	} story[STORY] = {{"station.start", rows_station_start()}, {"image.add", rows_image("demo")},
	        {"job.open", rows_job("J1")}, {"serial.reserve", reserve(1, 1)},
	        {"attempt.open", opened(1, 1)}, {"serial.reserve", reserve(2, 2)},
	        {"attempt.open", opened(2, 2)}, {"attempt.close", rows_pass(1)},
	        {"serial.reserve", reserve(3, 3)}, {"attempt.open", opened(3, 3)},
	        {"attempt.close", rows_fail(2, "write-error", "device")}, {"attempt.close", rows_pass(3)}};
	for (int i = 0; i < STORY; i++) {
		if (i < rows)
			must(b, story[i].kind, story[i].body);
		else
			json_decref(story[i].body);
	}
}

// After the next start every serial is either on a unit that passed, or void for good; and the next number is new.
static void check_after_kill(struct bench *b, int rows)
{
	struct err e = {0};
	struct verify_report report;
	char path[64];
	int64_t reserved = number(b, "SELECT count(*) FROM serial_number");
	must(b, "station.start", rows_station_start());
	assert_int_equal(number(b, "SELECT count(*) FROM serial_number WHERE state = 'reserved'"), 0);
	assert_int_equal(number(b, "SELECT count(*) FROM serial_number WHERE (state = 'consumed') <> "
	                           "coalesce((SELECT result = 'pass' FROM attempt WHERE attempt.attempt = "
	                           "serial_number.attempt), 0)"),
	        0);
	assert_int_equal(next_of(b), reserved + 1);
	if (rows < 3)
		return; // no job yet
	int attempt = (int)json_integer_value(json_object_get(b->resume, "next_attempt"));
	if (reserved) // what was handed out is never handed out again, void or not
		assert_int_equal(
		        append(b, "serial.reserve", reserve(attempt, (int)reserved), &e), LEDGER_REFUSED);
	must(b, "serial.reserve", reserve(attempt, (int)next_of(b)));
	must(b, "attempt.open", opened(attempt, (int)next_of(b)));
	must(b, "attempt.close", rows_pass(attempt));
	assert_int_equal(number(b, "SELECT count(*) - count(DISTINCT serial) FROM attempt"), 0);
	snprintf(path, sizeof(path), "%s/station.db", b->state);
	struct verify_request request = {.database = path};
	if (verify_ledger(&request, &report, &e) < 0)
		fail_msg("%s", e.text);
}

static void a_kill_between_any_two_rows_neither_doubles_nor_loses_a_serial(void **state)
{
	(void)state;
	for (int rows = 0; rows <= STORY; rows++) {
		struct bench b = {.state = "serials-XXXXXX"};
		assert_non_null(mkdtemp(b.state));
		reopen(&b);
		write_story(&b, rows);
		reopen(&b);
		check_after_kill(&b, rows);
		ledger_free(b.ledger);
		json_decref(b.resume);
	}
}

static void an_attempt_cannot_take_a_serial_that_was_not_reserved_for_it(void **state)
{
	(void)state;
	struct err e = {0};
	struct bench b = {.state = "serials-XXXXXX"};
	assert_non_null(mkdtemp(b.state));
	reopen(&b);
	write_story(&b, 3);
	must(&b, "serial.reserve", reserve(1, 1));
	assert_int_equal(append(&b, "attempt.open", opened(1, 2), &e), LEDGER_REFUSED);
	assert_non_null(strstr(e.text, "not reserved"));
	assert_int_equal(append(&b, "attempt.open", opened(2, 1), &e), LEDGER_REFUSED);
	must(&b, "attempt.open",
	        rows_open(2, "S002", "first", "")); // a board that shows this serial by itself
	assert_int_equal(append(&b, "serial.reserve", reserve(3, 2), &e), LEDGER_REFUSED);
	assert_non_null(strstr(e.text, "has this serial already"));
	// Attempt 1 will never come: its serial is void.
	assert_int_equal(number(&b, "SELECT count(*) FROM serial_number WHERE state = 'void'"), 1);
	ledger_free(b.ledger);
	json_decref(b.resume);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_pattern_makes_numbers_and_a_bad_one_is_known),
	        cmocka_unit_test(a_kill_between_any_two_rows_neither_doubles_nor_loses_a_serial),
	        cmocka_unit_test(an_attempt_cannot_take_a_serial_that_was_not_reserved_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
