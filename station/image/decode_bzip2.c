// SPDX-License-Identifier: MIT
// bzip2, one or several streams (pbzip2 writes many), with libbz2.
#include <bzlib.h>
#include <errno.h>

#include "base/fd.h"
#include "image/decode.h"

struct bzip2 {
	bz_stream z;
	bool between; // a stream has ended and no byte of a next one was seen
};

static int bzip2_open(void **state, struct err *e)
{
	struct bzip2 *b = calloc(1, sizeof(*b));
	if (!b || BZ2_bzDecompressInit(&b->z, 0, 0) != BZ_OK) {
		free(b);
		return decode_no_memory(e);
	}
	*state = b;
	return 0;
}

static int next_stream(struct bzip2 *b, const struct decode_io *io, struct err *e)
{
	if (io->in[io->in_pos] != 'B')
		return decode_garbage(e);
	BZ2_bzDecompressEnd(&b->z);
	b->z = (bz_stream){0};
	if (BZ2_bzDecompressInit(&b->z, 0, 0) != BZ_OK)
		return decode_no_memory(e);
	b->between = false;
	return 0;
}

static int bzip2_step(void *state, struct decode_io *io, struct err *e)
{
	struct bzip2 *b = state;
	while (io->in_pos < io->in_size || !b->between) {
		if (b->between) {
			int r = next_stream(b, io, e);
			if (r < 0)
				return r;
		}
		union {
			const uint8_t *in;
			char *z;
		} from = {.in = io->in + io->in_pos}; // libbz2 does not write through it
		b->z.next_in = from.z;
		b->z.avail_in = (unsigned)(io->in_size - io->in_pos);
		b->z.next_out = (char *)io->out + io->out_pos;
		b->z.avail_out = (unsigned)(io->out_size - io->out_pos);
		int r = BZ2_bzDecompress(&b->z);
		io->in_pos = io->in_size - b->z.avail_in;
		io->out_pos = io->out_size - b->z.avail_out;
		if (r == BZ_STREAM_END)
			b->between = true;
		else if (r == BZ_MEM_ERROR)
			return decode_no_memory(e);
		else if (r != BZ_OK)
			return decode_damaged(e, "bzip2");
		else if (io->out_pos == io->out_size)
			return DECODE_MORE;
		else if (io->in_pos == io->in_size)
			return io->in_end ? decode_cut_short(e) : DECODE_MORE;
	}
	return io->in_end ? DECODE_END : DECODE_MORE;
}

static void bzip2_close(void *state)
{
	struct bzip2 *b = state;
	BZ2_bzDecompressEnd(&b->z);
	free(b);
}

// A stream ends with a 48-bit mark (the square root of pi), a 32-bit CRC and up to seven bits of padding.
static int bzip2_survey(
        int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
{
	uint8_t t[11];
	(void)expected, (void)e;
	*out = (struct decode_survey){0};
	if (file_size < sizeof(t) + 4 || fd_pread_all(fd, t, sizeof(t), file_size - sizeof(t)) != sizeof(t))
		return 0;
	for (unsigned padding = 0; padding < 8; padding++) {
		uint64_t mark = 0;
		for (unsigned bit = 0; bit < 48; bit++) {
			unsigned at = 88 - padding - 32 - 48 + bit;
			mark = mark << 1 | (t[at / 8] >> (7 - at % 8) & 1);
		}
		out->whole |= mark == UINT64_C(0x177245385090);
	}
	return 0;
}

const struct decode_ops decode_bzip2 = {"bzip2", bzip2_open, bzip2_step, bzip2_close, bzip2_survey};
