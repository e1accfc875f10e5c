// SPDX-License-Identifier: MIT
// Block maps: what the XML said, checked until it can be relied on.
#include "image/bmap.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/bmap_xml.h"

static const struct {
	const char *name;
	uint32_t size;
} checksum_types[] = {{"sha1", 20}, {"sha224", 28}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}};

struct bmap *bmap_free(struct bmap *bmap)
{
	if (bmap)
		free(bmap->ranges);
	free(bmap);
	return NULL;
}

uint64_t bmap_range_offset(const struct bmap *bmap, const struct bmap_range *range)
{
	return range->first * bmap->block_size;
}

uint64_t bmap_range_length(const struct bmap *bmap, const struct bmap_range *range)
{
	uint64_t blocks_end = (range->last + 1) * bmap->block_size;
	return u64_min(blocks_end, bmap->image_size) - bmap_range_offset(bmap, range);
}

int bmap_plan(const struct bmap *b, struct plan_range **out, struct err *e)
{
	struct plan_range *ranges = calloc(b->count + 1, sizeof(*ranges));
	if (!ranges)
		return err_sys(e, ENOMEM, "%zu ranges", b->count);
	for (size_t i = 0; i < b->count; i++)
		ranges[i] = (struct plan_range){.offset = bmap_range_offset(b, &b->ranges[i]),
		        .length = bmap_range_length(b, &b->ranges[i])};
	*out = ranges;
	return 0;
}

static int field_number(
        const char *name, const struct bmap_xml *xml, enum bmap_field field, uint64_t *out, struct err *e)
{
	const struct bmap_value *value = &xml->fields[field];
	const char *text = value->text;
	bool overflow = false;
	if (!value->line)
		return bmap_bad(e, name, xml->end_line, "has no <%s>", bmap_field_name(field));
	if (!bmap_number(&text, out, &overflow) || *text)
		return bmap_bad(e, name, value->line,
		        overflow ? "%s '%.60s' does not fit 64 bits" : "%s '%.60s' is not a number",
		        bmap_field_name(field), value->text);
	return 0;
}

static int take_sizes(const char *name, const struct bmap_xml *xml, struct bmap *b, struct err *e)
{
	int r = field_number(name, xml, BMAP_IMAGE_SIZE, &b->image_size, e);
	if (r == 0)
		r = field_number(name, xml, BMAP_BLOCK_SIZE, &b->block_size, e);
	if (r == 0)
		r = field_number(name, xml, BMAP_BLOCKS_COUNT, &b->blocks, e);
	if (r == 0)
		r = field_number(name, xml, BMAP_MAPPED_COUNT, &b->mapped_blocks, e);
	if (r < 0)
		return r;
	const struct bmap_value *f = xml->fields;
	if (b->image_size == 0 || b->image_size > INT64_MAX)
		return bmap_bad(
		        e, name, f[BMAP_IMAGE_SIZE].line, "ImageSize %" PRIu64 " cannot be", b->image_size);
	// Boards have sectors of 512 bytes or more, and a block is what some filesystem had.
	if (b->block_size < 512 || b->block_size > GIB || (b->block_size & (b->block_size - 1)))
		return bmap_bad(e, name, f[BMAP_BLOCK_SIZE].line,
		        "BlockSize %" PRIu64 " is not a power of two from 512 bytes to 1 GiB", b->block_size);
	uint64_t blocks = (b->image_size - 1) / b->block_size + 1;
	if (b->blocks != blocks)
		return bmap_bad(e, name, f[BMAP_BLOCKS_COUNT].line,
		        "BlocksCount is %" PRIu64 ", but ImageSize and BlockSize make %" PRIu64 " blocks",
		        b->blocks, blocks);
	return 0;
}

// The table's own string for a known type, else "".
static const char *known_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(checksum_types); i++)
		if (!strcmp(type, checksum_types[i].name))
			return checksum_types[i].name;
	return "";
}

static uint32_t checksum_size(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(checksum_types); i++)
		if (!strcmp(type, checksum_types[i].name))
			return checksum_types[i].size;
	return 0;
}

// Which hash the version uses: none (1.0), SHA-1 by rule (to 1.3), or what ChecksumType says.
static int take_type(const char *name, const struct bmap_xml *xml, struct bmap *b, struct err *e)
{
	const struct bmap_value *type = &xml->fields[BMAP_CHECKSUM_TYPE];
	if (b->major == 1 && b->minor < 4) {
		b->checksum_type = b->minor >= 1 ? "sha1" : "";
		return 0;
	}
	if (!type->line)
		return bmap_bad(e, name, xml->end_line, "has no <ChecksumType>");
	b->checksum_type = known_type(type->text);
	if (!*b->checksum_type)
		return bmap_bad(e, name, type->line,
		        "ChecksumType '%.40s' is not one of sha1, sha224, sha256, sha384, sha512",
		        type->text);
	return 0;
}

