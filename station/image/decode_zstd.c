// SPDX-License-Identifier: MIT
// Zstandard (RFC 8878), one or several frames, with libzstd; the size where every frame's header states it.
#include <errno.h>
#include <inttypes.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/decode.h"

enum { ZSTD_WINDOW_LOG_MAX = 30 }; // DECODE_MEMORY_MAX as libzstd states it

struct zstd {
	ZSTD_DStream *z;
	bool between; // a frame has ended and no byte of a next one was seen
	bool any;     // at least one frame has ended
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

static int zstd_fault(const struct zstd *s, size_t code, struct err *e)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation: return decode_no_memory(e);
	case ZSTD_error_prefix_unknown: return s->any ? decode_garbage(e) : decode_damaged(e, "zstd");
	case ZSTD_error_frameParameter_windowTooLarge:
		return err_fail(e, ENOMEM, FAILURE_IMPORT_FAILED,
		        "needs a window of more than %" PRIu64
		        " MiB to decode; compress it with a smaller one (zstd --long=27)",
		        DECODE_MEMORY_MAX / MIB);
	default: return decode_damaged(e, ZSTD_getErrorName(code));
	}
}

static int zstd_step(void *state, struct decode_io *io, struct err *e)
{
	struct zstd *s = state;
	while (io->in_pos < io->in_size || !s->between) {
		if (s->between && io->in_pos == io->in_size)
			break;
		ZSTD_inBuffer in = {io->in, io->in_size, io->in_pos};
		ZSTD_outBuffer out = {io->out, io->out_size, io->out_pos};
		size_t code = ZSTD_decompressStream(s->z, &out, &in);
		if (ZSTD_isError(code))
			return zstd_fault(s, code, e);
		io->in_pos = in.pos;
		io->out_pos = out.pos;
		s->between = code == 0;
		s->any |= s->between;
		if (!s->between && io->out_pos == io->out_size)
			return DECODE_MORE;
		if (!s->between && io->in_pos == io->in_size)
			return !io->in_end ? DECODE_MORE : decode_cut_short(e);
	}
	return io->in_end ? DECODE_END : DECODE_MORE;
}

static void zstd_close(void *state)
{
	struct zstd *s = state;
	ZSTD_freeDStream(s->z);
	free(s);
}

// The length of the frame at `at` by walking its block headers (RFC 8878, 3.1.1.2); 0: not to be told.
static uint64_t frame_end(int fd, uint64_t at, size_t header_size, bool checksum)
{
	at += header_size;
	for (;;) {
		uint8_t h[3];
		if (fd_pread_all(fd, h, sizeof(h), at) != sizeof(h))
			return 0;
		uint32_t header = (uint32_t)h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16;
		unsigned type = header >> 1 & 3;
		at += sizeof(h) + (type == 1 ? 1 : header >> 3); // type 1: one byte, repeated
		if (type == 3)
			return 0;
		if (header & 1)
			return at + (checksum ? 4 : 0);
	}
}

// RFC 8878, 3.1.1.1: the descriptor byte says which fields follow it.
static size_t frame_header_size(uint8_t descriptor)
{
	static const uint8_t content[] = {0, 2, 4, 8}, dictionary[] = {0, 1, 2, 4};
	bool single = descriptor & 0x20;
	size_t size = 4 + 1 + (single ? 0 : 1) + dictionary[descriptor & 3] + content[descriptor >> 6];
	return size + (single && descriptor >> 6 == 0 ? 1 : 0);
}

// The end of the frame at `at`, skippable or not, and what its header states. 0: not to be told.
static uint64_t survey_frame(int fd, uint64_t at, uint64_t *content)
{
	uint8_t head[18] = {0}; // the largest frame header
	ssize_t n = fd_pread_all(fd, head, sizeof(head), at);
	if (n < 8)
		return 0;
	if (head[1] == 0x2a && (head[0] & 0xf0) == 0x50) { // skippable: its length follows the magic
		*content = 0;
		return at + 8 +
		       ((uint64_t)head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16 |
		               (uint64_t)head[7] << 24);
	}
	unsigned long long told = ZSTD_getFrameContentSize(head, (size_t)n);
	if (told == ZSTD_CONTENTSIZE_ERROR)
		return 0;
	*content = told == ZSTD_CONTENTSIZE_UNKNOWN ? UINT64_MAX : told;
	return frame_end(fd, at, frame_header_size(head[4]), head[4] & 4);
}

// It only looks: what is wrong with a file is told by the decoder, which then reads it anyway.
static int zstd_survey(
        int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
{
	uint64_t at = 0, total = 0, content = 0;
	bool told = true;
	(void)expected, (void)e;
	*out = (struct decode_survey){0};
	while (at < file_size) {
		at = survey_frame(fd, at, &content);
		if (at == 0)
			return 0;
		told = told && content != UINT64_MAX && !__builtin_add_overflow(total, content, &total);
	}
	out->whole = at == file_size;
	out->size = told && out->whole ? total : 0;
	return 0;
}

const struct decode_ops decode_zstd = {"zstd", zstd_open, zstd_step, zstd_close, zstd_survey};
