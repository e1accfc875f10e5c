// SPDX-License-Identifier: MIT
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "flash_world.h"

#define SIZE (5 * MIB)

// Law 6. Every place a cycle can fail in, on a board that booted an older image before. (Blank: offset 0 and the
// last LBA; body, head, tail and key: write.c's order.)
static void a_board_that_did_not_pass_does_not_boot_wherever_it_failed(void **state)
{
	(void)state;
	static const struct {
		enum board_fault_kind kind;
		uint64_t offset;
		enum failure failure;
	} cases[] = {
	        {BOARD_FAULT_FLUSH_ERROR, 0, FAILURE_FLUSH_ERROR},          // the blank's flush
	        {BOARD_FAULT_WRITE_ERROR, 3 * MIB, FAILURE_WRITE_ERROR},    // body
	        {BOARD_FAULT_FLUSH_ERROR, 3 * MIB, FAILURE_FLUSH_ERROR},    // the body's flush
	        {BOARD_FAULT_VANISH, 4 * MIB, FAILURE_DEVICE_GONE},         // body
	        {BOARD_FAULT_READ_ERROR, 3 * MIB, FAILURE_READ_ERROR},      // read-back
	        {BOARD_FAULT_FLIP, 4 * MIB + 3, FAILURE_VERIFY_MISMATCH},   // read-back
	        {BOARD_FAULT_FLIP, MIB + 5, FAILURE_VERIFY_MISMATCH},       // a range across the border
	        {BOARD_FAULT_WRITE_ERROR, 700 * KIB, FAILURE_WRITE_ERROR},  // commit: head
	        {BOARD_FAULT_FLUSH_ERROR, 700 * KIB, FAILURE_FLUSH_ERROR},  // commit: head's flush
	        {BOARD_FAULT_READ_ERROR, 5 * KIB, FAILURE_READ_ERROR},      // commit: head's read-back
	        {BOARD_FAULT_FLIP, 700 * KIB, FAILURE_VERIFY_MISMATCH},     // commit: head's read-back
	        {BOARD_FAULT_WRITE_ERROR, SIZE - KIB, FAILURE_WRITE_ERROR}, // commit: tail
	        {BOARD_FAULT_FLIP, SIZE - KIB, FAILURE_VERIFY_MISMATCH},    // commit: tail's read-back
	        {BOARD_FAULT_READ_ERROR, 512, FAILURE_READ_ERROR},          // commit: key's read-back
	        {BOARD_FAULT_FLIP, 100, FAILURE_VERIFY_MISMATCH},           // commit: key's read-back
	};
	struct world w;
	world_ready(&w, SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome o = {0};
		target_make("board", SIZE);
		assert_true(target_boots("board"));
		struct worker_job job = job_for("board");
		job_fault(&job, cases[i].kind, cases[i].offset);
		run(&w, &job, &o);
		print_message("%s\n", o.verdict.text);
		assert_int_equal(o.verdict.failure, cases[i].failure);
		assert_int_equal(o.verdict.result, WORKER_FAIL);
		assert_false(target_boots("board"));
	}
	world_end(&w);
}

struct hanging {
	struct outcome o;
	uint64_t moved;
	bool stands;
};

// More than the headers of the older image has gone over the wire, and nothing since the last report.
static void note_wire(struct outcome *o, const struct worker_report *r)
{
	struct hanging *h = (struct hanging *)o;
	h->stands = r->wire_done > 3 * 512 && r->wire_done == h->moved;
	h->moved = r->wire_done;
}

// Progress comes four times a second; a hang keeps it where it is.
static void wait_for_the_hang(struct hanging *h)
{
	uint64_t deadline = clock_mono_ns() + WORLD_DEADLINE_S * NSEC_PER_SEC;
	while (!h->stands) {
		assert_true(clock_mono_ns() < deadline);
		assert_int_equal(loop_round(h->o.world->loop, 1000), 0);
	}
}

/*
 * On a board larger than the image the KEY alone is the last write, and nothing boots before it. On one of just its
 * size KEY and TAIL are under way together: killed while one of them hangs it may boot from the other, and then has
 * all of the image but for that one.
 */
