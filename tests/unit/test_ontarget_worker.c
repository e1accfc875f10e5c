// SPDX-License-Identifier: MIT
#include "flash_world.h"
#include "image/ontarget_kit.h"

#define SIZE  (5 * MIB)
#define BOARD (SIZE + MIB)

static const struct ontarget_spec spec = {.sector = 200, .window = 64 * KIB}; // byte 102400: not mapped

// One attempt on "board": the worker's two halves, and a board that answers between them.
struct attempt {
	struct world w;
	struct ontarget_kit kit;
	struct worker_job job;
	struct outcome asked, committed;
};

static void attempt_begin(struct attempt *a)
{
	struct err e = {0};
	*a = (struct attempt){0};
	a->job = world_with_board(&a->w, SIZE, BOARD);
	if (ontarget_kit_make(&a->w.image, &spec, &a->kit, &e) < 0)
		fail_msg("%s", e.text);
	a->job.target = (struct worker_target){.offset = spec.sector * ONTARGET_BLOCK,
	        .script_size = a->kit.script_size,
	        .windows = a->kit.windows,
	        .window = spec.window,
	        .mapped = a->w.image.front->mapped_bytes};
	STR_COPY(a->job.target.plan_sha256, a->kit.plan_sha256);
	assert_int_equal(ontarget_nonce(a->job.target.nonce, &e), 0);
}

static void attempt_end(struct attempt *a)
{
	ontarget_kit_close(&a->kit);
	a->w.image.target_fd = 0;
	world_end(&a->w);
}

static void run_ask(struct attempt *a)
{
	a->asked = (struct outcome){0};
	a->job.task = WORKER_ASK;
	a->w.image.target_fd = a->kit.script_fd;
	run(&a->w, &a->job, &a->asked);
}

static void run_commit(struct attempt *a)
{
	struct image whole = a->w.image;
	a->committed = (struct outcome){0};
	a->job.task = WORKER_COMMIT;
	a->w.image = a->kit.withheld;
	run(&a->w, &a->job, &a->committed);
	a->w.image = whole;
}

static void put(const char *path, uint64_t at, const void *data, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fd_pwrite_all(fd, data, size, at), 0);
}

// What the board's U-Boot leaves behind the request: fields of "" are the right ones.
static void answer_bad(
        struct attempt *a, const char *nonce, const char *result, size_t windows, const char *bad)
{
	char text[ONTARGET_BLOCK] = {0}, block[ONTARGET_BLOCK] = {0}, hex[SHA256_HEX_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];
	snprintf(text, sizeof(text),
	        "gw_sum_bad=%s\ngw_sum_checked=%zx\ngw_sum_nonce=%s\ngw_sum_plan=%s\ngw_sum_result=%s\n", bad,
	        windows, nonce, a->kit.plan_sha256, result);
	digest_sha256(text, sizeof(text), digest);
	digest_hex(digest, sizeof(digest), hex);
	snprintf(block, sizeof(block), "%.400sgw_sum_digest=%s\n", text, hex);
	put("board", (spec.sector + 1) * ONTARGET_BLOCK, block, sizeof(block));
}

static void answer(struct attempt *a, const char *nonce, const char *result, size_t windows)
{
	answer_bad(a, nonce, result, windows, "none");
}

static void a_board_that_was_asked_holds_all_but_what_makes_it_boot_and_the_request(void **state)
{
	(void)state;
	struct attempt a;
	uint64_t size;
	attempt_begin(&a);
	run_ask(&a);
	assert_string_equal(a.asked.verdict.text, "");
	assert_int_equal(a.asked.verdict.result, WORKER_ASKED);
	assert_int_equal(a.asked.verdict.method, WORKER_METHOD_NONE);
	assert_int_equal(a.asked.verdict.bytes_verified, 0);
	assert_false(target_boots("board"));
	assert_true(target_holds(&a.w, "board", MIB, SIZE - 4 * KIB));
	assert_false(target_holds(&a.w, "board", 0, MIB));
	_cleanup_free_ uint8_t *data = target_read("board", &size);
	const char *place = (const char *)data + spec.sector * ONTARGET_BLOCK;
	_cleanup_free_ char *script = calloc(1, a.kit.script_size), *wanted = NULL;
	size_t wanted_size;
	struct err e = {0};
	assert_int_equal(fd_pread_all(a.kit.script_fd, script, a.kit.script_size, 0), a.kit.script_size);
	assert_int_equal(
	        ontarget_place(a.job.target.nonce, script, a.kit.script_size, &wanted, &wanted_size, &e), 0);
	assert_memory_equal(place, wanted, wanted_size);
	assert_int_equal(data[spec.sector * ONTARGET_BLOCK - 1], OLD_BYTE); // around it nothing was written
	assert_int_equal(data[spec.sector * ONTARGET_BLOCK + wanted_size], OLD_BYTE);
	attempt_end(&a);
}

