// SPDX-License-Identifier: MIT
// Two clocks: monotonic for durations and order, UTC for people and auditors.
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

uint64_t clock_mono_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t clock_utc_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static void utc_text(const struct timespec *at, char text[CLOCK_UTC_SIZE])
{
	struct tm tm;
	gmtime_r(&at->tv_sec, &tm);
	char seconds[24];
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, CLOCK_UTC_SIZE, "%.19s.%06uZ", seconds, (unsigned)(at->tv_nsec / 1000) % 1000000u);
}

void clock_utc_text(char text[CLOCK_UTC_SIZE])
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	utc_text(&now, text);
}

void clock_utc_of_mono(uint64_t mono_ns, char text[CLOCK_UTC_SIZE])
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t at = (int64_t)now.tv_sec * (int64_t)NSEC_PER_SEC + now.tv_nsec -
	             ((int64_t)clock_mono_ns() - (int64_t)mono_ns);
	now.tv_sec = (time_t)(at / (int64_t)NSEC_PER_SEC);
	now.tv_nsec = (long)(at % (int64_t)NSEC_PER_SEC);
	utc_text(&now, text);
}

int clock_watch_new(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	int r = clock_watch_again(fd);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

int clock_watch_again(int fd)
{
	// A time that never comes: only a clock that is set makes it readable, with ECANCELED.
	static const struct itimerspec never = {.it_value.tv_sec = (time_t)1 << 33};
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));
	if (n < 0 && errno != EAGAIN && errno != ECANCELED)
		return -errno;
	int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	return timerfd_settime(fd, flags, &never, NULL) < 0 ? -errno : 0;
}

bool clock_synchronised(void)
{
	struct timex state = {.modes = 0};
	return adjtimex(&state) != -1 && !(state.status & STA_UNSYNC);
}

void clock_boot_id(char id[CLOCK_BOOT_ID_SIZE])
{
	id[0] = '\0';
	_cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, id, CLOCK_BOOT_ID_SIZE - 1);
	id[n > 0 ? n : 0] = '\0';
}
