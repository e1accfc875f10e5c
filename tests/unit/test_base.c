// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/lockfile.h"
#include "base/loop.h"
#include "base/shown.h"
#include "check.h"

static void an_error_is_one_line_whatever_the_file_is_called(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(err_sys(&e, ENOENT, "%s: cannot be read", "a\nb"), -ENOENT);
	assert_string_equal(e.text, "a?b: cannot be read: No such file or directory");
	assert_int_equal(err_prefix(&e, "import"), -ENOENT);
	assert_string_equal(e.text, "import: a?b: cannot be read: No such file or directory");
}

static void a_name_is_shown_as_one_line_of_utf_8(void **state)
{
	(void)state;
	static const char *const names[][2] = {
	        {"card.img", "card.img"},
	        {"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x92\xbe",
	                "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x92\xbe"},
	        {"a\nb\t\x1b[31m\x7f", "a\\x0ab\\x09\\x1b[31m\\x7f"},
	        {"\xc2\x9b"
	         "2J",
	                "\\xc2\\x9b2J"}, // CSI in one character
	        {"M\xfcller", "M\\xfcller"},
	        {"\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80", "\\xc0\\xaf\\xed\\xa0\\x80\\xf5\\x80\\x80\\x80"},
	        {"cut\xe2\x82", "cut\\xe2\\x82"},
	};
	char out[SHOWN_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(shown_text(names[i][0], out, sizeof(out)), names[i][1]);
	assert_string_equal(shown_text("abc\n", out, 6), "abc"); // no half of what a byte became
}

static void sha256_and_hex_agree_with_the_standards_example(void **state)
{
	(void)state;
	uint8_t digest[DIGEST_SHA256_SIZE], back[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	digest_sha256("abc", 3, digest); // FIPS 180-2, appendix B.1
	digest_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(digest_from_hex(
	        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", back, 32));
	assert_memory_equal(digest, back, sizeof(back));
	assert_false(digest_from_hex("ba78", back, 32));
}

static void packets_carry_descriptors_and_too_large_ones_are_dropped_whole(void **state)
{
	(void)state;
	int pair[2];
	assert_int_equal(fd_packet_pair(pair, NULL), 0);
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_send_packet(pair[0], "hello", 5, &null_fd, 1), 0);
	assert_int_equal(fd_send_packet(pair[0], "too long", 8, &null_fd, 1), 0);
	char data[6];
	int fds[2];
	size_t count = 2;
	assert_int_equal(fd_receive_packet(pair[1], data, sizeof(data), fds, &count), 5);
	assert_int_equal(count, 1);
	close(fds[0]);
	count = 2;
	assert_int_equal(fd_receive_packet(pair[1], data, sizeof(data), fds, &count), -EMSGSIZE);
	assert_int_equal(count, 0);
	assert_int_equal(fd_receive_packet(pair[1], data, sizeof(data), fds, &count), -EAGAIN);
	close(pair[0]);
	assert_int_equal(fd_receive_packet(pair[1], data, sizeof(data), NULL, NULL), 0);
	close(pair[1]);
	close(null_fd);
}

struct removal {
	struct loop_source *self, *other;
	int calls;
};

static void remove_both(void *context, uint32_t events)
{
	struct removal *r = context;
	(void)events;
	r->calls++;
	loop_remove(r->self);
	loop_remove(r->other);
}

static void a_source_removed_by_another_callback_is_not_called(void **state)
{
	(void)state;
	_cleanup_loop_ struct loop *loop = NULL;
	int a[2], b[2];
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(fd_packet_pair(a, NULL), 0);
	assert_int_equal(fd_packet_pair(b, NULL), 0);
	struct removal r = {0};
	assert_int_equal(loop_add_fd(loop, a[0], EPOLLIN, remove_both, &r, &r.self, NULL), 0);
	assert_int_equal(loop_add_fd(loop, b[0], EPOLLIN, remove_both, &r, &r.other, NULL), 0);
	fd_send_packet(a[1], "x", 1, NULL, 0);
	fd_send_packet(b[1], "x", 1, NULL, 0);
	assert_int_equal(loop_round(loop, 1000), 0);
	assert_int_equal(r.calls, 1);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static void utc_times_have_microseconds_and_sort_as_text(void **state)
{
	(void)state;
	char a[CLOCK_UTC_SIZE], b[CLOCK_UTC_SIZE];
	clock_utc_text(a);
	clock_utc_text(b);
	assert_int_equal(strlen(a), CLOCK_UTC_SIZE - 1);
	assert_true(strcmp(a, b) <= 0);
}

// A child of the role below, which ends when *end is closed.
static struct child start_lingering(int *end)
{
	struct child_spec spec = {.role = "linger", .fd_count = 1};
	struct child child;
	int pair[2];
	assert_int_equal(fd_packet_pair(pair, NULL), 0);
	spec.fds[0] = pair[1];
	assert_int_equal(child_start(&spec, &child, NULL), 0);
	close(pair[1]);
	*end = pair[0];
	return child;
}

static void a_pipe_that_gives_too_much_is_not_taken_for_a_shorter_file(void **state)
{
	(void)state;
	for (size_t size = 10; size <= 11; size++) {
		char path[32], *data = NULL;
		size_t got = 0;
		int ends[2];
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_int_equal(fd_write_all(ends[1], "hello world", size), 0);
		close(ends[1]);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
		assert_int_equal(fd_read_file(path, 10, &data, &got, NULL), size == 10 ? 0 : -EFBIG);
		assert_int_equal(got, size == 10 ? 10 : 0);
		free(data);
		close(ends[0]);
	}
}

static void a_child_leaves_its_end_to_its_parent(void **state)
{
	(void)state;
	int end, status;
	struct child child = start_lingering(&end);
	struct pollfd here = {.fd = end, .events = POLLIN};
	char ready;
	assert_int_equal(poll(&here, 1, 120000), 1);
	assert_int_equal(fd_receive_packet(end, &ready, 1, NULL, NULL), 1);
	assert_false(child_ended(&child));
	assert_int_equal(child_signal(&child, SIGTERM), 0);
	assert_int_equal(child_signal(&child, SIGINT), 0);
	assert_int_equal(child_signal(&child, SIGHUP), 0);
	assert_int_equal(fd_send_packet(end, "?", 1, NULL, 0), 0);
	assert_int_equal(poll(&here, 1, 120000), 1);
	assert_int_equal(fd_receive_packet(end, &ready, 1, NULL, NULL), 1); // it still answers
	close(end);
	struct pollfd ended = {.fd = child.pidfd, .events = POLLIN};
	assert_int_equal(poll(&ended, 1, 120000), 1);
	assert_true(child_ended(&child));
	assert_int_equal(child_reap(&child, &status), 0);
	assert_int_equal(status, 0);
}

// As a debugger does: it has the child's end to itself until *end is closed.
static pid_t trace(pid_t traced, int childs_end, int *end)
{
	int ready[2], hold[2];
	char byte;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(childs_end);
		close(hold[1]);
		if (ptrace(PTRACE_SEIZE, traced, NULL, NULL) < 0 || write(ready[1], "!", 1) != 1)
			_exit(1);
		_exit(read(hold[0], &byte, 1) == 0 ? 0 : 2);
	}
	close(ready[1]);
	close(hold[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*end = hold[1];
	return pid;
}

static void a_child_that_a_debugger_holds_is_not_waited_for(void **state)
{
	(void)state;
	for (int killed = 0; killed < 2; killed++) {
		int end, held, status = -1;
		struct child child = start_lingering(&end);
		pid_t pid = child.pid, tracer = trace(pid, end, &held);
		if (killed)
			assert_int_equal(child_signal(&child, SIGKILL), 0);
		close(end);
		struct pollfd ended = {.fd = child.pidfd, .events = POLLIN};
		assert_int_equal(poll(&ended, 1, 120000), 1);
		assert_int_equal(child_reap(&child, &status), 0); // which nobody else will end
		assert_int_equal(status, killed ? SIGKILL : 0);
		assert_int_equal(child.pid, 0);
		siginfo_t zombie = {0};
		assert_int_equal(waitid(P_PID, (id_t)pid, &zombie, WEXITED | WNOHANG | WNOWAIT), 0);
		assert_int_equal(zombie.si_pid, 0); // the debugger still has it
		close(held);
		assert_int_equal(waitpid(tracer, &status, 0), tracer);
		assert_int_equal(status, 0);
		uint64_t until = clock_mono_ns() + 120 * NSEC_PER_SEC;
		while (waitid(P_PID, (id_t)pid, &zombie, WEXITED | WNOWAIT) == 0) // until it was waited for
			assert_true(clock_mono_ns() < until);
		assert_int_equal(errno, ECHILD);
	}
}

// /proc needs a descriptor to be read.
static void a_held_child_is_collected_when_its_end_cannot_be_read(void **state)
{
	(void)state;
	struct rlimit many, none = {.rlim_cur = 3};
	int end, held, status = -1;
	struct child child = start_lingering(&end);
	pid_t tracer = trace(child.pid, end, &held);
	close(end);
	struct pollfd ended = {.fd = child.pidfd, .events = POLLIN};
	assert_int_equal(poll(&ended, 1, 120000), 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &many), 0);
	none.rlim_max = many.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int r = child_reap(&child, &status);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
	assert_int_equal(r, 0);
	assert_int_equal(status, CHILD_STATUS_UNKNOWN);
	assert_int_equal(child.pid, 0);
	close(held);
	assert_int_equal(waitpid(tracer, &status, 0), tracer);
}

// A process that holds the lock, until its pipe is closed or it is killed.
static pid_t hold_lock(const char *path, int *pipe_out)
{
	int ready[2], end[2];
	char byte;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = -1;
		pid_t holder;
		close(end[1]);
		if (lockfile_take(path, 0, 0, &fd, &holder, NULL) < 0 || write(ready[1], "!", 1) != 1)
			_exit(1);
		_exit(read(end[0], &byte, 1) == 0 ? 0 : 2);
	}
	close(end[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	*pipe_out = end[1];
	return pid;
}

static void a_lock_that_a_living_process_holds_is_refused_with_its_id(void **state)
{
	(void)state;
	int end, fd = -1;
	pid_t holder, pid = hold_lock("lock", &end);
	struct err e = {0};
	// A living one is not waited for as a dying one is.
	assert_int_equal(lockfile_take("lock", NSEC_PER_MSEC, 3600 * NSEC_PER_SEC, &fd, &holder, &e), -EBUSY);
	assert_int_equal(holder, pid);
	char text[64];
	snprintf(text, sizeof(text), "lock: held by process %d", (int)pid);
	assert_string_equal(e.text, text);
	assert_int_equal(fd, -1);
	close(end);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(lockfile_take("lock", 0, 0, &fd, &holder, &e), 0);
	close(fd);
}

// Whether the end comes before the wait or during it: the lock is had, and nothing waits on.
static void the_lock_of_a_process_that_is_being_killed_is_waited_for(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		int end, fd = -1;
		pid_t holder, pid = hold_lock("lock", &end);
		struct err e = {0};
		assert_int_equal(kill(pid, SIGKILL), 0);
		int r = lockfile_take("lock", 120 * NSEC_PER_SEC, 120 * NSEC_PER_SEC, &fd, &holder, &e);
		if (r < 0)
			fail_msg("turn %d: %s", i, e.text);
		close(fd);
		close(end);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

// Held on its way out, as by a machine that has no time for it.
static void a_process_whose_death_is_pending_counts_as_dying(void **state)
{
	(void)state;
	int end, fd = -1, status;
	pid_t holder, pid = hold_lock("lock", &end);
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	uint64_t began = clock_mono_ns();
	assert_int_equal(lockfile_take("lock", 0, 50 * NSEC_PER_MSEC, &fd, &holder, NULL), -EBUSY);
	assert_true(clock_mono_ns() - began >= 50 * NSEC_PER_MSEC);
	assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	assert_int_equal(
	        lockfile_take("lock", 120 * NSEC_PER_SEC, 120 * NSEC_PER_SEC, &fd, &holder, NULL), 0);
	close(fd);
	close(end);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

// The role of that test: says that it is there, echoes, ends when its socket does.
static int linger(void)
{
	struct err e;
	char byte = '!';
	if (child_enter(1, &e) < 0)
		return 1;
	do {
		if (fd_send_packet(CHILD_FD_FIRST, &byte, 1, NULL, 0) < 0)
			return 0;
		struct pollfd wait = {.fd = CHILD_FD_FIRST, .events = POLLIN};
		if (poll(&wait, 1, 120000) != 1)
			return 2;
	} while (fd_receive_packet(CHILD_FD_FIRST, &byte, 1, NULL, NULL) == 1);
	return 0;
}

static void what_does_not_fit_is_cut_between_two_characters(void **state)
{
	static const struct {
		const char *from, *cut;
	} cases[] = {{"abcdefg", "abcde"}, {"abcd\u00fcg", "abcd"}, {"abc\u00fcg", "abc\u00fc"},
	        {"abcd\u20ac", "abcd"}, {"abc\u20ac", "abc"}, {"ab\u20acg", "ab\u20ac"},
	        {"abc\U0001f600", "abc"}, {"ab\U0001f600", "ab"}, {"a\U0001f600g", "a\U0001f600"},
	        {"abcd\u00fc", "abcd"}, {"ab\u00fc", "ab\u00fc"}, {NULL, ""}};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char field[6];
		STR_COPY(field, cases[i].from);
		assert_string_equal(field, cases[i].cut);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "linger"))
		_exit(linger()); // no leak check: that one does not work under the tracer
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_error_is_one_line_whatever_the_file_is_called),
	        cmocka_unit_test(a_name_is_shown_as_one_line_of_utf_8),
	        cmocka_unit_test(sha256_and_hex_agree_with_the_standards_example),
	        cmocka_unit_test(packets_carry_descriptors_and_too_large_ones_are_dropped_whole),
	        cmocka_unit_test(a_source_removed_by_another_callback_is_not_called),
	        cmocka_unit_test(a_pipe_that_gives_too_much_is_not_taken_for_a_shorter_file),
	        cmocka_unit_test(a_child_leaves_its_end_to_its_parent),
	        cmocka_unit_test(a_child_that_a_debugger_holds_is_not_waited_for),
	        cmocka_unit_test(a_held_child_is_collected_when_its_end_cannot_be_read),
	        cmocka_unit_test(a_lock_that_a_living_process_holds_is_refused_with_its_id),
	        cmocka_unit_test(the_lock_of_a_process_that_is_being_killed_is_waited_for),
	        cmocka_unit_test(a_process_whose_death_is_pending_counts_as_dying),
	        cmocka_unit_test(utc_times_have_microseconds_and_sort_as_text),
	        cmocka_unit_test(what_does_not_fit_is_cut_between_two_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