static void the_right_answer_brings_the_rest_and_a_pass_that_says_how(void **state)
{
	(void)state;
	struct attempt a;
	uint64_t size;
	static const uint8_t none[DIGEST_SHA256_SIZE];
	attempt_begin(&a);
	run_ask(&a);
	answer(&a, a.job.target.nonce, "pass", a.kit.windows);
	run_commit(&a);
	const struct worker_report *r = &a.committed.verdict;
	assert_string_equal(r->text, "");
	assert_int_equal(r->result, WORKER_PASS);
	assert_int_equal(r->method, WORKER_METHOD_ON_TARGET);
	assert_int_equal(r->windows, a.kit.windows);
	assert_int_equal(r->bytes_verified, a.w.image.front->mapped_bytes);
	assert_memory_not_equal(r->summary_sha256, none, sizeof(none));
	uint8_t plan[DIGEST_SHA256_SIZE];
	plan_digest(a.w.image.front->ranges, a.w.image.front->range_count, plan);
	assert_memory_equal(r->plan_sha256, plan, sizeof(plan));
	assert_memory_equal(r->readback_sha256, plan, sizeof(plan));
	assert_true(target_holds_image(&a.w, "board"));
	assert_true(target_boots("board"));
	assert_int_equal(a.asked.verdict.bytes_written + r->bytes_written, a.w.image.front->mapped_bytes);
	_cleanup_free_ uint8_t *data = target_read("board", &size);
	for (size_t i = 0; i < ontarget_place_size(a.kit.script_size); i++)
		assert_int_equal(data[spec.sector * ONTARGET_BLOCK + i], 0); // nothing of it is left
	attempt_end(&a);
}

// Law 2: whatever stands there, if it is not this attempt's answer there is no PASS, and no byte is written.
static void anything_but_this_attempts_answer_is_no_pass_and_writes_nothing(void **state)
{
	(void)state;
	static const char other[] = "00112233445566778899aabbccddeeff";
	struct attempt a;
	attempt_begin(&a);
	run_ask(&a);
	for (int i = 0; i < 4; i++) {
		uint64_t size;
		if (i == 1)
			answer(&a, other, "pass", a.kit.windows);
		else if (i == 2)
			answer(&a, a.job.target.nonce, "pass", a.kit.windows - 1);
		else if (i == 3)
			put("board", (spec.sector + 1) * ONTARGET_BLOCK + 20, "x", 1);
		_cleanup_free_ uint8_t *before = target_read("board", &size);
		run_commit(&a);
		_cleanup_free_ uint8_t *after = target_read("board", &size);
		assert_int_equal(a.committed.verdict.result, WORKER_FAIL);
		assert_int_equal(
		        a.committed.verdict.failure, i == 0 ? FAILURE_NO_ANSWER : FAILURE_WRONG_ANSWER);
		assert_int_equal(a.committed.verdict.bytes_verified, 0);
		assert_memory_equal(before, after, size);
	}
	attempt_end(&a);
}

static bool all_are(const uint8_t *data, uint8_t byte, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		if (data[i] != byte)
			return false;
	return true;
}

