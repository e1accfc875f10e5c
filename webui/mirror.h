// SPDX-License-Identifier: MIT
// What the web role knows of the station: the last snapshot with every delta since put into it.
#ifndef GANGWAY_WEBUI_MIRROR_H
#define GANGWAY_WEBUI_MIRROR_H

#include <jansson.h>
#include <stdbool.h>

struct mirror {
	json_t *state; // NULL until the first snapshot
};

// Puts an event of docs/protocol.md into the mirror. False: unknown or malformed, or a delta before the first
// snapshot; the mirror is then unchanged. `event` is borrowed and copied, so later deltas never change it.
bool mirror_apply(struct mirror *mirror, const char *name, const json_t *event);

void mirror_clear(struct mirror *mirror);

#endif
