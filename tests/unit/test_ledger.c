// SPDX-License-Identifier: MIT
// What the ledger takes and refuses, and what its tables say.
#include "ledger_bench.h"

static void a_new_ledger_starts_with_its_identity_and_its_key(void **state)
{
	struct bench *b = *state;
	struct verify_report report;
	assert_int_equal(number(b, "SELECT count(*) FROM log"), 3);
	assert_int_equal(number(b, "SELECT kind = 'ledger.open' FROM log WHERE seq = 1"), 1);
	assert_int_equal(number(b, "SELECT count(*) FROM key WHERE reason = 'first start'"), 1);
	verifies(b, &report);
	assert_int_equal(report.rows, 3);
	assert_int_equal(report.anchored, 0);
}

static void a_body_is_stored_compact_and_sorted_and_hashed_as_documented(void **state)
{
	struct bench *b = *state;
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	uint8_t digest[32];
	char text[1024], hex[SHA256_HEX_SIZE];
	must(b, "note", rows_parse("{ \"text\" : \"caf\\u00e9\", \"b\":1, \"a\":[1, 2.5] }"));
	assert_int_equal(db_prepare(ledger_db(b->ledger),
	                         "SELECT seq, utc, kind, prev, body, hash FROM log ORDER BY seq DESC LIMIT 1",
	                         &s, NULL),
	        0);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal(db_text(s, 4), "{\"a\":[1,2.5],\"b\":1,\"text\":\"caf\xc3\xa9\"}");
	snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s", db_text(s, 0), db_text(s, 1), db_text(s, 2),
	        db_text(s, 3), db_text(s, 4));
	digest_sha256(text, strlen(text), digest);
	digest_hex(digest, 32, hex);
	assert_string_equal(hex, db_text(s, 5));
}

static json_t *changed(json_t *body, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(body, key, value);
	else
		json_object_del(body, key);
	return body;
}

static void rows_that_break_a_rule_are_refused_and_leave_no_trace(void **state)
{
	struct bench *b = *state;
	must_refuse(b, "nonsense", json_object(), "no such kind");
	must_refuse(b, "note", json_object(), "required field");
	must_refuse(b, "note", rows_parse("{\"text\":7}"), "wrong type");
	must_refuse(b, "station.stop", rows_parse("{\"reason\":\"x\"}"), "without having started");
	must_refuse(
	        b, "image.add", changed(rows_image("x"), "plan", json_string("1 2 3\n")), "plan's digest");
	must_refuse(b, "image.add", changed(rows_image("x"), "plan", NULL), "plan is missing");
	must_refuse(b, "image.remove", rows_parse("{\"name\":\"x\"}"), "no such image");
	must_refuse(b, "correction", rows_parse("{\"row\":99,\"reason\":\"x\"}"), "earlier row");
	prepare_job(b);
	must_refuse(b, "job.open", rows_job("J1"), "used before");
	must_refuse(b, "job.close", rows_parse("{\"job\":\"J2\",\"reason\":\"x\"}"), "not open");
	must_refuse(b, "attempt.open", changed(rows_open(1, "S", "first", ""), "job", json_string("J9")),
	        "job is not open");
	must_refuse(b, "attempt.open", rows_open(1, "S", "again", ""), "disposition");
	must_refuse(b, "attempt.close", rows_pass(1), "not open");
	must(b, "attempt.open", rows_open(1, "S", "first", ""));
	must_refuse(b, "attempt.open", rows_open(1, "T", "first", ""), "used before");
	must_refuse(b, "station.stop", rows_parse("{\"reason\":\"x\"}"), "attempt is open");
}

