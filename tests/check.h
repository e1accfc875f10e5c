// SPDX-License-Identifier: MIT
// cmocka with the headers it wants before itself.
#ifndef GANGWAY_TESTS_CHECK_H
#define GANGWAY_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"

#endif
