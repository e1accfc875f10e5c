// SPDX-License-Identifier: MIT
// What has left the station, into the ledger: the courier's markers in STATE/delivered become rows.
#ifndef GANGWAY_RECORD_DELIVERED_H
#define GANGWAY_RECORD_DELIVERED_H

#include "record/ledger.h"

// An inotify descriptor that is readable when a marker was written; the folder is made. -errno and *e.
int delivered_watch(const char *state, struct err *e);
// Reads away what delivered_watch() has to say.
void delivered_seen(int watch);

// Whether a marker names a head of this ledger that no head.delivered row has yet for its destination: 1 or 0.
int delivered_is_new(struct ledger *ledger, const char *state, struct err *e);
// Within a transaction: a head.delivered row for each such marker.
int delivered_note(struct ledger *ledger, const char *state, struct err *e);

// The newest head's row that has left the station; 0: none. -errno and *e.
int64_t delivered_to_row(struct ledger *ledger, struct err *e);

#endif