// Else its start script would find it again at each start.
static void a_request_that_is_not_answered_is_taken_back_and_no_other_byte_changes(void **state)
{
	(void)state;
	struct attempt a;
	const uint64_t from = spec.sector * ONTARGET_BLOCK;
	attempt_begin(&a);
	a.job.target.withdraw = true;
	for (int i = 0; i < 3; i++) {
		uint64_t size, to = from + ontarget_place_size(a.kit.script_size);
		run_ask(&a);
		if (i == 1)
			answer(&a, "00112233445566778899aabbccddeeff", "pass", a.kit.windows);
		else if (i == 2)
			put("board", from + ONTARGET_BLOCK, "x", 1);
		_cleanup_free_ uint8_t *before = target_read("board", &size);
		run_commit(&a);
		_cleanup_free_ uint8_t *after = target_read("board", &size);
		assert_int_equal(
		        a.committed.verdict.failure, i == 0 ? FAILURE_NO_ANSWER : FAILURE_WRONG_ANSWER);
		assert_int_equal(a.committed.verdict.method, WORKER_METHOD_NONE);
		assert_true(all_are(after, 0, from, to));
		assert_memory_equal(before, after, from);
		assert_memory_equal(before + to, after + to, size - to);
	}
	attempt_end(&a);
}

static void a_request_of_another_attempt_is_nobody_elses_to_take_back(void **state)
{
	(void)state;
	struct attempt a;
	uint64_t size;
	struct err e = {0};
	attempt_begin(&a);
	run_ask(&a);
	a.job.target.withdraw = true;
	assert_int_equal(ontarget_nonce(a.job.target.nonce, &e), 0);
	_cleanup_free_ uint8_t *before = target_read("board", &size);
	run_commit(&a);
	_cleanup_free_ uint8_t *after = target_read("board", &size);
	assert_int_equal(a.committed.verdict.result, WORKER_FAIL);
	assert_memory_equal(before, after, size);
	attempt_end(&a);
}

static void an_old_answer_does_not_survive_the_next_request(void **state)
{
	(void)state;
	struct attempt a;
	struct err e = {0};
	attempt_begin(&a);
	run_ask(&a);
	answer(&a, a.job.target.nonce, "pass", a.kit.windows);
	assert_int_equal(ontarget_nonce(a.job.target.nonce, &e), 0);
	run_ask(&a);
	run_commit(&a);
	assert_int_equal(a.committed.verdict.failure, FAILURE_NO_ANSWER);
	assert_false(target_boots("board"));
	attempt_end(&a);
}

static void a_board_that_says_fail_is_to_blame_and_is_not_asked_again(void **state)
{
	(void)state;
	struct attempt a;
	uint64_t size;
	attempt_begin(&a);
	run_ask(&a);
	answer(&a, a.job.target.nonce, "fail", 1);
	run_commit(&a);
	assert_int_equal(a.committed.verdict.failure, FAILURE_VERIFY_MISMATCH);
	assert_int_equal(a.committed.verdict.method, WORKER_METHOD_ON_TARGET);
	assert_non_null(strstr(a.committed.verdict.text, "the board read something else back"));
	assert_false(target_boots("board"));
	_cleanup_free_ uint8_t *data = target_read("board", &size);
	assert_int_equal(data[spec.sector * ONTARGET_BLOCK], 0); // else its start script would never stop
	attempt_end(&a);
}

// Law 8.
static void a_board_that_found_what_the_store_gave_it_is_not_to_blame(void **state)
{
	(void)state;
	for (int damaged = 0; damaged < 2; damaged++) {
		struct attempt a;
		char bad[24];
		attempt_begin(&a);
		snprintf(bad, sizeof(bad), "%d", (int)(4 * MIB));
		if (damaged)
			assert_int_equal(fd_pwrite_all(a.w.image.data_fd, "x", 1, 4 * MIB + 9), 0);
		run_ask(&a);
		answer_bad(&a, a.job.target.nonce, "fail", 1, bad);
		run_commit(&a);
		assert_int_equal(a.committed.verdict.failure,
		        damaged ? FAILURE_STORE_DAMAGED : FAILURE_VERIFY_MISMATCH);
		assert_false(target_boots("board"));
		attempt_end(&a);
	}
}

