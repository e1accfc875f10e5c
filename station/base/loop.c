// SPDX-License-Identifier: MIT
// One epoll loop a process: descriptors, timers, signals.
#include "base/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "base/fd.h"

enum { LOOP_EVENTS = 64 };

struct loop_source {
	struct loop *loop;
	struct loop_source *next, *previous;
	int fd;
	bool owns_fd; // timers and signals
	bool dead;    // removed; freed once no fetched event can name it
	loop_fd_fn on_fd;
	loop_timer_fn on_timer;
	loop_signal_fn on_signal;
	void *context;
};

struct loop {
	int epoll;
	bool running;
	int result;
	bool dispatching;
	struct loop_source *sources;
	struct loop_source *dead;
};

int loop_new(struct loop **out, struct err *e)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return err_sys(e, ENOMEM, "event loop");
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		int r = err_sys(e, errno, "event loop");
		free(loop);
		return r;
	}
	*out = loop;
	return 0;
}

static void source_free_list(struct loop_source *list)
{
	while (list) {
		struct loop_source *next = list->next;
		free(list);
		list = next;
	}
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	while (loop->sources)
		loop_remove(loop->sources);
	source_free_list(loop->dead);
	close(loop->epoll);
	free(loop);
	return NULL;
}

static int source_add(
        struct loop *loop, struct loop_source model, uint32_t events, struct loop_source **out, struct err *e)
{
	struct loop_source *source = malloc(sizeof(*source));
	if (!source)
		return err_sys(e, ENOMEM, "event loop");
	*source = model;
	source->loop = loop;
	struct epoll_event event = {.events = events, .data.ptr = source};
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0) {
		int r = err_sys(e, errno, "event loop: descriptor %d", source->fd);
		free(source);
		return r;
	}
	source->previous = NULL;
	source->next = loop->sources;
	if (loop->sources)
		loop->sources->previous = source;
	loop->sources = source;
	if (out)
		*out = source;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *context,
        struct loop_source **out, struct err *e)
{
	return source_add(
	        loop, (struct loop_source){.fd = fd, .on_fd = fn, .context = context}, events, out, e);
}

int loop_modify(struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	return epoll_ctl(source->loop->epoll, EPOLL_CTL_MOD, source->fd, &event) < 0 ? -errno : 0;
}

int loop_add_timer(
        struct loop *loop, loop_timer_fn fn, void *context, struct loop_source **out, struct err *e)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return err_sys(e, errno, "timer");
	struct loop_source model = {.fd = fd, .owns_fd = true, .on_timer = fn, .context = context};
	int r = source_add(loop, model, EPOLLIN, out, e);
	if (r < 0)
		close(fd);
	return r;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC)};
}

int loop_timer_set(struct loop_source *timer, uint64_t at_ns, uint64_t every_ns)
{
	// An it_value of zero would disarm; any moment in the past fires at once.
	struct itimerspec when = {
	        .it_value = to_timespec(at_ns ? at_ns : 1), .it_interval = to_timespec(every_ns)};
	return timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? -errno : 0;
}

int loop_timer_after(struct loop_source *timer, uint64_t delay_ns)
{
	return loop_timer_set(timer, clock_mono_ns() + delay_ns, 0);
}

int loop_timer_off(struct loop_source *timer)
{
	struct itimerspec off = {0};
	return timerfd_settime(timer->fd, 0, &off, NULL) < 0 ? -errno : 0;
}

int loop_add_signals(
        struct loop *loop, const int *signals, size_t count, loop_signal_fn fn, void *context, struct err *e)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, errno, "signals");
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(e, errno, "signals");
	struct loop_source model = {.fd = fd, .owns_fd = true, .on_signal = fn, .context = context};
	int r = source_add(loop, model, EPOLLIN, NULL, e);
	if (r < 0)
		close(fd);
	return r;
}

struct loop_source *loop_remove(struct loop_source *source)
{
	if (!source || source->dead)
		return NULL;
	struct loop *loop = source->loop;
	if (source->previous)
		source->previous->next = source->next;
	else
		loop->sources = source->next;
	if (source->next)
		source->next->previous = source->previous;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->owns_fd)
		close(source->fd);
	source->dead = true;
	if (loop->dispatching) {
		source->next = loop->dead;
		loop->dead = source;
	} else {
		free(source);
	}
	return NULL;
}

static void dispatch(struct loop_source *source, uint32_t events)
{
	if (source->on_fd) {
		source->on_fd(source->context, events);
	} else if (source->on_timer) {
		uint64_t times;
		if (read(source->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
			source->on_timer(source->context);
	} else {
		struct signalfd_siginfo info;
		while (!source->dead && read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			source->on_signal(source->context, (int)info.ssi_signo);
	}
}

int loop_round(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[LOOP_EVENTS];
	int n = epoll_wait(loop->epoll, events, LOOP_EVENTS, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->dispatching = true;
	for (int i = 0; i < n; i++) {
		struct loop_source *source = events[i].data.ptr;
		if (!source->dead)
			dispatch(source, events[i].events);
	}
	loop->dispatching = false;
	source_free_list(loop->dead);
	loop->dead = NULL;
	return 0;
}

int loop_run(struct loop *loop)
{
	loop->running = true;
	loop->result = 0;
	while (loop->running) {
		int r = loop_round(loop, -1);
		if (r < 0)
			return r;
	}
	return loop->result;
}

void loop_stop(struct loop *loop, int result)
{
	loop->running = false;
	loop->result = result;
}
