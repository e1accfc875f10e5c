// SPDX-License-Identifier: MIT
// The table of sub-commands, nothing else.
#include "cli/command.h"
#include "flash/worker.h"
#include "image/import.h"
#include "record/reader.h"
#include "record/recorder.h"
#include "webui/web.h"

int main(int argc, char **argv)
{
	static const struct command commands[] = {
	        {"write", cmd_write, "writes an image to targets and reads it back", COMMAND_USER},
	        {"verify", cmd_verify, "compares targets with an image", COMMAND_USER},
	        {"bmap", cmd_bmap, "makes and checks block maps", COMMAND_USER},
	        {"record", cmd_record, "shows, proves and exports the ledger", COMMAND_USER},
	        {"version", cmd_version, "prints the version", COMMAND_USER},
	        {"web", web_role, "serves the page", COMMAND_ROLE},
	        {"worker", worker_role, "", COMMAND_ROLE},
	        {"importer", import_role, "", COMMAND_ROLE},
	        {"recorder", recorder_role, "", COMMAND_ROLE},
	        {"reader", reader_role, "", COMMAND_ROLE},
	};
	return command_run(commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
