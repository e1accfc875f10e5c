// SPDX-License-Identifier: MIT
// A virtual board's answer, judged as the station judges it.
#include <fcntl.h>

#include "base/clock.h"
#include "base/fd.h"
#include "board/virtual_answer.h"
#include "check.h"
#include "core/failure.h"
#include "image/legacy.h"
#include "image/ontarget.h"
#include "image/script.h"

#define PLAN "1111111111111111111111111111111111111111111111111111111111111111"

enum { SECTOR = 64, DISK_BYTES = 4 * 1024 * 1024 };

// What is on the disk behind 1 MiB: two windows, the first one of two extents, the last one with a partial block.
static struct window_extent extents[] = {{MIB, 8192}, {MIB + 64 * KIB, 4096}, {2 * MIB, 100000}};
static struct window list[] = {
        {.first = 0, .count = 2, .length = 12288}, {.first = 2, .count = 1, .length = 100000}};
static const struct windows windows = {extents, list, ARRAY_SIZE(extents), ARRAY_SIZE(list)};

struct world {
	char path[64], answered[80];
	struct ontarget_expect expect;
};

static void put(const struct world *w, const void *data, size_t size, uint64_t offset)
{
	_cleanup_close_ int fd = open(w->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_pwrite_all(fd, data, size, offset), 0);
}

