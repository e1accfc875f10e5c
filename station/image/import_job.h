// SPDX-License-Identifier: MIT
// One import, inside the importer.
#ifndef GANGWAY_IMAGE_IMPORT_JOB_H
#define GANGWAY_IMAGE_IMPORT_JOB_H

#include <pthread.h>

#include "image/bmap.h"
#include "image/decode.h"
#include "image/import_wire.h"
#include "image/store_entry.h"
#include "image/store_hint.h"

struct import_job {
	// Asked for; borrowed.
	const char *store_path, *image_name, *bmap_name; // bmap_name NULL: none
	uint64_t store_limit;
	bool holes_unmapped, trust_times;

	struct store store;
	struct store_hint hint;
	struct store_new entry;
	struct front front;
	struct image stored; // the entry found; its descriptors
	struct bmap *bmap;
	const struct decode_ops *ops;
	uint64_t file_size;
	uint64_t mtime_ns, device, inode;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	char mark[SETTLED_MARK_SIZE]; // the source's; "": its times prove nothing
	bool unchanged;               // confirmed by its mark: the source was not hashed
	uint64_t image_size;          // 0: not known in advance
	bool hold;                    // boards wait until all is decoded
	bool parts;                   // the source is made of parts that can be decoded at the same time
	struct plan_range *ranges;
	size_t range_count;
	struct store_meta meta; // filled as things become known
	uint64_t told_ns;       // the last progress message
	bool hashing;           // progress counts the source's bytes, not the image's

	pthread_mutex_t lock; // between publishing and abandoning the entry
	bool abandoned;
};

void import_job_init(struct import_job *job);
void import_job_close(struct import_job *job);

// Opens the store, then shuts the process in: from here on it reads what it does not trust.
int import_job_prepare(struct import_job *job, struct err *e);

// Runs it to its end and tells the parent how it went.
void import_job_run(struct import_job *job);

// Drops what the running import has made. The caller ends the process next.
void import_job_abandon(struct import_job *job);

void import_job_tell_failure(const struct import_job *job, const struct err *e);

/* Between the files of the job. */

// Sends one message; the important ones wait for room, progress does not.
void import_tell(struct import_message *message, const int *fds, size_t fd_count, bool wait);
void import_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

// What the source is and what of it is mapped: codec, bmap, ranges, size where it can be known.
int import_look(struct import_job *job, struct err *e);

#endif
