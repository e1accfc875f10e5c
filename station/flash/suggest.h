// SPDX-License-Identifier: MIT
// Which way of verifying suits this machine: a figure measured at the start, not a guess from its name.
#ifndef GANGWAY_FLASH_SUGGEST_H
#define GANGWAY_FLASH_SUGGEST_H

#include <stdbool.h>
#include <stdint.h>

// SHA-256 bytes a second that one core hashes now. Takes some milliseconds (30 without SHA instructions).
uint64_t suggest_hash_rate(void);

// Whether so many boards, each read back at SUGGEST_BOARD_RATE, would keep more than half of the machine's cores
// hashing; comparing (WORKER_VERIFY_COMPARE) hashes once for all of them. The job decides.
bool suggest_compare(uint64_t hash_rate, unsigned cores, unsigned boards);

// Bytes a second: what a high-speed USB board of its own link reads back at, in practice 25 to 42 MB/s.
#define SUGGEST_BOARD_RATE UINT64_C(40000000)

#endif
