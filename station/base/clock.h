// SPDX-License-Identifier: MIT
// Two clocks: monotonic for durations and order, UTC for people and auditors.
#ifndef GANGWAY_BASE_CLOCK_H
#define GANGWAY_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NSEC_PER_SEC  UINT64_C(1000000000)
#define NSEC_PER_MSEC UINT64_C(1000000)

// CLOCK_MONOTONIC in nanoseconds.
uint64_t clock_mono_ns(void);

// CLOCK_REALTIME in nanoseconds: for what must be compared with a file's times.
uint64_t clock_utc_ns(void);

// UTC as "2026-11-21T00:56:12.123456Z" (27 characters and NUL).
#define CLOCK_UTC_SIZE 28
void clock_utc_text(char text[CLOCK_UTC_SIZE]);

// When the monotonic clock said so, in the same words. As good as the two clocks keep step in between.
void clock_utc_of_mono(uint64_t mono_ns, char text[CLOCK_UTC_SIZE]);

// A descriptor that becomes readable when somebody sets the clock (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET), or
// -errno. clock_watch_again() after each time.
int clock_watch_new(void);
int clock_watch_again(int fd);

// Whether the kernel's clock is being disciplined by NTP or PTP (adjtimex(2): STA_UNSYNC is clear).
bool clock_synchronised(void);

// /proc/sys/kernel/random/boot_id: 36 characters and NUL; empty where it cannot be read.
#define CLOCK_BOOT_ID_SIZE 37
void clock_boot_id(char id[CLOCK_BOOT_ID_SIZE]);

#endif
