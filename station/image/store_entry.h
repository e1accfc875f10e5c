// SPDX-License-Identifier: MIT
// Inside the store: making, publishing, opening and dropping entries. Used by the importer and by store.c.
#ifndef GANGWAY_IMAGE_STORE_ENTRY_H
#define GANGWAY_IMAGE_STORE_ENTRY_H

#include <limits.h>
#include <stdbool.h>

#include "image/front.h"
#include "image/image.h"

/*
 * STORE/entries/KEY/{data,plan,meta.json}   complete entries; meta.json's mtime is the last use
 * STORE/tmp/new-ID-BYTES/data               entries being made, and how much room is reserved for each (both in hex)
 * STORE/hints/IDENTITY                      KEY of the source with that identity (store_hint.h)
 *
 * A lock (flock) on STORE itself is held for moments only, around every change to these folders. A shared lock on
 * an entry's data says that it is in use; whoever removes it needs it exclusively. The locks end with their holder,
 * however it dies.
 */
struct store {
	char path[PATH_MAX];
	int dir, entries, tmp, hints; // open folders
};
#define STORE_NONE ((struct store){.dir = -1, .entries = -1, .tmp = -1, .hints = -1})

// Opens the store's folders; with `make`, makes them when they are not there (else -ENOENT).
int store_attach(const char *path, bool make, struct store *out, struct err *e);
void store_detach(struct store *store);

// The store's own lock, waited for. Closing the descriptor releases it.
int store_lock(const struct store *store, struct err *e);

// What meta.json says of an entry.
struct store_meta {
	char key[SHA256_HEX_SIZE];
	char source_sha256[SHA256_HEX_SIZE];
	char bmap_sha256[SHA256_HEX_SIZE]; // "" without one
	char mapping[8];                   // "bmap", "all", "holes"
	char codec[16];
	char source_name[256];
	uint64_t source_size;
	uint64_t image_size;
	uint64_t mapped_bytes;
	char plan_sha256[SHA256_HEX_SIZE]; // the plan digest
	char file_sha256[SHA256_HEX_SIZE]; // of the plan file
	// The data file when it was published: anything else means that somebody touched it.
	uint64_t data_mtime_ns, data_ctime_ns, data_blocks;
};

// The key: SHA-256 over "SOURCE\nBMAP\nMAPPING\n".
void store_key(
        const char *source_sha256, const char *bmap_sha256, const char *mapping, char key[SHA256_HEX_SIZE]);

// meta.json in and out of an entry's folder.
int store_meta_write(int entry_dir, const struct store_meta *meta, struct err *e);
int store_meta_read(int entry_dir, struct store_meta *out, struct err *e);
// Fills in the data file's times and blocks.
int store_meta_stat(int data_fd, struct store_meta *meta, struct err *e);

// An entry being made.
struct store_new {
	char name[48]; // below STORE/tmp
	int dir;
	int data;  // read and write
	int share; // the data file O_RDONLY, with the shared lock
};
#define STORE_NEW_NONE ((struct store_new){.dir = -1, .data = -1, .share = -1})

/*
 * Makes room for `bytes` more under the store's limit (0: none) and on its disk, and reserves it for the new entry, in
 * one go: imports that start at the same moment do not count on the same room. Removes what importers that died have
 * left in STORE/tmp, and drops entries that are not in use, the least recently used first. FAILURE_STORE_FULL when
 * that is not enough. *left: bytes that the entry may then use. `bytes` is 0 where nothing is known in advance; then an
 * eighth of the limit is made free and reserved, and of what is used beyond, imports at the same moment do not know.
 */
int store_new_open(const struct store *store, uint64_t bytes, uint64_t limit, struct store_new *out,
        uint64_t *left, struct err *e);
// Removes it, unless it was published.
void store_new_drop(const struct store *store, struct store_new *new_entry);
// Makes all of it durable (the slow part)...
int store_new_sync(const struct store_new *new_entry, struct err *e);
// ... and gives it its name. Where the key is there already, the older entry stays and this one is dropped.
int store_new_publish(const struct store *store, struct store_new *new_entry, const struct image_front *front,
        size_t front_size, struct store_meta *meta, struct err *e);

// Opens a complete entry, `state` in its front, an own wake_fd if the image has none yet. -ENOENT: there is none, or
// it was damaged (*damaged says how) and is dropped. A data file whose times or blocks differ is hashed before use.
int store_entry_open(const struct store *store, const char *key, enum image_state state, struct image *out,
        struct front *front, struct store_meta *meta, char damaged[200], struct err *e);

// Takes an entry out of the store and drops the hints to it. In use or not (its users keep their open files), or with
// `unused_only` -EBUSY. -ENOENT: there is none. The second form is for holders of the store's lock, and is -errno only.
int store_entry_drop(const struct store *store, const char *key, bool unused_only, struct err *e);
int store_entry_drop_locked(const struct store *store, const char *key, bool unused_only);

// Whether an entry was made of a source with this size, codec, bmap and mapping: then hashing the source first is
// worth the while.
int store_may_hold(const struct store *store, const struct store_meta *source, bool *may, struct err *e);

// Removes STORE/tmp/NAME and the three files an entry has.
int store_remove_tree(const struct store *store, const char *name);

#endif
