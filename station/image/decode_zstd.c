// SPDX-License-Identifier: MIT
// Zstandard (RFC 8878), one or several frames, with libzstd; the size where every frame's header states it.
#include <errno.h>
#include <inttypes.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "core/failure.h"
#include "image/decode_chain.h"

enum { ZSTD_WINDOW_LOG_MAX = 30 }; // DECODE_MEMORY_MAX as libzstd states it

struct zstd {
	ZSTD_DStream *z;
	struct chain chain;
};

static int zstd_open(void **state, struct err *e)
{
	struct zstd *s = calloc(1, sizeof(*s));
	if (s)
		s->z = ZSTD_createDStream();
	if (!s || !s->z) {
		free(s);
		return decode_no_memory(e);
	}
	if (ZSTD_isError(ZSTD_DCtx_setParameter(s->z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX))) {
		ZSTD_freeDStream(s->z);
		free(s);
		return decode_no_memory(e);
	}
	*state = s;
	return 0;
}

static int zstd_fault(size_t code, struct err *e)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation: return decode_no_memory(e);
	case ZSTD_error_prefix_unknown: return decode_garbage(e); // the file's own magic was seen
	case ZSTD_error_frameParameter_windowTooLarge:
		return err_fail(e, ENOMEM, FAILURE_IMPORT_FAILED,
		        "needs a window of more than %" PRIu64
		        " MiB to decode; compress it with a smaller one (zstd --long=27)",
		        DECODE_MEMORY_MAX / MIB);
	default: return decode_damaged(e, ZSTD_getErrorName(code));
	}
}

// libzstd goes from frame to frame by itself.
static int zstd_next(void *state, const struct decode_io *io, struct err *e)
{
	(void)state, (void)io, (void)e;
	return 0;
}

static int zstd_feed(void *state, struct decode_io *io, struct err *e)
{
	struct zstd *s = state;
	ZSTD_inBuffer in = {io->in, io->in_size, io->in_pos};
	ZSTD_outBuffer out = {io->out, io->out_size, io->out_pos};
	size_t code = ZSTD_decompressStream(s->z, &out, &in);
	if (ZSTD_isError(code))
		return zstd_fault(code, e);
	io->in_pos = in.pos;
	io->out_pos = out.pos;
	return code == 0 ? CHAIN_ENDED : CHAIN_MORE;
}

static int zstd_step(void *state, struct decode_io *io, struct err *e)
{
	static const struct chain_ops ops = {zstd_next, zstd_feed};
	struct zstd *s = state;
	return chain_step(&s->chain, &ops, s, io, e);
}

static void zstd_close(void *state)
{
	struct zstd *s = state;
	ZSTD_freeDStream(s->z);
	free(s);
}

// RFC 8878, 3.1.1.1: the descriptor byte says which fields follow it.
static size_t frame_header_size(uint8_t descriptor)
{
	static const uint8_t content[] = {0, 2, 4, 8}, dictionary[] = {0, 1, 2, 4};
	bool single = descriptor & 0x20;
	size_t size = 4 + 1 + (single ? 0 : 1) + dictionary[descriptor & 3] + content[descriptor >> 6];
	return size + (single && descriptor >> 6 == 0 ? 1 : 0);
}

// RFC 8878, 3.1.1.1.2: an exponent and a mantissa; a frame without it is as long as its content.
static uint64_t window_size(const uint8_t *head, uint64_t content)
{
	if (head[4] & 0x20)
		return content;
	uint64_t base = UINT64_C(1) << (10 + (head[5] >> 3));
	return base + base / 8 * (head[5] & 7);
}

static bool look_at_header(struct frame_walk *walk, const uint8_t *head, size_t size)
{
	unsigned long long told = ZSTD_getFrameContentSize(head, size);
	if (size < 8 || told == ZSTD_CONTENTSIZE_ERROR)
		return false;
	walk->inside = walk->begins = true;
	walk->checksum = head[4] & 4;
	walk->length = frame_header_size(head[4]);
	walk->content = told == ZSTD_CONTENTSIZE_UNKNOWN ? UINT64_MAX : told;
	walk->window = window_size(head, walk->content);
	return true;
}

// RFC 8878, 3.1.1.2: a block's header tells its length; one of type 1 is one byte, repeated.
static bool zstd_look(struct frame_walk *walk, const uint8_t *head, size_t size)
{
	enum { BLOCK_RAW, BLOCK_REPEATED, BLOCK_COMPRESSED, BLOCK_RESERVED, BLOCK_MAX = 128 * 1024 };
	if (!walk->inside)
		return frame_skippable(walk, head, size) || look_at_header(walk, head, size);
	if (size < 3)
		return false;
	uint32_t header = le16(head) | (uint32_t)head[2] << 16;
	unsigned type = header >> 1 & 3;
	bool last = header & 1;
	walk->length = 3 + (type == BLOCK_REPEATED ? 1 : header >> 3) + (last && walk->checksum ? 4 : 0);
	walk->decoded = type == BLOCK_COMPRESSED ? BLOCK_MAX : header >> 3;
	walk->inside = !last;
	walk->ended = last;
	return type != BLOCK_RESERVED;
}

static int zstd_survey(
        int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
{
	(void)expected, (void)e;
	frame_survey(zstd_look, fd, file_size, out);
	return 0;
}

static enum cut_result zstd_cut(struct cut *cut, const uint8_t *data, size_t size, bool last, size_t *end)
{
	return frame_cut(zstd_look, cut, data, size, last, end);
}

const struct decode_ops decode_zstd = {.name = "zstd",
        .swift = true,
        .open = zstd_open,
        .step = zstd_step,
        .close = zstd_close,
        .survey = zstd_survey,
        .cut = zstd_cut};
