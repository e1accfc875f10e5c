// SPDX-License-Identifier: MIT
// The XML side of a bmap: a SAX reader, so that memory is bounded by what is kept and a fault stops it at once.
#include "image/bmap_xml.h"

#include <ctype.h>
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdarg.h>

#include "core/failure.h"
#include "image/late_xml.h"

enum { DEPTH_MAX = 8, FEED_BYTES = 64 * 1024 };

struct reader {
	const char *name;
	xmlParserCtxtPtr parser;
	struct bmap_xml *xml;
	struct err *e;
	int failed; // -errno; the parser is being stopped
	int depth;
	int field;   // the enum bmap_field being read, -1: none
	bool in_map; // inside <BlockMap>
	bool in_range;
	int value_line;
	char value[160];
	size_t value_size;
	struct bmap_range range;
	size_t room;
};

static const char *const field_names[BMAP_FIELDS] = {
        [BMAP_IMAGE_SIZE] = "ImageSize",
        [BMAP_BLOCK_SIZE] = "BlockSize",
        [BMAP_BLOCKS_COUNT] = "BlocksCount",
        [BMAP_MAPPED_COUNT] = "MappedBlocksCount",
        [BMAP_CHECKSUM_TYPE] = "ChecksumType",
        [BMAP_FILE_CHECKSUM] = "BmapFileChecksum",
        [BMAP_FILE_SHA1] = "BmapFileSHA1",
};

const char *bmap_field_name(enum bmap_field field)
{
	return field_names[field];
}

int bmap_bad(struct err *e, const char *name, int line, const char *format, ...)
{
	char text[360];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (line > 0)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED, "%s:%d: %s", name, line, text);
	return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED, "%s: %s", name, text);
}

bool bmap_number(const char **text, uint64_t *value, bool *overflow)
{
	const char *p = *text;
	while (isspace((unsigned char)*p))
		p++;
	if (!isdigit((unsigned char)*p))
		return false;
	uint64_t v = 0;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v)) {
			*overflow = true;
			return false;
		}
	while (isspace((unsigned char)*p))
		p++;
	*text = p;
	*value = v;
	return true;
}

static int line_now(const struct reader *r)
{
	return r->parser->input ? r->parser->input->line : 0;
}

#define stop(r, ...)                                                                         \
	do {                                                                                 \
		if (!(r)->failed) {                                                          \
			(r)->failed = bmap_bad((r)->e, (r)->name, line_now(r), __VA_ARGS__); \
			xmlStopParser((r)->parser);                                          \
		}                                                                            \
	} while (0)

static bool is_name(const xmlChar *name, const char *wanted)
{
	return !strcmp((const char *)name, wanted);
}

// Attributes come as libxml2's five pointers each: name, prefix, URI, value, its end. False: not there, or too long.
static bool attribute(const xmlChar **attributes, int count, const char *wanted, char *out, size_t size)
{
	for (int i = 0; i < count; i++) {
		const xmlChar **a = attributes + 5 * i;
		if (!is_name(a[0], wanted))
			continue;
		ptrdiff_t length = a[4] - a[3];
		snprintf(out, size, "%.*s", (int)(length < (ptrdiff_t)size ? length : (ptrdiff_t)size - 1),
		        (const char *)a[3]);
		return true;
	}
	return false;
}

static void open_root(struct reader *r, const xmlChar *name, const xmlChar **attributes, int count)
{
	char version[32];
	int used = 0;
	if (!is_name(name, "bmap"))
		stop(r, "is not a bmap: its root element is not <bmap>");
	else if (!attribute(attributes, count, "version", version, sizeof(version)))
		stop(r, "<bmap> has no version");
	else if (sscanf(version, "%4u.%4u%n", &r->xml->major, &r->xml->minor, &used) != 2 || version[used] ||
	         version[0] < '0' || version[0] > '9')
		stop(r, "version '%s' is not of the form 2.0", version);
	else if (r->xml->major < 1 || r->xml->major > 2)
		stop(r, "bmap version %s is not known; versions 1.0 to 2.0 are", version);
}

static bool uses_chksum(const struct bmap_xml *xml)
{
	return xml->major > 1 || xml->minor >= 4;
}

static void open_range(struct reader *r, const xmlChar **attributes, int count)
{
	char hex[DIGEST_HEX_SIZE + 2];
	const char *wanted = uses_chksum(r->xml) ? "chksum" : "sha1";
	const char *other = uses_chksum(r->xml) ? "sha1" : "chksum";
	r->in_range = true;
	r->range = (struct bmap_range){.line = (uint32_t)line_now(r)};
	if (attribute(attributes, count, other, hex, sizeof(hex))) {
		stop(r, "a bmap %u.%u has no '%s' on its ranges; the digest would not be checked",
		        r->xml->major, r->xml->minor, other);
		return;
	}
	if (!attribute(attributes, count, wanted, hex, sizeof(hex)))
		return;
	size_t digits = strlen(hex);
	if (digits == 0 || digits % 2 || digits > DIGEST_HEX_SIZE - 1 ||
	        !digest_from_hex(hex, r->range.digest, digits / 2))
		stop(r, "range digest '%.80s' is malformed", hex);
	r->range.digest_size = (uint32_t)(digits / 2);
}

