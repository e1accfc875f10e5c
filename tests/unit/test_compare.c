// SPDX-License-Identifier: MIT
#include "flash_world.h"
#include "image/herd.h"
#include "image/proof.h"

#define SIZE (5 * MIB)

static struct worker_job comparing(const char *path)
{
	struct worker_job job = job_for(path);
	job.verify = WORKER_VERIFY_COMPARE;
	return job;
}

// One byte of the body is not what the plan says: boards get it and give it back just so.
static void damage_store(const struct world *w)
{
	const uint8_t wrong = (uint8_t)~w->bytes[4 * MIB];
	assert_int_equal(fd_pwrite_all(w->image.data_fd, &wrong, 1, 4 * MIB), 0);
}

static void a_compared_board_has_the_digests_of_one_that_was_hashed_and_says_how(void **state)
{
	(void)state;
	struct world w;
	struct outcome hashed = {0}, compared = {0};
	world_ready(&w, SIZE + 100);
	target_make("board", SIZE + 64 * KIB);
	const struct worker_job job = job_for("board"), other = comparing("board");
	run(&w, &job, &hashed);
	target_make("board", SIZE + 64 * KIB);
	run(&w, &other, &compared);
	assert_string_equal(compared.verdict.text, "");
	assert_int_equal(compared.verdict.result, WORKER_PASS);
	assert_int_equal(compared.verdict.method, WORKER_METHOD_COMPARE);
	assert_string_equal(worker_method_name(WORKER_METHOD_COMPARE), "host-compare");
	assert_int_equal(compared.verdict.bytes_verified, w.image.front->mapped_bytes);
	assert_memory_equal(
	        compared.verdict.readback_sha256, hashed.verdict.readback_sha256, DIGEST_SHA256_SIZE);
	assert_memory_equal(compared.verdict.plan_sha256, hashed.verdict.plan_sha256, DIGEST_SHA256_SIZE);
	assert_true(target_holds_image(&w, "board"));
	world_end(&w);
}

static void a_flipped_bit_is_named_with_its_place_wherever_it_is_and_the_board_does_not_boot(void **state)
{
	(void)state;
	static const uint64_t places[] = {4 * MIB + 3, MIB + 5, 700 * KIB, 100, SIZE - KIB};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct world w;
		struct outcome o = {0};
		char where[40];
		world_ready(&w, SIZE);
		target_make("board", SIZE);
		struct worker_job job = comparing("board");
		job_fault(&job, BOARD_FAULT_FLIP, places[i]);
		run(&w, &job, &o);
		assert_int_equal(o.verdict.failure, FAILURE_VERIFY_MISMATCH);
		snprintf(where, sizeof(where), "first wrong byte at %d;", (int)places[i]);
		assert_non_null(strstr(o.verdict.text, where));
		assert_false(target_boots("board"));
		world_end(&w);
	}
}

static void equal_to_a_damaged_store_is_not_enough_and_the_store_is_blamed(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	world_ready(&w, SIZE);
	damage_store(&w);
	target_make("board", SIZE);
	const struct worker_job job = comparing("board");
	run(&w, &job, &o);
	assert_int_equal(o.verdict.result, WORKER_FAIL);
	assert_int_equal(o.verdict.failure, FAILURE_STORE_DAMAGED);
	assert_false(target_boots("board"));
	world_end(&w);
}

// The proof that somebody gives is taken if it was begun after GO. The store is damaged, so the board's verdict
// tells whose word it took.
static enum worker_result result_with_proof_begun(bool after_go)
{
	struct world w;
	struct outcome o = {.hold_go = true};
	struct proof *proof;
	world_ready(&w, SIZE);
	damage_store(&w);
	w.image.proof_fd = proof_create(NULL);
	assert_int_equal(proof_map(w.image.proof_fd, &proof, NULL), 0);
	target_make("board", SIZE);
	const struct worker_job job = comparing("board");
	start(&w, &job, &o);
	wait_for(&o, &o.is_claimed);
	uint64_t before = clock_mono_ns();
	assert_true(proof_claim(proof, before));
	gang_go(o.member);
	proof_end(proof, after_go ? before + WORLD_DEADLINE_S * NSEC_PER_SEC : before);
	finish(&o);
	proof_unmap(proof);
	world_end(&w);
	return (enum worker_result)o.verdict.result;
}

static void one_proof_serves_all_boards_that_were_begun_before_it_and_no_others(void **state)
{
	(void)state;
	assert_int_equal(result_with_proof_begun(true), WORKER_PASS);
	assert_int_equal(result_with_proof_begun(false), WORKER_FAIL);
}

static void a_board_whose_prover_died_proves_the_store_itself(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	struct proof *proof;
	world_ready(&w, SIZE);
	w.image.proof_fd = proof_create(NULL);
	assert_int_equal(proof_map(w.image.proof_fd, &proof, NULL), 0);
	assert_true(proof_claim(proof, clock_mono_ns())); // and never heard of again
	target_make("board", SIZE);
	const struct worker_job job = comparing("board");
	run(&w, &job, &o);
	assert_string_equal(o.verdict.text, "");
	assert_int_equal(o.verdict.result, WORKER_PASS);
	proof_unmap(proof);
	world_end(&w);
}