static void a_pass_without_its_proof_is_refused(void **state)
{
	struct bench *b = *state;
	static const char other[] = "0000000000000000000000000000000000000000000000000000000000000000";
	prepare_job(b);
	must(b, "attempt.open", rows_open(1, "S", "first", ""));
	must_refuse(b, "attempt.close", changed(rows_pass(1), "readback_sha256", json_string(other)),
	        "equals the plan's");
	must_refuse(b, "attempt.close", changed(rows_pass(1), "extras_sha256", json_string(other)),
	        "equals the plan's");
	must_refuse(b, "attempt.close",
	        changed(changed(rows_pass(1), "plan_sha256", json_string("")), "readback_sha256",
	                json_string("")),
	        "equals the plan's");
	must_refuse(b, "attempt.close",
	        changed(changed(rows_pass(1), "plan_sha256", json_string(other)), "readback_sha256",
	                json_string(other)),
	        "no image.add row holds");
	must_refuse(b, "attempt.close", changed(rows_pass(1), "verify_method", json_string("none")),
	        "been verified");
	must_refuse(
	        b, "attempt.close", changed(rows_pass(1), "verify_method", json_string("")), "been verified");
	must_refuse(b, "attempt.close", changed(rows_pass(1), "bytes_verified", json_integer(0)),
	        "been verified");
	must_refuse(b, "attempt.close", changed(rows_pass(1), "code", json_string("write-error")),
	        "no failure code");
	must_refuse(b, "attempt.close", changed(rows_pass(1), "result", json_string("PASS")), "none of pass");
	must_refuse(b, "attempt.close", rows_fail(1, "", "device"), "carry a failure code");
	must_refuse(b, "attempt.close", rows_fail(1, "no-such-code", "device"), "no failure code");
	must_refuse(b, "attempt.close", rows_fail(1, "write-error", "nobody"), "whom it blames");
	must(b, "attempt.close", rows_pass(1));
	must_refuse(b, "attempt.close", rows_pass(1), "not open");
	must_refuse(b, "attempt.close", rows_fail(1, "write-error", "device"), "not open");
}

static json_t *on_target_pass(int attempt, const char *summary)
{
	return changed(changed(rows_pass(attempt), "verify_method", json_string("on-target")),
	        "summary_sha256", json_string(summary));
}

static void a_pass_by_the_boards_own_word_has_what_it_was_asked_and_what_it_said(void **state)
{
	struct bench *b = *state;
	char plan[SHA256_HEX_SIZE];
	rows_plan_sha256(plan); // any 64 hex digits will do
	prepare_job(b);
	must(b, "attempt.open", rows_open(1, "S", "first", ""));
	must_refuse(b, "attempt.close", on_target_pass(1, plan), "own word");
	must(b, "attempt.close", rows_fail(1, "no-answer", "station"));
	must(b, "attempt.open",
	        changed(rows_open(2, "S", "retest", "again"), "nonce",
	                json_string("00112233445566778899aabbccddeeff")));
	must_refuse(b, "attempt.close", on_target_pass(2, ""), "own word");
	must(b, "attempt.close", changed(on_target_pass(2, plan), "diskseq", json_integer(77)));
	assert_int_equal(number(b, "SELECT diskseq FROM attempt WHERE attempt = 2"), 77);
}

static void what_a_dead_station_left_open_becomes_interrupted_and_never_pass(void **state)
{
	struct bench *b = *state;
	json_t *resume = NULL;
	prepare_job(b);
	must(b, "attempt.open", rows_open(1, "S", "first", ""));
	must(b, "attempt.open", rows_open(2, "", "first", ""));
	close_bench(b);
	open_bench(b);
	assert_int_equal(json_array_size(b->interrupted), 2);
	must_refuse(b, "attempt.close", rows_pass(1), "not open");
	assert_int_equal(
	        number(b,
	                "SELECT count(*) FROM attempt WHERE result = 'interrupted' AND code = 'interrupted'"),
	        2);
	assert_int_equal(ledger_resume(b->ledger, b->interrupted, &resume, NULL), 0);
	assert_true(json_is_false(json_object_get(resume, "clean")));
	assert_int_equal(json_integer_value(json_object_get(resume, "next_attempt")), 3);
	assert_int_equal(json_integer_value(json_object_get(resume, "next_job")), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(resume, "job"), "job")), "J1");
	assert_int_equal(json_array_size(json_object_get(resume, "slots")), 2);
	assert_int_equal(json_array_size(json_object_get(resume, "images")), 1);
	json_decref(resume);
	close_bench(b);
	open_bench(b);
	assert_int_equal(json_array_size(b->interrupted), 0);
}

