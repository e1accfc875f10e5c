// SPDX-License-Identifier: MIT
#include "flash_world.h"

#define SIZE (5 * MIB)

static void a_board_with_an_older_image_gets_the_new_one_and_keeps_what_is_unmapped(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	const struct worker_job job = world_with_board(&w, SIZE, SIZE + 64 * KIB);
	run(&w, &job, &o);
	assert_string_equal(o.verdict.text, "");
	assert_int_equal(o.verdict.result, WORKER_PASS);
	assert_false(o.died);
	assert_true(target_holds_image(&w, "board"));
	assert_int_equal(o.verdict.bytes_written, w.image.front->mapped_bytes);
	assert_int_equal(o.verdict.bytes_verified, w.image.front->mapped_bytes);
	assert_memory_equal(o.verdict.plan_sha256, o.verdict.readback_sha256, DIGEST_SHA256_SIZE);
	uint64_t size;
	_cleanup_free_ uint8_t *data = target_read("board", &size);
	assert_int_equal(data[100 * KIB], OLD_BYTE);  // unmapped, in the head
	assert_int_equal(data[2 * MIB], OLD_BYTE);    // unmapped, in the body
	assert_int_equal(data[SIZE + KIB], OLD_BYTE); // behind the image
	assert_int_equal(data[size - 512], 0);        // the old backup header
	assert_int_equal(data[size - 513], OLD_BYTE); // and no more than that
	world_end(&w);
}

static void the_digest_of_the_readback_is_of_what_lies_on_the_board(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	uint8_t expected[DIGEST_SHA256_SIZE];
	const struct worker_job job = world_with_board(&w, SIZE, SIZE);
	run(&w, &job, &o);
	plan_digest(w.image.front->ranges, w.image.front->range_count, expected);
	assert_memory_equal(o.verdict.readback_sha256, expected, DIGEST_SHA256_SIZE);
	assert_int_equal(o.verdict.method, WORKER_METHOD_DIRECT);
	world_end(&w);
}

static void an_image_that_ends_inside_a_sector_does_not_lengthen_a_file(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {SIZE + 100, SIZE + 4096 - 1, SIZE + 512};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct world w;
		struct outcome o = {0};
		world_ready(&w, sizes[i]);
		target_make("board", sizes[i]);
		const struct worker_job job = job_for("board");
		run(&w, &job, &o);
		assert_string_equal(o.verdict.text, "");
		assert_true(target_holds_image(&w, "board"));
		struct stat st;
		assert_int_equal(stat("board", &st), 0);
		assert_int_equal(st.st_size, sizes[i]);
		world_end(&w);
	}
}

static void the_rest_of_the_last_sector_is_zeros_where_the_board_goes_on(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	const struct worker_job job = world_with_board(&w, SIZE + 100, SIZE + 64 * KIB);
	run(&w, &job, &o);
	assert_int_equal(o.verdict.result, WORKER_PASS);
	uint64_t size;
	_cleanup_free_ uint8_t *data = target_read("board", &size);
	assert_int_equal(data[SIZE + 100], 0);
	assert_int_equal(data[SIZE + 511], 0);
	assert_int_equal(data[SIZE + 512], OLD_BYTE);
	world_end(&w);
}

static void unmapped_zero_leaves_nothing_of_the_older_image_and_reads_that_back_too(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	struct worker_job job = world_with_board(&w, SIZE, SIZE + MIB + 512);
	job.unmapped = WORKER_UNMAPPED_ZERO;
	run(&w, &job, &o);
	assert_string_equal(o.verdict.text, "");
	assert_int_equal(o.verdict.bytes_written, SIZE + MIB + 512);
	assert_int_equal(o.verdict.bytes_verified, SIZE + MIB + 512);
	uint64_t size;
	_cleanup_free_ uint8_t *data = target_read("board", &size);
	assert_memory_equal(data, w.bytes, SIZE); // whose unmapped bytes are zeros
	for (uint64_t i = SIZE; i < size; i++)
		assert_int_equal(data[i], 0);
	static const uint8_t none[DIGEST_SHA256_SIZE];
	assert_memory_not_equal(o.verdict.extras_sha256, none, sizeof(none));

	struct outcome flipped = {0};
	job_fault(&job, BOARD_FAULT_FLIP, SIZE + 1000);
	run(&w, &job, &flipped);
	assert_int_equal(flipped.verdict.failure, FAILURE_VERIFY_MISMATCH);
	assert_false(target_boots("board"));
	world_end(&w);
}