// Of what makes it boot the host vouches itself.
static void a_wrong_byte_in_the_withheld_part_is_found_by_the_host(void **state)
{
	(void)state;
	struct attempt a;
	attempt_begin(&a);
	run_ask(&a);
	answer(&a, a.job.target.nonce, "pass", a.kit.windows);
	job_fault(&a.job, BOARD_FAULT_FLIP, 700 * KIB);
	run_commit(&a);
	assert_int_equal(a.committed.verdict.failure, FAILURE_VERIFY_MISMATCH);
	assert_false(target_boots("board"));
	attempt_end(&a);
}

static void what_fails_around_the_place_is_the_boards_and_never_a_pass(void **state)
{
	(void)state;
	static const struct {
		enum board_fault_kind kind;
		bool commit;
		enum failure failure;
	} cases[] = {{BOARD_FAULT_WRITE_ERROR, false, FAILURE_WRITE_ERROR},
	        {BOARD_FAULT_READ_ERROR, false, FAILURE_READ_ERROR},
	        {BOARD_FAULT_READ_ERROR, true, FAILURE_READ_ERROR},
	        {BOARD_FAULT_WRITE_ERROR, true, FAILURE_WRITE_ERROR},
	        {BOARD_FAULT_VANISH, true, FAILURE_DEVICE_GONE}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct attempt a;
		attempt_begin(&a);
		if (!cases[i].commit)
			job_fault(&a.job, cases[i].kind, spec.sector * ONTARGET_BLOCK);
		run_ask(&a);
		const struct worker_report *r = &a.asked.verdict;
		if (cases[i].commit) {
			answer(&a, a.job.target.nonce, "pass", a.kit.windows);
			job_fault(&a.job, cases[i].kind, spec.sector * ONTARGET_BLOCK);
			run_commit(&a);
			r = &a.committed.verdict;
		}
		assert_int_equal(r->result, WORKER_FAIL);
		assert_int_equal(r->failure, cases[i].failure);
		assert_false(target_boots("board"));
		attempt_end(&a);
	}
}

static void a_place_that_is_not_on_the_board_is_refused_before_a_byte(void **state)
{
	(void)state;
	struct attempt a;
	attempt_begin(&a);
	a.job.target.offset = BOARD - ONTARGET_BLOCK;
	run_ask(&a);
	assert_true(a.asked.verdict.refused);
	assert_int_equal(a.asked.verdict.failure, FAILURE_TARGET_TOO_SMALL);
	assert_true(target_is_old("board"));
	attempt_end(&a);
}

static void a_place_that_the_image_has_is_refused_and_the_store_is_not_read(void **state)
{
	(void)state;
	static const struct {
		uint64_t sector;
		const char *word;
	} cases[] = {{33, "table"}, {2 * 100, NULL}, {5 * MIB / ONTARGET_BLOCK - 2, "itself"},
	        {3 * MIB / ONTARGET_BLOCK - 3, "itself"}, {2 * MIB / ONTARGET_BLOCK + 16, NULL}};
	struct world w;
	world_ready(&w, SIZE);
	assert_int_equal(ftruncate(w.image.data_fd, 0), 0); // who reads it fails
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};
		int r = ontarget_kit_check(
		        &w.image, &(struct ontarget_spec){.sector = cases[i].sector, .window = 64 * KIB}, &e);
		if (!cases[i].word && r < 0)
			fail_msg("%s", e.text);
		if (cases[i].word && (r == 0 || !strstr(e.text, cases[i].word)))
			fail_msg("sector %d: %s", (int)cases[i].sector, e.text);
	}
	world_end(&w);
}

static void a_script_that_is_too_large_by_far_is_not_made_first(void **state)
{
	(void)state;
	struct world w;
	struct err e = {0};
	world_ready(&w, SIZE);
	w.front.map->mapped_bytes = 64 * GIB;
	assert_true(ontarget_kit_check(
	                    &w.image, &(struct ontarget_spec){.sector = 200, .window = 4 * KIB}, &e) < 0);
	assert_non_null(strstr(e.text, "larger window"));
	w.front.map->mapped_bytes = 0;
	w.front.map->range_count = 4 * 1000 * 1000; // it would run into what is not there
	assert_true(ontarget_kit_check(&w.image, &spec, &e) < 0);
	w.front.map->range_count = 4;
	world_end(&w);
}

