// SPDX-License-Identifier: MIT
// `gangway demo`: what its two files share.
#ifndef GANGWAY_CLI_DEMO_H
#define GANGWAY_CLI_DEMO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { DEMO_FAULTS_MAX = 64 };

struct demo_options {
	unsigned boards;
	uint64_t rate, link_rate; // bytes a second; 0: as fast as it goes
	bool rate_given;
	bool on_target;                      // boards read themselves back ...
	uint64_t self_rate;                  // ... so many bytes a second; 0: as fast as it goes
	const char *image;                   // NULL: one is made
	const char *faults[DEMO_FAULTS_MAX]; // SLOT=KIND@OFFSET
	unsigned fault_count;
	char state[PATH_MAX];
	char listen[80];
	bool once;
};

// Runs the demo in a prepared state folder; the exit code.
int demo_run(const struct demo_options *options);

#endif