static void a_cancelled_or_killed_board_does_not_boot_even_while_a_write_hangs(void **state)
{
	(void)state;
	static const struct {
		uint64_t offset, more;
		bool cancel, may_boot;
	} cases[] = {
	        {3 * MIB, 0, true, false},
	        {3 * MIB, 0, false, false},
	        {700 * KIB, 0, true, false},
	        {700 * KIB, 0, false, false},
	        {SIZE - KIB, 0, true, false}, // whose other header may be written: the cancel takes it back
	        {SIZE - KIB, 0, false, true},
	        {SIZE - KIB, 64 * KIB, true, false},
	        {SIZE - KIB, 64 * KIB, false, false},
	};
	struct world w;
	world_ready(&w, SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hanging h = {.o.on_progress = note_wire};
		struct outcome *o = &h.o;
		target_make("board", SIZE + cases[i].more);
		struct worker_job job = job_for("board");
		job_fault(&job, BOARD_FAULT_HANG, cases[i].offset);
		start(&w, &job, o);
		wait_for_the_hang(&h);
		if (cases[i].cancel)
			gang_cancel(o->member);
		else
			gang_kill(o->member);
		finish(o);
		assert_int_equal(
		        o->verdict.failure, cases[i].cancel ? FAILURE_CANCELLED : FAILURE_WORKER_DIED);
		assert_int_equal(o->died, !cases[i].cancel);
		if (!target_boots("board"))
			continue;
		assert_true(cases[i].may_boot && target_holds(&w, "board", 2 * 512, SIZE - PLAN_TAIL_BYTES));
		assert_null(strstr(o->verdict.text, "does not boot"));
	}
	world_end(&w);
}

static void kill_member(void *context)
{
	struct outcome *o = context;
	gang_kill(o->member);
}

/*
 * At any moment, on a board that held an older image. The one place where a killed board may boot without a PASS is
 * between its last write and its verdict; then all of the image is on it, read back but for these last sectors.
 */
static void a_board_killed_at_any_moment_does_not_boot_the_older_image_nor_half_of_the_new_one(void **state)
{
	(void)state;
	enum { KILLS = 25 };
	struct world w;
	world_ready(&w, SIZE);
	srandom(20261121);
	for (int i = 0; i < KILLS; i++) {
		struct outcome o = {.hold_go = true};
		struct loop_source *timer;
		// Every other one larger than the image: then there is one last write, and no half of it.
		target_make("board", SIZE + (i % 2 ? 0 : 64 * KIB));
		struct worker_job job = job_for("board");
		job.model.rate = 64 * MIB;
		start(&w, &job, &o);
		wait_for(&o, &o.is_claimed);
		gang_go(o.member);
		assert_int_equal(loop_add_timer(w.loop, kill_member, &o, &timer, NULL), 0);
		loop_timer_after(timer, (uint64_t)random() % 150 * NSEC_PER_MSEC + NSEC_PER_MSEC);
		wait_for(&o, &o.has_ended);
		loop_remove(timer);
		gang_free(o.member);
		bool passed = o.verdict.result == WORKER_PASS;
		assert_true(passed || o.verdict.failure == FAILURE_WORKER_DIED);
		// Before its first byte it is as it was.
		assert_true(
		        target_holds_image(&w, "board") || !target_boots("board") || target_is_old("board"));
		assert_true(!passed || target_boots("board"));
	}
	world_end(&w);
}

static void a_cancel_before_go_leaves_the_older_image_alone(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {.hold_go = true};
	const struct worker_job job = world_with_board(&w, SIZE, SIZE);
	start(&w, &job, &o);
	wait_for(&o, &o.is_claimed);
	gang_cancel(o.member);
	finish(&o);
	assert_int_equal(o.verdict.failure, FAILURE_CANCELLED);
	assert_true(o.verdict.refused);
	assert_int_equal(o.verdict.bytes_written, 0);
	assert_true(target_boots("board"));
	world_end(&w);
}

static void a_disk_that_stops_answering_fails_after_its_time(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	struct worker_job job = world_with_board(&w, SIZE, SIZE);
	job.stall_ms = 3000; // longer than a busy disk takes for what comes before
	job_fault(&job, BOARD_FAULT_HANG, 3 * MIB);
	run(&w, &job, &o);
	assert_int_equal(o.verdict.failure, FAILURE_DEVICE_TIMEOUT);
	assert_false(target_boots("board"));
	world_end(&w);
}

// A machine that stands still: a paused guest, or a store that has to be waited for.
enum { STILL_MS = 1500 };
struct held_up {
	struct outcome o;
	struct loop_source *timer;
	bool was;
};

static void let_go_on(void *context)
{
	struct held_up *h = context;
	assert_int_equal(kill(gang_pid(h->o.member), SIGCONT), 0);
}

static void hold_up(struct outcome *o, const struct worker_report *r)
{
	struct held_up *h = (struct held_up *)o;
	if (h->was || r->stage != WORKER_STAGE_WRITE)
		return;
	h->was = true;
	assert_int_equal(kill(gang_pid(o->member), SIGSTOP), 0);
	loop_timer_after(h->timer, STILL_MS * NSEC_PER_MSEC);
}