static void a_damaged_store_makes_no_script(void **state)
{
	(void)state;
	struct world w;
	struct ontarget_kit kit;
	struct err e = {0};
	world_ready(&w, SIZE);
	assert_int_equal(fd_pwrite_all(w.image.data_fd, "x", 1, 4 * MIB), 0);
	assert_true(ontarget_kit_make(&w.image, &spec, &kit, &e) < 0);
	assert_int_equal(e.failure, FAILURE_STORE_DAMAGED);
	world_end(&w);
}

struct waiting {
	int sock;
	bool over;
};

static void on_kit(void *context, uint32_t events)
{
	struct waiting *w = context;
	(void)events;
	w->over = true;
}

static void the_kit_of_another_process_is_the_same(void **state)
{
	(void)state;
	struct world w;
	struct child child = {0};
	struct waiting waiting = {.sock = -1};
	struct loop_source *source = NULL;
	struct ontarget_kit kit, own;
	struct err e = {0};
	char theirs[16 * KIB] = {0}, ours[16 * KIB] = {0};
	world_ready(&w, SIZE);
	assert_int_equal(ontarget_kit_start(&w.image, &spec, &child, &waiting.sock, &e), 0);
	assert_int_equal(loop_add_fd(w.loop, waiting.sock, EPOLLIN, on_kit, &waiting, &source, &e), 0);
	uint64_t deadline = clock_mono_ns() + WORLD_DEADLINE_S * NSEC_PER_SEC;
	while (!waiting.over) {
		assert_true(clock_mono_ns() < deadline);
		assert_int_equal(loop_round(w.loop, 1000), 0);
	}
	if (ontarget_kit_receive(waiting.sock, &w.image, &kit, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(ontarget_kit_make(&w.image, &spec, &own, &e), 0);
	assert_int_equal(kit.windows, own.windows);
	assert_int_equal(kit.script_size, own.script_size);
	assert_true(kit.script_size < sizeof(theirs));
	assert_int_equal(fd_pread_all(kit.script_fd, theirs, kit.script_size, 0), kit.script_size);
	assert_int_equal(fd_pread_all(own.script_fd, ours, own.script_size, 0), own.script_size);
	assert_memory_equal(theirs, ours, sizeof(ours));
	assert_int_equal(kit.withheld.front_size, own.withheld.front_size);
	assert_memory_equal(kit.withheld.front, own.withheld.front, own.withheld.front_size);
	loop_remove(source);
	close(waiting.sock);
	ontarget_kit_close(&kit);
	ontarget_kit_close(&own);
	world_end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_board_that_was_asked_holds_all_but_what_makes_it_boot_and_the_request),
	        cmocka_unit_test(the_right_answer_brings_the_rest_and_a_pass_that_says_how),
	        cmocka_unit_test(anything_but_this_attempts_answer_is_no_pass_and_writes_nothing),
	        cmocka_unit_test(a_request_that_is_not_answered_is_taken_back_and_no_other_byte_changes),
	        cmocka_unit_test(a_request_of_another_attempt_is_nobody_elses_to_take_back),
	        cmocka_unit_test(an_old_answer_does_not_survive_the_next_request),
	        cmocka_unit_test(a_board_that_says_fail_is_to_blame_and_is_not_asked_again),
	        cmocka_unit_test(a_board_that_found_what_the_store_gave_it_is_not_to_blame),
	        cmocka_unit_test(a_wrong_byte_in_the_withheld_part_is_found_by_the_host),
	        cmocka_unit_test(what_fails_around_the_place_is_the_boards_and_never_a_pass),
	        cmocka_unit_test(a_place_that_is_not_on_the_board_is_refused_before_a_byte),
	        cmocka_unit_test(a_place_that_the_image_has_is_refused_and_the_store_is_not_read),
	        cmocka_unit_test(a_script_that_is_too_large_by_far_is_not_made_first),
	        cmocka_unit_test(a_damaged_store_makes_no_script),
	        cmocka_unit_test(the_kit_of_another_process_is_the_same),
	};
	if (argc > 1 && !strcmp(argv[1], "ontarget-kit"))
		return ontarget_kit_role(argc - 1, argv + 1);
	return world_main(argc, argv, tests);
}
