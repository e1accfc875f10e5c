// SPDX-License-Identifier: MIT
// What a board is, and the interface that every kind of fixture offers: usb, files, virtual.
#ifndef GANGWAY_BOARD_BOARD_H
#define GANGWAY_BOARD_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/loop.h"

enum { BOARD_SLOTS_MAX = 64, BOARD_FAULTS_MAX = 8, BOARD_LUNS_MAX = 8 }; // U-Boot's ums shows 8 LUNs at most

// What discovery knows of a disk, and what the worker checks again AFTER it has opened it (law 1).
struct board_identity {
	char node[256]; // /dev/sdb, or a regular file's path
	char port
	        [96]; // the physical port, stable across reboots ("pci-0000:00:14.0-usb-0:2.3"); "" for a file
	uint64_t rdev;     // st_rdev of a block device; 0: a regular file
	uint64_t dev, ino; // of a regular file
	uint64_t diskseq;  // BLKGETDISKSEQ; 0 where there is none
	uint64_t size;     // bytes
};

// Scripted faults of the virtual fixture. They act in the worker's disk operations, on a real O_DIRECT file.
enum board_fault_kind {
	BOARD_FAULT_NONE,
	BOARD_FAULT_WRITE_ERROR, // "write-error": a write that touches the offset fails with EIO
	BOARD_FAULT_READ_ERROR,  // "read-error"
	BOARD_FAULT_FLIP,        // "flip": the byte at the offset is read back with one bit flipped
	BOARD_FAULT_SLOW,        // "slow": from the offset on, value bytes a second (5 MiB/s without a value)
	BOARD_FAULT_HANG,        // "hang": a write that touches the offset never completes
	BOARD_FAULT_VANISH, // "vanish": from then on everything fails with ENODEV; the fixture sees the board leave
	BOARD_FAULT_FLUSH_ERROR, // "flush-error"
	// Of a board's answer to a request to read itself back (board/virtual_answer.h); a worker sees nothing of them.
	BOARD_FAULT_ANSWER_FAIL, // "answer-fail": it finds the window that holds the offset wrong
	BOARD_FAULT_ANSWER_FLIP, // "answer-flip": one bit of the byte at the offset really changes before it reads
	BOARD_FAULT_ANSWER_NEVER,     // "answer-never": it does not come back
	BOARD_FAULT_ANSWER_NONE,      // "answer-none": it comes back without a summary
	BOARD_FAULT_ANSWER_FOREIGN,   // "answer-foreign": with a summary of a nonce that nobody gave
	BOARD_FAULT_ANSWER_STALE,     // "answer-stale": with the summary of its answer before
	BOARD_FAULT_ANSWER_TRUNCATED, // "answer-truncated": of the summary, only the bytes before the offset
	BOARD_FAULT_ANSWER_GARBAGE,   // "answer-garbage": with something that is no summary
	BOARD_FAULT_ANSWER_SERIAL, // "answer-serial": under another serial; @1: first without one, until its faults
	                           // change, and then under its own; @1=1: ... under another
	BOARD_FAULT_ANSWER_SLOW, // "answer-slow": it reads value bytes a second
};

struct board_fault {
	uint32_t kind; // enum board_fault_kind
	uint32_t reserved;
	uint64_t offset; // bytes into the device
	uint64_t value;
};

// What makes a regular file behave as a board on a wire. All zero: nothing is simulated.
struct board_model {
	uint64_t rate; // this board's own speed in bytes a second, reading as writing; 0: as fast as it goes
	bool takes_eject; // a START STOP UNIT is answered: fixture_ops.ejected
	bool shared_link; // its bytes also cross the fixture's shared link: board_claim's link_fd
	struct board_fault faults[BOARD_FAULTS_MAX];
};

// The shared link of a virtual hub: one mapping for all its boards' workers. Each I/O of n bytes reserves
// [max(now, free_at), + n / rate) by compare-and-swap and completes at its end: a wire, first come first served.
struct board_link {
	uint64_t rate;            // bytes a second
	_Atomic uint64_t free_at; // CLOCK_MONOTONIC ns
};