static void a_wrong_byte_is_named_with_its_range_its_place_and_both_digests(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	struct worker_job job = world_with_board(&w, SIZE, SIZE);
	job_fault(&job, BOARD_FAULT_FLIP, 4 * MIB + 77);
	run(&w, &job, &o);
	char text[480], expected[SHA256_HEX_SIZE], got[SHA256_HEX_SIZE];
	const struct plan_range *range = &w.image.front->ranges[3];
	digest_hex(range->sha256, DIGEST_SHA256_SIZE, expected);
	w.bytes[4 * MIB + 77] ^= 1;
	uint8_t wrong[DIGEST_SHA256_SIZE];
	digest_sha256(w.bytes + range->offset, range->length, wrong);
	digest_hex(wrong, DIGEST_SHA256_SIZE, got);
	snprintf(text, sizeof(text),
	        "board: read-back differs in range 3145728+2097152, first wrong byte at 4194381; expected "
	        "sha256 "
	        "%s, read %s; replace this board or card",
	        expected, got);
	assert_string_equal(o.verdict.text, text);
	world_end(&w);
}

static void without_read_back_the_same_flip_goes_unseen_and_the_result_says_unverified(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	struct worker_job job = world_with_board(&w, SIZE, SIZE);
	job.verify = WORKER_VERIFY_NONE;
	job_fault(&job, BOARD_FAULT_FLIP, 4 * MIB + 77);
	run(&w, &job, &o);
	assert_int_equal(o.verdict.result, WORKER_UNVERIFIED);
	assert_int_equal(o.verdict.method, WORKER_METHOD_NONE);
	assert_int_equal(o.verdict.bytes_verified, 0);
	assert_true(target_holds_image(&w, "board"));
	world_end(&w);
}

struct following {
	struct outcome o;
	bool committing;
};

static void note_commit(struct outcome *o, const struct worker_report *r)
{
	((struct following *)o)->committing = r->stage == WORKER_STAGE_COMMIT;
}

static void a_board_follows_the_import_and_commits_only_when_it_is_confirmed(void **state)
{
	(void)state;
	struct world w;
	struct following f = {.o.on_progress = note_commit};
	world_make(&w, SIZE);
	target_make("board", SIZE);
	const struct worker_job job = job_for("board");
	start(&w, &job, &f.o);
	assert_int_equal(loop_round(w.loop, 50), 0);
	assert_false(f.o.is_claimed); // the image's sector size is not known yet
	world_import(&w, 2 * MIB, false);
	wait_for(&f.o, &f.o.is_claimed);
	world_import(&w, 4 * MIB, false);
	world_import(&w, SIZE, false);
	wait_for(&f.o, &f.committing);
	assert_false(target_boots("board"));
	assert_false(f.o.is_judged);
	world_import(&w, SIZE, true);
	finish(&f.o);
	assert_int_equal(f.o.verdict.result, WORKER_PASS);
	assert_true(target_boots("board"));
	world_end(&w);
}

static void an_import_that_fails_is_what_the_board_reports_and_it_does_not_boot(void **state)
{
	(void)state;
	struct world w;
	struct following f = {.o.on_progress = note_commit};
	struct err e = {0};
	world_make(&w, SIZE);
	target_make("board", SIZE);
	const struct worker_job job = job_for("board");
	start(&w, &job, &f.o);
	world_import(&w, SIZE, false);
	wait_for(&f.o, &f.committing);
	err_fail(&e, EBADMSG, FAILURE_IMPORT_FAILED, "a.xz: the file is damaged at byte 17; get a good copy");
	front_fail(w.front.map, &e);
	front_wake(w.image.wake_fd);
	finish(&f.o);
	assert_int_equal(f.o.verdict.failure, FAILURE_IMPORT_FAILED);
	assert_string_equal(f.o.verdict.text, e.text);
	assert_false(target_boots("board"));
	world_end(&w);
}

