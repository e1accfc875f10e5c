// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "ledger_rows.h"
#include "record/chain.h"
#include "record/ledger.h"
#include "record/query.h"
#include "record/verify.h"

// A clock that stands where the test puts it.
struct fake_clock {
	struct ledger_time time;
};

static void fake_now(void *context, struct ledger_time *out)
{
	struct fake_clock *c = context;
	*out = c->time;
	c->time.utc_ns += 1000;
	c->time.mono_ns += 1000;
}

struct bench {
	char state[PATH_MAX];
	struct fake_clock clock;
	struct ledger *ledger;
	json_t *interrupted;
};

static void open_bench(struct bench *b)
{
	struct err e = {0};
	struct ledger_clock clock = {.now = fake_now, .context = &b->clock};
	if (ledger_open(b->state, &clock, &b->ledger, &e) < 0 ||
	        ledger_start(b->ledger, &b->interrupted, &e) < 0)
		fail_msg("%s", e.text);
}

static void close_bench(struct bench *b)
{
	b->ledger = ledger_free(b->ledger);
	json_decref(b->interrupted);
	b->interrupted = NULL;
}

static int make_bench(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	snprintf(b->state, sizeof(b->state), "ledger-XXXXXX");
	assert_non_null(mkdtemp(b->state));
	b->clock.time = (struct ledger_time){1700000000 * NSEC_PER_SEC, 5000 * NSEC_PER_SEC, true};
	open_bench(b);
	*state = b;
	return 0;
}

static int drop_bench(void **state)
{
	struct bench *b = *state;
	char command[PATH_MAX + 16];
	close_bench(b);
	snprintf(command, sizeof(command), "rm -rf '%s'", b->state);
	int r = system(command);
	free(b);
	return r;
}

static int append(struct bench *b, const char *kind, json_t *body, struct err *e)
{
	struct ledger_row row;
	assert_non_null(body);
	assert_int_equal(ledger_begin(b->ledger, NULL), 0);
	int r = ledger_append(b->ledger, kind, body, &row, e);
	json_decref(body);
	assert_int_equal(ledger_commit(b->ledger, NULL), 0);
	return r;
}

static void must(struct bench *b, const char *kind, json_t *body)
{
	struct err e = {0};
	if (append(b, kind, body, &e) != 0)
		fail_msg("%s: %s", kind, e.text);
}

static void must_refuse(struct bench *b, const char *kind, json_t *body, const char *why)
{
	struct err e = {0};
	uint64_t before = 0, after = 0;
	char hash[SHA256_HEX_SIZE];
	assert_int_equal(chain_check(ledger_db(b->ledger), &before, hash, NULL), 0);
	if (append(b, kind, body, &e) != LEDGER_REFUSED)
		fail_msg("%s was not refused (%s)", kind, why);
	if (!strstr(e.text, why))
		fail_msg("refused with '%s', not with '%s'", e.text, why);
	assert_int_equal(chain_check(ledger_db(b->ledger), &after, hash, NULL), 0);
	assert_int_equal(before, after);
}

static int64_t number(struct bench *b, const char *sql)
{
	struct err e = {0};
	int64_t n = -1;
	if (db_number(ledger_db(b->ledger), sql, &n, &e) < 0)
		fail_msg("%s: %s", sql, e.text);
	return n;
}

static void verifies(struct bench *b, struct verify_report *report)
{
	char path[PATH_MAX + 16];
	struct err e = {0};
	snprintf(path, sizeof(path), "%s/station.db", b->state);
	struct verify_request request = {.database = path};
	if (verify_ledger(&request, report, &e) < 0)
		fail_msg("%s", e.text);
}

static void prepare_job(struct bench *b)
{
	must(b, "station.start", rows_station_start());
	must(b, "image.add", rows_image("demo"));
	must(b, "job.open", rows_job("J1"));
}

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

