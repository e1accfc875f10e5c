// SPDX-License-Identifier: MIT
// Is this disk a board, is it this job's board, may it be programmed by itself, and if not why not.
#ifndef GANGWAY_CORE_MATCH_H
#define GANGWAY_CORE_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/failure.h"
#include "core/signature.h"

enum match_verdict {
	MATCH_NO_JOB,  // a board, but no job is open
	MATCH_ASKING,  // the ledger is being asked about it
	MATCH_OK,      // this job's board
	MATCH_HELD,    // waits for a person: serial missing, duplicate, returned
	MATCH_REFUSED, // not this job's board: not one byte is written
};

// What discovery found out about a disk.
struct match_board {
	const char *serial;                      // "" when it has none
	const char *vendor, *product, *revision; // SCSI INQUIRY, white space trimmed; "" where there is none
	const char *usb_id;                      // "0525:a4a5"; "" when it is no USB disk
	uint64_t size;                           // bytes
	uint32_t logical_sector;                 // bytes; 0: not known yet
	bool usb;                                // found on a USB port: must carry U-Boot's signature
	const char *manufacturer, *usb_product;  // the USB strings; "" where there are none
	const char *bcd_device;                  // "0200"; ""
	uint32_t luns;                           // bit n: it shows LUN n; 0: nothing that has LUNs
	bool other_interface;   // its disk is behind another USB interface than bulk-only SCSI (08/06/50)
	const char *own_serial; // what the board itself shows; `serial` may be scanned or allocated
};

// What is done with a board that has no serial.
enum match_serial {
	MATCH_SERIAL_ACCEPT,  // programmed without one, or given one then
	MATCH_SERIAL_HOLD,    // waits for one
	MATCH_SERIAL_REFUSE,  // refused
	MATCH_SERIAL_USED_UP, // waits: none is left to be given
};

// What the open job asks for.
struct match_rules {
	bool open;                   // a job is open
	enum match_serial serial;    // a board without a serial
	bool twin_refused;           // a board with another's serial is refused, not held
	uint64_t image_size;         // bytes
	uint64_t size_min, size_max; // the size window, bytes; 0: no such end
	unsigned lun;                // the one that is programmed
	uint32_t gpt_sector;         // 512 or 4096: the sector size the image's GPT was made for; 0: none
	const char *const *usb_ids;  // allowed "vid:pid"s, NULL-terminated; NULL: any
	bool signature_wanted;       // ... but there is no approved one yet: boards wait
	const struct signature *signature; // what the job's boards look like; NULL: not checked
	const struct signature *rejected;  // and what they do not look like, as a person has said
	unsigned rejected_count;
};

// What the station knows of this board beside the board itself.
struct match_history {
	bool duplicate;         // another slot has a board with this serial
	bool returned;          // this job has given this board a verdict already (law 7)
	bool granted;           // a person released it since it was plugged in
	enum failure barred;    // its unit is scrapped or in quarantine; FAILURE_NONE: it is not
	const char *barred_why; // the reason that was given
	bool asking;            // whether it has been here before is not known yet
};

struct match_result {
	enum match_verdict verdict;
	enum failure failure; // FAILURE_NONE for OK, NO_JOB and a returned board
	bool returned;
	char reason[256]; // one line for the tile; "" for OK
};

void match_judge(const struct match_board *board, const struct match_rules *rules,
        const struct match_history *history, struct match_result *out);

// Whether INQUIRY says U-Boot's `ums`: vendor "Linux", product "UMS disk N", revision "ffff"
// (U-Boot drivers/usb/gadget/f_mass_storage.c), over the one interface that it has. VID:PID alone would take Linux's g_mass_storage for a board.
bool match_is_ums(const struct match_board *board);

// "ok", "held", "refused", "no-job"
const char *match_verdict_name(enum match_verdict verdict);

#endif
