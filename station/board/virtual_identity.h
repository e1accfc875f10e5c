// SPDX-License-Identifier: MIT
// What a simulated board says that it is.
#ifndef GANGWAY_BOARD_VIRTUAL_IDENTITY_H
#define GANGWAY_BOARD_VIRTUAL_IDENTITY_H

#include "board/board.h"

enum { VIRTUAL_IDENTITY_SIZE = 256 };

// Words "KEY=VALUE" with commas between them; KEY is one of manufacturer, product, usb_id, bcd_device, serial, size
// (bytes), luns (1 to 8). What is not said stays as it is in *out; luns becomes its bit mask, size identity.size.
// -EINVAL and the word.
int virtual_identity_read(const char *words, struct board *out, struct err *e);

#endif
