// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "check.h"
#include "image/settled.h"

static const char boot[] = "11111111-2222-3333-4444-555555555555";
static const char next_boot[] = "11111111-2222-3333-4444-666666666666";

// The file's own change time and so many seconds.
static uint64_t seconds_after_change(int fd, unsigned seconds)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_ctim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_ctim.tv_nsec +
	       seconds * NSEC_PER_SEC;
}

static int make_file(void)
{
	int fd = open("source", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_pwrite_all(fd, "12345678", 8, 0), 0);
	return fd;
}

// The kernel's file times move with its timer's tick: waits for one that is another.
static void wait_for_tick(int fd)
{
	_cleanup_close_ int other = open("tick", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	uint64_t before = seconds_after_change(fd, 0);
	do {
		assert_int_equal(fd_pwrite_all(other, "x", 1, 0), 0);
	} while (seconds_after_change(other, 0) <= before);
}

static void a_file_has_a_mark_once_it_was_left_alone_for_a_minute(void **state)
{
	(void)state;
	char mark[SETTLED_MARK_SIZE], again[SETTLED_MARK_SIZE];
	_cleanup_close_ int fd = make_file();
	settled_mark(fd, boot, seconds_after_change(fd, 0) - NSEC_PER_SEC, mark); // a clock that was set back
	assert_string_equal(mark, "");
	settled_mark(fd, boot, seconds_after_change(fd, 59), mark);
	assert_string_equal(mark, "");
	settled_mark(fd, boot, seconds_after_change(fd, 60), mark);
	assert_int_not_equal(mark[0], '\0');
	settled_mark(fd, boot, seconds_after_change(fd, 6000), again);
	assert_string_equal(mark, again);
}

static void the_mark_is_another_after_a_write_with_the_old_time(void **state)
{
	(void)state;
	char before[SETTLED_MARK_SIZE], after[SETTLED_MARK_SIZE];
	struct stat st;
	_cleanup_close_ int fd = make_file();
	assert_int_equal(fstat(fd, &st), 0);
	settled_mark(fd, boot, seconds_after_change(fd, 60), before);
	wait_for_tick(fd);
	assert_int_equal(fd_pwrite_all(fd, "87654321", 8, 0), 0);
	assert_int_equal(futimens(fd, (const struct timespec[]){st.st_atim, st.st_mtim}), 0);
	settled_mark(fd, boot, seconds_after_change(fd, 60), after);
	assert_string_not_equal(before, after);
}

static void the_mark_is_another_after_a_mappings_write_to_a_page_that_was_dirty_before(void **state)
{
	(void)state;
	char before[SETTLED_MARK_SIZE], after[SETTLED_MARK_SIZE];
	_cleanup_close_ int fd = make_file();
	char *map = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	map[0] = 'a';
	assert_int_equal(settled_sync(fd), 0);
	settled_mark(fd, boot, seconds_after_change(fd, 60), before);
	wait_for_tick(fd);
	map[1] = 'b';
	settled_mark(fd, boot, seconds_after_change(fd, 60), after);
	assert_string_not_equal(before, after);
	assert_int_equal(munmap(map, 8), 0);
}

static void a_mark_is_of_one_boot(void **state)
{
	(void)state;
	char mark[SETTLED_MARK_SIZE], next[SETTLED_MARK_SIZE], none[SETTLED_MARK_SIZE];
	_cleanup_close_ int fd = make_file();
	settled_mark(fd, boot, seconds_after_change(fd, 60), mark);
	settled_mark(fd, next_boot, seconds_after_change(fd, 60), next);
	settled_mark(fd, "", seconds_after_change(fd, 60), none);
	assert_string_not_equal(mark, next);
	assert_string_equal(none, "");
}

static void files_whose_times_prove_nothing_have_no_mark(void **state)
{
	(void)state;
	char mark[SETTLED_MARK_SIZE];
	_cleanup_close_ int memory =
	        memfd_create("tmpfs", MFD_CLOEXEC); // of tmpfs, whose mappings move no time
	_cleanup_close_ int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int proc = open("/proc/version", O_RDONLY | O_CLOEXEC);
	const int fds[] = {memory, folder, proc};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_true(fds[i] >= 0);
		settled_mark(fds[i], boot, seconds_after_change(fds[i], 60), mark);
		assert_string_equal(mark, "");
	}
}

static void shell(const char *command)
{
	int status = system(command);
	if (status != 0)
		fail_msg("%s: status %d", command, status);
}

// Where the tests run on tmpfs or an overlay they make an ext4 of their own, as root.
static int on_a_disk(void **state)
{
	struct statfs fs;
	(void)state;
	assert_int_equal(statfs(".", &fs), 0);
	if (fs.f_type != TMPFS_MAGIC && fs.f_type != OVERLAYFS_SUPER_MAGIC)
		return 0;
	shell("truncate -s 8M disk && mkfs.ext4 -q -F disk && mkdir on && mount -o loop disk on");
	return chdir("on");
}

static int off_the_disk(void **state)
{
	(void)state;
	if (access("../disk", F_OK) == 0)
		shell("cd .. && umount -l on");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_file_has_a_mark_once_it_was_left_alone_for_a_minute),
	        cmocka_unit_test(the_mark_is_another_after_a_write_with_the_old_time),
	        cmocka_unit_test(the_mark_is_another_after_a_mappings_write_to_a_page_that_was_dirty_before),
	        cmocka_unit_test(a_mark_is_of_one_boot),
	        cmocka_unit_test(files_whose_times_prove_nothing_have_no_mark),
	};
	return cmocka_run_group_tests(tests, on_a_disk, off_the_disk);
}
