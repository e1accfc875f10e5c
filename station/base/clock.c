// SPDX-License-Identifier: MIT
// Two clocks: monotonic for durations and order, UTC for people and auditors.
#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
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

void clock_utc_text(char text[CLOCK_UTC_SIZE])
{
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	char seconds[24];
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, CLOCK_UTC_SIZE, "%.19s.%06uZ", seconds, (unsigned)(now.tv_nsec / 1000) % 1000000u);
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