static int take_range(const char *name, const struct bmap *b, const struct bmap_range *range,
        const struct bmap_range *before, struct err *e)
{
	int line = (int)range->line;
	if (range->last < range->first)
		return bmap_bad(e, name, line, "range %" PRIu64 "-%" PRIu64 " ends before it starts",
		        range->first, range->last);
	if (range->last >= b->blocks)
		return bmap_bad(e, name, line,
		        "range %" PRIu64 "-%" PRIu64 " goes past the image's %" PRIu64 " blocks",
		        range->first, range->last, b->blocks);
	if (before && range->first <= before->last)
		return bmap_bad(e, name, line,
		        range->last < before->first ? "range %" PRIu64 "-%" PRIu64 " stands behind %" PRIu64
		                                      "-%" PRIu64 ": not in order"
		                                    : "range %" PRIu64 "-%" PRIu64 " overlaps %" PRIu64
		                                      "-%" PRIu64,
		        range->first, range->last, before->first, before->last);
	uint32_t size = checksum_size(b->checksum_type);
	if (range->digest_size && size && range->digest_size != size)
		return bmap_bad(e, name, line, "range digest has %u digits, %s has %u",
		        2 * range->digest_size, b->checksum_type, 2 * size);
	if (range->digest_size && !size)
		return bmap_bad(e, name, line, "a bmap %u.%u has no range digests", b->major, b->minor);
	return 0;
}

static int take_ranges(const char *name, const struct bmap_xml *xml, struct bmap *b, struct err *e)
{
	uint64_t mapped = 0;
	if (!xml->has_map)
		return bmap_bad(e, name, xml->end_line, "has no <BlockMap>");
	for (size_t i = 0; i < b->count; i++) {
		const struct bmap_range *range = &b->ranges[i];
		int r = take_range(name, b, range, i ? range - 1 : NULL, e);
		if (r < 0)
			return r;
		mapped += range->last - range->first + 1;
	}
	if (mapped != b->mapped_blocks)
		return bmap_bad(e, name, xml->fields[BMAP_MAPPED_COUNT].line,
		        "MappedBlocksCount is %" PRIu64 ", but the ranges hold %" PRIu64 " blocks",
		        b->mapped_blocks, mapped);
	return 0;
}

// The checksum is over all bytes of the file with the digest's own digits as ASCII zeros; the reference takes the
// first place where that text stands, and so does this.
static int check_file(const char *name, const char *data, size_t size, const struct bmap_xml *xml,
        const struct bmap *b, struct err *e)
{
	if (b->major == 1 && b->minor < 3)
		return 0;
	enum bmap_field field = b->major == 1 && b->minor == 3 ? BMAP_FILE_SHA1 : BMAP_FILE_CHECKSUM;
	const struct bmap_value *value = &xml->fields[field];
	uint8_t wanted[DIGEST_MAX_SIZE], got[DIGEST_MAX_SIZE];
	size_t digest_bytes = checksum_size(b->checksum_type), digits = strlen(value->text);
	static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000"
	                            "0000000000000000000000000000000000000000000000000000000000000000";
	if (!value->line)
		return bmap_bad(e, name, xml->end_line, "has no <%s>", bmap_field_name(field));
	if (digits != 2 * digest_bytes || !digest_from_hex(value->text, wanted, digest_bytes))
		return bmap_bad(e, name, value->line, "%s '%.80s' is not a %s digest", bmap_field_name(field),
		        value->text, b->checksum_type);
	const char *at = memmem(data, size, value->text, digits);
	if (!at)
		return bmap_bad(
		        e, name, value->line, "%s is not written as plain digits", bmap_field_name(field));
	_cleanup_digest_ struct digest *d = NULL;
	int r = digest_new(&d, b->checksum_type, e);
	if (r < 0)
		return r;
	digest_update(d, data, (size_t)(at - data));
	digest_update(d, zeros, digits);
	digest_update(d, at + digits, size - (size_t)(at - data) - digits);
	digest_final(d, got);
	if (memcmp(wanted, got, digest_bytes) != 0)
		return bmap_bad(e, name, value->line,
		        "%s does not match: the bmap was changed or damaged; get a good copy",
		        bmap_field_name(field));
	return 0;
}

int bmap_parse(const char *name, const char *data, size_t size, struct bmap **out, struct err *e)
{
	struct bmap_xml xml;
	if (size > BMAP_FILE_MAX)
		return bmap_bad(e, name, 0, "is larger than the %" PRIu64 " MiB a bmap may have",
		        BMAP_FILE_MAX / MIB);
	int r = bmap_xml_read(name, data, size, &xml, e);
	if (r < 0)
		return r;
	_cleanup_bmap_ struct bmap *b = calloc(1, sizeof(*b));
	if (!b) {
		free(xml.ranges);
		return err_sys(e, ENOMEM, "%s", name);
	}
	b->major = xml.major;
	b->minor = xml.minor;
	b->ranges = xml.ranges;
	b->count = xml.count;
	r = take_sizes(name, &xml, b, e);
	if (r == 0)
		r = take_type(name, &xml, b, e);
	if (r == 0)
		r = take_ranges(name, &xml, b, e);
	if (r == 0)
		r = check_file(name, data, size, &xml, b, e);
	if (r == 0)
		*out = steal_ptr(&b);
	return r;
}

int bmap_load(int fd, const char *name, uint8_t sha256[DIGEST_SHA256_SIZE], struct bmap **out, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s: cannot be read", name);
	if (!S_ISREG(st.st_mode))
		return bmap_bad(e, name, 0, "is not a regular file");
	if ((uint64_t)st.st_size > BMAP_FILE_MAX)
		return bmap_bad(e, name, 0, "is larger than the %" PRIu64 " MiB a bmap may have",
		        BMAP_FILE_MAX / MIB);
	_cleanup_free_ char *data = malloc((size_t)st.st_size + 1);
	if (!data)
		return err_sys(e, ENOMEM, "%s", name);
	ssize_t n = fd_pread_all(fd, data, (size_t)st.st_size, 0);
	if (n < 0)
		return err_sys(e, (int)-n, "%s: cannot be read", name);
	digest_sha256(data, (size_t)n, sha256);
	return bmap_parse(name, data, (size_t)n, out, e);
}
