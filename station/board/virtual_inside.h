// SPDX-License-Identifier: MIT
// What the virtual fixture's files share: the hub and its boards (virtual.c), and what runs on them (virtual_uboot.c).
#ifndef GANGWAY_BOARD_VIRTUAL_INSIDE_H
#define GANGWAY_BOARD_VIRTUAL_INSIDE_H

#include "base/child.h"
#include "board/board.h"
#include "board/virtual_identity.h"

// What a board's U-Boot does with an eject (START STOP UNIT).
enum virtual_uboot {
	VIRTUAL_UBOOT_NONE,   // "none": a plain disk, which takes no eject
	VIRTUAL_UBOOT_LEAVES, // "leaves": v2024.04 and newer: ums ends, the board boots what it was given
	VIRTUAL_UBOOT_STAYS,  // "stays": older ones answer and stay, until their power is cycled
	VIRTUAL_UBOOT_LOOPS,  // "loops": ums ends and its script starts it again
};

// "power = …": what the hub's ports do.
enum virtual_power {
	VIRTUAL_POWER_NO,
	VIRTUAL_POWER_YES,
	VIRTUAL_POWER_LIES, // "lies": says that it switches, and does not
	VIRTUAL_POWER_DEAF, // "deaf": misses the first request to switch a port on
};

// Where a board is that is in its socket and shows no disk: its U-Boot runs, in a process of its own, and what it does next
// depends on how it was started. Only where the fixture has an on_target_sector.
enum virtual_away {
	VIRTUAL_AWAY_NO,
	VIRTUAL_AWAY_EJECT, // `ums` has ended
	VIRTUAL_AWAY_POWER, // its power came
	VIRTUAL_AWAY_PLUG,  // a person has plugged it in, so that it shows its disk whatever is on it
};

struct virtual_hub;

// The hub's memory, STATE/boards/hub.json: boards stay plugged in while the station is down, as on a real hub.
struct virtual_board {
	bool present; // shows itself as a disk
	bool pulled;  // not in the socket at all
	bool unnamed; // "answer-serial@1": it does not show its serial yet
	bool missed;  // its port was to be switched on, and the hub did not hear it
	bool ever;    // a board was here
	uint64_t serial;
	uint64_t plug; // plays diskseq: rises with every plugging
	struct board_model model;
	char identity[VIRTUAL_IDENTITY_SIZE]; // what it says beside the hub's own words
	enum virtual_uboot uboot;
	// What comes next, from the loop: the answers to eject and power.
	enum virtual_next { VIRTUAL_REST, VIRTUAL_LEAVE, VIRTUAL_RETURN, VIRTUAL_DARK, VIRTUAL_LIT } next;
	struct loop_source *timer;
	enum virtual_away away;
	struct child child;        // its U-Boot; pid 0: none runs
	struct loop_source *ended; // of the child
	bool forsaken;             // the child was killed: what it would say is of no use
	struct virtual_hub *hub;
};

struct virtual_hub {
	struct fixture base;
	char folder[200];                     // a board's path must fit board_identity.node
	char older[256];                      // copied onto every new board; "" for blank boards
	char identity[VIRTUAL_IDENTITY_SIZE]; // of every board
	uint64_t size, rate, link_rate;
	uint64_t
	        sector; // where boards look for a request to read themselves back (gw_sector); 0: they do not
	uint64_t self_rate; // bytes a second that a board reads by itself; 0: as fast as it goes
	uint64_t arrive_ns; // between two first arrivals
	bool serials, fresh;
	bool one_serial; // all boards have the same, as boards with a constant serial# in their environment do
	enum virtual_power power;
	int link_fd;
	uint64_t next_serial, next_plug;
	struct loop_source *timer;
	unsigned arrive_next;
	struct virtual_board boards[BOARD_SLOTS_MAX];
};

static inline struct virtual_hub *virtual_hub_of(struct fixture *f)
{
	union {
		struct fixture *base;
		struct virtual_hub *hub;
	} it = {.base = f}; // base is the first member
	return it.hub;
}

// virtual.c
void virtual_path(const struct virtual_hub *hub, unsigned slot, const char *suffix, char *path, size_t size);
int virtual_plug(struct virtual_hub *hub, unsigned slot, bool same, struct err *e);
int virtual_unplug(struct virtual_hub *hub, unsigned slot, struct err *e);
void virtual_save(const struct virtual_hub *hub);

// The slot of this label.
int virtual_slot(const struct virtual_hub *hub, const char *label, unsigned *out, struct err *e);

// virtual_uboot.c
// Which of `words` the setting `key` says: 0, 1, ...; negative: none of them.
int virtual_word(const char *key, const char *value, const char *const *words, int count, struct err *e);
int virtual_uboot_read(struct virtual_hub *hub, const struct fixture_settings *settings, struct err *e);
int virtual_uboot_open(struct virtual_hub *hub, struct err *e);
void virtual_uboot_free(struct virtual_hub *hub);
// Its U-Boot starts; it shows itself when that has done what it has to (see enum virtual_away).
void virtual_uboot_start(struct virtual_board *board, enum virtual_away how);
// What it did is over: it was unplugged, or its power is gone.
void virtual_uboot_stop(struct virtual_board *board);
void virtual_ejected(struct fixture *f, unsigned slot);
int virtual_power(struct fixture *f, unsigned slot, bool on, struct err *e);

#endif