static void a_head_is_signed_written_and_anchors_the_rows_before_it(void **state)
{
	struct bench *b = *state;
	struct ledger_row row;
	struct verify_report report;
	char path[PATH_MAX + 64];
	struct stat st;
	must(b, "note", rows_parse("{\"text\":\"x\"}"));
	assert_int_equal(ledger_begin(b->ledger, NULL), 0);
	assert_int_equal(ledger_append_head(b->ledger, "asked", &row, NULL), 0);
	assert_int_equal(ledger_commit(b->ledger, NULL), 0);
	assert_int_equal(ledger_publish(b->ledger, NULL), 0);
	assert_int_equal(ledger_unanchored(b->ledger), 0);
	verifies(b, &report);
	assert_int_equal(report.anchored, row.seq - 1);
	assert_int_equal(report.rows, row.seq);
	// A file that was lost is written again by the next start.
	snprintf(path, sizeof(path), "%s/heads/head-%012d.json", b->state, (int)row.seq - 1);
	assert_int_equal(unlink(path), 0);
	close_bench(b);
	open_bench(b);
	assert_int_equal(ledger_publish(b->ledger, NULL), 0);
	assert_int_equal(access(path, R_OK), 0);
	snprintf(path, sizeof(path), "%s/keys/station.key", b->state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void sign_now(struct bench *b)
{
	assert_int_equal(ledger_begin(b->ledger, NULL), 0);
	assert_int_equal(ledger_append_head(b->ledger, "asked", NULL, NULL), 0);
	assert_int_equal(ledger_commit(b->ledger, NULL), 0);
	assert_int_equal(ledger_publish(b->ledger, NULL), 0);
}

static void a_rotated_key_is_endorsed_by_the_one_before_and_a_lost_one_is_called_lost(void **state)
{
	struct bench *b = *state;
	struct verify_report report;
	char keys[PATH_MAX + 8], path[PATH_MAX + 32];
	snprintf(keys, sizeof(keys), "%s/keys", b->state);
	sign_now(b);
	close_bench(b);
	assert_int_equal(key_rotate(keys, NULL), 0);
	assert_int_equal(key_rotate(keys, NULL), -EBUSY);
	open_bench(b);
	assert_int_equal(
	        number(b, "SELECT count(*) FROM log WHERE kind = 'key' AND body ->> 'reason' = 'rotated' "
	                  "AND length(body ->> 'endorsed') = 128"),
	        1);
	sign_now(b);
	close_bench(b);
	snprintf(path, sizeof(path), "%s/station.key", keys);
	assert_int_equal(unlink(path), 0);
	open_bench(b);
	assert_int_equal(number(b, "SELECT count(*) FROM key WHERE reason = 'lost'"), 1);
	sign_now(b);
	verifies(b, &report);
	assert_int_equal(report.heads, 6); // three rows, three files
	assert_int_equal(report.anchored, report.rows - 1);
}

static char *text_of_file(const char *folder, const char *name)
{
	char path[PATH_MAX + 64], *text = NULL;
	size_t size;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(fd_read_file(path, 65536, &text, &size, NULL), 0);
	return text;
}

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(fd_write_file(path, text, strlen(text), 0600, NULL), 0);
}

// After a start: so many keys that the one before vouched for, none lost, no old secret left, and the public half is the key's.
static void expect_rotations(struct bench *b, const char *keys, int rotated)
{
	struct verify_report report;
	char path[PATH_MAX + 64];
	_cleanup_free_ char *pem = text_of_file(keys, "station.pub");
	sign_now(b);
	verifies(b, &report);
	assert_int_equal(number(b, "SELECT count(*) FROM key WHERE reason = 'rotated'"), rotated);
	assert_int_equal(number(b, "SELECT count(*) FROM key WHERE reason = 'lost'"), 0);
	snprintf(path, sizeof(path), "%s/station.key.old", keys);
	assert_int_equal(access(path, F_OK), -1);
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	assert_int_equal(
	        db_prepare(ledger_db(b->ledger), "SELECT public FROM key ORDER BY seq DESC", &s, NULL), 0);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal(db_text(s, 0), pem);
}

// What each step leaves behind when the power goes after it.
static void a_rotation_cut_short_at_any_step_is_done_or_not_done(void **state)
{
	struct bench *b = *state;
	char keys[PATH_MAX + 8];
	snprintf(keys, sizeof(keys), "%s/keys", b->state);
	close_bench(b);
	_cleanup_free_ char *key = text_of_file(keys, "station.key"),
	                    *pub = text_of_file(keys, "station.pub");
	put_file(keys, "station.key.old", key); // 1: the old one is kept, the new one is not made
	open_bench(b);
	expect_rotations(b, keys, 0);
	close_bench(b);
	assert_int_equal(key_rotate(keys, NULL), 0);
	put_file(keys, "station.pub",
	        pub); // 2: the new secret is there, the public half beside it is the old one's
	open_bench(b);
	expect_rotations(b, keys, 1);
	close_bench(b);
	put_file(keys, "station.key.old", key); // 3: the row is durable, the old secret is not yet gone
	open_bench(b);
	expect_rotations(b, keys, 1);
}

// The disk fails and the ledger is opened again in the same run, between `rotate-key` and the next start.
static void a_key_rotated_under_a_running_station_signs_from_the_next_start_on(void **state)
{
	struct bench *b = *state;
	struct verify_report report;
	char keys[PATH_MAX + 8];
	snprintf(keys, sizeof(keys), "%s/keys", b->state);
	assert_int_equal(key_rotate(keys, NULL), 0);
	sign_now(b);
	close_bench(b);
	struct ledger_clock clock = {.now = fake_now, .context = &b->clock};
	assert_int_equal(ledger_open(b->state, &clock, &b->ledger, NULL), 0);
	sign_now(b);
	verifies(b, &report);
	assert_int_equal(number(b, "SELECT count(*) FROM key"), 1);
	close_bench(b);
	open_bench(b);
	expect_rotations(b, keys, 1);
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
#define bench_test(f) cmocka_unit_test_setup_teardown(f, make_bench, drop_bench)
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
	        bench_test(a_head_is_signed_written_and_anchors_the_rows_before_it),
	        bench_test(a_key_rotated_under_a_running_station_signs_from_the_next_start_on),
	        bench_test(a_rotation_cut_short_at_any_step_is_done_or_not_done),
	        bench_test(a_rotated_key_is_endorsed_by_the_one_before_and_a_lost_one_is_called_lost),
	        bench_test(projections_of_another_version_are_built_again_from_the_log),
	        bench_test(a_ledger_of_a_newer_version_is_left_alone),
	        bench_test(a_log_without_its_guards_is_not_written_to),
	        bench_test(a_log_whose_last_rows_were_edited_is_not_written_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
