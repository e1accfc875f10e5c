// SPDX-License-Identifier: MIT
// A station's slots in a terminal: a table that is redrawn, or plain lines when something happened.
#ifndef GANGWAY_CLI_SLOTVIEW_H
#define GANGWAY_CLI_SLOTVIEW_H

#include <jansson.h>
#include <stdbool.h>

#include "base/util.h"

struct slotview {
	json_t *state;  // the snapshot, kept up to date by deltas; NULL before the first
	bool live;      // the terminal takes redrawing
	bool quiet;     // draws nothing
	bool whole;     // every slot, however small the window: it is drawn once
	unsigned lines; // of the last drawing
	char **told;    // plain: what was last said of each slot
	size_t told_count;
};

void slotview_init(struct slotview *view, bool quiet);
void slotview_free(struct slotview *view);

// Takes an event of the subscription (borrowed): a snapshot or a delta.
void slotview_apply(struct slotview *view, const json_t *event);
// Shows what has changed.
void slotview_draw(struct slotview *view);
// Leaves the drawing where it is; the next output starts below.
void slotview_settle(struct slotview *view);

// The array of slot objects; NULL before the first snapshot.
const json_t *slotview_slots(const struct slotview *view);

// A text member, "" when there is none.
const char *slot_text(const json_t *object, const char *key);

#endif
