// SPDX-License-Identifier: MIT
// Signed heads and the keys they are signed with.
#include "ledger_bench.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        bench_test(a_head_is_signed_written_and_anchors_the_rows_before_it),
	        bench_test(a_key_rotated_under_a_running_station_signs_from_the_next_start_on),
	        bench_test(a_rotation_cut_short_at_any_step_is_done_or_not_done),
	        bench_test(a_rotated_key_is_endorsed_by_the_one_before_and_a_lost_one_is_called_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
