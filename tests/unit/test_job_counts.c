// SPDX-License-Identifier: MIT
// A job's counters are the same in the station that counted along, in the ledger, and in the next station.
#include "core/job.h"
#include "daemon/job_counts.h"
#include "ledger_bench.h"

enum { UNITS = 7, STEPS = 80 };

struct unit {
	char serial[8]; // "": it shows none, and is known by its plug
	char slot[8];
	int open, last; // attempts; 0: none
	bool started, passed, made, again, barred;
};

struct history {
	struct bench *bench;
	uint64_t random;
	const char *method;
	struct job_counts live; // the station's, which counts along
	struct unit units[UNITS];
	int attempts;
};

static unsigned roll(struct history *h, unsigned sides)
{
	h->random = h->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(h->random >> 33) % sides;
}

static bool verifies_boards(const struct history *h)
{
	return strcmp(h->method, "none") != 0;
}

static void ledger_counts(struct bench *b, struct job_counts *out)
{
	json_t *jobs = NULL;
	bool more;
	assert_int_equal(query_named(ledger_db(b->ledger), "open-jobs", NULL, 10, &jobs, &more, NULL), 0);
	assert_int_equal(json_array_size(jobs), 1);
	job_counts_read(json_array_get(jobs, 0), out);
	json_decref(jobs);
}

static int64_t rows(struct bench *b, const char *where)
{
	char sql[400];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM attempt AS a WHERE job = 'J1' AND %s", where);
	return number(b, sql);
}

static void check_counts(struct history *h)
{
	struct bench *b = h->bench;
	struct job_counts read = {0};
	ledger_counts(b, &read);
	assert_int_equal(
	        read.made, rows(b, "result IN ('pass', 'unverified') AND NOT EXISTS (SELECT 1 FROM "
	                           "attempt AS later WHERE later.job = a.job AND later.unit = a.unit "
	                           "AND later.attempt > a.attempt AND later.result <> 'open')"));
	assert_int_equal(read.pass, rows(b, "result = 'pass'"));
	assert_int_equal(read.unverified, rows(b, "result = 'unverified'"));
	assert_int_equal(read.fail, rows(b, "result = 'fail' AND blame = 'device'"));
	assert_int_equal(read.other, rows(b, "(result IN ('aborted', 'interrupted') OR (result = 'fail' AND "
	                                     "blame <> 'device'))"));
	assert_int_equal(read.made, h->live.made);
	assert_int_equal(read.pass, h->live.pass);
	assert_int_equal(read.unverified, h->live.unverified);
	assert_int_equal(read.fail, h->live.fail);
	assert_int_equal(read.other, h->live.other);
	assert_int_equal(h->live.inflight, rows(b, "result = 'open'"));
}

static void begin(struct history *h, struct unit *u)
{
	struct err e;
	const char *disposition = u->passed ? "rework" : u->started ? "retest" : "first";
	json_t *body = rows_open(h->attempts + 1, u->serial, disposition, u->passed ? "a reason" : "");
	json_object_set_new(body, "slot", json_string(u->slot));
	json_object_set_new(body, "nonce", json_string("00112233445566778899aabbccddeeff"));
	if (!u->serial[0] && u->last)
		json_object_set_new(body, "retry_of", json_integer(u->last));
	job_started(&h->live);
	int r = append(h->bench, "attempt.open", body, &e);
	assert_int_equal(r == LEDGER_REFUSED, u->barred);
	if (r == LEDGER_REFUSED) {
		job_unstarted(&h->live); // nothing is written to such a board
		return;
	}
	u->open = ++h->attempts;
	u->again = u->made;
	u->started = true;
}

static json_t *close_body(const struct history *h, int attempt, const char *result)
{
	json_t *body = rows_pass(attempt);
	json_object_set_new(body, "result", json_string(result));
	json_object_set_new(body, "verify_method", json_string(h->method));
	if (!strcmp(h->method, "on-target"))
		json_object_set(body, "summary_sha256", json_object_get(body, "plan_sha256"));
	return body;
}

static json_t *bad_body(int attempt, const char *result, enum failure failure)
{
	json_t *body =
	        rows_fail(attempt, failure_info(failure)->code, blame_name(failure_info(failure)->blame));
	json_object_set_new(body, "result", json_string(result));
	return body;
}

