// SPDX-License-Identifier: MIT
// LZ4 frames, one or several, with liblz4.
#include <errno.h>
#include <lz4frame.h>

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

const struct decode_ops decode_lz4 = {"lz4", lz4_open, lz4_step, lz4_close, NULL};
