// SPDX-License-Identifier: MIT
// A ledger in a folder of its own, and a clock that stands where a test puts it.
#ifndef GANGWAY_TESTS_LEDGER_BENCH_H
#define GANGWAY_TESTS_LEDGER_BENCH_H

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

static inline void fake_now(void *context, struct ledger_time *out)
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

static inline void open_bench(struct bench *b)
{
	struct err e = {0};
	struct ledger_clock clock = {.now = fake_now, .context = &b->clock};
	if (ledger_open(b->state, &clock, &b->ledger, &e) < 0 ||
	        ledger_start(b->ledger, &b->interrupted, &e) < 0)
		fail_msg("%s", e.text);
}

static inline void close_bench(struct bench *b)
{
	b->ledger = ledger_free(b->ledger);
	json_decref(b->interrupted);
	b->interrupted = NULL;
}

static inline int make_bench(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	snprintf(b->state, sizeof(b->state), "ledger-XXXXXX");
	assert_non_null(mkdtemp(b->state));
	b->clock.time = (struct ledger_time){1700000000 * NSEC_PER_SEC, 5000 * NSEC_PER_SEC, true};
	open_bench(b);
	*state = b;
	return 0;
}

static inline int drop_bench(void **state)
{
	struct bench *b = *state;
	char command[PATH_MAX + 16];
	close_bench(b);
	snprintf(command, sizeof(command), "rm -rf '%s'", b->state);
	int r = system(command);
	free(b);
	return r;
}

static inline int append(struct bench *b, const char *kind, json_t *body, struct err *e)
{
	struct ledger_row row;
	assert_non_null(body);
	assert_int_equal(ledger_begin(b->ledger, NULL), 0);
	int r = ledger_append(b->ledger, kind, body, &row, e);
	json_decref(body);
	assert_int_equal(ledger_commit(b->ledger, NULL), 0);
	return r;
}

static inline void must(struct bench *b, const char *kind, json_t *body)
{
	struct err e = {0};
	if (append(b, kind, body, &e) != 0)
		fail_msg("%s: %s", kind, e.text);
}

static inline void must_refuse(struct bench *b, const char *kind, json_t *body, const char *why)
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

static inline int64_t number(struct bench *b, const char *sql)
{
	struct err e = {0};
	int64_t n = -1;
	if (db_number(ledger_db(b->ledger), sql, &n, &e) < 0)
		fail_msg("%s: %s", sql, e.text);
	return n;
}

static inline void verifies(struct bench *b, struct verify_report *report)
{
	char path[PATH_MAX + 16];
	struct err e = {0};
	snprintf(path, sizeof(path), "%s/station.db", b->state);
	struct verify_request request = {.database = path};
	if (verify_ledger(&request, report, &e) < 0)
		fail_msg("%s", e.text);
}

static inline void prepare_job(struct bench *b)
{
	must(b, "station.start", rows_station_start());
	must(b, "image.add", rows_image("demo"));
	must(b, "job.open", rows_job("J1"));
}

static inline void sign_now(struct bench *b)
{
	assert_int_equal(ledger_begin(b->ledger, NULL), 0);
	assert_int_equal(ledger_append_head(b->ledger, "asked", NULL, NULL), 0);
	assert_int_equal(ledger_commit(b->ledger, NULL), 0);
	assert_int_equal(ledger_publish(b->ledger, NULL), 0);
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, make_bench, drop_bench)

#endif