static void open_field(struct reader *r, const xmlChar *name)
{
	for (int i = 0; i < BMAP_FIELDS; i++) {
		if (!is_name(name, field_names[i]))
			continue;
		if (r->xml->fields[i].line)
			stop(r, "<%s> stands twice", field_names[i]);
		r->field = i;
	}
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int ns,
        const xmlChar **namespaces, int count, int defaulted, const xmlChar **attributes)
{
	struct reader *r = context;
	(void)prefix, (void)uri, (void)ns, (void)namespaces, (void)defaulted;
	if (r->failed)
		return;
	r->value_size = 0;
	r->value_line = line_now(r);
	if (++r->depth > DEPTH_MAX)
		stop(r, "elements are nested deeper than a bmap's");
	else if (r->depth > 1 && (r->field >= 0 || r->in_range))
		stop(r, "<%.40s> stands inside a value", (const char *)name);
	else if (r->depth == 1)
		open_root(r, name, attributes, count);
	else if (r->depth == 2 && is_name(name, "BlockMap")) {
		if (r->xml->has_map)
			stop(r, "<BlockMap> stands twice");
		r->xml->has_map = r->in_map = true;
	} else if (r->depth == 2)
		open_field(r, name);
	else if (r->depth == 3 && r->in_map && is_name(name, "Range"))
		open_range(r, attributes, count);
}

static void on_text(void *context, const xmlChar *text, int length)
{
	struct reader *r = context;
	if (r->failed || (r->field < 0 && !r->in_range))
		return;
	size_t n = (size_t)length;
	if (n >= sizeof(r->value) - r->value_size) {
		stop(r, "<%s> is too long", r->in_range ? "Range" : field_names[r->field]);
		return;
	}
	memcpy(r->value + r->value_size, text, n);
	r->value_size += n;
}

static void finish_range(struct reader *r)
{
	const char *p = r->value;
	bool overflow = false;
	bool good = bmap_number(&p, &r->range.first, &overflow);
	r->range.last = r->range.first;
	if (good && *p == '-') {
		p++;
		good = bmap_number(&p, &r->range.last, &overflow);
	}
	if (overflow)
		stop(r, "range '%.60s': a number does not fit 64 bits", r->value);
	else if (!good || *p)
		stop(r, "range '%.60s' is not of the form N or N-M", r->value);
	if (r->failed)
		return;
	if (r->xml->count == r->room) {
		size_t room = r->room ? 2 * r->room : 256;
		struct bmap_range *grown = reallocarray(r->xml->ranges, room, sizeof(*grown));
		if (!grown) {
			stop(r, "no memory for %zu ranges", room);
			return;
		}
		r->xml->ranges = grown;
		r->room = room;
	}
	r->xml->ranges[r->xml->count++] = r->range;
}

static void finish_field(struct reader *r)
{
	struct bmap_value *value = &r->xml->fields[r->field];
	const char *from = r->value, *end = r->value + r->value_size;
	while (from < end && isspace((unsigned char)*from))
		from++;
	while (end > from && isspace((unsigned char)end[-1]))
		end--;
	memcpy(value->text, from, (size_t)(end - from));
	value->line = r->value_line;
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reader *r = context;
	(void)name, (void)prefix, (void)uri;
	if (r->failed)
		return;
	r->value[r->value_size] = '\0';
	if (r->in_range)
		finish_range(r);
	else if (r->field >= 0)
		finish_field(r);
	if (r->depth == 2)
		r->in_map = false;
	r->in_range = false;
	r->field = -1;
	r->depth--;
	r->xml->end_line = line_now(r);
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
	struct reader *r = context;
	(void)name, (void)id, (void)system;
	stop(r, "has a DOCTYPE, which a bmap never has; entities are not read");
}

static void on_entity(void *context, const xmlChar *name)
{
	struct reader *r = context;
	stop(r, "has the entity '%.40s'; entities are not read", (const char *)name);
}

static void on_error(void *context, xmlErrorPtr error)
{
	struct reader *r = context;
	if (error->level < XML_ERR_ERROR || r->failed)
		return;
	char text[200];
	STR_COPY(text, error->message);
	text[strcspn(text, "\n")] = '\0';
	stop(r, "is not well-formed XML: %s", text);
}

static void feed(struct reader *r, const char *data, size_t size)
{
	for (size_t at = 0; at < size && !r->failed; at += FEED_BYTES) {
		size_t n = (size_t)u64_min(FEED_BYTES, size - at);
		xmlParseChunk(r->parser, data + at, (int)n, 0);
	}
	if (!r->failed)
		xmlParseChunk(r->parser, NULL, 0, 1);
	if (!r->failed && !r->parser->wellFormed)
		stop(r, "is not well-formed XML");
}

int bmap_xml_read(const char *name, const char *data, size_t size, struct bmap_xml *out, struct err *e)
{
	*out = (struct bmap_xml){0};
	if (size == 0)
		return bmap_bad(e, name, 0, "is empty");
	int loaded = late_xml_load(e);
	if (loaded < 0)
		return loaded;
	struct reader r = {.name = name, .xml = out, .e = e, .field = -1};
	xmlSAXHandler sax = {
	        .initialized = XML_SAX2_MAGIC,
	        .startElementNs = on_start,
	        .endElementNs = on_end,
	        .characters = on_text,
	        .cdataBlock = on_text,
	        .internalSubset = on_doctype,
	        .reference = on_entity,
	        .serror = on_error,
	};
	r.parser = xmlCreatePushParserCtxt(&sax, &r, NULL, 0, NULL);
	if (!r.parser)
		return bmap_bad(e, name, 0, "no memory to parse it");
	xmlCtxtUseOptions(r.parser, XML_PARSE_NONET);
	feed(&r, data, size);
	xmlFreeParserCtxt(r.parser);
	if (r.failed) {
		free(out->ranges);
		out->ranges = NULL;
	}
	return r.failed;
}
