// SPDX-License-Identifier: MIT
// `gangway verify`
#include "cli/batch.h"
#include "cli/command.h"

int cmd_verify(int argc, char **argv)
{
	struct batch_options options;
	int r = batch_parse(argc, argv, WORKER_VERIFY, &options);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	return batch_run(&options);
}
