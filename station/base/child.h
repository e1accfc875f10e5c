// SPDX-License-Identifier: MIT
// Child processes: the binary re-executed in a role, with the descriptors it needs and no others.
#ifndef GANGWAY_BASE_CHILD_H
#define GANGWAY_BASE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * A role's descriptors start at CHILD_FD_FIRST, in the order its spec gave them; the first is by convention
 * its packet socket to the parent. stdin is /dev/null; stdout and stderr are inherited (stdout may be given).
 */
enum { CHILD_FD_FIRST = 3, CHILD_FDS_MAX = 12, CHILD_ARGS_MAX = 12 };

// As exit(255) is: no role's success, and no signal.
enum { CHILD_STATUS_UNKNOWN = 255 << 8 };

struct child_spec {
	const char *role;                 // the sub-command, e.g. "worker"
	const char *args[CHILD_ARGS_MAX]; // what follows it, NULL-terminated
	int fds[CHILD_FDS_MAX];           // borrowed: still the caller's to close after the call
	unsigned fd_count;
	int stdout_fd; // -1 or 0: inherited
};

struct child {
	pid_t pid;
	int pidfd; // readable when the child has ended
};

// Starts `gangway ROLE ARGS...` (from /proc/self/exe, so an upgrade under a running station is harmless).
// Every other descriptor is closed in it. It dies with this process (PR_SET_PDEATHSIG, SIGKILL).
int child_start(const struct child_spec *spec, struct child *out, struct err *e);

// Called first in a role's main: checks that the parent that started it is still there (a parent that died
// before PDEATHSIG was set would never be noticed), makes the inherited descriptors CLOEXEC, ignores SIGPIPE,
// SIGINT, SIGTERM and SIGHUP: terminals and service managers send those to the whole group, and it is for the parent
// to say in which order its children end (it closes their sockets, or kills). `fd_count` descriptors are expected.
int child_enter(unsigned fd_count, struct err *e);

// Whether the child has ended and waits to be collected (or was): what its pidfd becoming readable means.
bool child_ended(const struct child *child);

// Its pidfd must not be watched any more: remove the loop's source first. Closing a watched descriptor does not take
// it out of epoll while a fork of this process still has it, and the freed source would be called.
// Collects an ended child: 0 and *status as of waitpid(2); -EAGAIN while it runs. Never blocks: one that strace or a debugger
// has not let go yet counts as collected, and a thread waits for it; what it ended with is CHILD_STATUS_UNKNOWN where /proc does
// not tell. Closes pidfd and zeroes *child when it is collected.
int child_reap(struct child *child, int *status);

// Sends a signal through the pidfd: a reused pid is never hit. 0 or -errno.
int child_signal(const struct child *child, int signal);

// Kills and collects a child that has only just been started, and waits for that: nothing can hold it in the kernel yet.
void child_end(struct child *child);

// "exit 3", "killed by signal 9 (Killed)": for logs and ledger.
void child_status_text(int status, char *text, unsigned size);

#endif
