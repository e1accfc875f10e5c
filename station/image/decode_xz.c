// SPDX-License-Identifier: MIT
// xz, one or several streams, with liblzma's multi-threaded decoder; the size from the index at the file's end.
#include <errno.h>
#include <inttypes.h>
#include <lzma.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/decode.h"

// Beyond this a block is decoded by one thread; -T2 -9 files (192 MiB blocks) just fit two threads.
#define XZ_THREADED_MEMORY (512 * MIB)
// 16 KiB each of the index and of the padding between streams: more than any file has that is not made to be slow.
#define XZ_LOOKS_MAX       (SURVEY_LOOKS_MAX / 16)
// lzma_index of a file with a million blocks stays below this.
#define XZ_INDEX_MEMORY    (64 * MIB)

static int xz_error(lzma_ret code, uint64_t needs, struct err *e)
{
	switch (code) {
	case LZMA_MEM_ERROR: return decode_no_memory(e);
	case LZMA_FORMAT_ERROR: return decode_garbage(e);
	case LZMA_BUF_ERROR: return decode_cut_short(e);
	case LZMA_OPTIONS_ERROR:
		return err_fail(e, ENOTSUP, FAILURE_IMPORT_FAILED,
		        "uses xz filters this liblzma does not know; compress it again with xz's defaults");
	case LZMA_MEMLIMIT_ERROR:
		return err_fail(e, ENOMEM, FAILURE_IMPORT_FAILED,
		        "needs %" PRIu64 " MiB to decode, %" PRIu64
		        " are allowed; compress it with a smaller dictionary",
		        needs / MIB + 1, DECODE_MEMORY_MAX / MIB);
	default: return decode_damaged(e, "xz");
	}
}

static int xz_open(void **state, struct err *e)
{
	lzma_mt options = {
	        .flags = LZMA_CONCATENATED,
	        .threads = decode_threads(),
	        .memlimit_threading = XZ_THREADED_MEMORY,
	        .memlimit_stop = DECODE_MEMORY_MAX,
	};
	lzma_stream *z = malloc(sizeof(*z));
	if (!z)
		return decode_no_memory(e);
	*z = (lzma_stream)LZMA_STREAM_INIT;
	lzma_ret code = lzma_stream_decoder_mt(z, &options);
	if (code != LZMA_OK) {
		free(z);
		return xz_error(code, 0, e);
	}
	*state = z;
	return 0;
}

static int xz_step(void *state, struct decode_io *io, struct err *e)
{
	lzma_stream *z = state;
	z->next_in = io->in + io->in_pos;
	z->avail_in = io->in_size - io->in_pos;
	z->next_out = io->out + io->out_pos;
	z->avail_out = io->out_size - io->out_pos;
	lzma_ret code = lzma_code(z, io->in_end ? LZMA_FINISH : LZMA_RUN);
	io->in_pos = io->in_size - z->avail_in;
	io->out_pos = io->out_size - z->avail_out;
	if (code == LZMA_STREAM_END)
		return DECODE_END;
	// Two calls in a row without progress: with more input to come it is no fault.
	if (code == LZMA_OK || (code == LZMA_BUF_ERROR && !io->in_end))
		return DECODE_MORE;
	return xz_error(code, code == LZMA_MEMLIMIT_ERROR ? lzma_memusage(z) : 0, e);
}

static void xz_close(void *state)
{
	lzma_stream *z = state;
	lzma_end(z);
	free(z);
}

// LZMA_PROG_ERROR: it could not be read (*io_error), or is so made that it takes too long.
static lzma_ret read_index(int fd, uint64_t file_size, lzma_stream *z, int *io_error)
{
	uint8_t buffer[16 * 1024];
	uint64_t at = 0;
	for (uint32_t looks = 0; looks < XZ_LOOKS_MAX; looks++) {
		if (z->avail_in == 0) {
			ssize_t n = fd_pread_all(fd, buffer, sizeof(buffer), at);
			if (n < 0) {
				*io_error = (int)-n;
				return LZMA_PROG_ERROR;
			}
			z->next_in = buffer;
			z->avail_in = (size_t)n;
			at += (uint64_t)n;
		}
		lzma_ret code = lzma_code(z, at >= file_size ? LZMA_FINISH : LZMA_RUN);
		if (code == LZMA_SEEK_NEEDED) {
			at = z->seek_pos;
			z->avail_in = 0;
		} else if (code != LZMA_OK) {
			return code;
		}
	}
	return LZMA_PROG_ERROR;
}

static int xz_survey(int fd, uint64_t file_size, uint64_t expected, struct decode_survey *out, struct err *e)
{
	(void)expected;
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_index *index = NULL;
	int io_error = 0;
	lzma_ret code = lzma_file_info_decoder(&z, &index, XZ_INDEX_MEMORY, file_size);
	if (code == LZMA_OK)
		code = read_index(fd, file_size, &z, &io_error);
	uint64_t needs = code == LZMA_MEMLIMIT_ERROR ? lzma_memusage(&z) : 0;
	lzma_end(&z);
	if (io_error)
		return err_sys(e, io_error, "cannot be read");
	*out = (struct decode_survey){0};
	if (code == LZMA_PROG_ERROR)
		return 0;
	if (code == LZMA_FORMAT_ERROR || code == LZMA_DATA_ERROR)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
		        "has no whole xz index at its end: it is cut short, damaged or has something behind "
		        "it; "
		        "get a good copy");
	if (code != LZMA_STREAM_END)
		return xz_error(code, needs, e);
	*out = (struct decode_survey){.size = lzma_index_uncompressed_size(index), .whole = true};
	lzma_index_end(index, NULL);
	return 0;
}

const struct decode_ops decode_xz = {
        .name = "xz",
        .open = xz_open,
        .step = xz_step,
        .close = xz_close,
        .survey = xz_survey,
};
