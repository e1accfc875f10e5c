// SPDX-License-Identifier: MIT
// Child processes: the binary re-executed in a role, with the descriptors it needs and no others.
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"

#define CHILD_PARENT_ENV "GANGWAY_PARENT"

// Between fork and exec: only async-signal-safe calls. Moves the descriptors to 3, 4, ... through a high
// range first, so that no move overwrites one still to be moved.
static void child_exec(const struct child_spec *spec, char *const argv[], char *const envp[], int null_fd)
{
	enum { HIGH = 200 };
	int out_fd = spec->stdout_fd > 0 ? fcntl(spec->stdout_fd, F_DUPFD, HIGH) : -1;
	if (spec->stdout_fd > 0 && out_fd < 0)
		_exit(127); // what it says is not for the parent's stdout
	int moved[CHILD_FDS_MAX];
	for (unsigned i = 0; i < spec->fd_count; i++) {
		moved[i] = fcntl(spec->fds[i], F_DUPFD, HIGH);
		if (moved[i] < 0)
			_exit(127);
	}
	for (unsigned i = 0; i < spec->fd_count; i++)
		if (dup2(moved[i], CHILD_FD_FIRST + (int)i) < 0)
			_exit(127);
	if (dup2(null_fd, STDIN_FILENO) < 0 || (out_fd >= 0 && dup2(out_fd, STDOUT_FILENO) < 0))
		_exit(127);
	if (syscall(SYS_close_range, CHILD_FD_FIRST + spec->fd_count, ~0u, 0) < 0)
		_exit(127);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(127);
	struct sigaction normal = {.sa_handler = SIG_DFL};
	sigaction(SIGPIPE, &normal, NULL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve("/proc/self/exe", argv, envp);
	_exit(127);
}

// The environment with our pid in it; only the array and one string are allocated, before the fork.
static char **child_environment(char *parent, size_t size)
{
	size_t n = 0;
	while (environ[n])
		n++;
	char **copy = calloc(n + 2, sizeof(*copy));
	if (!copy)
		return NULL;
	size_t used = 0;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], CHILD_PARENT_ENV "=", sizeof(CHILD_PARENT_ENV)) != 0)
			copy[used++] = environ[i];
	snprintf(parent, size, CHILD_PARENT_ENV "=%d", (int)getpid());
	copy[used] = parent;
	return copy;
}

int child_start(const struct child_spec *spec, struct child *out, struct err *e)
{
	if (spec->fd_count > CHILD_FDS_MAX)
		return err_set(e, EINVAL, "child %s: too many descriptors", spec->role);
	char *argv[CHILD_ARGS_MAX + 3] = {0};
	size_t argc = 0;
	union {
		const char *in;
		char *out;
	} word = {.in = "gangway"}; // execve(2) does not write through argv
	argv[argc++] = word.out;
	word.in = spec->role;
	argv[argc++] = word.out;
	for (size_t i = 0; i < CHILD_ARGS_MAX && spec->args[i]; i++) {
		word.in = spec->args[i];
		argv[argc++] = word.out;
	}
	char parent[48];
	_cleanup_free_ char **envp = child_environment(parent, sizeof(parent));
	_cleanup_close_ int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!envp || null_fd < 0)
		return err_sys(e, errno, "child %s: cannot be started", spec->role);
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "child %s: cannot be started", spec->role);
	if (pid == 0)
		child_exec(spec, argv, envp, null_fd);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		int r = err_sys(e, errno, "child %s: pidfd", spec->role);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	*out = (struct child){.pid = pid, .pidfd = pidfd};
	return 0;
}

int child_enter(unsigned fd_count, struct err *e)
{
	const char *parent = getenv(CHILD_PARENT_ENV);
	if (!parent)
		return err_set(e, EPERM,
		        "this role is started by other gangway commands, not by hand; see 'gangway help'");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(e, errno, "parent-death signal");
	// A pid namespace's init may be the parent, whose pid then reads as 0.
	if (getppid() != (pid_t)strtol(parent, NULL, 10) && getppid() != 0)
		return err_set(e, ECHILD, "the process that started this one is gone");
	unsetenv(CHILD_PARENT_ENV);
	for (unsigned i = 0; i < fd_count; i++)
		if (fcntl(CHILD_FD_FIRST + (int)i, F_SETFD, FD_CLOEXEC) < 0)
			return err_sys(e, errno, "inherited descriptor %u", CHILD_FD_FIRST + i);
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	static const int left_to_the_parent[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < ARRAY_SIZE(left_to_the_parent); i++)
		sigaction(left_to_the_parent[i], &ignore, NULL);
	return 0;
}

bool child_ended(const struct child *child)
{
	struct pollfd end = {.fd = child->pidfd, .events = POLLIN};
	return child->pid <= 0 || poll(&end, 1, 0) == 1;
}

// proc(5), /proc/PID/stat: the last word is the exit status "in the form reported by waitpid(2)"; our own children's can be
// read, and nobody else gets this pid until it is waited for.
static int status_of_held(pid_t pid, int *status)
{
	char path[32], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	ssize_t n = fd_read_text(AT_FDCWD, path, text, sizeof(text));
	const char *last = n > 0 ? strrchr(text, ' ') : NULL;
	if (!last)
		return n < 0 ? (int)n : -EIO;
	*status = (int)strtol(last, NULL, 10);
	return 0;
}

static void *wait_for_held(void *context)
{
	const pid_t *pid = context;
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(context);
	return NULL;
}

/*
 * ptrace(2): an ended child is its tracer's until that has waited for it or let it go, which strace does at once and a
 * debugger when somebody types. Its pidfd is readable meanwhile, so it cannot be watched for that, and the loop must not
 * wait: a thread does, for nothing else. Without one the child stays a zombie until this process ends.
 */
static void leave_held(pid_t pid)
{
	pthread_t thread;
	pid_t *own = malloc(sizeof(*own));
	if (!own)
		return;
	*own = pid;
	if (pthread_create(&thread, NULL, wait_for_held, own) != 0)
		free(own);
	else
		pthread_detach(thread);
}

int child_reap(struct child *child, int *status)
{
	if (child->pid <= 0)
		return -ECHILD;
	bool ended = child_ended(child); // first: who ends behind this is not held
	pid_t r = waitpid(child->pid, status, WNOHANG);
	if (r < 0)
		return -errno;
	if (r == 0 && !ended)
		return -EAGAIN;
	if (r == 0) {
		// With no descriptor left, say. It has ended all the same, and who watched it will not be told again.
		if (status_of_held(child->pid, status) < 0)
			*status = CHILD_STATUS_UNKNOWN;
		leave_held(child->pid);
	}
	close(child->pidfd);
	*child = (struct child){.pid = 0, .pidfd = -1};
	return 0;
}

int child_signal(const struct child *child, int signal)
{
	if (child->pid <= 0)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, child->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

void child_end(struct child *child)
{
	if (child->pid <= 0)
		return;
	child_signal(child, SIGKILL);
	struct pollfd end = {.fd = child->pidfd, .events = POLLIN};
	int status;
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	(void)child_reap(child, &status);
}

void child_status_text(int status, char *text, unsigned size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status),
		        strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exit %d", WEXITSTATUS(status));
}
