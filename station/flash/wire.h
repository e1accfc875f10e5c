// SPDX-License-Identifier: MIT
// Arithmetic of a simulated wire: when an I/O that is given to it is through. No clock of its own.
#ifndef GANGWAY_FLASH_WIRE_H
#define GANGWAY_FLASH_WIRE_H

#include <stdint.h>

#include "board/board.h"

// Times are CLOCK_MONOTONIC ns; rates bytes a second, not 0.

// Reserves a wire that is free at *free_at for so many bytes, from `now` on at the earliest. When they are through.
uint64_t wire_reserve(uint64_t *free_at, uint64_t rate, uint64_t now, uint64_t bytes);

// The same of a link that boards in many processes share: first come, first served.
uint64_t wire_reserve_link(struct board_link *link, uint64_t now, uint64_t bytes);

#endif