// Law 8. When it goes on, its clock's tick comes before what the slow disk has landed meanwhile.
static void a_worker_that_was_held_up_for_long_does_not_blame_the_disk(void **state)
{
	(void)state;
	struct world w;
	struct held_up h = {.o.on_progress = hold_up};
	struct worker_job job = world_with_board(&w, SIZE, SIZE);
	job.stall_ms = 1000;
	job.model.faults[0] =
	        (struct board_fault){.kind = BOARD_FAULT_SLOW, .offset = 4 * MIB, .value = 700 * KIB};
	assert_int_equal(loop_add_timer(w.loop, let_go_on, &h, &h.timer, NULL), 0);
	run(&w, &job, &h.o);
	loop_remove(h.timer);
	assert_true(h.was);
	assert_string_equal(h.o.verdict.text, "");
	assert_int_equal(h.o.verdict.result, WORKER_PASS);
	world_end(&w);
}

static void a_worker_that_dies_by_itself_is_released_into_the_void(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {.hold_go = true};
	const struct worker_job job = world_with_board(&w, SIZE, SIZE);
	start(&w, &job, &o);
	wait_for(&o, &o.is_claimed);
	assert_int_equal(kill(gang_pid(o.member), SIGKILL), 0);
	finish(&o);
	assert_int_equal(o.verdict.failure, FAILURE_WORKER_DIED);
	assert_true(o.died);
	assert_true(target_boots("board"));
	world_end(&w);
}

static void a_worker_that_does_not_answer_a_cancel_is_killed_after_its_grace(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {.hold_go = true};
	const struct worker_job job = world_with_board(&w, SIZE, SIZE);
	start(&w, &job, &o);
	wait_for(&o, &o.is_claimed);
	assert_int_equal(kill(gang_pid(o.member), SIGSTOP), 0);
	gang_cancel(o.member);
	finish(&o);
	assert_int_equal(o.verdict.failure, FAILURE_WORKER_DIED);
	assert_true(o.died);
	assert_true(target_boots("board")); // it had not begun
	assert_non_null(strstr(o.verdict.text, "nothing was written to it"));
	world_end(&w);
}

static void a_failing_board_leaves_the_others_running(void **state)
{
	(void)state;
	static const enum board_fault_kind kinds[] = {BOARD_FAULT_NONE, BOARD_FAULT_WRITE_ERROR,
	        BOARD_FAULT_FLIP, BOARD_FAULT_NONE, BOARD_FAULT_VANISH, BOARD_FAULT_NONE};
	struct world w;
	struct outcome o[ARRAY_SIZE(kinds)] = {0};
	world_ready(&w, SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char name[16];
		snprintf(name, sizeof(name), "board%zu", i);
		target_make(name, SIZE);
		struct worker_job job = job_for(name);
		job_fault(&job, kinds[i], 4 * MIB);
		start(&w, &job, &o[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		finish(&o[i]);
		assert_int_equal(
		        o[i].verdict.result, kinds[i] == BOARD_FAULT_NONE ? WORKER_PASS : WORKER_FAIL);
	}
	world_end(&w);
}

static unsigned watches_left = UINT32_MAX;

// In place of libc's: as if the kernel's watches were used up (epoll_ctl(2), ENOSPC).
int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && !watches_left--) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

static void a_worker_that_cannot_be_watched_leaves_nothing_behind(void **state)
{
	(void)state;
	struct world w;
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	int before = dup(0);
	close(before);
	for (unsigned room = 0; room < 3; room++) { // its timer, its socket, its end
		struct worker_job job = job_for("board");
		struct gang_member *member = NULL;
		struct err e;
		watches_left = room;
		assert_int_equal(gang_add(w.loop, &w.image, &job, -1, NULL, NULL, &member, &e), -ENOSPC);
		watches_left = UINT32_MAX;
		assert_null(member);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // no child, not even a dead one
		assert_int_equal(errno, ECHILD);
		int after = dup(0);
		close(after);
		assert_int_equal(after, before);
	}
	world_end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_board_that_did_not_pass_does_not_boot_wherever_it_failed),
	        cmocka_unit_test(a_cancelled_or_killed_board_does_not_boot_even_while_a_write_hangs),
	        cmocka_unit_test(
	                a_board_killed_at_any_moment_does_not_boot_the_older_image_nor_half_of_the_new_one),
	        cmocka_unit_test(a_cancel_before_go_leaves_the_older_image_alone),
	        cmocka_unit_test(a_disk_that_stops_answering_fails_after_its_time),
	        cmocka_unit_test(a_worker_that_was_held_up_for_long_does_not_blame_the_disk),
	        cmocka_unit_test(a_worker_that_dies_by_itself_is_released_into_the_void),
	        cmocka_unit_test(a_worker_that_does_not_answer_a_cancel_is_killed_after_its_grace),
	        cmocka_unit_test(a_worker_that_cannot_be_watched_leaves_nothing_behind),
	        cmocka_unit_test(a_failing_board_leaves_the_others_running),
	};
	return world_main(argc, argv, tests);
}
