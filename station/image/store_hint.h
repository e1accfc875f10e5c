// SPDX-License-Identifier: MIT
// Hints: which entry the source with this path, size and time had the last time it was hashed.
#ifndef GANGWAY_IMAGE_STORE_HINT_H
#define GANGWAY_IMAGE_STORE_HINT_H

#include "image/settled.h"
#include "image/store_entry.h"

/*
 * A hint only says where to look: nothing is confirmed before the source was hashed again, or has a mark
 * (image/settled.h) equal to the one noted when it was hashed last. Its file is also the lock on importing that source: a second importer waits for the first (in flock(2), in its own process), and
 * then finds the key that the first one has written.
 */
struct store_hint {
	int fd;
	char name[SHA256_HEX_SIZE];   // the identity
	char key[SHA256_HEX_SIZE];    // "": none known
	char mark[SETTLED_MARK_SIZE]; // of the source when it was hashed; "": it had none
};
#define STORE_HINT_NONE ((struct store_hint){.fd = -1})

// Waits for the lock. `identity` is hex.
int store_hint_lock(const struct store *store, const char *identity, struct store_hint *out, struct err *e);

// Remembers a key and the mark of the source it was found for ("": none); with the key "" forgets both.
int store_hint_set(struct store_hint *hint, const char *key, const char *mark, struct err *e);

// Releases the lock; a hint that knows nothing is removed. Fine when nothing is held.
void store_hint_release(const struct store *store, struct store_hint *hint);

// Removes the hints that name a key that is gone.
void store_hint_forget(const struct store *store, const char *key);

#endif
