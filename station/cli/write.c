// SPDX-License-Identifier: MIT
// `gangway write`
#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "cli/batch.h"
#include "cli/command.h"
#include "cli/desk.h"
#include "cli/source.h"
#include "cli/state.h"

// No target was named: the boards that are there, or the next to come.
static int write_at_desk(struct batch_options *options)
{
	struct err e = {0};
	_cleanup_close_ int image = -1;
	if (source_open_image(options->image, &image, &e) < 0) { // before anybody fetches a board for it
		cli_complain("write", &e);
		return EXIT_FAILED;
	}
	_cleanup_free_ struct desk *desk = calloc(1, sizeof(*desk));
	int r = desk ? desk_find(options->all, stderr, desk, &e) : err_sys(&e, ENOMEM, "boards");
	if (r < 0) {
		cli_complain("write", &e);
		return EXIT_USAGE;
	}
	for (unsigned i = 0; i < desk->count && i < BATCH_TARGETS_MAX; i++)
		options->targets[options->target_count++] = desk->boards[i].identity.node;
	options->boards = desk->boards;
	return batch_run(options);
}

int cmd_write(int argc, char **argv)
{
	struct batch_options options;
	int r = batch_parse(argc, argv, WORKER_WRITE, &options);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	return options.target_count ? batch_run(&options) : write_at_desk(&options);
}