static void a_unit_that_passed_is_programmed_again_only_as_rework_with_a_reason(void **state)
{
	struct bench *b = *state;
	prepare_job(b);
	must(b, "attempt.open", rows_open(1, "S", "first", ""));
	must(b, "attempt.close", rows_pass(1));
	must_refuse(b, "attempt.open", rows_open(2, "S", "first", ""), "only as rework");
	must_refuse(b, "attempt.open", rows_open(2, "S", "rework", ""), "with a reason");
	must(b, "attempt.open", rows_open(2, "S", "rework", "new boot loader"));
	must(b, "attempt.close", rows_fail(2, "device-gone", "device"));
	must(b, "attempt.open", rows_open(3, "S", "retest", ""));
	must(b, "attempt.close", rows_fail(3, "device-gone", "device"));
	must(b, "unit.disposition",
	        rows_parse("{\"serial\":\"S\",\"disposition\":\"scrapped\",\"reason\":\"burnt\"}"));
	must_refuse(b, "attempt.open", rows_open(4, "S", "rework", "why not"), "scrapped");
	assert_int_equal(number(b, "SELECT number FROM attempt WHERE attempt = 3"), 3);
}

// Units: A pass · B fail, pass · C fail · D pass, then aborted in rework · E fails by the station's fault, pass ·
// F unverified. First-pass: A, D, E of A B C D E; final: A, B, E.
static void first_pass_and_final_yield_are_different_and_both_right(void **state)
{
	struct bench *b = *state;
	struct verify_report report;
	prepare_job(b);
	must(b, "attempt.open", rows_open(1, "A", "first", ""));
	must(b, "attempt.close", rows_pass(1));
	must(b, "attempt.open", rows_open(2, "B", "first", ""));
	must(b, "attempt.close", rows_fail(2, "write-error", "device"));
	must(b, "attempt.open", rows_open(3, "C", "first", ""));
	must(b, "attempt.close", rows_fail(3, "verify-mismatch", "device"));
	must(b, "attempt.open", rows_open(4, "D", "first", ""));
	must(b, "attempt.close", rows_pass(4));
	must(b, "attempt.open", rows_open(5, "E", "first", ""));
	must(b, "attempt.close", rows_fail(5, "worker-died", "station"));
	// A day later, so that what moves between days is seen to move.
	b->clock.time.utc_ns += 86400 * NSEC_PER_SEC;
	b->clock.time.mono_ns += 86400 * NSEC_PER_SEC;
	must(b, "attempt.open", rows_open(6, "B", "retest", ""));
	must(b, "attempt.close", rows_pass(6));
	must(b, "attempt.open", rows_open(7, "D", "rework", "wrong label"));
	must(b, "attempt.close",
	        changed(rows_fail(7, "cancelled", "operator"), "result", json_string("aborted")));
	must(b, "attempt.open", rows_open(8, "E", "retest", ""));
	must(b, "attempt.close", rows_pass(8));
	must(b, "attempt.open", rows_open(9, "F", "first", ""));
	must(b, "attempt.close", changed(rows_pass(9), "result", json_string("unverified")));
	assert_int_equal(number(b, "SELECT first_units * 100 + first_pass FROM job"), 503);
	assert_int_equal(number(b, "SELECT units * 100 + units_pass FROM job"), 503);
	assert_int_equal(number(b, "SELECT sum(first_units) * 100 + sum(first_pass) FROM yield_day"), 503);
	assert_int_equal(number(b, "SELECT sum(units) * 100 + sum(units_pass) FROM yield_day"), 503);
	assert_int_equal(number(b, "SELECT sum(first_units) * 100 + sum(first_pass) FROM yield_day WHERE day "
	                           "= '2023-11-14'"),
	        402);
	assert_int_equal(
	        number(b,
	                "SELECT sum(units) * 100 + sum(units_pass) FROM yield_day WHERE day = '2023-11-14'"),
	        301);
	assert_int_equal(
	        number(b, "SELECT pass * 1000 + fail * 100 + fail_other * 10 + unverified FROM job"), 4211);
	assert_int_equal(number(b, "SELECT aborted FROM job"), 1);
	verifies(b, &report);
}

