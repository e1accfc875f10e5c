// SPDX-License-Identifier: MIT
// A gang: one image, many boards, a worker process each. Used by the station and by `gangway write` alike.
#ifndef GANGWAY_FLASH_GANG_H
#define GANGWAY_FLASH_GANG_H

#include "base/loop.h"
#include "flash/worker.h"
#include "image/image.h"

struct gang_member; // one board and its worker

/*
 * What the owner hears of a member; called from the loop, never from inside gang_add(). After `ended` the member is
 * the owner's to free. A worker that dies without a verdict gives a made-up one first (FAIL, worker-died, blame
 * station), so that `verdict` comes exactly once before `ended` in every case.
 */
struct gang_events {
	void (*claimed)(void *context, struct gang_member *member, const struct worker_report *report);
	void (*progress)(void *context, struct gang_member *member, const struct worker_report *report);
	void (*verdict)(void *context, struct gang_member *member, const struct worker_report *report);
	// The device is closed (ejected or not) and the process is reaped. died: it ended without RELEASED.
	void (*ended)(void *context, struct gang_member *member, bool ejected, bool died);
	// It was killed and does not go: a task stuck in the kernel. It may still end later (then `ended` comes).
	void (*stuck)(void *context, struct gang_member *member);
};

// Starts a worker. `image` must stay open until it has ended; job and link_fd (-1: none) are copied.
int gang_add(struct loop *loop, const struct image *image, const struct worker_job *job, int link_fd,
        const struct gang_events *events, void *context, struct gang_member **out, struct err *e);

// The claimed worker may write. Only after the attempt's row is durable.
void gang_go(struct gang_member *member);

// Stop: cancelled cleanly by the worker; if it does not answer within the grace time (10 s) it is killed.
void gang_cancel(struct gang_member *member);

// After the verdict: eject if the job says so and `eject` does too, close, end.
void gang_release(struct gang_member *member, bool eject);

// Kills at once (SIGKILL). `verdict` (if none came yet) and `ended` follow.
void gang_kill(struct gang_member *member);

void *gang_context(const struct gang_member *member);
// The worker's pid, for the station's records of who holds which device.
int gang_pid(const struct gang_member *member);

// Only after `ended`.
struct gang_member *gang_free(struct gang_member *member);

#endif
