// SPDX-License-Identifier: MIT
// The station's Ed25519 key, and signatures over short texts.
#ifndef GANGWAY_RECORD_KEY_H
#define GANGWAY_RECORD_KEY_H

#include "base/digest.h"

struct key;

enum { KEY_SIGNATURE_SIZE = 64, KEY_SIGNATURE_HEX_SIZE = 2 * KEY_SIGNATURE_SIZE + 1, KEY_PEM_SIZE = 256 };

// Loads FOLDER/station.key, or makes it (mode 0600, the folder 0700, station.pub beside it). *made tells.
int key_open(const char *folder, struct key **out, bool *made, struct err *e);

// A public key: a PEM file, or PEM text.
int key_read_public(const char *path, struct key **out, struct err *e);
int key_parse_public(const char *pem, struct key **out, struct err *e);

// Puts a new key in FOLDER; the old one stays as station.key.old until a recorder has endorsed the new with it.
int key_rotate(const char *folder, struct err *e);
// The key before, if key_rotate() left one; -ENOENT.
int key_open_old(const char *folder, struct key **out, struct err *e);
int key_drop_old(const char *folder, struct err *e);

struct key *key_free(struct key *key); // NULL
static inline void key_freep(struct key **key)
{
	*key = key_free(*key);
}
#define _cleanup_key_ _cleanup_(key_freep)

// SHA-256 of the 32 raw bytes of the public key, hex; and its PEM.
const char *key_fingerprint(const struct key *key);
const char *key_public_pem(const struct key *key);

int key_sign(const struct key *key, const char *text, char signature[KEY_SIGNATURE_HEX_SIZE], struct err *e);
bool key_verify(const struct key *key, const char *text, const char *signature);

#endif
