// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"
#include "image/sandbox.h"
#include "webui/shut.h"

// Runs `fn` in a process of its own, which shuts itself in. Returns its exit code.
static int in_child(int (*fn)(int folder))
{
	mkdir("inside", 0755);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(open("inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define must(n, condition)          \
	do {                        \
		if (!(condition))   \
			return (n); \
	} while (0)

static int try_what_an_importer_needs(int folder)
{
	setenv("CI", "1", 1);
	must(1, sandbox_enter(folder, NULL) == 0);
	must(2, mkdirat(folder, "a", 0755) == 0 && mkdirat(folder, "b", 0755) == 0);
	int fd = openat(folder, "a/file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	must(3, fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && ftruncate(fd, 100) == 0);
	must(4, renameat(folder, "a/file", folder, "b/file") == 0); // between folders, as publishing does
	must(5, unlinkat(folder, "b/file", 0) == 0 && unlinkat(folder, "a", AT_REMOVEDIR) == 0);
	must(6, unlinkat(folder, "b", AT_REMOVEDIR) == 0);
	return 0;
}

// Two ways to signal another process without kill(2): tgkill(2) takes any process, and an open socket sends the signal
// that fcntl(2) names to whom fcntl(2) names.
static int try_to_signal_the_parent(void)
{
	int pair[2] = {-1, -1};
	const int commands[] = {F_SETOWN, F_SETSIG, F_SETLEASE};
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		must(20 + (int)i, fcntl(STDOUT_FILENO, commands[i], getppid()) < 0 && errno == EPERM);
	must(23, syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 && errno == EPERM);
	must(24, syscall(SYS_tgkill, getpid(), getpid(), 0) == 0); // abort(3) still works
	must(25, fcntl(STDOUT_FILENO, F_GETFL) >= 0 && fcntl(STDOUT_FILENO, F_GETFD) >= 0);
	must(26, socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 && errno == EPERM);
	return 0;
}

static int try_what_a_bad_file_might(int folder)
{
	char *const argv[] = {NULL};
	setenv("CI", "1", 1);
	must(1, sandbox_enter(folder, NULL) == 0);
	must(2, open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	must(3, open("outside", O_WRONLY | O_CREAT, 0644) < 0 && errno == EACCES);
	must(4, openat(folder, "../outside", O_WRONLY | O_CREAT, 0644) < 0 && errno == EACCES);
	must(5, open("/proc/self/mem", O_RDWR) < 0 && errno == EACCES);
	must(6, socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
	must(7, socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM);
	must(8, execve("/bin/true", argv, argv) < 0 && errno == EPERM);
	must(9, syscall(SYS_fork) < 0 && errno == EPERM);
	must(10, syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == EPERM);
	must(11, kill(getppid(), 0) < 0 && errno == EPERM);
	must(12, ioctl(1, 0) < 0 && errno == EPERM);
	must(13, symlinkat("/etc/passwd", folder, "link") < 0);
	must(14, prctl(PR_SET_PDEATHSIG, 0) < 0 && errno == EPERM); // it ends with its parent
	return try_to_signal_the_parent();
}

static int try_what_a_bad_request_might(int folder)
{
	setenv("CI", "1", 1);
	must(1, shut_in(NULL) == 0);
	must(2, openat(folder, "x", O_WRONLY | O_CREAT, 0644) < 0 && errno == EPERM);
	must(3, kill(getppid(), 0) < 0 && errno == EPERM);
	return try_to_signal_the_parent();
}

static int try_without_landlock(bool ci)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct err e = {0};
	must(1, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	must(2, seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) == 0);
	must(3, seccomp_load(filter) == 0);
	seccomp_release(filter);
	if (ci) {
		setenv("CI", "1", 1);
		must(4, sandbox_enter(-1, &e) == -ENOSYS);
		must(5, strstr(e.text, "landlock is not to be had here, and CI is set"));
		return 0;
	}
	unsetenv("CI");
	must(6, sandbox_enter(-1, &e) == 0);
	must(7, socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM); // the other half still holds
	return 0;
}

static int try_without_landlock_in_ci(int folder)
{
	(void)folder;
	return try_without_landlock(true);
}

static int try_without_landlock_elsewhere(int folder)
{
	(void)folder;
	return try_without_landlock(false);
}

static void the_store_can_be_used_from_inside(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_what_an_importer_needs), 0);
}

static void nothing_else_can(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_what_a_bad_file_might), 0);
}

static void the_pages_role_cannot_reach_out_either(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_what_a_bad_request_might), 0);
}

static void a_kernel_without_it_is_an_error_in_ci_and_a_warning_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_without_landlock_in_ci), 0);
	assert_int_equal(in_child(try_without_landlock_elsewhere), 0);
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return 0; // sandbox_enter() does nothing there, and says why
#endif
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_store_can_be_used_from_inside),
	        cmocka_unit_test(nothing_else_can),
	        cmocka_unit_test(the_pages_role_cannot_reach_out_either),
	        cmocka_unit_test(a_kernel_without_it_is_an_error_in_ci_and_a_warning_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
