// SPDX-License-Identifier: MIT
// A lock file: one process at a time, which the file names.
#ifndef GANGWAY_BASE_LOCKFILE_H
#define GANGWAY_BASE_LOCKFILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Takes the exclusive flock(2) of the file at `path` (made if missing) and writes this process's id into it. *fd is the
 * caller's; closing it, or the process's end however it comes, gives the lock back.
 *
 * A holder that was killed still holds it until the kernel has taken it apart, which a busy machine does when it gets
 * to it: the lock is waited for, `dying_ns` long if its holder is on its way out (no longer running, or SIGKILL is
 * pending), `live_ns` long otherwise. Held after that: -EBUSY, with *holder its process (0: the file does not say) and
 * *e naming it; the caller may put what it is for in its own words. While it waits it uses the process's SIGALRM and
 * ITIMER_REAL.
 */
int lockfile_take(
        const char *path, uint64_t live_ns, uint64_t dying_ns, int *fd, pid_t *holder, struct err *e);

#endif
