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

/*
 * So many looks at a file a survey may take: the blocks of 256 GiB, of at most 128 KiB each (RFC 8878, 3.1.1.2.4), some
 * seconds. Then nothing was found out, and boards wait as they do for what does not look whole: blocks and frames of no
 * content cost a few bytes each, and a file of nothing else would be looked at for minutes.
 */
#define SURVEY_LOOKS_MAX (UINT32_C(1) << 21)

struct decode_survey {
	uint64_t size; // the decoded size as the file itself states it; 0: it does not
	bool whole;    // its end looks as the end of a whole file does
	bool parts; // it has several parts that do not need each other to be decoded, and decode_ops.cut finds them
};

/*
 * Where a file is cut into parts that are decoded at the same time. A part is made of whole frames (or streams): so
 * many that each has work for a thread, and no more than a thread may have in memory.
 */
#define CUT_WEIGHT    (1 * MIB)  // of decoded bytes, roughly
#define CUT_FRAME_MAX (33 * MIB) // as `pzstd -19` makes them of what cannot be compressed
#define CUT_PART_MAX  (36 * MIB) // longer ones are not waited for
#define CUT_WINDOW    (16 * MIB) // what decoding a frame may take: every thread has one; `pzstd -19` takes 8

struct frame_walk {
	bool inside;                   // a frame's blocks come next
	bool checksum, block_checksum; // there is one behind the frame, behind each of its blocks
	uint32_t block_max;            // a block decodes to no more than that
	// What the last look told:
	uint64_t length;    // to the next place to look at
	uint64_t decoded;   // the most that it decodes to
	uint64_t window;    // the memory that decoding takes, where a frame begins
	uint64_t content;   // what the frame that begins there decodes to; UINT64_MAX: it does not say
	bool begins, ended; // a frame with content begins there; a frame ends at the next place
};

// The cutter's mark in the part that it is at; all zero at its beginning.
struct cut {
	size_t looked;   // so far
	uint64_t weight; // what that decodes to, at most
	struct frame_walk walk;
};

enum cut_result {
	CUT_MORE = 0, // no border yet
	CUT_HERE = 1, // *end is one
	CUT_LOST = 2, // no border will be found from here on
};

struct decode_ops {
	const char *name;
	bool swift;                               // decoded in one go as fast as it is hashed and stored
	int (*open)(void **state, struct err *e); // NULL, like step and close: its bytes are the image's
	// A decode_result, or -errno with FAILURE_IMPORT_FAILED and a text without the file's name (the caller puts
	// it in front): truncated, damaged, or something behind the end.
	int (*step)(void *state, struct decode_io *io, struct err *e);
	void (*close)(void *state);
	// What can be told without decoding. `expected`: the image's size as a bmap states it, or 0. -errno where the file
	// is surely bad. NULL: nothing can be told.
	int (*survey)(
	        int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e);
	// Looks for the border where the part that begins at data[0] ends. `size` bytes of it have come, more will come
	// unless `last`. NULL: this format has none.
	enum cut_result (*cut)(struct cut *cut, const uint8_t *data, size_t size, bool last, size_t *end);
};

// What a file is encoded with, by its first bytes; raw where no magic is known. 0, or -errno where it cannot be read.
int decode_find(int fd, const struct decode_ops **out);

// The same for a file of this name, which decides nothing, but warns: `image.wic.xz` that does not begin as xz does
// has a damaged head, and must not be written to boards as if it were raw. -EINVAL with FAILURE_IMPORT_FAILED then;
// the same failure with the errno of a file that cannot be read.
int decode_choose(const char *name, int fd, const struct decode_ops **out, struct err *e);

extern const struct decode_ops decode_raw, decode_gzip, decode_xz, decode_bzip2, decode_zstd, decode_lz4;

// How many threads are worth having on this machine, DECODE_THREADS_MAX at most.
enum { DECODE_THREADS_MAX = 8 };
unsigned decode_threads(void);
// How many of them are to decode the parts of a file: 0, or at least 2. 0: it is decoded in one go.
unsigned decode_lanes(const struct decode_ops *ops, unsigned threads);

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