static void end(struct history *h, struct unit *u)
{
	static const enum failure failures[] = {FAILURE_VERIFY_MISMATCH, FAILURE_STATION_ERROR};
	enum failure failure = failures[roll(h, 2)];
	unsigned dice = roll(h, 6);
	bool good = dice < 3;
	if (good && verifies_boards(h)) {
		must(h->bench, "attempt.close", close_body(h, u->open, "pass"));
		job_ended(&h->live, JOB_END_PASS, FAILURE_NONE, u->again);
	} else if (good) {
		must(h->bench, "attempt.close", close_body(h, u->open, "unverified"));
		job_ended(&h->live, JOB_END_UNVERIFIED, FAILURE_NONE, u->again);
	} else if (dice < 5) {
		must(h->bench, "attempt.close", bad_body(u->open, "fail", failure));
		job_ended(&h->live, JOB_END_FAIL, failure, u->again);
	} else {
		must(h->bench, "attempt.close", bad_body(u->open, "aborted", FAILURE_CANCELLED));
		job_ended(&h->live, JOB_END_ABORTED, FAILURE_CANCELLED, u->again);
	}
	u->made = good;
	u->passed = good && verifies_boards(h);
	u->last = u->open;
	u->open = 0;
}

static void dispose(struct history *h, struct unit *u)
{
	static const char *const words[] = {"released", "scrapped", "quarantine", "rework", "retest"};
	unsigned word = roll(h, ARRAY_SIZE(words));
	if (!u->serial[0] || !u->started || u->open)
		return;
	must(h->bench, "unit.disposition",
	        json_pack("{s:s,s:s,s:s}", "serial", u->serial, "disposition", words[word], "reason", "r"));
	u->barred = word == 1 || word == 2;
}

// The station is killed: what was open is interrupted, and the next one goes on from the ledger.
static void restart(struct history *h)
{
	close_bench(h->bench);
	open_bench(h->bench);
	ledger_counts(h->bench, &h->live);
	assert_int_equal(h->live.state, JOB_OPEN);
	for (size_t i = 0; i < UNITS; i++) {
		struct unit *u = &h->units[i];
		if (!u->open)
			continue;
		u->made = u->passed = false;
		u->last = u->open;
		u->open = 0;
	}
}

static void step(struct history *h)
{
	struct unit *u = &h->units[roll(h, UNITS)];
	unsigned dice = roll(h, 20);
	if (dice == 0)
		restart(h);
	else if (dice < 3)
		dispose(h, u);
	else if (u->open)
		end(h, u);
	else
		begin(h, u);
	check_counts(h);
}

static void random_history(void **state, const char *method, uint64_t seed)
{
	struct bench *b = *state;
	struct verify_report report;
	struct history h = {.bench = b, .random = seed, .method = method, .live = {.state = JOB_OPEN}};
	for (size_t i = 0; i < UNITS; i++) {
		snprintf(h.units[i].slot, sizeof(h.units[i].slot), "%zu", i + 1);
		if (i < 5)
			snprintf(h.units[i].serial, sizeof(h.units[i].serial), "U%zu", i + 1);
	}
	prepare_job(b);
	for (int i = 0; i < STEPS; i++)
		step(&h);
	assert_true(h.live.made > 0);
	verifies(b, &report);
}

static void counts_are_the_ledgers_with_read_back(void **state)
{
	random_history(state, "host-readback", 1);
}

static void counts_are_the_ledgers_with_compare(void **state)
{
	random_history(state, "host-compare", 2);
}

static void counts_are_the_ledgers_on_target(void **state)
{
	random_history(state, "on-target", 3);
}

static void counts_are_the_ledgers_without_verify(void **state)
{
	random_history(state, "none", 4);
}

static void a_job_that_was_ended_is_not_open_again(void **state)
{
	struct bench *b = *state;
	struct job_counts counts = {.wanted = 5};
	struct verify_report report;
	prepare_job(b);
	must(b, "attempt.open", rows_open(1, "A", "first", ""));
	ledger_counts(b, &counts);
	assert_int_equal(counts.state, JOB_OPEN);
	must_refuse(b, "job.closing", rows_parse("{\"job\":\"J2\",\"reason\":\"operator\"}"), "not open");
	must(b, "job.closing", rows_parse("{\"job\":\"J1\",\"reason\":\"operator\",\"operator\":\"ann\"}"));
	close_bench(b);
	open_bench(b);
	ledger_counts(b, &counts);
	assert_int_equal(counts.state, JOB_CLOSING);
	assert_int_equal(counts.wanted, 5);
	assert_int_equal(counts.other, 1); // the attempt that was interrupted
	must(b, "job.close", rows_parse("{\"job\":\"J1\",\"reason\":\"operator\"}"));
	must_refuse(b, "job.closing", rows_parse("{\"job\":\"J1\",\"reason\":\"operator\"}"), "not open");
	assert_int_equal(number(b, "SELECT close_reason = 'operator' AND closed <> '' FROM job"), 1);
	verifies(b, &report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        bench_test(counts_are_the_ledgers_with_read_back),
	        bench_test(counts_are_the_ledgers_with_compare),
	        bench_test(counts_are_the_ledgers_on_target),
	        bench_test(counts_are_the_ledgers_without_verify),
	        bench_test(a_job_that_was_ended_is_not_open_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
