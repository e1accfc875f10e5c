// SPDX-License-Identifier: MIT
// Names of files and targets as they may be shown: on a terminal, in a log, in JSON.
#ifndef GANGWAY_BASE_SHOWN_H
#define GANGWAY_BASE_SHOWN_H

#include <limits.h>
#include <stddef.h>

// Room for any path: each byte may become four.
#define SHOWN_SIZE (4 * PATH_MAX + 1)

// `raw` as one line of valid UTF-8: each byte that is a control character's, or of no UTF-8 sequence (RFC 3629), becomes
// \xHH. What does not fit is cut off. Returns out.
const char *shown_text(const char *raw, char *out, size_t size);

#endif
