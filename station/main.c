// SPDX-License-Identifier: MIT
// The table of sub-commands, nothing else.
#include "board/usb_power.h"
#include "board/virtual_answer.h"
#include "cli/command.h"
#include "daemon/station.h"
#include "flash/worker.h"
#include "image/import.h"
#include "image/ontarget_kit.h"
#include "record/courier.h"
#include "record/reader.h"
#include "record/recorder.h"
#include "webui/web.h"

int main(int argc, char **argv)
{
	static const struct command commands[] = {
	        {"demo", cmd_demo, "shows the whole station on a virtual fixture", COMMAND_USER},
	        {"station", cmd_station, "runs the station", COMMAND_USER},
	        {"image", cmd_image, "adds, lists, shows and removes the station's images", COMMAND_USER},
	        {"job", cmd_job, "opens, closes and shows the station's job", COMMAND_USER},
	        {"slot", cmd_slot, "scans, acknowledges, releases or stops the board in a slot",
	                COMMAND_USER},
	        {"slots", cmd_slots, "shows the station's slots, live", COMMAND_USER},
	        {"write", cmd_write, "writes an image to targets and reads it back", COMMAND_USER},
	        {"verify", cmd_verify, "compares targets with an image", COMMAND_USER},
	        {"bmap", cmd_bmap, "makes and checks block maps", COMMAND_USER},
	        {"on-target", cmd_on_target, "lets boards read themselves back, then commits", COMMAND_USER},
	        {"stick", cmd_stick, "makes a USB stick that programs a board by itself", COMMAND_USER},
	        {"record", cmd_record, "shows, proves and exports the ledger", COMMAND_USER},
	        {"fixture", cmd_fixture, "learns, shows and checks which USB port is which slot",
	                COMMAND_USER},
	        {"version", cmd_version, "prints the version", COMMAND_USER},
	        {"web", web_role, "serves the page", COMMAND_ROLE},
	        {"worker", worker_role, "", COMMAND_ROLE},
	        {"hub-power", hub_power_role, "", COMMAND_ROLE},
	        {"importer", import_role, "", COMMAND_ROLE},
	        {"ontarget-kit", ontarget_kit_role, "", COMMAND_ROLE},
	        {"courier", courier_role, "", COMMAND_ROLE},
	        {"recorder", recorder_role, "", COMMAND_ROLE},
	        {"reader", reader_role, "", COMMAND_ROLE},
	        {"virtual-board", virtual_board_role, "", COMMAND_ROLE},
	        {"storecheck", storecheck_role, "", COMMAND_ROLE},
	};
	return command_run(commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
