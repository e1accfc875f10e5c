// SPDX-License-Identifier: MIT
// cmocka with the headers it wants before itself.
#ifndef GANGWAY_TESTS_CHECK_H
#define GANGWAY_TESTS_CHECK_H

// cmocka.h needs the others before it.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
// clang-format on

#include "base/util.h"

#endif