static void a_serial_is_handed_out_once_consumed_by_pass_and_void_after_anything_else(void **state)
{
	struct bench *b = *state;
	prepare_job(b);
	for (int i = 1; i <= 3; i++)
		must(b, "attempt.open", rows_open(i, "", "first", ""));
	must(b, "serial.reserve", rows_parse("{\"serial\":\"N1\",\"pool\":\"p\",\"attempt\":1}"));
	must_refuse(b, "serial.reserve", rows_parse("{\"serial\":\"N1\",\"pool\":\"p\",\"attempt\":2}"),
	        "handed out before");
	must(b, "serial.reserve", rows_parse("{\"serial\":\"N2\",\"pool\":\"p\",\"attempt\":2}"));
	must(b, "serial.reserve", rows_parse("{\"serial\":\"N3\",\"pool\":\"p\",\"attempt\":3}"));
	must(b, "attempt.close", rows_pass(1));
	must(b, "attempt.close", rows_fail(2, "write-error", "device"));
	close_bench(b);
	open_bench(b);
	assert_int_equal(
	        number(b, "SELECT count(*) FROM serial_number WHERE state = 'consumed' AND serial = 'N1'"),
	        1);
	assert_int_equal(number(b, "SELECT count(*) FROM serial_number WHERE state = 'void'"), 2);
	must(b, "attempt.open", rows_open(4, "", "first", ""));
	must_refuse(b, "serial.reserve", rows_parse("{\"serial\":\"N4\",\"pool\":\"p\",\"attempt\":3}"),
	        "attempt that is open");
	must_refuse(b, "serial.reserve", rows_parse("{\"serial\":\"N3\",\"pool\":\"p\",\"attempt\":4}"),
	        "handed out before");
}

static json_t *retry_of(json_t *body, int before, const char *serial)
{
	json_object_set_new(body, "slot", json_string("1"));
	json_object_set_new(body, "serial", json_string(serial));
	json_object_set_new(body, "serial_source", json_string(*serial ? "allocated" : ""));
	return before ? changed(body, "retry_of", json_integer(before)) : body;
}

static void a_serial_is_kept_for_the_retry_that_its_fail_promises(void **state)
{
	struct bench *b = *state;
	struct verify_report report;
	prepare_job(b);
	must(b, "serial.reserve", rows_parse("{\"serial\":\"N1\",\"pool\":\"p\",\"attempt\":1}"));
	must(b, "attempt.open", retry_of(rows_open(1, "", "first", ""), 0, "N1"));
	must_refuse(b, "attempt.open", retry_of(rows_open(2, "", "retest", ""), 1, "N1"), "still open");
	must_refuse(b, "attempt.close", changed(rows_pass(1), "retry", json_true()), "only a FAIL");
	must_refuse(b, "serial.void", rows_parse("{\"serial\":\"N1\",\"attempt\":1}"), "has ended");
	must(b, "attempt.close", changed(rows_fail(1, "write-error", "device"), "retry", json_true()));
	must_refuse(b, "attempt.open", retry_of(rows_open(2, "", "retest", ""), 0, "N1"), "not reserved");
	must_refuse(b, "attempt.open", retry_of(rows_open(2, "", "retest", ""), 1, ""), "another board");
	must(b, "attempt.open", retry_of(rows_open(2, "", "retest", ""), 1, "N1"));
	must(b, "attempt.close", rows_pass(2));
	assert_int_equal(number(b, "SELECT attempt = 2 AND state = 'consumed' FROM serial_number"), 1);
	assert_int_equal(number(b, "SELECT units = 1 AND units_pass = 1 AND first_pass = 0 FROM job"), 1);
	verifies(b, &report);
}

static void a_kept_serial_is_void_when_no_retry_came(void **state)
{
	struct bench *b = *state;
	struct verify_report report;
	prepare_job(b);
	for (int i = 1; i <= 3; i++) {
		char serial[16], reserve[120];
		snprintf(serial, sizeof(serial), "N%d", i);
		snprintf(reserve, sizeof(reserve), "{\"serial\":\"%s\",\"pool\":\"p\",\"attempt\":%d}",
		        serial, i);
		must(b, "serial.reserve", rows_parse(reserve));
		must(b, "attempt.open", retry_of(rows_open(i, "", "first", ""), 0, serial));
		must(b, "attempt.close",
		        changed(rows_fail(i, "write-error", "device"), "retry", json_true()));
	}
	assert_int_equal(number(b, "SELECT count(*) FROM serial_number WHERE state = 'reserved'"), 3);
	must(b, "serial.void", rows_parse("{\"serial\":\"N1\",\"attempt\":1}"));
	must_refuse(b, "serial.void", rows_parse("{\"serial\":\"N1\",\"attempt\":1}"), "that is reserved");
	must(b, "attempt.open", retry_of(rows_open(4, "", "retest", ""), 2, "N2"));
	close_bench(b); // it died in the middle of the retry of N2, and before that of N3
	open_bench(b);
	must(b, "station.start", rows_station_start());
	assert_int_equal(number(b, "SELECT count(*) FROM serial_number WHERE state = 'void'"), 3);
	verifies(b, &report);
}