static void summary_of(const struct world *w, char block[ONTARGET_BLOCK])
{
	_cleanup_close_ int fd = open(w->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(
	        fd_pread_all(fd, block, ONTARGET_BLOCK, (SECTOR + 1) * ONTARGET_BLOCK), ONTARGET_BLOCK);
}

// A request with a new nonce, as the station leaves it.
static void ask(struct world *w)
{
	_cleanup_free_ char *text = NULL, *script = NULL, *place = NULL;
	struct script_spec spec = {.name = "a", .window = MIB, .plan_sha256 = PLAN};
	size_t size = 0;
	struct err e = {0};
	assert_int_equal(ontarget_nonce(w->expect.nonce, &e), 0);
	assert_int_equal(script_verify(&spec, &windows, &text, &size, &e), 0);
	assert_int_equal(legacy_script("gangway verify", text, size, &script, &size, &e), 0);
	assert_int_equal(ontarget_place(w->expect.nonce, script, size, &place, &size, &e), 0);
	put(w, place, size, SECTOR * ONTARGET_BLOCK);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	uint8_t *disk = calloc(1, DISK_BYTES);
	if (!w || !disk)
		return -1;
	snprintf(w->path, sizeof(w->path), "disk.img");
	snprintf(w->answered, sizeof(w->answered), "disk.img.answered");
	for (size_t i = MIB; i < DISK_BYTES; i++)
		disk[i] = (uint8_t)(i * 2654435761u >> 13);
	digest_sha256(disk + 2 * MIB, 100000, list[1].sha256);
	memcpy(disk + 3 * MIB, disk + extents[0].offset, extents[0].length);
	memcpy(disk + 3 * MIB + extents[0].length, disk + extents[1].offset, extents[1].length);
	digest_sha256(disk + 3 * MIB, 12288, list[0].sha256);
	int fd = open(w->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = fd < 0 ? -1 : fd_pwrite_all(fd, disk, DISK_BYTES, 0);
	free(disk);
	fd_close(&fd);
	STR_COPY(w->expect.plan_sha256, PLAN);
	w->expect.windows = windows.count;
	*state = w;
	return r;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	unlink(w->path);
	unlink(w->answered);
	free(w);
	return 0;
}

static int run(const struct world *w, bool ejected, const char *fault)
{
	struct virtual_run board = {.path = w->path, .ejected = ejected, .sector = SECTOR};
	struct err e = {0};
	if (fault)
		assert_int_equal(board_fault_parse(fault, &board.faults[0], &e), 0);
	return virtual_run(&board, &e);
}

static int judged(const struct world *w, struct err *e)
{
	char block[ONTARGET_BLOCK];
	*e = (struct err){0};
	summary_of(w, block);
	uint64_t wrong_at;
	return ontarget_judge(block, &w->expect, &wrong_at, e);
}

// Asks, has it answered with this fault, and expects no PASS for this reason.
static void assert_no_pass(struct world *w, const char *fault, int failure, const char *word)
{
	struct err e;
	ask(w);
	assert_int_equal(run(w, true, fault), VIRTUAL_DECISION_UMS);
	assert_true(judged(w, &e) < 0);
	assert_int_equal(e.failure, failure);
	assert_non_null(strstr(e.text, word));
}

static void a_board_with_the_right_bytes_passes(void **state)
{
	struct world *w = *state;
	struct err e;
	ask(w);
	assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_UMS);
	assert_int_equal(judged(w, &e), 0);
}

static void the_summary_is_what_env_export_writes(void **state)
{
	struct world *w = *state;
	char block[ONTARGET_BLOCK], wanted[ONTARGET_BLOCK] = {0}, digest[SHA256_HEX_SIZE];
	ask(w);
	run(w, true, NULL);
	summary_of(w, block);
	assert_int_equal(sscanf(block, "gw_sum_bad=none gw_sum_checked=2 gw_sum_digest=%64s", digest), 1);
	snprintf(wanted, sizeof(wanted),
	        "gw_sum_bad=none\ngw_sum_checked=2\ngw_sum_digest=%s\ngw_sum_nonce=%s\ngw_sum_plan=" PLAN
	        "\ngw_sum_result=pass\n",
	        digest, w->expect.nonce);
	assert_memory_equal(block, wanted, sizeof(wanted));
}

static void one_wrong_bit_fails_in_the_window_that_holds_it(void **state)
{
	static const struct {
		uint64_t at;
		const char *window;
	} cases[] = {{MIB, "byte 1048576"}, {MIB + 64 * KIB + 4095, "byte 1048576"},
	        {2 * MIB + 99999, "byte 2097152"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char fault[64];
		tear_down(state);
		assert_int_equal(set_up(state), 0);
		struct world *w = *state;
		snprintf(fault, sizeof(fault), "answer-flip@%llu", (unsigned long long)cases[i].at);
		assert_no_pass(w, fault, FAILURE_VERIFY_MISMATCH, cases[i].window);
		// It is the disk that is wrong, not the answer: asked again, it says the same.
		assert_no_pass(w, NULL, FAILURE_VERIFY_MISMATCH, cases[i].window);
	}
}

static void bytes_that_no_window_names_may_be_anything(void **state)
{
	struct world *w = *state;
	struct err e;
	ask(w);
	assert_int_equal(
	        run(w, true, "answer-flip@2197152"), VIRTUAL_DECISION_UMS); // the rest of the last block
	assert_int_equal(judged(w, &e), 0);
}

static void every_scripted_fault_is_no_pass_and_has_its_code(void **state)
{
	struct world *w = *state;
	assert_no_pass(w, "answer-fail@1114112", FAILURE_VERIFY_MISMATCH, "byte 1048576");
	assert_no_pass(w, "answer-fail@2097152", FAILURE_VERIFY_MISMATCH, "byte 2097152");
	assert_no_pass(w, "answer-none@0", FAILURE_NO_ANSWER, "no summary");
	assert_no_pass(w, "answer-foreign@0", FAILURE_WRONG_ANSWER, "another request");
	assert_no_pass(w, "answer-truncated@0", FAILURE_NO_ANSWER, "no summary");
	assert_no_pass(w, "answer-truncated@100", FAILURE_WRONG_ANSWER, "damaged");
	assert_no_pass(w, "answer-garbage@0", FAILURE_WRONG_ANSWER, "damaged");
	assert_no_pass(w, "answer-stale@0", FAILURE_WRONG_ANSWER, "another request");
}

static void a_board_that_never_answered_has_no_stale_answer(void **state)
{
	assert_no_pass(*state, "answer-stale@0", FAILURE_NO_ANSWER, "no summary");
}

static void a_board_that_is_too_small_fails(void **state)
{
	struct world *w = *state;
	ask(w);
	assert_int_equal(truncate(w->path, 2 * MIB + 4096), 0);
	struct err e;
	assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_UMS);
	assert_true(judged(w, &e) < 0);
	assert_int_equal(e.failure, FAILURE_VERIFY_MISMATCH);
}

static void a_damaged_script_is_not_run(void **state)
{
	struct world *w = *state;
	struct err e;
	ask(w);
	put(w, "x", 1, (SECTOR + 2) * ONTARGET_BLOCK + 700);
	assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_UMS);
	assert_true(judged(w, &e) < 0);
	assert_non_null(strstr(e.text, "no summary"));
}

