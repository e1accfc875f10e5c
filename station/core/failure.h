// SPDX-License-Identifier: MIT
// The closed list of failure codes that tile, API, ledger and reports share, and whom each one blames.
#ifndef GANGWAY_CORE_FAILURE_H
#define GANGWAY_CORE_FAILURE_H

#include <stdbool.h>

/*
 * Only BLAME_DEVICE counts against a board, its slot and the yield. A wrong blame sends a good board to the
 * red bin or hides a broken store, so a failure is blamed on the device only when nothing else explains it.
 */
enum blame { BLAME_NONE, BLAME_DEVICE, BLAME_STORE, BLAME_IMPORT, BLAME_STATION, BLAME_OPERATOR };

// X(symbol, code, blame, reason for the tile, next step for the operator). Codes are never renamed or reused:
// they are in ledgers.
#define FAILURES(X)                                                                                          \
	/* the board */                                                                                      \
	X(WRITE_ERROR, "write-error", DEVICE, "the board refused a write",                                   \
	        "red bin; if the slot repeats it, check cable")                                              \
	X(READ_ERROR, "read-error", DEVICE, "the board could not be read back",                              \
	        "red bin; if the slot repeats it, check cable")                                              \
	X(FLUSH_ERROR, "flush-error", DEVICE, "the board could not finish its writes", "red bin")            \
	X(VERIFY_MISMATCH, "verify-mismatch", DEVICE, "read-back differs from what was written", "red bin")  \
	X(DEVICE_GONE, "device-gone", DEVICE, "the board vanished", "check plug and power, then try again")  \
	X(DEVICE_TIMEOUT, "device-timeout", DEVICE, "the board stopped answering",                           \
	        "power the board off, then try again")                                                       \
	/* refused before any byte */                                                                        \
	X(TARGET_NOT_FOUND, "target-not-found", OPERATOR, "no such target", "check the name")                \
	X(TARGET_PERMISSION, "target-permission", OPERATOR, "no permission to open the target",              \
	        "run as root or install the udev rule")                                                      \
	X(TARGET_NOT_DISK, "target-not-disk", OPERATOR, "neither a disk nor a regular file",                 \
	        "name a whole disk or a file")                                                               \
	X(TARGET_DUPLICATE, "target-duplicate", OPERATOR, "the same target is named twice",                  \
	        "name each target once")                                                                     \
	X(TARGET_MOUNTED, "target-mounted", OPERATOR, "the target is mounted", "unmount it first")           \
	X(TARGET_HELD, "target-held", OPERATOR, "the target is held by another device",                      \
	        "stop the LVM, md or crypt device on it")                                                    \
	X(TARGET_SWAP, "target-swap", OPERATOR, "the target is used as swap", "swapoff first")               \
	X(TARGET_SYSTEM, "target-system", OPERATOR, "the target is the system's own disk",                   \
	        "choose another target")                                                                     \
	X(TARGET_TOO_SMALL, "target-too-small", DEVICE, "the board is smaller than the image",               \
	        "check the board's type")                                                                    \
	X(TARGET_READ_ONLY, "target-read-only", OPERATOR, "the target is write-protected",                   \
	        "remove the protection")                                                                     \
	X(TARGET_SECTOR_SIZE, "target-sector-size", OPERATOR, "sector size does not fit the image",          \
	        "use an image made for this sector size")                                                    \
	X(TARGET_NO_DIRECT, "target-no-direct", STATION, "the disk takes no direct I/O",                     \
	        "use another kernel driver or adapter")                                                      \
	X(TARGET_BUSY, "target-busy", OPERATOR, "the target is in use by another program",                   \
	        "close that program")                                                                        \
	X(TARGET_CHANGED, "target-changed", STATION, "another disk has taken the board's name",              \
	        "load the board again")                                                                      \
	X(TARGET_MISMATCH, "target-mismatch", OPERATOR, "not this job's board",                              \
	        "check the lot on this line")                                                                \
	/* the store and the import */                                                                       \
	X(STORE_DAMAGED, "store-damaged", STORE, "the stored image is damaged",                              \
	        "nothing is wrong with the board: the image is imported again")                              \
	X(STORE_ERROR, "store-error", STORE, "the stored image cannot be read", "check the station's disk")  \
	X(STORE_FULL, "store-full", STORE, "no room for the image", "free space or raise the store's limit") \
	X(IMPORT_FAILED, "import-failed", IMPORT, "the image could not be imported",                         \
	        "get a good copy of the image")                                                              \
	X(IMAGE_CHANGED, "image-changed", IMPORT, "the image file changed while it was used",                \
	        "import it again")                                                                           \
	/* the station */                                                                                    \
	X(WORKER_DIED, "worker-died", STATION, "the programming process died",                               \
	        "load the board again; report it if it repeats")                                             \
	X(LEDGER_UNAVAILABLE, "ledger-unavailable", STATION, "the ledger takes no rows",                     \
	        "free space on the station's disk")                                                          \
	X(STATION_ERROR, "station-error", STATION, "the station could not go on", "see the station's log")   \
	X(NO_ANSWER, "no-answer", STATION, "the board did not answer the station's request",                 \
	        "check gw_sector and its start script, then load the board again")                           \
	X(WRONG_ANSWER, "wrong-answer", STATION, "the board's answer is not to this attempt's request",      \
	        "check gw_sector, then load the board again")                                                \
	X(INTERRUPTED, "interrupted", STATION, "the station stopped in the middle", "load the board again")  \
	/* people */                                                                                         \
	X(CANCELLED, "cancelled", OPERATOR, "stopped by hand", "load the board again")                       \
	X(SERIAL_MISSING, "serial-missing", OPERATOR, "the board has no serial number",                      \
	        "scan or allocate one")                                                                      \
	X(SERIAL_DUPLICATE, "serial-duplicate", OPERATOR, "two boards have this serial number",              \
	        "remove one of them")                                                                        \
	X(NOT_BLANK, "not-blank", OPERATOR, "the board is not blank",                                        \
	        "check the lot, or allow it in the job")                                                     \
	X(UNIT_SCRAPPED, "unit-scrapped", OPERATOR, "the unit was scrapped", "red bin")                      \
	X(UNIT_QUARANTINE, "unit-quarantine", OPERATOR, "the unit is in quarantine",                         \
	        "put it aside until it is released")                                                         \
	X(SIGNATURE_UNAPPROVED, "signature-unapproved", OPERATOR,                                            \
	        "nobody has said yet what this job's boards look like",                                      \
	        "approve the signature, or reject it")

enum failure {
	FAILURE_NONE = 0,
#define X(symbol, ...) FAILURE_##symbol,
	FAILURES(X)
#undef X
	        FAILURE_COUNT
};

struct failure_info {
	const char *code; // "verify-mismatch"; "" for FAILURE_NONE
	enum blame blame;
	const char *reason;
	const char *next_step;
};

// Never NULL; an unknown value reads as station-error.
const struct failure_info *failure_info(enum failure failure);

// FAILURE_NONE for a code that is not in the list.
enum failure failure_from_code(const char *code);

// "device", "store", "import", "station", "operator"; "" for BLAME_NONE.
const char *blame_name(enum blame blame);

// Whether it counts against the board, its slot and the yield.
static inline bool failure_counts(enum failure failure)
{
	return failure_info(failure)->blame == BLAME_DEVICE;
}

#endif