static void an_import_that_fails_at_once_leaves_the_board_untouched(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	struct err e = {0};
	world_make(&w, SIZE);
	target_make("board", SIZE);
	err_fail(&e, EBADMSG, FAILURE_IMPORT_FAILED, "a.xz: not an xz file");
	front_fail(w.front.map, &e);
	const struct worker_job job = job_for("board");
	run(&w, &job, &o);
	assert_true(o.verdict.refused);
	assert_int_equal(o.verdict.failure, FAILURE_IMPORT_FAILED);
	assert_true(target_boots("board"));
	world_end(&w);
}

// Law 8.
static void a_damaged_store_is_blamed_and_not_the_board(void **state)
{
	(void)state;
	static const uint64_t places[] = {4 * MIB + 9, MIB + 9, 700 * KIB, 10};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct world w;
		struct outcome o = {0};
		world_ready(&w, SIZE);
		target_make("board", SIZE);
		uint8_t wrong = (uint8_t)~w.bytes[places[i]];
		assert_int_equal(fd_pwrite_all(w.image.data_fd, &wrong, 1, places[i]), 0);
		const struct worker_job job = job_for("board");
		run(&w, &job, &o);
		assert_int_equal(o.verdict.failure, FAILURE_STORE_DAMAGED);
		assert_false(failure_counts((enum failure)o.verdict.failure));
		assert_false(target_boots("board"));
		world_end(&w);
	}
}

static void a_store_file_cut_short_is_blamed_and_not_the_board(void **state)
{
	(void)state;
	static const uint64_t lengths[] = {4 * MIB, 512 * KIB, SIZE - 4096, 0};
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct world w;
		struct outcome o = {0};
		world_ready(&w, SIZE);
		target_make("board", SIZE);
		assert_int_equal(ftruncate(w.image.data_fd, (off_t)lengths[i]), 0);
		const struct worker_job job = job_for("board");
		run(&w, &job, &o);
		assert_int_equal(failure_info((enum failure)o.verdict.failure)->blame, BLAME_STORE);
		assert_false(target_boots("board"));
		world_end(&w);
	}
}

static void verify_reads_and_writes_nothing(void **state)
{
	(void)state;
	struct world w;
	struct outcome good = {0}, bad = {0};
	world_ready(&w, SIZE);
	target_make("board", SIZE + MIB);
	_cleanup_close_ int fd = open("board", O_RDWR | O_CLOEXEC);
	assert_int_equal(fd_pwrite_all(fd, w.bytes, SIZE, 0), 0);
	struct worker_job job = job_for("board");
	job.task = WORKER_VERIFY;
	run(&w, &job, &good);
	assert_string_equal(good.verdict.text, "");
	assert_int_equal(good.verdict.result, WORKER_PASS);
	assert_int_equal(good.verdict.bytes_written, 0);
	assert_int_equal(good.verdict.bytes_verified, w.image.front->mapped_bytes);
	assert_int_equal(fd_pwrite_all(fd, "x", 1, 600), 0);
	run(&w, &job, &bad);
	assert_int_equal(bad.verdict.failure, FAILURE_VERIFY_MISMATCH);
	assert_non_null(strstr(bad.verdict.text, "first wrong byte at 600;"));
	world_end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_board_with_an_older_image_gets_the_new_one_and_keeps_what_is_unmapped),
	        cmocka_unit_test(the_digest_of_the_readback_is_of_what_lies_on_the_board),
	        cmocka_unit_test(an_image_that_ends_inside_a_sector_does_not_lengthen_a_file),
	        cmocka_unit_test(the_rest_of_the_last_sector_is_zeros_where_the_board_goes_on),
	        cmocka_unit_test(unmapped_zero_leaves_nothing_of_the_older_image_and_reads_that_back_too),
	        cmocka_unit_test(a_wrong_byte_is_named_with_its_range_its_place_and_both_digests),
	        cmocka_unit_test(without_read_back_the_same_flip_goes_unseen_and_the_result_says_unverified),
	        cmocka_unit_test(a_board_follows_the_import_and_commits_only_when_it_is_confirmed),
	        cmocka_unit_test(an_import_that_fails_is_what_the_board_reports_and_it_does_not_boot),
	        cmocka_unit_test(an_import_that_fails_at_once_leaves_the_board_untouched),
	        cmocka_unit_test(a_damaged_store_is_blamed_and_not_the_board),
	        cmocka_unit_test(a_store_file_cut_short_is_blamed_and_not_the_board),
	        cmocka_unit_test(verify_reads_and_writes_nothing),
	};
	return world_main(argc, argv, tests);
}
