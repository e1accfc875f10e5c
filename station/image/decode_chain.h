// SPDX-License-Identifier: MIT
// What all codecs share: files that are several streams one after another, and frames whose lengths stand in front.
#ifndef GANGWAY_IMAGE_DECODE_CHAIN_H
#define GANGWAY_IMAGE_DECODE_CHAIN_H

#include "image/decode.h"

// Whether a stream is being decoded. All zero is the state before the first one.
struct chain {
	bool inside;
};

enum chain_result {
	CHAIN_MORE = 0,
	CHAIN_ENDED = 1, // the stream ended at in_pos
};

struct chain_ops {
	// A stream should begin at in_pos, where there is at least one byte: makes the codec ready for it. -errno, as
	// decode_ops.step has it, where it is none.
	int (*next)(void *state, const struct decode_io *io, struct err *e);
	// One call of the codec's library: moves in_pos and out_pos. A chain_result, or -errno.
	int (*feed)(void *state, struct decode_io *io, struct err *e);
};

// A decode_ops.step for such a codec.
int chain_step(
        struct chain *chain, const struct chain_ops *ops, void *state, struct decode_io *io, struct err *e);

static inline uint32_t le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t le32(const uint8_t *p)
{
	return le16(p) | le16(p + 2) << 16;
}

/*
 * A walk over a file of frames without decoding any, from each place that tells the distance to the next one: over
 * bytes that come by (to cut them into parts) or over a file (to tell its size and whether it is whole).
 */

// How many bytes a look wants to see, fewer at the end of a file: a zstd frame's header and a BGZF member's are as long.
enum { FRAME_HEAD = 18 };

// False: no frame or block can be recognised.
typedef bool frame_look(struct frame_walk *walk, const uint8_t *head, size_t size);

// Skippable frames (RFC 8878, 3.1.2), which lz4 has from zstd. False: it is none.
bool frame_skippable(struct frame_walk *walk, const uint8_t *head, size_t size);

// A decode_ops.survey for such a codec. It only looks: what is wrong with a file is told by the decoder.
void frame_survey(frame_look *look, int fd, uint64_t file_size, struct decode_survey *out);

// A decode_ops.cut for such a codec.
enum cut_result frame_cut(
        frame_look *look, struct cut *cut, const uint8_t *data, size_t size, bool last, size_t *end);

#endif
