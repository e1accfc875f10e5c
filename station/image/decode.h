// SPDX-License-Identifier: MIT
// Decoders: one small file a codec, behind one table, chosen by magic bytes and never by a file's name.
#ifndef GANGWAY_IMAGE_DECODE_H
#define GANGWAY_IMAGE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/util.h"

// What one step consumes and fills. `in_end`: nothing comes after in[in_size - 1].
struct decode_io {
	const uint8_t *in;
	size_t in_size, in_pos;
	bool in_end;
	uint8_t *out;
	size_t out_size, out_pos;
};

enum decode_result {
	DECODE_MORE = 0, // wants more input, or room
	DECODE_END = 1,  // the last of one or several concatenated streams ended where the input ends
};

struct decode_survey {
	uint64_t size; // the decoded size as the file itself states it; 0: it does not
	bool whole;    // its end looks as the end of a whole file does
};

struct decode_ops {
	const char *name;
	int (*open)(void **state, struct err *e);
	// A decode_result, or -errno with FAILURE_IMPORT_FAILED and a text without the file's name (the caller puts
	// it in front): truncated, damaged, or something behind the end.
	int (*step)(void *state, struct decode_io *io, struct err *e);
	void (*close)(void *state);
	// What can be told without decoding. `expected`: the image's size as a bmap states it, or 0. -errno where the file
	// is surely bad. NULL: nothing can be told.
	int (*survey)(
	        int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e);
};

// How many bytes of a file's head decode_find() wants to see (fewer for a shorter file).
enum { DECODE_HEAD = 16 };

// What the head of a file is encoded with; raw where no magic is known.
const struct decode_ops *decode_find(const uint8_t *head, size_t size);

// The same for a file of this name, which decides nothing, but warns: `image.wic.xz` that does not begin as xz does
// has a damaged head, and must not be written to boards as if it were raw. -EINVAL with FAILURE_IMPORT_FAILED then.
int decode_choose(
        const char *name, const uint8_t *head, size_t size, const struct decode_ops **out, struct err *e);

extern const struct decode_ops decode_raw, decode_gzip, decode_xz, decode_bzip2, decode_zstd, decode_lz4;

// The messages every decoder shares.
int decode_cut_short(struct err *e);
int decode_garbage(struct err *e);
int decode_damaged(struct err *e, const char *why);
int decode_no_memory(struct err *e);

/*
 * The most memory a decoder may take for one file's dictionary or window: enough for everything that xz -9 and
 * zstd --ultra --long=30 make, too little for a crafted header to take the station down.
 */
#define DECODE_MEMORY_MAX (1 * GIB)

#endif
