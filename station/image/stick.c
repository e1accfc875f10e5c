// SPDX-License-Identifier: MIT
// Windows into compressed files, and the script that goes with them.
#include "image/stick.h"

#include <errno.h>
#include <zlib.h>

#include "image/legacy.h"

#define GZIP_WBITS (15 + 16) // zlib's way to say: a gzip header, which U-Boot's unzip wants

struct making {
	const struct image *image;
	const struct script_spec *spec;
	const struct stick_sink *sink;
	uint8_t *raw, *packed;
	size_t packed_room;
	size_t index;
	uint64_t bytes;
};

// An even number of bytes, as legacy.c says why: an empty comment in the header is one byte (RFC 1952, 2.3.1).
static void make_even(uint8_t *gzip, size_t *size)
{
	enum { FLAGS = 3, FCOMMENT = 1 << 4, HEADER = 10 };
	if (*size % 2 == 0)
		return;
	memmove(gzip + HEADER + 1, gzip + HEADER, *size - HEADER);
	gzip[HEADER] = 0;
	gzip[FLAGS] |= FCOMMENT;
	(*size)++;
}

static int pack(struct making *m, size_t size, size_t *packed, struct err *e)
{
	z_stream z = {.next_in = m->raw,
	        .avail_in = (uInt)size,
	        .next_out = m->packed,
	        .avail_out = (uInt)m->packed_room};
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_sys(e, ENOMEM, "compressing");
	int done = deflate(&z, Z_FINISH);
	*packed = z.total_out;
	deflateEnd(&z);
	make_even(m->packed, packed);
	return done == Z_STREAM_END ? 0 : err_set(e, EIO, "compressing a window failed");
}

static int add_windows(struct making *m, const struct windows *w, struct err *e)
{
	for (size_t i = 0; i < w->count; i++) {
		char name[SCRIPT_FILE_SIZE];
		size_t packed = 0;
		script_file_name(m->index++, name);
		int r = windows_read(w, &w->list[i], m->image->data_fd, m->raw, e);
		if (r == 0)
			r = pack(m, window_blocks(w->list[i].length) * WINDOW_BLOCK, &packed, e);
		if (r == 0)
			r = m->sink->add(m->sink->context, STICK_FOLDER, name, m->packed, packed, e);
		if (r < 0)
			return r;
		m->bytes += packed;
	}
	return 0;
}

static int add_script(struct making *m, const struct script_parts *parts, struct err *e)
{
	_cleanup_free_ char *text = NULL, *wrapped = NULL;
	size_t size = 0, wrapped_size = 0;
	int r = script_program(m->spec, parts, &text, &size, e);
	if (r == 0)
		r = legacy_script("gangway stick", text, size, &wrapped, &wrapped_size, e);
	if (r == 0)
		r = m->sink->add(m->sink->context, NULL, "boot.scr", wrapped, wrapped_size, e);
	m->bytes += wrapped_size;
	return r;
}

static int cut_parts(const struct image *image, uint64_t window, struct script_parts *p, struct err *e)
{
	int r = windows_cut(image, WINDOW_BODY, window, &p->body, e);
	if (r == 0)
		r = windows_cut(image, WINDOW_HEAD, window, &p->head, e);
	if (r == 0)
		r = windows_cut(image, WINDOW_TAIL, window, &p->tail, e);
	if (r == 0)
		r = windows_cut(image, WINDOW_KEY, window, &p->key, e);
	p->image_size = image->front->image_size;
	return r;
}

static void free_parts(struct script_parts *p)
{
	p->body = windows_free(p->body);
	p->head = windows_free(p->head);
	p->tail = windows_free(p->tail);
	p->key = windows_free(p->key);
}

int stick_make(const struct image *image, const struct script_spec *spec, const struct stick_sink *sink,
        uint64_t *bytes, struct err *e)
{
	struct script_parts parts = {0};
	_cleanup_free_ uint8_t *raw = malloc(spec->window + WINDOW_BLOCK);
	size_t room = compressBound(spec->window + WINDOW_BLOCK) + 64;
	_cleanup_free_ uint8_t *packed = malloc(room);
	struct making m = {.image = image,
	        .spec = spec,
	        .sink = sink,
	        .raw = raw,
	        .packed = packed,
	        .packed_room = room};
	int r = raw && packed ? cut_parts(image, spec->window, &parts, e) : err_sys(e, ENOMEM, "a window");
	const struct windows *order[] = {parts.body, parts.head, parts.tail, parts.key};
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(order); i++)
		r = add_windows(&m, order[i], e);
	if (r == 0)
		r = add_script(&m, &parts, e);
	free_parts(&parts);
	*bytes = m.bytes;
	return r;
}
