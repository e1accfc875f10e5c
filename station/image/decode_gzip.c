// SPDX-License-Identifier: MIT
// gzip (RFC 1952), one or several members, with zlib.
#include <errno.h>
#include <zlib.h>

#include "base/fd.h"
#include "image/decode.h"

struct gzip {
	z_stream z;
	bool between; // a member has ended and no byte of a next one was seen
};

static int gzip_open(void **state, struct err *e)
{
	struct gzip *g = calloc(1, sizeof(*g));
	// 16: a gzip wrapper, nothing else (zlib.h, inflateInit2).
	if (!g || inflateInit2(&g->z, 16 + MAX_WBITS) != Z_OK) {
		free(g);
		return decode_no_memory(e);
	}
	*state = g;
	return 0;
}

// Every member starts with the magic: else what follows the last one is not gzip at all.
static int next_member(struct gzip *g, const struct decode_io *io, struct err *e)
{
	if (io->in[io->in_pos] != 0x1f)
		return decode_garbage(e);
	if (inflateReset(&g->z) != Z_OK)
		return decode_no_memory(e);
	g->between = false;
	return 0;
}

static int gzip_step(void *state, struct decode_io *io, struct err *e)
{
	struct gzip *g = state;
	while (io->in_pos < io->in_size || !g->between) {
		if (g->between) {
			int r = next_member(g, io, e);
			if (r < 0)
				return r;
		}
		union {
			const uint8_t *in;
			uint8_t *z;
		} from = {.in = io->in + io->in_pos}; // inflate() does not write through it
		g->z.next_in = from.z;
		g->z.avail_in = (uInt)(io->in_size - io->in_pos);
		g->z.next_out = io->out + io->out_pos;
		g->z.avail_out = (uInt)(io->out_size - io->out_pos);
		int r = inflate(&g->z, Z_NO_FLUSH);
		io->in_pos = io->in_size - g->z.avail_in;
		io->out_pos = io->out_size - g->z.avail_out;
		if (r == Z_STREAM_END)
			g->between = true;
		else if (r == Z_MEM_ERROR)
			return decode_no_memory(e);
		else if (r != Z_OK && r != Z_BUF_ERROR)
			return decode_damaged(e, g->z.msg ? g->z.msg : "gzip");
		else if (io->out_pos == io->out_size)
			return DECODE_MORE;
		else if (io->in_pos == io->in_size)
			return io->in_end ? decode_cut_short(e) : DECODE_MORE;
	}
	return io->in_end ? DECODE_END : DECODE_MORE;
}

static void gzip_close(void *state)
{
	struct gzip *g = state;
	inflateEnd(&g->z);
	free(g);
}

// RFC 1952, 2.3.1: the last four bytes are the size modulo 2^32 (of the last member, where there are several).
static int gzip_survey(
        int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
{
	uint8_t t[4];
	(void)e;
	*out = (struct decode_survey){0};
	if (file_size < 18 || fd_pread_all(fd, t, sizeof(t), file_size - sizeof(t)) != sizeof(t))
		return 0;
	uint32_t size = (uint32_t)t[0] | (uint32_t)t[1] << 8 | (uint32_t)t[2] << 16 | (uint32_t)t[3] << 24;
	out->whole = expected && size == (uint32_t)expected;
	return 0;
}

const struct decode_ops decode_gzip = {"gzip", gzip_open, gzip_step, gzip_close, gzip_survey};