static void a_board_without_a_serial_that_stays_in_its_plug_is_one_unit(void **state)
{
	struct bench *b = *state;
	prepare_job(b);
	must(b, "attempt.open", retry_of(rows_open(1, "", "first", ""), 0, ""));
	must(b, "attempt.close", rows_fail(1, "write-error", "device"));
	must_refuse(b, "attempt.open",
	        changed(retry_of(rows_open(2, "", "retest", ""), 1, ""), "slot", json_string("2")),
	        "another board");
	must(b, "attempt.open", retry_of(rows_open(2, "", "retest", ""), 1, ""));
	must(b, "attempt.close", rows_pass(2));
	must_refuse(b, "attempt.open", retry_of(rows_open(3, "", "retest", ""), 2, ""), "only as rework");
	must(b, "attempt.open", retry_of(rows_open(3, "", "rework", "again"), 2, ""));
	must(b, "attempt.close", rows_pass(3));
	assert_int_equal(number(b, "SELECT count(*) FROM unit WHERE unit = '#1' AND attempts = 3"), 1);
	assert_int_equal(number(b, "SELECT units = 1 AND units_pass = 1 AND first_pass = 0 FROM job"), 1);
}

static void note_clock(struct bench *b)
{
	struct err e = {0};
	int r = ledger_begin(b->ledger, &e);
	if (r == 0)
		r = ledger_note_clock(b->ledger, &e);
	if (r == 0)
		r = ledger_commit(b->ledger, &e);
	if (r < 0)
		fail_msg("%s", e.text);
}

static void a_clock_that_moves_says_so_in_a_row(void **state)
{
	struct bench *b = *state;
	must(b, "note", rows_parse("{\"text\":\"x\"}"));
	assert_int_equal(number(b, "SELECT count(*) FROM log WHERE kind = 'clock'"), 1);
	b->clock.time.utc_ns -= 3600 * NSEC_PER_SEC;
	must(b, "note", rows_parse("{\"text\":\"y\"}"));
	assert_int_equal(
	        number(b,
	                "SELECT count(*) FROM log WHERE kind = 'clock' AND body ->> 'reason' = 'moved back' "
	                "AND body ->> 'by_s' BETWEEN -3601 AND -3599"),
	        1);
	b->clock.time.utc_ns += 7200 * NSEC_PER_SEC;
	must(b, "note", rows_parse("{\"text\":\"z\"}"));
	assert_int_equal(number(b, "SELECT count(*) FROM log WHERE body ->> 'reason' = 'moved forward'"), 1);
	// Without another row, too: the recorder hears of it.
	b->clock.time.utc_ns += 60 * NSEC_PER_SEC;
	note_clock(b);
	note_clock(b);
	assert_int_equal(number(b, "SELECT count(*) FROM log WHERE body ->> 'reason' = 'moved forward'"), 2);
	b->clock.time.synchronised = false;
	must(b, "note", rows_parse("{\"text\":\"z\"}"));
	assert_int_equal(number(b, "SELECT count(*) FROM log WHERE body ->> 'reason' = 'unsynchronised'"), 1);
	assert_int_equal(number(b, "SELECT count(*) FROM log WHERE kind = 'clock'"), 5);
}

static void the_log_takes_no_update_and_no_delete(void **state)
{
	struct bench *b = *state;
	sqlite3 *db = ledger_db(b->ledger);
	struct err e = {0};
	assert_true(db_exec(db, "UPDATE log SET body = '{}' WHERE seq = 2", &e) < 0);
	assert_non_null(strstr(e.text, "append-only"));
	assert_true(db_exec(db, "DELETE FROM log WHERE seq = 2", &e) < 0);
	assert_true(db_exec(db, "INSERT OR REPLACE INTO log SELECT * FROM log WHERE seq = 2", &e) < 0);
	assert_true(
	        db_exec(db,
	                "INSERT INTO log SELECT seq + 7, utc, kind, body, prev, hash FROM log WHERE seq = 2",
	                &e) < 0);
}

