// SPDX-License-Identifier: MIT
// The ledger when the power fails at any write of a running batch, and when an fsync fails.
// timeout: 240
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "ledger_rows.h"
#include "power_vfs.h"
#include "record/ledger.h"
#include "record/recorder.h"
#include "record/verify.h"

enum { CUTS = 200, ATTEMPTS = 24, ROWS_MAX = 4 * ATTEMPTS + 16 };

struct batch {
	struct ledger *ledger;
	struct ledger_row rows[ROWS_MAX], acknowledged[ROWS_MAX];
	unsigned count, acknowledged_count;
	bool sent_pass[ATTEMPTS + 1], shown_pass[ATTEMPTS + 1];
};

static void empty_folder(const char *path)
{
	char command[PATH_MAX + 64];
	snprintf(command, sizeof(command), "rm -rf '%s' && mkdir '%s'", path, path);
	assert_int_equal(system(command), 0);
}

static int put(struct batch *b, const char *kind, json_t *body)
{
	int r = ledger_append(b->ledger, kind, body, &b->rows[b->count], NULL);
	json_decref(body);
	b->count += r == 0;
	return r;
}

// What a commit that came back has promised.
static int commit(struct batch *b)
{
	int r = ledger_commit(b->ledger, NULL);
	if (r < 0)
		return r;
	memcpy(b->acknowledged, b->rows, sizeof(b->rows));
	b->acknowledged_count = b->count;
	memcpy(b->shown_pass, b->sent_pass, sizeof(b->sent_pass));
	return 0;
}

static int first_rows(struct batch *b)
{
	int r = ledger_begin(b->ledger, NULL);
	if (r == 0)
		r = put(b, "station.start", rows_station_start());
	if (r == 0)
		r = put(b, "image.add", rows_image("demo"));
	if (r == 0)
		r = put(b, "job.open", rows_job("J1"));
	return r < 0 ? r : commit(b);
}

// Verdicts that end together share a commit, as in a gang.
static int run_attempts(struct batch *b)
{
	for (int i = 1; i <= ATTEMPTS; i += 4) {
		int r = ledger_begin(b->ledger, NULL);
		for (int k = i; r == 0 && k < i + 4; k++)
			r = put(b, "attempt.open", rows_open(k, "", "first", ""));
		if (r == 0)
			r = commit(b);
		if (r == 0)
			r = ledger_begin(b->ledger, NULL);
		for (int k = i; r == 0 && k < i + 4; k++) {
			bool pass = k % 3 != 0;
			r = put(b, "attempt.close",
			        pass ? rows_pass(k) : rows_fail(k, "device-gone", "device"));
			b->sent_pass[k] = pass;
		}
		if (r == 0)
			r = commit(b);
		if (r < 0)
			return r;
	}
	return 0;
}

// Runs until the power goes. The small checkpoint makes the main file be written again and again as well.
static void run_batch(struct batch *b, const char *state)
{
	json_t *interrupted = NULL;
	int r = ledger_open(state, NULL, &b->ledger, NULL);
	if (r == 0)
		r = db_exec(ledger_db(b->ledger), "PRAGMA wal_autocheckpoint = 25", NULL);
	if (r == 0)
		r = ledger_start(b->ledger, &interrupted, NULL);
	json_decref(interrupted);
	if (r == 0)
		r = first_rows(b);
	if (r == 0)
		r = run_attempts(b);
	assert_true(r <= 0);
	b->ledger = ledger_free(b->ledger);
}

static void check_rows(struct batch *b, struct ledger *ledger, unsigned seed)
{
	char sql[160];
	int64_t n = 0;
	for (unsigned i = 0; i < b->acknowledged_count; i++)
		if (ledger_has(ledger, &b->acknowledged[i], NULL) != 1)
			fail_msg("cut %u: row %d was acknowledged and is lost", seed,
			        (int)b->acknowledged[i].seq);
	for (int i = 1; i <= ATTEMPTS; i++) {
		snprintf(sql, sizeof(sql),
		        "SELECT count(*) FROM attempt WHERE attempt = %d AND result = 'pass'", i);
		assert_int_equal(db_number(ledger_db(ledger), sql, &n, NULL), 0);
		if ((b->shown_pass[i] && !n) || (n && !b->sent_pass[i]))
			fail_msg("cut %u: attempt %d: shown %d, in the ledger %d", seed, i, b->shown_pass[i],
			        (int)n);
	}
	assert_int_equal(
	        db_number(ledger_db(ledger), "SELECT count(*) FROM attempt WHERE result = 'open'", &n, NULL),
	        0);
	assert_int_equal(n, 0);
}

