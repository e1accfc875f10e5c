// SPDX-License-Identifier: MIT
// One epoll loop a process: descriptors, timers, signals. No thread, no polling.
#ifndef GANGWAY_BASE_LOOP_H
#define GANGWAY_BASE_LOOP_H

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "base/util.h"

struct loop;
struct loop_source; // a watched descriptor or a timer; freed by loop_remove() or with the loop

// `events` are EPOLLIN and friends, as reported.
typedef void (*loop_fd_fn)(void *context, uint32_t events);
typedef void (*loop_timer_fn)(void *context);
typedef void (*loop_signal_fn)(void *context, int signal);

int loop_new(struct loop **out, struct err *e);
struct loop *loop_free(struct loop *loop); // always NULL
static inline void loop_freep(struct loop **loop)
{
	*loop = loop_free(*loop);
}
#define _cleanup_loop_ _cleanup_(loop_freep)

// Watches fd, which stays the caller's: remove the source before closing it. EPOLLET may be among the events.
int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *context,
        struct loop_source **out, struct err *e);
int loop_modify(struct loop_source *source, uint32_t events);

// A timer that is off until loop_timer_set(). at_ns is CLOCK_MONOTONIC; every_ns 0 fires once.
int loop_add_timer(
        struct loop *loop, loop_timer_fn fn, void *context, struct loop_source **out, struct err *e);
int loop_timer_set(struct loop_source *timer, uint64_t at_ns, uint64_t every_ns);
int loop_timer_after(struct loop_source *timer, uint64_t delay_ns);
int loop_timer_off(struct loop_source *timer);

// Blocks the signals for the process and delivers them through the loop instead. Once per loop.
int loop_add_signals(
        struct loop *loop, const int *signals, size_t count, loop_signal_fn fn, void *context, struct err *e);

// Safe inside any callback, the source's own included: an event already fetched for it is not delivered.
// Returns NULL; NULL is fine.
struct loop_source *loop_remove(struct loop_source *source);

// Runs until loop_stop(); returns what that was given, or -errno.
int loop_run(struct loop *loop);
// Waits at most timeout_ms (-1: no limit) for one round of events. 0, or -errno.
int loop_round(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop, int result);

#endif
