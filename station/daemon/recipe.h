// SPDX-License-Identifier: MIT
// A job's recipe: the work order it is for and the policies it is made by. One table says what there is.
#ifndef GANGWAY_DAEMON_RECIPE_H
#define GANGWAY_DAEMON_RECIPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

// The words of a policy stand in the table (recipe.c) in the order of its enum; the first is the default.
enum recipe_start { RECIPE_START_AUTO, RECIPE_START_SCAN, RECIPE_START_BUTTON };
enum recipe_verify {
	RECIPE_VERIFY_READ_BACK, // each board's read-back is hashed
	RECIPE_VERIFY_COMPARE,   // ... or compared with the stored image
	RECIPE_VERIFY_ON_TARGET, // the board reads itself back
	RECIPE_VERIFY_NONE,      // the best result is UNVERIFIED
};
enum recipe_unmapped { RECIPE_UNMAPPED_KEEP, RECIPE_UNMAPPED_ZERO };
enum recipe_blank { RECIPE_BLANK_PROGRAM, RECIPE_BLANK_ASK, RECIPE_BLANK_REFUSE };
enum recipe_signature { RECIPE_SIGNATURE_OFF, RECIPE_SIGNATURE_LEARN };
enum recipe_serial {
	RECIPE_SERIAL_USB,      // the one the board shows
	RECIPE_SERIAL_SCAN,     // a person scans each board's
	RECIPE_SERIAL_ALLOCATE, // the job's range hands them out
	RECIPE_SERIAL_COUNTER,  // the station's name and a counter
};
// What becomes of a board whose serial is missing, or another board's. ACCEPT (missing only): it is programmed
// without one, and known by its plug.
enum recipe_without {
	RECIPE_WITHOUT_ACCEPT,
	RECIPE_WITHOUT_HOLD,
	RECIPE_WITHOUT_REFUSE,
	RECIPE_WITHOUT_COUNTER
};
enum recipe_twin { RECIPE_TWIN_HOLD, RECIPE_TWIN_REFUSE, RECIPE_TWIN_COUNTER };

enum { RECIPE_TEXT_SIZE = 128 };

struct recipe {
	// the work order
	char order[RECIPE_TEXT_SIZE], customer[RECIPE_TEXT_SIZE], product[RECIPE_TEXT_SIZE];
	char revision[RECIPE_TEXT_SIZE], lot[RECIPE_TEXT_SIZE], job_revision[RECIPE_TEXT_SIZE];
	char operator_[RECIPE_TEXT_SIZE]; // who opened it
	uint64_t wanted;                  // good units; 0: no limit
	// the policies
	unsigned start;                       // enum recipe_start
	unsigned verify;                      // enum recipe_verify
	unsigned unmapped;                    // enum recipe_unmapped
	unsigned blank;                       // enum recipe_blank
	unsigned signature;                   // enum recipe_signature
	unsigned serial;                      // enum recipe_serial
	unsigned serial_missing;              // enum recipe_without
	unsigned serial_duplicate;            // enum recipe_twin
	char serial_format[RECIPE_TEXT_SIZE]; // core/serial.h's pattern, for RECIPE_SERIAL_ALLOCATE
	uint64_t serial_first, serial_last;   // the range; last 0: no end
	uint64_t lun;
	uint64_t retries;  // of a stage that failed, each an attempt of its own
	uint64_t leave_ms; // how long the disconnect may take after the eject
	// verify on-target: the board's reserved place (blocks of 512 bytes), its RAM for a window (bytes), its time
	uint64_t target_sector, target_window, answer_ms;
	json_t *signature_approved; // owned: the board signature that was approved; NULL: none yet
};

enum recipe_type {
	RECIPE_TEXT,     // char[RECIPE_TEXT_SIZE]
	RECIPE_QUANTITY, // uint64_t from 1 on; JSON null: 0, no limit
	RECIPE_NUMBER,   // uint64_t within [min, max]
	RECIPE_WORD,     // unsigned: which of `words`
	RECIPE_OBJECT,   // json_t *, or NULL
};

struct recipe_field {
	const char *name;   // in job.open, its row and the job object
	const char *option; // on the command line; NULL: the name with '-' for '_'
	enum recipe_type type;
	size_t offset;
	const char *words; // "keep|zero"
	uint64_t min, max, otherwise;
	const char *help; // one line for `gangway job --help`; NULL: not an option
};

const struct recipe_field *recipe_fields(size_t *count);

// Every policy at its default, every text "".
void recipe_default(struct recipe *recipe);

// -EINVAL for the first name in job.open's arguments that is neither `image` nor a recipe's: a policy that was misspelt
// must not become its default. A ledger's rows are read without this: a later gangway's may have more.
int recipe_check_names(const json_t *order, struct err *e);

// Takes what the object names; what it does not name is at its default. Older names and words (verify true, false and
// "hash"; serial "optional" and "required") are understood, so that a ledger's older rows are. -EINVAL and the field.
// The caller frees what it held before (recipe_free()).
int recipe_read(const json_t *object, struct recipe *recipe, struct err *e);

// -EINVAL when its parts do not fit together.
int recipe_check(const struct recipe *recipe, struct err *e);

// Puts every field into `object`, as job.open's row and the job object have them. "verify" is there as a bool, too.
void recipe_write(const struct recipe *recipe, json_t *object);

void recipe_free(struct recipe *recipe);

#endif
