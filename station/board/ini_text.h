// SPDX-License-Identifier: MIT
// Ini files as people write them: a station's configuration, a fixture's profile.
#ifndef GANGWAY_BOARD_INI_TEXT_H
#define GANGWAY_BOARD_INI_TEXT_H

#include <stdbool.h>

#include "base/err.h"

// One `key = value` of a [section]. What it returns below 0 ends the reading.
typedef int (*ini_setting_fn)(
        void *context, const char *section, const char *key, const char *value, struct err *e);

// Whether a setting's value is the whole rest of its line: a shell's command has its own use for " ;". NULL: none is.
typedef bool (*ini_whole_fn)(const char *section, const char *key);

/*
 * Gives `fn` each setting of `text`; what stands behind " ;" is a comment, but where `whole` says otherwise. Lines may be
 * indented: without this, inih takes an indented line for more of the value above it (INI_ALLOW_MULTILINE in its ini.h).
 * The first mistake ends it: -EINVAL, or what `fn` returned, and "PATH, line N: why"; so does a line of more than inih's
 * 198 bytes (INI_MAX_LINE), which it would cut in two.
 */
int ini_text_read(const char *path, const char *text, ini_setting_fn fn, ini_whole_fn whole, void *context,
        struct err *e);

#endif
