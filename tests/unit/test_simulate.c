// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include "flash/wire.h"
#include "flash_world.h"

#define SIZE (5 * MIB)

enum { DEPTH = 3, PIECE = 512 * 1024, PIECES = 20, BOARDS = 4, RATE = 32 * 1024 * 1024 };
#define PIECE_NS ((uint64_t)PIECE * NSEC_PER_SEC / RATE)

static void a_wire_that_is_kept_busy_takes_its_bytes_and_not_a_moment_more(void **state)
{
	(void)state;
	uint64_t free_at = 0, due[DEPTH], now = 7 * NSEC_PER_SEC; // it was idle until now
	for (int i = 0; i < DEPTH; i++)
		due[i] = wire_reserve(&free_at, RATE, now, PIECE);
	for (int i = 0; i < PIECES; i++) { // the next is given to it when the oldest is through
		assert_int_equal(due[i % DEPTH], 7 * NSEC_PER_SEC + (uint64_t)(i + 1) * PIECE_NS);
		due[i % DEPTH] = wire_reserve(&free_at, RATE, due[i % DEPTH], PIECE);
	}
	// What comes late finds it idle, and does not get the time back.
	assert_int_equal(
	        wire_reserve(&free_at, RATE, NSEC_PER_SEC * 60, PIECE), NSEC_PER_SEC * 60 + PIECE_NS);
}

// Boards with their own wires and a few I/Os in flight each, on one link: a simulation with a clock of its own.
struct rider {
	uint64_t due[DEPTH];
	unsigned pieces;
	uint64_t ended;
};

static struct rider *next_rider(struct rider riders[BOARDS], unsigned *slot)
{
	struct rider *first = NULL;
	for (int b = 0; b < BOARDS; b++)
		for (unsigned i = 0; i < DEPTH; i++)
			if (riders[b].due[i] && (!first || riders[b].due[i] < first->due[*slot])) {
				first = &riders[b];
				*slot = i;
			}
	return first;
}

static void a_shared_link_is_never_idle_and_gives_every_board_its_fair_share(void **state)
{
	(void)state;
	struct board_link link = {.rate = RATE};
	struct rider riders[BOARDS] = {0};
	for (int b = 0; b < BOARDS; b++)
		for (int i = 0; i < DEPTH; i++)
			riders[b].due[i] = wire_reserve_link(&link, NSEC_PER_SEC, PIECE);
	unsigned slot = 0;
	for (struct rider *r; (r = next_rider(riders, &slot));) {
		uint64_t now = r->due[slot];
		r->due[slot] = r->pieces++ + DEPTH < PIECES ? wire_reserve_link(&link, now, PIECE) : 0;
		r->ended = now;
	}
	uint64_t ideal = (uint64_t)BOARDS * PIECES * PIECE_NS;
	for (int b = 0; b < BOARDS; b++) {
		assert_int_equal(riders[b].pieces, PIECES);
		// All end within one turn of each other, the last when the link has carried everything.
		assert_in_range(riders[b].ended, NSEC_PER_SEC + ideal - (uint64_t)BOARDS * DEPTH * PIECE_NS,
		        NSEC_PER_SEC + ideal);
	}
	assert_int_equal(link.free_at, NSEC_PER_SEC + ideal);
}

static void a_simulated_board_is_as_slow_as_its_wire(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	struct worker_job job = world_with_board(&w, SIZE, SIZE);
	job.model.rate = 16 * MIB;
	run(&w, &job, &o);
	uint64_t ideal = w.image.front->mapped_bytes * NSEC_PER_SEC / job.model.rate;
	assert_int_equal(o.verdict.result, WORKER_PASS);
	assert_true(o.verdict.write_ns >= ideal);
	assert_true(o.verdict.verify_ns >= ideal);
	world_end(&w);
}

static void boards_on_a_shared_link_take_its_time_together_and_fair_shares_of_it(void **state)
{
	(void)state;
	struct world w;
	struct outcome o[BOARDS] = {0};
	world_ready(&w, SIZE);
	const struct board_link link = {.rate = RATE};
	w.link_fd = memfd_create("link", MFD_CLOEXEC);
	assert_int_equal(fd_pwrite_all(w.link_fd, &link, sizeof(link), 0), 0);
	uint64_t first = UINT64_MAX;
	for (int i = 0; i < BOARDS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "board%d", i);
		target_make(name, SIZE);
		struct worker_job job = job_for(name);
		job.model.shared_link = true;
		o[i].hold_go = true;
		start(&w, &job, &o[i]);
	}
	for (int i = 0; i < BOARDS; i++) // or the first would have it for itself until the others are there
		wait_for(&o[i], &o[i].is_claimed);
	uint64_t began = clock_mono_ns();
	for (int i = 0; i < BOARDS; i++)
		gang_go(o[i].member);
	for (int i = 0; i < BOARDS; i++) {
		finish(&o[i]);
		assert_int_equal(o[i].verdict.result, WORKER_PASS);
		first = u64_min(first, o[i].verdict.stage_ns[WORKER_STAGE_DONE] - began);
	}
	uint64_t ideal = BOARDS * 2 * w.image.front->mapped_bytes * NSEC_PER_SEC / RATE;
	assert_true(clock_mono_ns() - began >= ideal);
	assert_true(first >= ideal / 2); // none had it for itself
	close(w.link_fd);
	world_end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_wire_that_is_kept_busy_takes_its_bytes_and_not_a_moment_more),
	        cmocka_unit_test(a_shared_link_is_never_idle_and_gives_every_board_its_fair_share),
	        cmocka_unit_test(a_simulated_board_is_as_slow_as_its_wire),
	        cmocka_unit_test(boards_on_a_shared_link_take_its_time_together_and_fair_shares_of_it),
	};
	return world_main(argc, argv, tests);
}