static void a_request_is_answered_once(void **state)
{
	struct world *w = *state;
	struct err e;
	ask(w);
	run(w, true, NULL);
	put(w, "changed", 7, 2 * MIB);
	assert_int_equal(run(w, false, NULL), VIRTUAL_DECISION_UMS);
	assert_int_equal(judged(w, &e), 0); // still the first answer
}

// Its script is damaged each time; it could as well lose its power.
static void a_request_that_comes_to_nothing_is_begun_three_times_and_no_more(void **state)
{
	struct world *w = *state;
	struct err e;
	char block[ONTARGET_BLOCK];
	ask(w);
	put(w, "x", 1, (SECTOR + 2) * ONTARGET_BLOCK + 700);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_UMS);
		summary_of(w, block);
		assert_int_equal(block[strlen("gw_sum_tries=")], '0' + i);
	}
	assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_PROMPT);
	assert_int_equal(run(w, false, NULL), VIRTUAL_DECISION_UMS);
	assert_true(judged(w, &e) < 0);
	assert_non_null(strstr(e.text, "0x3 times"));
	ask(w); // the next request is another one
	assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_UMS);
	assert_int_equal(judged(w, &e), 0);
	assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_PROMPT); // it is answered
}

static void what_it_does_next_is_what_the_start_script_does(void **state)
{
	static const uint8_t table[] = {0x55, 0xaa};
	struct world *w = *state;
	assert_int_equal(run(w, false, NULL), VIRTUAL_DECISION_UMS);   // blank: it waits for the host
	assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_PROMPT); // nothing was programmed
	ask(w);
	assert_int_equal(run(w, true, "answer-never@0"), VIRTUAL_DECISION_PROMPT);
	put(w, table, sizeof(table), 510);
	assert_int_equal(run(w, true, NULL), VIRTUAL_DECISION_BOOTS);
	assert_int_equal(run(w, false, NULL), VIRTUAL_DECISION_BOOTS);
	struct err e;
	assert_true(judged(w, &e) < 0); // and runs nothing from its eMMC
}

static void its_emmc_has_a_speed_of_its_own(void **state)
{
	struct world *w = *state;
	struct virtual_run board = {.path = w->path, .ejected = true, .sector = SECTOR, .rate = MIB};
	struct err e = {0};
	ask(w);
	uint64_t begun = clock_mono_ns();
	assert_int_equal(virtual_run(&board, &e), VIRTUAL_DECISION_UMS);
	// 110 KiB and a half at 1 MiB/s; only what is sooner than the wire allows is wrong.
	assert_true(clock_mono_ns() - begun >= 100 * NSEC_PER_MSEC);
	assert_int_equal(judged(w, &e), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	        TEST(a_board_with_the_right_bytes_passes),
	        TEST(the_summary_is_what_env_export_writes),
	        TEST(one_wrong_bit_fails_in_the_window_that_holds_it),
	        TEST(bytes_that_no_window_names_may_be_anything),
	        TEST(every_scripted_fault_is_no_pass_and_has_its_code),
	        TEST(a_board_that_never_answered_has_no_stale_answer),
	        TEST(a_board_that_is_too_small_fails),
	        TEST(a_damaged_script_is_not_run),
	        TEST(a_request_is_answered_once),
	        TEST(a_request_that_comes_to_nothing_is_begun_three_times_and_no_more),
	        TEST(what_it_does_next_is_what_the_start_script_does),
	        TEST(its_emmc_has_a_speed_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