static void check_after(struct batch *b, const char *state, unsigned seed)
{
	struct ledger *ledger = NULL;
	json_t *interrupted = NULL;
	struct err e = {0};
	if (ledger_open(state, NULL, &ledger, &e) < 0 || ledger_start(ledger, &interrupted, &e) < 0)
		fail_msg("cut %u: %s", seed, e.text);
	check_rows(b, ledger, seed);
	json_decref(interrupted);
	ledger_free(ledger);
	char path[PATH_MAX];
	struct verify_report report;
	snprintf(path, sizeof(path), "%s/station.db", state);
	struct verify_request request = {.database = path};
	if (verify_ledger(&request, &report, &e) < 0)
		fail_msg("cut %u: %s", seed, e.text);
}

// How many writes, truncations and syncs an undisturbed batch takes.
static unsigned count_operations(void)
{
	struct batch b = {0};
	empty_folder("before");
	power_reset(1, UINT32_MAX);
	power_plug_in();
	run_batch(&b, "before");
	power_unplug();
	assert_int_equal(b.acknowledged_count, 3 + 2 * ATTEMPTS);
	return power.operations;
}

static void the_power_fails_at_any_write_and_nothing_shown_is_lost(void **state)
{
	(void)state;
	unsigned operations = count_operations(), step = getenv("SANITIZE") ? 5 : 1;
	assert_true(operations > CUTS);
	for (unsigned cut = 0; cut < CUTS; cut += step) {
		struct batch b = {0};
		empty_folder("before");
		empty_folder("after");
		power_reset(cut + 1, 1 + (unsigned)((uint64_t)operations * cut / CUTS));
		power_plug_in();
		run_batch(&b, "before");
		power_unplug();
		power_write_image("after");
		check_after(&b, "after", cut);
	}
	power_reset(1, 0);
}

static void a_commit_of_many_rows_is_one_fsync(void **state)
{
	(void)state;
	struct batch b = {0};
	json_t *interrupted = NULL;
	empty_folder("before");
	power_reset(1, 0);
	power_plug_in();
	assert_int_equal(ledger_open("before", NULL, &b.ledger, NULL), 0);
	assert_int_equal(ledger_start(b.ledger, &interrupted, NULL), 0);
	json_decref(interrupted);
	assert_int_equal(first_rows(&b), 0);
	unsigned before = power.wal_syncs;
	assert_int_equal(ledger_begin(b.ledger, NULL), 0);
	for (int i = 1; i <= ATTEMPTS; i++)
		assert_int_equal(put(&b, "attempt.open", rows_open(i, "", "first", "")), 0);
	assert_int_equal(commit(&b), 0);
	assert_int_equal(power.wal_syncs, before + 1);
	ledger_free(b.ledger);
	power_unplug();
	power_reset(1, 0);
}

struct hearing {
	bool ready, closed;
	unsigned durable, failing, recovered;
	uint64_t last_seq;
};

static void on_ready(void *context, const json_t *resume)
{
	(void)resume;
	((struct hearing *)context)->ready = true;
}

static void on_durable(void *context, uint64_t ticket, uint64_t seq, const char *hash)
{
	struct hearing *h = context;
	(void)ticket;
	(void)hash;
	assert_true(seq > h->last_seq);
	h->last_seq = seq;
	h->durable++;
}

static void on_refused(void *context, uint64_t ticket, const struct err *e)
{
	(void)context;
	fail_msg("ticket %d: %s", (int)ticket, e->text);
}

static void on_failing(void *context, const struct err *e)
{
	(void)e;
	((struct hearing *)context)->failing++;
}

static void on_recovered(void *context)
{
	((struct hearing *)context)->recovered++;
}

static void on_died(void *context, const char *how)
{
	(void)context;
	fail_msg("died: %s", how);
}

static void on_closed(void *context)
{
	((struct hearing *)context)->closed = true;
}

static void wait_for(struct loop *loop, const bool *what, const unsigned *count, unsigned wanted)
{
	uint64_t until = clock_mono_ns() + 120 * NSEC_PER_SEC;
	while (what ? !*what : *count < wanted) {
		assert_true(clock_mono_ns() < until);
		assert_int_equal(loop_round(loop, 20000), 0);
	}
}

