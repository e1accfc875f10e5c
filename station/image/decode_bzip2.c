// SPDX-License-Identifier: MIT
// bzip2, one or several streams (pbzip2 writes many), with libbz2.
#include <bzlib.h>
#include <errno.h>

#include "base/fd.h"
#include "image/decode_chain.h"

struct bzip2 {
	bz_stream z;
	struct chain chain;
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

static int bzip2_next(void *state, const struct decode_io *io, struct err *e)
{
	struct bzip2 *b = state;
	if (io->in[io->in_pos] != 'B')
		return decode_garbage(e);
	BZ2_bzDecompressEnd(&b->z);
	b->z = (bz_stream){0};
	return BZ2_bzDecompressInit(&b->z, 0, 0) == BZ_OK ? 0 : decode_no_memory(e);
}

static int bzip2_feed(void *state, struct decode_io *io, struct err *e)
{
	struct bzip2 *b = state;
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
		return CHAIN_ENDED;
	if (r == BZ_MEM_ERROR)
		return decode_no_memory(e);
	return r == BZ_OK ? CHAIN_MORE : decode_damaged(e, "bzip2");
}

static int bzip2_step(void *state, struct decode_io *io, struct err *e)
{
	static const struct chain_ops ops = {bzip2_next, bzip2_feed};
	struct bzip2 *b = state;
	return chain_step(&b->chain, &ops, b, io, e);
}

static void bzip2_close(void *state)
{
	struct bzip2 *b = state;
	BZ2_bzDecompressEnd(&b->z);
	free(b);
}

/*
 * A stream begins with "BZh", a digit and, unless it is empty, the first block's mark (the digits of pi). Only a file made
 * to mislead has the same ten bytes inside a stream; it is then called damaged, never decoded to anything else.
 */
static const uint8_t *find_stream(const uint8_t *data, size_t size, size_t from)
{
	static const uint8_t mark[] = {0x31, 0x41, 0x59, 0x26, 0x53, 0x59};
	for (;;) {
		const uint8_t *at =
		        size > from + 4 ? memmem(data + from + 4, size - from - 4, mark, 6) : NULL;
		if (!at)
			return NULL;
		if (!memcmp(at - 4, "BZh", 3) && at[-1] >= '1' && at[-1] <= '9')
			return at - 4;
		from = (size_t)(at - data) - 3;
	}
}

static enum cut_result bzip2_cut(struct cut *cut, const uint8_t *data, size_t size, bool last, size_t *end)
{
	enum { HEAD = 10, STREAM = 900000 }; // pbzip2 gives each block a stream
	(void)last;
	for (;;) {
		const uint8_t *next = find_stream(data, size, cut->looked + 1);
		if (!next) {
			cut->looked = size > HEAD ? u64_max(cut->looked, size - HEAD) : cut->looked;
			return CUT_MORE;
		}
		cut->looked = (size_t)(next - data);
		cut->weight += u64_max(STREAM, cut->looked);
		if (cut->weight >= CUT_WEIGHT) {
			*end = cut->looked;
			return CUT_HERE;
		}
	}
}

// Whether a second stream begins where pbzip2's would, at the latest.
static bool has_parts(int fd)
{
	struct cut cut = {.weight = CUT_WEIGHT};
	size_t size = 4 * MIB, end;
	_cleanup_free_ uint8_t *head = malloc(size);
	ssize_t n = head ? fd_pread_all(fd, head, size, 0) : -ENOMEM;
	return n > 0 && bzip2_cut(&cut, head, (size_t)n, true, &end) == CUT_HERE;
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
	out->parts = has_parts(fd);
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

const struct decode_ops decode_bzip2 = {.name = "bzip2",
        .open = bzip2_open,
        .step = bzip2_step,
        .close = bzip2_close,
        .survey = bzip2_survey,
        .cut = bzip2_cut};
