// SPDX-License-Identifier: MIT
// A job's board signature: what all its boards have in common, learned from the first one or given.
#ifndef GANGWAY_CORE_SIGNATURE_H
#define GANGWAY_CORE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * VID:PID names a chip, not a product: U-Boot on every i.MX says 0525:a4a5 unless somebody changed it. What tells two
 * customers' boards apart is in the strings, bcdDevice, the shape of the serial number, the eMMC's capacity, and how
 * many LUNs there are. A signature checks the fields it names, no others.
 */
enum signature_field {
	SIGNATURE_MANUFACTURER = 1 << 0, // iManufacturer (CONFIG_USB_GADGET_MANUFACTURER)
	SIGNATURE_PRODUCT = 1 << 1,      // iProduct
	SIGNATURE_USB_ID = 1 << 2,
	SIGNATURE_BCD_DEVICE = 1 << 3,
	SIGNATURE_SERIAL =
	        1 << 4, // a pattern; a board without a serial is the serial policy's, not this one's
	SIGNATURE_SIZES = 1 << 5,
	SIGNATURE_LUNS = 1 << 6,
};

enum { SIGNATURE_TEXT_SIZE = 64, SIGNATURE_PATTERN_SIZE = 96, SIGNATURE_SIZES_MAX = 8 };

struct signature_range {
	uint64_t min, max; // bytes
};

struct signature {
	unsigned fields; // enum signature_field: those that are checked
	char manufacturer[SIGNATURE_TEXT_SIZE], product[SIGNATURE_TEXT_SIZE];
	char usb_id[16];    // "0525:a4a5"
	char bcd_device[8]; // "0200"
	char serial[SIGNATURE_PATTERN_SIZE];
	unsigned size_count;
	struct signature_range sizes[SIGNATURE_SIZES_MAX]; // allowed capacities of the job's LUN
	unsigned luns;                                     // how many the board shows
};

struct match_board;

// What this board would have its whole job look like. Fields that it does not have are not checked.
void signature_learn(const struct match_board *board, struct signature *out);

// The first field in which the board differs, with a line that names both values in `reason`; 0: it does not.
enum signature_field signature_differs(
        const struct signature *signature, const struct match_board *board, char *reason, size_t size);

bool signature_equal(const struct signature *a, const struct signature *b);

// One line for a person.
void signature_text(const struct signature *signature, char *text, size_t size);

/*
 * Patterns: every character stands for itself, but
 *   ?  any one character        *  any run of them, none too
 *   [0-9A-F]  one of these      [!0-9]  one not of these      \x  x itself
 * and {8} behind any but * repeats it. The whole serial must fit.
 */
bool signature_pattern_fits(const char *pattern, const char *text);
// Whether it is one: brackets closed, {} with 1 to 63 inside and something before it.
bool signature_pattern_valid(const char *pattern);
// Length and character classes of a serial: "VB00000001" gives "[A-Z]{2}[0-9]{8}", "1a2B" "[0-9A-Za-z]{4}", eight or more
// hex digits of one case "[0-9a-f]{16}".
void signature_pattern_learn(const char *serial, char *pattern, size_t size);

#endif