// The bytes of the failed fsync are on the disk, and closing the file fails too: the rows must be found, not written a second time (an attempt that is
// opened twice would be refused).
static void a_commit_whose_fsync_failed_is_settled_and_not_repeated(void **state)
{
	static const struct recorder_events events = {
	        on_ready, on_durable, on_refused, on_failing, on_recovered, on_died, NULL};
	(void)state;
	struct hearing h = {0};
	_cleanup_loop_ struct loop *loop = NULL;
	struct recorder *recorder = NULL;
	uint64_t ticket;
	empty_folder("before");
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(setenv("POWER_FAIL_WAL_SYNC", "6", 1), 0);
	assert_int_equal(recorder_start(loop, "before", &events, &h, &recorder, NULL), 0);
	wait_for(loop, &h.ready, NULL, 0);
	json_t *rows[] = {rows_station_start(), rows_image("demo"), rows_job("J1")};
	static const char *const kinds[] = {"station.start", "image.add", "job.open"};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(recorder_append(recorder, kinds[i], rows[i], -1, &ticket, NULL), 0);
		json_decref(rows[i]);
		wait_for(loop, NULL, &h.durable, (unsigned)i + 1);
	}
	for (int i = 1; i <= 8; i++) {
		json_t *body = rows_open(i, "", "first", "");
		assert_int_equal(recorder_append(recorder, "attempt.open", body, -1, &ticket, NULL), 0);
		json_decref(body);
		wait_for(loop, NULL, &h.durable, 3 + (unsigned)i);
	}
	recorder_close(recorder, on_closed, &h);
	wait_for(loop, &h.closed, NULL, 0);
	recorder_free(recorder);
	assert_int_equal(h.failing, 1);
	assert_int_equal(h.recovered, 1);
	struct batch none = {0};
	check_after(&none, "before", 0);
}

// The recorder's process, held still: what it is sent meanwhile waits together.
static pid_t hold_recorder(void)
{
	char path[64], text[32];
	int status;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

static void send_opens(
        struct loop *loop, struct recorder *recorder, struct hearing *h, unsigned rows, bool together)
{
	uint64_t ticket;
	unsigned before = h->durable;
	pid_t held = together ? hold_recorder() : 0;
	for (unsigned i = 1; i <= rows; i++) {
		json_t *body = rows_open((int)i, "", "first", "");
		assert_int_equal(recorder_append(recorder, "attempt.open", body, -1, &ticket, NULL), 0);
		json_decref(body);
		if (!together)
			wait_for(loop, NULL, &h->durable, before + i);
	}
	if (together)
		assert_int_equal(kill(held, SIGCONT), 0);
	wait_for(loop, NULL, &h->durable, before + rows);
}

// Every fsync of the WAL in a recorder's life that was given so many rows, each after the other was durable or all together.
static unsigned syncs_of(unsigned rows, bool together)
{
	static const struct recorder_events events = {
	        on_ready, on_durable, on_refused, on_failing, on_recovered, on_died, NULL};
	struct hearing h = {0};
	_cleanup_loop_ struct loop *loop = NULL;
	struct recorder *recorder = NULL;
	char text[16];
	uint64_t ticket;
	empty_folder("before");
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(setenv("POWER_FAIL_WAL_SYNC", "0", 1), 0);
	assert_int_equal(recorder_start(loop, "before", &events, &h, &recorder, NULL), 0);
	wait_for(loop, &h.ready, NULL, 0);
	json_t *job = rows_job("J1");
	assert_int_equal(recorder_append(recorder, "job.open", job, -1, &ticket, NULL), 0);
	json_decref(job);
	wait_for(loop, NULL, &h.durable, 1);
	send_opens(loop, recorder, &h, rows, together);
	recorder_close(recorder, on_closed, &h);
	wait_for(loop, &h.closed, NULL, 0);
	recorder_free(recorder);
	assert_true(fd_read_text(AT_FDCWD, "syncs", text, sizeof(text)) > 0);
	return (unsigned)strtoul(text, NULL, 10);
}

static void rows_that_wait_together_share_one_fsync_and_one_alone_costs_one(void **state)
{
	(void)state;
	unsigned none = syncs_of(0, false);
	assert_int_equal(syncs_of(24, false), none + 24);
	assert_int_equal(syncs_of(24, true), none + 1);
}

static int recorder_with_power(int argc, char **argv)
{
	char text[16];
	power_plug_in();
	power.fail_wal_sync = (unsigned)atoi(getenv("POWER_FAIL_WAL_SYNC"));
	int code = recorder_role(argc, argv);
	snprintf(text, sizeof(text), "%u", power.wal_syncs);
	return fd_write_file("syncs", text, strlen(text), 0644, NULL) < 0 ? 1 : code;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "recorder"))
		return recorder_with_power(argc - 1, argv + 1);
	// In memory where that can be had: some thousand small files are made, and the real disk's speed is not the question.
	char folder[] = "/dev/shm/gangway-power-XXXXXX";
	bool in_memory = mkdtemp(folder) && chdir(folder) == 0;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_commit_of_many_rows_is_one_fsync),
	        cmocka_unit_test(rows_that_wait_together_share_one_fsync_and_one_alone_costs_one),
	        cmocka_unit_test(a_commit_whose_fsync_failed_is_settled_and_not_repeated),
	        cmocka_unit_test(the_power_fails_at_any_write_and_nothing_shown_is_lost),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	char command[PATH_MAX];
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (in_memory && (chdir("/") < 0 || system(command) != 0))
		return 1;
	return failed;
}
