// SPDX-License-Identifier: MIT
// LZ4 frames, one or several, with liblz4.
#include <errno.h>
#include <lz4frame.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/decode.h"

struct lz4 {
	LZ4F_dctx *z;
	bool between; // a frame has ended and no byte of a next one was seen
	bool any;     // at least one frame has ended
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

static int lz4_fault(const struct lz4 *s, const struct decode_io *io, size_t code, struct err *e)
{
	if (!s->any && io->in_size - io->in_pos >= 4 && io->in[io->in_pos] == 0x02 &&
	        io->in[io->in_pos + 1] == 0x21)
		return err_fail(e, ENOTSUP, FAILURE_IMPORT_FAILED,
		        "is lz4's legacy form, which has no checksums; compress it again with lz4's "
		        "defaults");
	if (s->between)
		return decode_garbage(e);
	return decode_damaged(e, LZ4F_getErrorName(code));
}

static int lz4_step(void *state, struct decode_io *io, struct err *e)
{
	struct lz4 *s = state;
	while (io->in_pos < io->in_size || !s->between) {
		size_t in = io->in_size - io->in_pos, out = io->out_size - io->out_pos;
		size_t code =
		        LZ4F_decompress(s->z, io->out + io->out_pos, &out, io->in + io->in_pos, &in, NULL);
		if (LZ4F_isError(code))
			return lz4_fault(s, io, code, e);
		bool moved = in || out;
		io->in_pos += in;
		io->out_pos += out;
		s->between = code == 0;
		s->any |= s->between;
		if (!s->between && io->out_pos == io->out_size)
			return DECODE_MORE;
		if (!s->between && io->in_pos == io->in_size && !moved)
			return io->in_end ? decode_cut_short(e) : DECODE_MORE;
		if (!s->between && io->in_pos == io->in_size && !io->in_end)
			return DECODE_MORE;
	}
	return io->in_end ? DECODE_END : DECODE_MORE;
}

static void lz4_close(void *state)
{
	struct lz4 *s = state;
	LZ4F_freeDecompressionContext(s->z);
	free(s);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

// The end of the frame at `at` (LZ4 Frame Format, "General structure"), and what its header states. 0: not to be told.
static uint64_t survey_frame(int fd, uint64_t at, uint64_t *content)
{
	uint8_t head[14] = {0};
	ssize_t n = fd_pread_all(fd, head, sizeof(head), at);
	*content = 0;
	if (n < 8)
		return 0;
	if ((le32(head) & 0xfffffff0) == 0x184d2a50) // skippable
		return at + 8 + le32(head + 4);
	if (le32(head) != 0x184d2204)
		return 0;
	uint8_t flags = head[4];
	*content = flags & 8 ? le32(head + 6) | (uint64_t)le32(head + 10) << 32 : UINT64_MAX;
	at += 4 + 2 + (flags & 8 ? 8 : 0) + (flags & 1 ? 4 : 0) + 1;
	for (;;) {
		uint8_t size[4];
		if (fd_pread_all(fd, size, sizeof(size), at) != sizeof(size))
			return 0;
		at += sizeof(size);
		if (le32(size) == 0) // the end mark
			return at + (flags & 4 ? 4 : 0);
		at += (le32(size) & 0x7fffffff) + (flags & 16 ? 4 : 0);
	}
}

// It only looks: what is wrong with a file is told by the decoder, which then reads it anyway.
static int lz4_survey(int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
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

const struct decode_ops decode_lz4 = {"lz4", lz4_open, lz4_step, lz4_close, lz4_survey};
