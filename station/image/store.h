// SPDX-License-Identifier: MIT
// The content-addressed store of decoded images.
#ifndef GANGWAY_IMAGE_STORE_H
#define GANGWAY_IMAGE_STORE_H

#include "image/image.h"

/*
 * STORE/entries/KEY/{data,plan,meta.json}: published whole by rename, never changed after. STORE/tmp/: entries
 * being made, removed by the next owner when their lock is free. The key is the SHA-256 over source digest, bmap
 * digest and mapping mode. An entry in use holds a shared lock; dropping takes it exclusively.
 */

// The folder to use when none is named: $GANGWAY_STORE, /var/cache/gangway/store for root, else
// $XDG_CACHE_HOME/gangway/store or ~/.cache/gangway/store.
int store_default_path(char *path, size_t size, struct err *e);

// Opens a complete entry. -ENOENT when there is none (an entry that does not pass its own quick check counts as
// none and is dropped). *touched: its data file's times or blocks are not those that it was stored with (a backup was
// restored); no board may have it before store_check() has hashed it. Nothing is hashed here, for a loop waits.
int store_open(const char *store, const char *key, struct image *out, bool *touched, struct err *e);

// Re-hashes every range of a complete entry; drops the entry when one does not match. *healthy tells. An entry that
// was touched and is sound has its new times noted, or it is an error.
int store_check(const char *store, const char *key, bool *healthy, struct err *e);

// Drops an entry. -EBUSY while it is in use.
int store_remove(const char *store, const char *key, struct err *e);

#endif
