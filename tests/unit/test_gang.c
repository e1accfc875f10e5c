// SPDX-License-Identifier: MIT
#include <linux/loop.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "flash/claim.h"
#include "flash_world.h"

#define SIZE (5 * MIB)

static void a_board_with_an_older_image_gets_the_new_one_and_keeps_what_is_unmapped(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	world_ready(&w, SIZE);
	target_make("board", SIZE + 64 * KIB);
	const struct worker_job job = job_for("board");
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
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	const struct worker_job job = job_for("board");
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
	world_ready(&w, SIZE + 100);
	target_make("board", SIZE + 64 * KIB);
	const struct worker_job job = job_for("board");
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
	world_ready(&w, SIZE);
	target_make("board", SIZE + MIB + 512);
	struct worker_job job = job_for("board");
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

static void a_cancelled_or_killed_board_does_not_boot_even_while_a_write_hangs(void **state)
{
	(void)state;
	static const struct {
		uint64_t offset;
		bool cancel;
	} cases[] = {{3 * MIB, true}, {3 * MIB, false}, {700 * KIB, true}, {700 * KIB, false},
	        {SIZE - KIB, true}}; // whose other header may be written: the cancel takes it back
	struct world w;
	world_ready(&w, SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome o = {0};
		target_make("board", SIZE);
		struct worker_job job = job_for("board");
		job_fault(&job, BOARD_FAULT_HANG, cases[i].offset);
		start(&w, &job, &o);
		bool running = false;
		while (!running) { // progress comes four times a second; the hang keeps it where it is
			unsigned before = o.progress_calls;
			assert_int_equal(loop_round(w.loop, 1000), 0);
			running = o.progress_calls > before;
		}
		if (cases[i].cancel)
			gang_cancel(o.member);
		else
			gang_kill(o.member);
		finish(&o);
		assert_int_equal(
		        o.verdict.failure, cases[i].cancel ? FAILURE_CANCELLED : FAILURE_WORKER_DIED);
		assert_int_equal(o.died, !cases[i].cancel);
		assert_false(target_boots("board"));
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
		target_make("board", SIZE);
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
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	const struct worker_job job = job_for("board");
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

static void a_wrong_byte_is_named_with_its_range_its_place_and_both_digests(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	struct worker_job job = job_for("board");
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
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	struct worker_job job = job_for("board");
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

// Law 1.
static void a_target_that_is_not_what_was_found_is_refused_before_any_byte(void **state)
{
	(void)state;
	struct world w;
	world_ready(&w, SIZE);
	for (int i = 0; i < 4; i++) {
		struct outcome o = {0};
		struct stat st;
		target_make("board", SIZE);
		assert_int_equal(stat("board", &st), 0);
		struct worker_job job = job_for("board");
		job.expect.size = i == 0 ? SIZE + 1 : SIZE;
		job.expect.dev = st.st_dev;
		job.expect.ino = i == 1 ? st.st_ino + 1 : st.st_ino;
		job.expect.rdev = i == 2 ? 1 : 0;
		run(&w, &job, &o);
		assert_int_equal(o.verdict.failure, i < 3 ? FAILURE_TARGET_CHANGED : FAILURE_NONE);
		assert_int_equal(o.is_claimed, i == 3);
		uint64_t size;
		_cleanup_free_ uint8_t *data = target_read("board", &size);
		assert_int_equal(data[0], i < 3 ? OLD_BYTE : w.bytes[0]);
	}
	world_end(&w);
}

static bool attach(const char *node, const char *path)
{
	_cleanup_close_ int disk = open(node, O_RDWR | O_CLOEXEC), file = open(path, O_RDWR | O_CLOEXEC);
	return disk >= 0 && ioctl(disk, LOOP_SET_FD, file) == 0;
}

static void detach(const char *node)
{
	_cleanup_close_ int disk = open(node, O_RDWR | O_CLOEXEC);
	assert_int_equal(ioctl(disk, LOOP_CLR_FD), 0);
}

// "first" is there when the disk is found, then "second" has its name. False when another test took the free one.
static bool replace_disk(char node[32], struct board_identity *found)
{
	struct claim seen;
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	snprintf(node, 32, "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
	if (!attach(node, "first"))
		return false;
	struct worker_job job = job_for(node);
	assert_int_equal(claim_open(&job, &seen, NULL), 0);
	claim_close(&seen);
	*found = seen.found;
	detach(node);
	return attach(node, "second");
}

static void a_disk_that_another_one_has_replaced_under_its_name_is_refused(void **state)
{
	(void)state;
	struct world w;
	struct outcome replaced = {0}, same = {0};
	char node[32];
	struct board_identity found;
	world_ready(&w, SIZE);
	target_make("first", SIZE);
	target_make("second", SIZE);
	for (int tries = 0; !replace_disk(node, &found); tries++)
		assert_true(tries < 20);
	struct worker_job job = job_for(node);
	job.expect = found;
	run(&w, &job, &replaced);
	job.expect.diskseq = 0; // were it not for the sequence number, nothing would tell them apart
	run(&w, &job, &same);
	detach(node);
	assert_int_equal(replaced.verdict.failure, FAILURE_TARGET_CHANGED);
	assert_int_equal(replaced.verdict.bytes_written, 0);
	assert_non_null(strstr(replaced.verdict.text, "disk sequence number"));
	assert_true(target_boots("first"));
	assert_int_equal(same.verdict.result, WORKER_PASS);
	assert_true(target_holds_image(&w, "second"));
	world_end(&w);
}

static void what_cannot_be_programmed_is_refused_with_its_reason(void **state)
{
	(void)state;
	static const struct {
		const char *node;
		enum failure failure;
	} cases[] = {
	        {"small", FAILURE_TARGET_TOO_SMALL},
	        {"missing", FAILURE_TARGET_NOT_FOUND},
	        {".", FAILURE_TARGET_NOT_DISK},
	        {"/dev/null", FAILURE_TARGET_NOT_DISK},
	};
	struct world w;
	world_ready(&w, SIZE);
	target_make("small", SIZE - 512);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome o = {0};
		const struct worker_job job = job_for(cases[i].node);
		run(&w, &job, &o);
		assert_int_equal(o.verdict.failure, cases[i].failure);
		assert_true(o.verdict.refused);
		assert_non_null(strstr(o.verdict.text, cases[i].node));
	}
	assert_true(target_boots("small"));
	world_end(&w);
}

static void two_workers_do_not_write_the_same_file(void **state)
{
	(void)state;
	struct world w;
	struct outcome first = {.hold_go = true}, second = {0};
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	const struct worker_job job = job_for("board");
	start(&w, &job, &first);
	wait_for(&first, &first.is_claimed);
	run(&w, &job, &second);
	assert_int_equal(second.verdict.failure, FAILURE_TARGET_BUSY);
	gang_go(first.member);
	finish(&first);
	assert_int_equal(first.verdict.result, WORKER_PASS);
	world_end(&w);
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

static void a_disk_that_stops_answering_fails_after_its_time(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	struct worker_job job = job_for("board");
	job.stall_ms = 400;
	job_fault(&job, BOARD_FAULT_HANG, 3 * MIB);
	run(&w, &job, &o);
	assert_int_equal(o.verdict.failure, FAILURE_DEVICE_TIMEOUT);
	assert_false(target_boots("board"));
	world_end(&w);
}

static void a_worker_that_does_not_answer_a_cancel_is_killed_after_its_grace(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {.hold_go = true};
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	const struct worker_job job = job_for("board");
	start(&w, &job, &o);
	wait_for(&o, &o.is_claimed);
	assert_int_equal(kill(gang_pid(o.member), SIGSTOP), 0);
	gang_cancel(o.member);
	finish(&o);
	assert_int_equal(o.verdict.failure, FAILURE_WORKER_DIED);
	assert_true(o.died);
	assert_true(target_boots("board")); // it had not begun
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

static void a_simulated_board_is_as_slow_as_its_wire(void **state)
{
	(void)state;
	struct world w;
	struct outcome o = {0};
	world_ready(&w, SIZE);
	target_make("board", SIZE);
	struct worker_job job = job_for("board");
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
	enum { BOARDS = 4, RATE = 32 * 1024 * 1024 };
	struct world w;
	struct outcome o[BOARDS] = {0};
	world_ready(&w, SIZE);
	const struct board_link link = {.rate = RATE};
	w.link_fd = memfd_create("link", MFD_CLOEXEC);
	assert_int_equal(fd_pwrite_all(w.link_fd, &link, sizeof(link), 0), 0);
	uint64_t began = clock_mono_ns(), first = UINT64_MAX;
	for (int i = 0; i < BOARDS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "board%d", i);
		target_make(name, SIZE);
		struct worker_job job = job_for(name);
		job.model.shared_link = true;
		start(&w, &job, &o[i]);
	}
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
	if (argc > 1 && !strcmp(argv[1], "worker")) // gang_add() starts this very program in that role
		return worker_role(argc, argv);
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_board_with_an_older_image_gets_the_new_one_and_keeps_what_is_unmapped),
	        cmocka_unit_test(the_digest_of_the_readback_is_of_what_lies_on_the_board),
	        cmocka_unit_test(an_image_that_ends_inside_a_sector_does_not_lengthen_a_file),
	        cmocka_unit_test(the_rest_of_the_last_sector_is_zeros_where_the_board_goes_on),
	        cmocka_unit_test(unmapped_zero_leaves_nothing_of_the_older_image_and_reads_that_back_too),
	        cmocka_unit_test(a_board_that_did_not_pass_does_not_boot_wherever_it_failed),
	        cmocka_unit_test(a_cancelled_or_killed_board_does_not_boot_even_while_a_write_hangs),
	        cmocka_unit_test(
	                a_board_killed_at_any_moment_does_not_boot_the_older_image_nor_half_of_the_new_one),
	        cmocka_unit_test(a_cancel_before_go_leaves_the_older_image_alone),
	        cmocka_unit_test(a_wrong_byte_is_named_with_its_range_its_place_and_both_digests),
	        cmocka_unit_test(without_read_back_the_same_flip_goes_unseen_and_the_result_says_unverified),
	        cmocka_unit_test(a_board_follows_the_import_and_commits_only_when_it_is_confirmed),
	        cmocka_unit_test(an_import_that_fails_is_what_the_board_reports_and_it_does_not_boot),
	        cmocka_unit_test(an_import_that_fails_at_once_leaves_the_board_untouched),
	        cmocka_unit_test(a_damaged_store_is_blamed_and_not_the_board),
	        cmocka_unit_test(a_store_file_cut_short_is_blamed_and_not_the_board),
	        cmocka_unit_test(a_target_that_is_not_what_was_found_is_refused_before_any_byte),
	        cmocka_unit_test(a_disk_that_another_one_has_replaced_under_its_name_is_refused),
	        cmocka_unit_test(what_cannot_be_programmed_is_refused_with_its_reason),
	        cmocka_unit_test(two_workers_do_not_write_the_same_file),
	        cmocka_unit_test(verify_reads_and_writes_nothing),
	        cmocka_unit_test(a_disk_that_stops_answering_fails_after_its_time),
	        cmocka_unit_test(a_worker_that_does_not_answer_a_cancel_is_killed_after_its_grace),
	        cmocka_unit_test(a_failing_board_leaves_the_others_running),
	        cmocka_unit_test(a_simulated_board_is_as_slow_as_its_wire),
	        cmocka_unit_test(boards_on_a_shared_link_take_its_time_together_and_fair_shares_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