// One of a board's disks.
struct board_lun {
	struct board_identity identity; // node "": this LUN has no disk (yet)
	uint32_t logical_sector;        // bytes
	char product[32];               // of INQUIRY: "UMS disk 1"
};

struct board {
	unsigned slot;                  // index into the fixture's slots, from 0
	struct board_identity identity; // of the LUN chosen
	struct board_model model;
	int link_fd; // the shared link's memfd (borrowed from the fixture), -1: none
	char serial[64];
	char serial_source[16];                     // "usb", "file", "virtual", ""
	char vendor[32], product[32], revision[16]; // of INQUIRY, or ""
	char usb_id[16];                            // "0525:a4a5", or ""
	char manufacturer[64], usb_product[64];     // USB strings, or ""
	char bcd_device[8];                         // "0200", or ""
	uint32_t
	        usb_device; // bus << 16 | address while it is plugged in: which of a port name's devices; or 0
	bool other_interface;    // its disk is behind another USB interface than bulk-only SCSI
	uint32_t logical_sector; // bytes
	uint32_t luns;           // bit n: it shows LUN n; 0: a thing without LUNs
	unsigned lun;            // the one chosen: identity and logical_sector are its
	struct board_lun disks[BOARD_LUNS_MAX]; // by LUN, where luns has it
};

// Makes this LUN's disk the board's identity. False when it has no such disk: then identity has neither node nor size. A
// thing without LUNs has its only disk.
bool board_choose_lun(struct board *board, unsigned lun);

struct fixture_slot {
	char label[16]; // as printed on the fixture's case: "1"
	char port[96];
	char hub[96];         // the port of the hub it is on; "" where there is none
	unsigned row, column; // where the page draws it
	bool switches;        // its port's power really switches
};

// A label is on the tile, in rows, and part of a file's name.
#define FIXTURE_LABEL_RULE "a label has 1 to 15 bytes of UTF-8, and no '/'"
bool fixture_label_is_good(const char *label);

struct fixture;
struct fixture_events {
	// A board is there (at start too). `board` is valid during the call.
	void (*arrived)(void *context, const struct board *board);
	// The board of this slot is gone.
	void (*left)(void *context, unsigned slot);
	// Something is there that is not a board; the reason is for the tile. Also "" when it is gone again.
	void (*oddity)(void *context, unsigned slot, const char *reason);
	// The same board, never unplugged, is known better now (scripted faults, a serial or a LUN that came late).
	void (*changed)(void *context, const struct board *board);
	// Every power request has come to its end. May be NULL.
	void (*powered)(void *context);
};

// One table per kind. A fixture never opens a disk for reading or writing data: that is the worker's.
struct fixture_ops {
	const char *kind; // "virtual", "files", "usb"
	bool has_uboot; // what is plugged in runs U-Boot: it leaves at an eject, and may come back by itself
	// Starts reporting; boards already there are reported from inside this call.
	int (*start)(struct fixture *f, struct err *e);
	// Power to a slot's port, where fixture_slot.switches. The answer comes as left/arrived, from the loop.
	int (*power)(struct fixture *f, unsigned slot, bool on, struct err *e);
	// Whether a power request is still on its way: powered() follows. NULL where they are done at once.
	bool (*power_waits)(const struct fixture *f);
	// A worker says that this slot's board is gone: look whether it is (sysfs may know later than the worker).
	// NULL where the fixture hears of it anyway.
	void (*recheck)(struct fixture *f, unsigned slot);
	// Simulated fixtures only (else NULL): a worker has ejected this slot's board.
	void (*ejected)(struct fixture *f, unsigned slot);
	// What a cycle costs when every slot has a board, as lines on `to`, from sysfs and settings alone. `bytes`: what one
	// board moves over its wire, there and back; 0: not known yet. NULL where nothing is known.
	void (*preflight)(struct fixture *f, uint64_t bytes, FILE *to);
	// Simulated fixtures only (else NULL): what = "plug" (argument: "new", "same"), "unplug", "fault"
	// (argument: KIND@OFFSET[=VALUE], "none").
	int (*act)(struct fixture *f, const char *what, unsigned slot, const char *argument, struct err *e);
	void (*free)(struct fixture *f);
};

