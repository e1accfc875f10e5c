// SPDX-License-Identifier: MIT
// A batch: one image onto the targets named on the command line, or compared with them.
#ifndef GANGWAY_CLI_BATCH_H
#define GANGWAY_CLI_BATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/loop.h"
#include "flash/gang.h"
#include "image/import.h"

enum { BATCH_TARGETS_MAX = 64 };

struct batch_options {
	enum worker_task task;
	enum worker_verify verify;
	bool verify_given; // on the command line: nothing else is suggested
	enum worker_unmapped unmapped;
	const char *bmap;  // NULL: looked for beside the image
	const char *store; // NULL: store_default_path()
	uint64_t store_limit;
	bool holes; // a raw file's holes are unmapped, when there is no bmap
	bool json;
	bool hash_source; // even where its times tell that it is what was hashed before
	const char *image;
	const char *targets[BATCH_TARGETS_MAX];
	unsigned target_count;
	struct board_model models[BATCH_TARGETS_MAX]; // faults planted by tests
	bool all;                                     // without targets: every board there is
	const struct board
	        *boards; // what the targets were found to be, target_count of them; NULL: they were named
};

struct batch_target {
	const char *name;
	struct batch *batch;
	struct worker_job job;
	struct gang_member *member; // its worker, while there is one
	struct worker_report result;
	bool judged;
	bool untouched; // no byte of it was written by this batch

	// For showing.
	struct worker_report last;
	uint64_t seen_at, seen_bytes; // of the last report: CLOCK_MONOTONIC ns, bytes of all stages
	double rate;                  // bytes a second, smoothed
	unsigned shown_percent;
	uint32_t shown_stage;
};

struct batch {
	const struct batch_options *options;
	char store[4096];
	struct batch_target targets[BATCH_TARGETS_MAX];
	unsigned count, running;
	struct loop *loop;
	struct import *import;
	bool import_ended, stopping;
	struct err import_error; // num 0: none
	uint64_t decoded, decoded_total;
	struct loop_source *last_chance; // ends a batch whose workers are stuck
	struct progress *progress;
};

// Reads the command line of `gangway write` and `gangway verify`. Negative: a usage error, said on stderr;
// 1: help was printed.
int batch_parse(int argc, char **argv, enum worker_task task, struct batch_options *out);

// Runs it. Returns the command's exit code.
int batch_run(const struct batch_options *options);

// targets.c: judges those that need no opening to be refused (missing, no disk, in use, named twice, the image
// itself), so that no import is started for nothing.
void targets_look(struct batch *batch, int image_fd);

// A verdict that no worker gave.
void batch_refuse(struct batch_target *target, const struct err *e);

// result.c: the lines at the end; returns the exit code.
int result_print(const struct batch *batch);

#endif
