// SPDX-License-Identifier: MIT
// Heads: signed statements that row N of a ledger has a certain hash.
#ifndef GANGWAY_RECORD_HEAD_H
#define GANGWAY_RECORD_HEAD_H

#include <jansson.h>

#include "base/clock.h"
#include "record/key.h"

struct head {
	uint64_t seq;
	char ledger[48];
	char row_hash[SHA256_HEX_SIZE];
	char signed_utc[CLOCK_UTC_SIZE];
	char reason[64];
	char key[SHA256_HEX_SIZE];
	char signature[KEY_SIGNATURE_HEX_SIZE];
};

enum { HEAD_TEXT_SIZE = 512, HEAD_FILE_MAX = 16384 };

// The text that is signed.
void head_text(const struct head *head, char text[HEAD_TEXT_SIZE]);

// Fills in key and signature.
int head_sign(struct head *head, const struct key *key, struct err *e);
bool head_verify(const struct head *head, const struct key *key);

// The head row's body; a head file has "ledger" and "format" too. New references, NULL without memory.
json_t *head_body(const struct head *head);
json_t *head_json(const struct head *head);
// -EINVAL when a field is missing. `ledger` is kept as it is when the object has none.
int head_from_json(const json_t *object, struct head *head, struct err *e);

// FOLDER/head-000000000123.json, whole or not at all.
int head_write(const struct head *head, const char *folder, struct err *e);
int head_read(const char *path, struct head *head, struct err *e);

#endif
