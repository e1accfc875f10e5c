// SPDX-License-Identifier: MIT
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "flash/claim.h"
#include "flash_world.h"

#define SIZE (5 * MIB)

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
	const struct worker_job job = world_with_board(&w, SIZE, SIZE);
	start(&w, &job, &first);
	wait_for(&first, &first.is_claimed);
	run(&w, &job, &second);
	assert_int_equal(second.verdict.failure, FAILURE_TARGET_BUSY);
	gang_go(first.member);
	finish(&first);
	assert_int_equal(first.verdict.result, WORKER_PASS);
	world_end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_target_that_is_not_what_was_found_is_refused_before_any_byte),
	        cmocka_unit_test(a_disk_that_another_one_has_replaced_under_its_name_is_refused),
	        cmocka_unit_test(what_cannot_be_programmed_is_refused_with_its_reason),
	        cmocka_unit_test(two_workers_do_not_write_the_same_file),
	};
	return world_main(argc, argv, tests);
}
