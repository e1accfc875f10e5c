// SPDX-License-Identifier: MIT
// Lock files, and the wait for a holder that is being taken apart.
#include "base/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/fd.h"

#define PF_EXITING 0x4 // include/linux/sched.h: the process takes itself apart

static pid_t read_holder(int fd)
{
	char text[16] = "";
	if (fd_pread_all(fd, text, sizeof(text) - 1, 0) < 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

static int write_holder(int fd, const char *path, struct err *e)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	int r = ftruncate(fd, 0) < 0 ? -errno : fd_pwrite_all(fd, text, (size_t)length, 0);
	return r < 0 ? err_sys(e, -r, "%s: cannot be written", path) : 0;
}

// proc(5): /proc/PID/stat, field 9 counted from the name's closing bracket: state, five numbers, flags.
static bool is_exiting(pid_t pid)
{
	char path[32], text[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return true; // not there any more
	const char *rest = strrchr(text, ')');
	unsigned long flags;
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %lu", &flags) != 1)
		return false;
	return flags & PF_EXITING;
}

// Killed: SIGKILL stays pending for the whole process until its end (proc(5): ShdPnd).
static bool is_killed(pid_t pid)
{
	char path[32], text[4096];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	const char *line = strstr(text, "\nShdPnd:\t");
	uint64_t pending;
	return line && sscanf(line, "\nShdPnd:\t%" SCNx64, &pending) == 1 && pending >> (SIGKILL - 1) & 1;
}

static void interrupt(int signal)
{
	(void)signal;
}

// The lock itself is waited for. The timer goes off again and again: one that goes off just before flock(2) is entered
// would interrupt nothing.
static int wait_for_lock(int fd, uint64_t patience_ns)
{
	const struct sigaction wake = {.sa_handler = interrupt}; // without SA_RESTART
	const struct itimerval again = {{0, 20000}, {0, 20000}}, off = {0};
	uint64_t deadline = clock_mono_ns() + patience_ns;
	struct sigaction before;
	if (sigaction(SIGALRM, &wake, &before) < 0)
		return -errno;
	int r = setitimer(ITIMER_REAL, &again, NULL) < 0 ? -errno : -EINTR;
	while (r == -EINTR && clock_mono_ns() < deadline)
		r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &before, NULL);
	return r == -EINTR ? -EWOULDBLOCK : r;
}

int lockfile_take(
        const char *path, uint64_t live_ns, uint64_t dying_ns, int *out, pid_t *holder, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "%s: cannot be opened", path);
	*holder = 0;
	int r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	if (r == -EWOULDBLOCK) {
		*holder = read_holder(fd);
		bool dying = *holder > 0 && (is_exiting(*holder) || is_killed(*holder));
		r = wait_for_lock(fd, dying ? dying_ns : live_ns);
	}
	if (r == -EWOULDBLOCK)
		return err_set(e, EBUSY, "%s: held by process %d", path, (int)*holder);
	if (r < 0)
		return err_sys(e, -r, "%s: cannot be locked", path);
	r = write_holder(fd, path, e);
	if (r == 0)
		*out = steal_fd(&fd);
	return r;
}
