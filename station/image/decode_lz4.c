// SPDX-License-Identifier: MIT
// LZ4 frames, one or several, with liblz4.
#include <errno.h>
#include <lz4frame.h>

#include "core/failure.h"
#include "image/decode_chain.h"

struct lz4 {
	LZ4F_dctx *z;
	struct chain chain;
};

static int lz4_open(void **state, struct err *e)
{
	struct lz4 *s = calloc(1, sizeof(*s));
	if (!s || LZ4F_isError(LZ4F_createDecompressionContext(&s->z, LZ4F_VERSION))) {
		free(s);
		return decode_no_memory(e);
	}
	*state = s;
	return 0;
}

// liblz4 goes from frame to frame by itself, but says no more than that a frame is of no type that it knows.
static int lz4_next(void *state, const struct decode_io *io, struct err *e)
{
	(void)state;
	const uint8_t *head = io->in + io->in_pos;
	if (head[0] == 0x02 && (io->in_size - io->in_pos < 2 || head[1] == 0x21))
		return err_fail(e, ENOTSUP, FAILURE_IMPORT_FAILED,
		        "is lz4's legacy form, which has no checksums; compress it again with lz4's "
		        "defaults");
	return head[0] == 0x04 || (head[0] & 0xf0) == 0x50 ? 0 : decode_garbage(e);
}

static int lz4_feed(void *state, struct decode_io *io, struct err *e)
{
	struct lz4 *s = state;
	size_t in = io->in_size - io->in_pos, out = io->out_size - io->out_pos;
	size_t code = LZ4F_decompress(s->z, io->out + io->out_pos, &out, io->in + io->in_pos, &in, NULL);
	if (LZ4F_isError(code))
		return decode_damaged(e, LZ4F_getErrorName(code));
	io->in_pos += in;
	io->out_pos += out;
	return code == 0 ? CHAIN_ENDED : CHAIN_MORE;
}

static int lz4_step(void *state, struct decode_io *io, struct err *e)
{
	static const struct chain_ops ops = {lz4_next, lz4_feed};
	struct lz4 *s = state;
	return chain_step(&s->chain, &ops, s, io, e);
}

static void lz4_close(void *state)
{
	struct lz4 *s = state;
	LZ4F_freeDecompressionContext(s->z);
	free(s);
}

// LZ4 Frame Format, "General structure": the flags say which fields follow.
static bool look_at_header(struct frame_walk *walk, const uint8_t *head, size_t size)
{
	if (size < 14 && (size < 11 || head[4] & 8))
		return false;
	if (le32(head) != 0x184d2204)
		return false;
	uint8_t flags = head[4];
	walk->inside = walk->begins = true;
	walk->checksum = flags & 4;
	walk->block_checksum = flags & 16;
	walk->block_max = UINT32_C(1) << (8 + 2 * (head[5] >> 4 & 7)); // 4: 64 KiB ... 7: 4 MiB
	walk->content = flags & 8 ? le32(head + 6) | (uint64_t)le32(head + 10) << 32 : UINT64_MAX;
	walk->length = 4 + 2 + (flags & 8 ? 8 : 0) + (flags & 1 ? 4 : 0) + 1;
	return true;
}

// ... and each block begins with its length; one of zero is the end.
static bool lz4_look(struct frame_walk *walk, const uint8_t *head, size_t size)
{
	if (!walk->inside)
		return frame_skippable(walk, head, size) || look_at_header(walk, head, size);
	if (size < 4)
		return false;
	uint32_t length = le32(head);
	walk->inside = length != 0;
	walk->ended = length == 0;
	walk->decoded = length ? walk->block_max : 0;
	walk->length = 4 + (length & 0x7fffffff);
	walk->length += length ? (walk->block_checksum ? 4 : 0) : (walk->checksum ? 4 : 0);
	return true;
}

static int lz4_survey(int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
{
	(void)expected, (void)e;
	frame_survey(lz4_look, fd, file_size, out);
	return 0;
}

static enum cut_result lz4_cut(struct cut *cut, const uint8_t *data, size_t size, bool last, size_t *end)
{
	return frame_cut(lz4_look, cut, data, size, last, end);
}

const struct decode_ops decode_lz4 = {.name = "lz4",
        .open = lz4_open,
        .step = lz4_step,
        .close = lz4_close,
        .survey = lz4_survey,
        .cut = lz4_cut};