static void projections_of_another_version_are_built_again_from_the_log(void **state)
{
	struct bench *b = *state;
	struct verify_report report;
	prepare_job(b);
	must(b, "attempt.open", rows_open(1, "A", "first", ""));
	must(b, "attempt.close", rows_pass(1));
	assert_int_equal(
	        db_exec(ledger_db(b->ledger),
	                "DROP INDEX attempt_slot; UPDATE attempt SET slot = '9'; CREATE TABLE older(a)",
	                NULL),
	        0);
	close_bench(b);
	open_bench(b);
	assert_int_equal(number(b, "SELECT slot = '2' FROM attempt"), 1);
	assert_int_equal(number(b, "SELECT count(*) FROM log WHERE kind = 'ledger.migrate'"), 1);
	verifies(b, &report);
}

static void a_ledger_of_a_newer_version_is_left_alone(void **state)
{
	struct bench *b = *state;
	struct err e = {0};
	struct ledger *other = NULL;
	assert_int_equal(db_exec(ledger_db(b->ledger), "PRAGMA user_version = 99", NULL), 0);
	assert_int_equal(ledger_open(b->state, NULL, &other, &e), -EPROTO);
	assert_non_null(strstr(e.text, "newer gangway"));
}

static void a_log_without_its_guards_is_not_written_to(void **state)
{
	struct bench *b = *state;
	struct err e = {0};
	struct ledger *other = NULL;
	assert_int_equal(db_exec(ledger_db(b->ledger), "DROP TRIGGER log_is_never_updated", NULL), 0);
	assert_int_equal(ledger_open(b->state, NULL, &other, &e), -EUCLEAN);
	assert_non_null(strstr(e.text, "log_is_never_updated"));
}

static void a_log_whose_last_rows_were_edited_is_not_written_to(void **state)
{
	struct bench *b = *state;
	struct err e = {0};
	struct ledger *other = NULL;
	sign_now(b);
	must(b, "note", rows_parse("{\"text\":\"before\"}"));
	must(b, "note", rows_parse("{\"text\":\"after\"}"));
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	assert_int_equal(
	        db_prepare(ledger_db(b->ledger),
	                "SELECT sql FROM sqlite_schema WHERE name = 'log_is_never_updated'", &s, NULL),
	        0);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	char *guard = strdup(db_text(s, 0));
	sqlite3_reset(s);
	assert_int_equal(db_exec(ledger_db(b->ledger),
	                         "DROP TRIGGER log_is_never_updated;"
	                         "UPDATE log SET body = replace(body, 'before', 'better')",
	                         NULL),
	        0);
	assert_int_equal(db_exec(ledger_db(b->ledger), guard, NULL), 0);
	free(guard);
	assert_int_equal(ledger_open(b->state, NULL, &other, &e), -EUCLEAN);
	assert_non_null(strstr(e.text, "was edited"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        bench_test(a_new_ledger_starts_with_its_identity_and_its_key),
	        bench_test(a_body_is_stored_compact_and_sorted_and_hashed_as_documented),
	        bench_test(rows_that_break_a_rule_are_refused_and_leave_no_trace),
	        bench_test(a_pass_without_its_proof_is_refused),
	        bench_test(a_pass_by_the_boards_own_word_has_what_it_was_asked_and_what_it_said),
	        bench_test(what_a_dead_station_left_open_becomes_interrupted_and_never_pass),
	        bench_test(a_unit_that_passed_is_programmed_again_only_as_rework_with_a_reason),
	        bench_test(first_pass_and_final_yield_are_different_and_both_right),
	        bench_test(a_serial_is_handed_out_once_consumed_by_pass_and_void_after_anything_else),
	        bench_test(a_serial_is_kept_for_the_retry_that_its_fail_promises),
	        bench_test(a_kept_serial_is_void_when_no_retry_came),
	        bench_test(a_board_without_a_serial_that_stays_in_its_plug_is_one_unit),
	        bench_test(a_clock_that_moves_says_so_in_a_row),
	        bench_test(the_log_takes_no_update_and_no_delete),
	        bench_test(projections_of_another_version_are_built_again_from_the_log),
	        bench_test(a_ledger_of_a_newer_version_is_left_alone),
	        bench_test(a_log_without_its_guards_is_not_written_to),
	        bench_test(a_log_whose_last_rows_were_edited_is_not_written_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
