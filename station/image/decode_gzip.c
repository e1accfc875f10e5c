// SPDX-License-Identifier: MIT
// gzip (RFC 1952), one or several members, with zlib.
#include <errno.h>
#include <zlib.h>

#include "base/fd.h"
#include "image/decode_chain.h"

struct gzip {
	z_stream z;
	struct chain chain;
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
static int gzip_next(void *state, const struct decode_io *io, struct err *e)
{
	struct gzip *g = state;
	if (io->in[io->in_pos] != 0x1f)
		return decode_garbage(e);
	return inflateReset(&g->z) == Z_OK ? 0 : decode_no_memory(e);
}

static int gzip_feed(void *state, struct decode_io *io, struct err *e)
{
	struct gzip *g = state;
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
		return CHAIN_ENDED;
	if (r == Z_MEM_ERROR)
		return decode_no_memory(e);
	if (r != Z_OK && r != Z_BUF_ERROR)
		return decode_damaged(e, g->z.msg ? g->z.msg : "gzip");
	return CHAIN_MORE;
}

static int gzip_step(void *state, struct decode_io *io, struct err *e)
{
	static const struct chain_ops ops = {gzip_next, gzip_feed};
	struct gzip *g = state;
	return chain_step(&g->chain, &ops, g, io, e);
}

static void gzip_close(void *state)
{
	struct gzip *g = state;
	inflateEnd(&g->z);
	free(g);
}

// BGZF (the SAM/BAM format specification, 4.1): members of 64 KiB at most, each with its length in its header.
static bool bgzf_look(struct frame_walk *walk, const uint8_t *head, size_t size)
{
	static const uint8_t magic[] = {0x1f, 0x8b, 8, 4}, field[] = {6, 0, 'B', 'C', 2, 0};
	if (size < FRAME_HEAD || memcmp(head, magic, sizeof(magic)) != 0 ||
	        memcmp(head + 10, field, sizeof(field)) != 0)
		return false;
	walk->length = (uint64_t)le16(head + 16) + 1;
	walk->decoded = 64 * KIB;
	walk->content = UINT64_MAX;
	walk->begins = walk->ended = true;
	return true;
}

// The SAM/BAM format specification, 4.1.2: an empty member ends the file, so that one cut between two members shows.
static bool bgzf_ends(int fd, uint64_t file_size)
{
	static const uint8_t mark[28] = {
	        0x1f, 0x8b, 8, 4, [9] = 0xff, 6, [12] = 'B', 'C', 2, [16] = 0x1b, [18] = 3};
	uint8_t t[sizeof(mark)];
	return file_size > sizeof(t) && fd_pread_all(fd, t, sizeof(t), file_size - sizeof(t)) == sizeof(t) &&
	       !memcmp(t, mark, sizeof(t));
}

// RFC 1952, 2.3.1: the last four bytes are the size modulo 2^32 (of the last member, where there are several).
static int gzip_survey(
        int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
{
	uint8_t t[4];
	(void)e;
	frame_survey(bgzf_look, fd, file_size, out);
	out->whole = out->whole && bgzf_ends(fd, file_size);
	if (out->whole || file_size < 18 ||
	        fd_pread_all(fd, t, sizeof(t), file_size - sizeof(t)) != sizeof(t))
		return 0;
	out->whole = expected && le32(t) == (uint32_t)expected;
	return 0;
}

static enum cut_result gzip_cut(struct cut *cut, const uint8_t *data, size_t size, bool last, size_t *end)
{
	return frame_cut(bgzf_look, cut, data, size, last, end);
}

const struct decode_ops decode_gzip = {.name = "gzip",
        .open = gzip_open,
        .step = gzip_step,
        .close = gzip_close,
        .survey = gzip_survey,
        .cut = gzip_cut};
