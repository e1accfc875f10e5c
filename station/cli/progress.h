// SPDX-License-Identifier: MIT
// What a person sees while a batch runs: a block of bars on a terminal, plain lines elsewhere.
#ifndef GANGWAY_CLI_PROGRESS_H
#define GANGWAY_CLI_PROGRESS_H

#include "cli/batch.h"

struct progress;

// To stdout, or to stderr when stdout is for JSON.
int progress_new(struct progress **out, struct batch *batch, struct err *e);
// Leaves the terminal with the block's last state above the cursor. NULL is fine.
struct progress *progress_free(struct progress *progress);

// A target has reported.
void progress_update(
        struct progress *progress, struct batch_target *target, const struct worker_report *report);

// A line for a person: above the block.
void progress_say(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Speeds and sizes as people read them: "41.2 MB/s", decimal as on a card's label.
#define PROGRESS_TEXT 24
void progress_bytes(char text[PROGRESS_TEXT], double bytes);

#endif