// The head of every kind's own struct.
struct fixture {
	const struct fixture_ops *ops;
	struct loop *loop;
	const struct fixture_events *events;
	void *context;
	char name[64];
	unsigned lun; // the one of boards with several, unless the job names one
	unsigned slot_count;
	unsigned rows, columns;
	struct fixture_slot slots[BOARD_SLOTS_MAX];
};

static inline int fixture_start(struct fixture *f, struct err *e)
{
	return f->ops->start(f, e);
}
static inline struct fixture *fixture_free(struct fixture *f)
{
	if (f)
		f->ops->free(f);
	return NULL;
}

// "write-error" and so on; BOARD_FAULT_NONE for an unknown word.
enum board_fault_kind board_fault_from_name(const char *name);
const char *board_fault_name(enum board_fault_kind kind);
// Whether it is one of a board's own answer, which a disk has not.
static inline bool board_fault_answers(uint32_t kind)
{
	return kind >= BOARD_FAULT_ANSWER_FAIL;
}

// "KIND@OFFSET[=VALUE]"; OFFSET and VALUE may end in K, M or G (powers of 1024).
int board_fault_parse(const char *text, struct board_fault *out, struct err *e);

// A number of bytes, with K, M or G. False when it is none.
bool board_bytes_parse(const char *text, uint64_t *out);

// What bcdDevice tells of the board's U-Boot: "2026.04" where it is a release in BCD (year, month), else "bcdDevice 0221"; ""
// without one. By itself U-Boot says 0x0200 + its USB controller's number, which is no release (drivers/usb/gadget/g_dnl.c);
// a board's g_dnl_get_board_bcd_device_number() may say more.
enum { BOARD_UBOOT_SIZE = 24 };
void board_uboot(const struct board *board, char text[BOARD_UBOOT_SIZE]);

// Who this board is, for "has it been here before?": its serial; without one the plug it came by (port and
// diskseq) or, for a regular file, the file. `key` holds BOARD_KEY_SIZE.
#define BOARD_KEY_SIZE 192
void board_key(const struct board *board, char *key);

// A fixture's settings, the [fixture] section of the configuration: known keys only, checked by its kind.
enum { FIXTURE_SETTINGS_MAX = 2 * BOARD_SLOTS_MAX + 16 };
struct fixture_settings {
	char kind[16];
	unsigned count;
	struct fixture_setting {
		char key[40];
		char value[256];
	} items[FIXTURE_SETTINGS_MAX];
};
int fixture_settings_add(
        struct fixture_settings *settings, const char *key, const char *value, struct err *e);
// NULL when it is not set.
const char *fixture_setting(const struct fixture_settings *settings, const char *key);
// A number of bytes or a count within [min, max]; `otherwise` when it is not set.
int fixture_setting_number(const struct fixture_settings *settings, const char *key, uint64_t min,
        uint64_t max, uint64_t otherwise, uint64_t *out, struct err *e);

// Whether every key is among `known` (NULL-terminated; one that ends in '.' stands for all that start so).
int fixture_settings_check(const struct fixture_settings *settings, const char *const *known, struct err *e);

// Opens the fixture that settings->kind names. `state` is the station's folder (the virtual boards live in it).
// Nothing is reported before fixture_start().
int fixture_open(const struct fixture_settings *settings, const char *state, struct loop *loop,
        const struct fixture_events *events, void *context, struct fixture **out, struct err *e);

// The kinds' own openers, for the table in fixture.c. Each allocates its struct with the head filled in.
typedef int (*fixture_open_fn)(const struct fixture_settings *settings, const char *state, struct loop *loop,
        struct fixture **out, struct err *e);
int fixture_virtual_open(const struct fixture_settings *settings, const char *state, struct loop *loop,
        struct fixture **out, struct err *e);
int fixture_files_open(const struct fixture_settings *settings, const char *state, struct loop *loop,
        struct fixture **out, struct err *e);

int fixture_usb_open(const struct fixture_settings *settings, const char *state, struct loop *loop,
        struct fixture **out, struct err *e);

#endif
