// SPDX-License-Identifier: MIT
// Serial numbers made by a pattern: "GW-%06u" and a number.
#ifndef GANGWAY_CORE_SERIAL_H
#define GANGWAY_CORE_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERIAL_SIZE = 64 };

// Whether the pattern is text with exactly one %u or %0Nu (N from 1 to 18), short enough for any number in it, and with
// no other '%' and no white space.
bool serial_pattern_is_good(const char *pattern);

// The pattern, which is a good one, with `number` in it.
void serial_make(const char *pattern, uint64_t number, char out[SERIAL_SIZE]);

#endif