static void a_board_that_is_compared_follows_the_import_too(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	world_make(&w, SIZE);
	world_import(&w, 64 * KIB, false);
	target_make("board", SIZE);
	const struct worker_job job = comparing("board");
	start(&w, &job, &o);
	wait_for(&o, &o.is_claimed);
	world_import(&w, SIZE, false);
	world_import(&w, SIZE, true);
	finish(&o);
	assert_int_equal(o.verdict.result, WORKER_PASS);
	world_end(&w);
}

static void verify_alone_compares_too_and_writes_nothing(void **state)
{
	(void)state;
	struct world w;
	struct outcome good = {0}, bad = {0};
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	struct worker_job job = comparing("board");
	job.task = WORKER_VERIFY;
	run(&w, &job, &bad);
	assert_int_equal(bad.verdict.failure, FAILURE_VERIFY_MISMATCH);
	assert_true(target_boots("board")); // the older image: nothing was written
	const struct worker_job write = job_for("board");
	struct outcome o = {0};
	run(&w, &write, &o);
	run(&w, &job, &good);
	assert_int_equal(good.verdict.result, WORKER_PASS);
	assert_int_equal(good.verdict.method, WORKER_METHOD_COMPARE);
	world_end(&w);
}

// Bytes that the store has lost while a board is being compared: no page of the mapping can be had for them.
static void lose_behind(uint64_t kept)
{
	struct world w;
	struct outcome written = {0}, o = {.hold_go = true};
	struct proof *proof;
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	struct worker_job job = job_for("board");
	run(&w, &job, &written);
	assert_int_equal(written.verdict.result, WORKER_PASS);
	job = comparing("board");
	job.task = WORKER_VERIFY;
	w.image.proof_fd = proof_create(NULL);
	assert_int_equal(proof_map(w.image.proof_fd, &proof, NULL), 0);
	assert_true(
	        proof_claim(proof, clock_mono_ns())); // another one proves the store and is not that far yet
	start(&w, &job, &o);
	wait_for(&o, &o.is_claimed);
	assert_int_equal(ftruncate(w.image.data_fd, (off_t)kept), 0);
	gang_go(o.member);
	finish(&o);
	assert_false(o.died);
	assert_int_equal(o.verdict.failure, FAILURE_STORE_ERROR);
	assert_true(target_holds_image(&w, "board"));
	proof_unmap(proof);
	world_end(&w);
}

static void a_store_that_cannot_be_read_is_blamed_and_does_not_end_the_worker(void **state)
{
	(void)state;
	lose_behind(2 * MIB);
}

// The rest of the last page it has reads as zeros, so a difference is found before what cannot be read.
static void also_where_the_store_ends_inside_a_page(void **state)
{
	(void)state;
	lose_behind(3 * MIB + 100);
}

static void cancel_when_it_reads_back(struct outcome *o, const struct worker_report *r)
{
	if (r->stage == WORKER_STAGE_VERIFY)
		gang_cancel(o->member);
}

// Twice as large as memory, all but its beginning a hole of both files: it is not waited for to be read.
static void an_image_larger_than_memory_is_hashed_though_compare_was_asked_for(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {.on_progress = cancel_when_it_reads_back};
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	uint64_t size = u64_down(2 * herd_memory(), MIB);
	struct image_front *f = w.front.map;
	f->ranges[3].length += size - SIZE;
	f->mapped_bytes += size - SIZE;
	f->image_size = size;
	world_import(&w, size, true);
	w.image.proof_fd = proof_create(NULL);
	assert_true(w.image.proof_fd >= 0);
	assert_int_equal(ftruncate(w.image.data_fd, (off_t)size), 0);
	assert_int_equal(truncate("board", (off_t)size), 0);
	struct worker_job job = comparing("board");
	job.task = WORKER_VERIFY;
	run(&w, &job, &o);
	assert_string_equal(worker_method_name(o.verdict.method), "host-readback");
	world_end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_compared_board_has_the_digests_of_one_that_was_hashed_and_says_how),
	        cmocka_unit_test(
	                a_flipped_bit_is_named_with_its_place_wherever_it_is_and_the_board_does_not_boot),
	        cmocka_unit_test(equal_to_a_damaged_store_is_not_enough_and_the_store_is_blamed),
	        cmocka_unit_test(one_proof_serves_all_boards_that_were_begun_before_it_and_no_others),
	        cmocka_unit_test(a_board_whose_prover_died_proves_the_store_itself),
	        cmocka_unit_test(a_board_that_is_compared_follows_the_import_too),
	        cmocka_unit_test(verify_alone_compares_too_and_writes_nothing),
	        cmocka_unit_test(a_store_that_cannot_be_read_is_blamed_and_does_not_end_the_worker),
	        cmocka_unit_test(also_where_the_store_ends_inside_a_page),
	        cmocka_unit_test(an_image_larger_than_memory_is_hashed_though_compare_was_asked_for),
	};
	return world_main(argc, argv, tests);
}
