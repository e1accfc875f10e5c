// SPDX-License-Identifier: MIT
// Arithmetic of a simulated wire.
#include "flash/wire.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/util.h"

static uint64_t wire_ns(uint64_t bytes, uint64_t rate)
{
	return (uint64_t)((double)bytes / (double)rate * (double)NSEC_PER_SEC);
}

uint64_t wire_reserve(uint64_t *free_at, uint64_t rate, uint64_t now, uint64_t bytes)
{
	*free_at = u64_max(now, *free_at) + wire_ns(bytes, rate);
	return *free_at;
}

uint64_t wire_reserve_link(struct board_link *link, uint64_t now, uint64_t bytes)
{
	uint64_t ns = wire_ns(bytes, link->rate), end;
	uint64_t free_at = atomic_load(&link->free_at);
	do
		end = u64_max(now, free_at) + ns;
	while (!atomic_compare_exchange_weak(&link->free_at, &free_at, end));
	return end;
}
