// SPDX-License-Identifier: MIT
// Makes a bmap 2.0 of a raw image.
#include <errno.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/bmap.h"
#include "image/decode.h"

enum { PIECE = 1024 * 1024 };

// The filesystem's own block size, as the reference has it: below that it has no holes.
static uint64_t block_size(int fd)
{
	int size = 0;
	if (ioctl(fd, FIGETBSZ, &size) < 0 || size < 512 || (size & (size - 1)))
		return 4096;
	return (uint64_t)size;
}

static int refuse_compressed(int fd, const char *name, struct err *e)
{
	const struct decode_ops *ops;
	int r = decode_find(fd, &ops);
	if (r < 0)
		return err_sys(e, -r, "%s: cannot be read", name);
	if (ops != &decode_raw)
		return err_set(e, EINVAL,
		        "%s: is compressed (%s); a bmap is made of the raw image, whose holes it maps", name,
		        ops->name);
	return 0;
}

static int add_range(struct bmap *b, size_t *room, uint64_t first, uint64_t last, struct err *e)
{
	if (b->count && first <= b->ranges[b->count - 1].last + 1) {
		b->ranges[b->count - 1].last = last;
		return 0;
	}
	if (b->count == *room) {
		size_t grown = *room ? 2 * *room : 64;
		struct bmap_range *ranges = reallocarray(b->ranges, grown, sizeof(*ranges));
		if (!ranges)
			return err_sys(e, ENOMEM, "%zu ranges", grown);
		b->ranges = ranges;
		*room = grown;
	}
	b->ranges[b->count++] = (struct bmap_range){.first = first, .last = last};
	return 0;
}

static int map_extents(struct bmap *b, int fd, const char *name, struct err *e)
{
	size_t room = 0;
	for (uint64_t at = 0; at < b->image_size;) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(e, errno, "%s: its holes cannot be seen", name);
		uint64_t first = (uint64_t)data / b->block_size;
		uint64_t last = ((uint64_t)hole - 1) / b->block_size;
		int r = add_range(b, &room, first, last, e);
		if (r < 0)
			return r;
		at = (uint64_t)hole;
	}
	for (size_t i = 0; i < b->count; i++)
		b->mapped_blocks += b->ranges[i].last - b->ranges[i].first + 1;
	return 0;
}

static int hash_range(const struct bmap *b, struct bmap_range *range, int fd, const char *name,
        uint8_t *piece, struct digest *d, struct err *e)
{
	uint64_t at = bmap_range_offset(b, range), end = at + bmap_range_length(b, range);
	digest_reset(d);
	while (at < end) {
		size_t wanted = (size_t)u64_min(PIECE, end - at);
		ssize_t n = fd_pread_all(fd, piece, wanted, at);
		if (n < 0)
			return err_sys(e, (int)-n, "%s: cannot be read at %" PRIu64, name, at);
		if ((size_t)n < wanted)
			return err_set(e, EAGAIN, "%s: became shorter while it was read", name);
		digest_update(d, piece, wanted);
		at += wanted;
	}
	range->digest_size = (uint32_t)digest_final(d, range->digest);
	return 0;
}

static int hash_ranges(struct bmap *b, int fd, const char *name, struct err *e)
{
	_cleanup_free_ uint8_t *piece = malloc(PIECE);
	_cleanup_digest_ struct digest *d = NULL;
	if (!piece)
		return err_sys(e, ENOMEM, "%s", name);
	int r = digest_new(&d, b->checksum_type, e);
	for (size_t i = 0; r == 0 && i < b->count; i++)
		r = hash_range(b, &b->ranges[i], fd, name, piece, d, e);
	return r;
}

int bmap_of_image(int fd, const char *name, struct bmap **out, struct err *e)
{
	struct stat st;
	int r = refuse_compressed(fd, name, e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s: cannot be read", name);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(e, EINVAL, "%s: %s", name,
		        S_ISREG(st.st_mode) ? "is empty" : "is not a regular file");
	_cleanup_bmap_ struct bmap *b = calloc(1, sizeof(*b));
	if (!b)
		return err_sys(e, ENOMEM, "%s", name);
	b->major = 2;
	b->checksum_type = "sha256";
	b->image_size = (uint64_t)st.st_size;
	b->block_size = block_size(fd);
	b->blocks = (b->image_size - 1) / b->block_size + 1;
	r = map_extents(b, fd, name, e);
	if (r == 0)
		r = hash_ranges(b, fd, name, e);
	if (r == 0)
		*out = steal_ptr(&b);
	return r;
}

static void print_range(FILE *f, const struct bmap_range *range)
{
	char hex[DIGEST_HEX_SIZE];
	digest_hex(range->digest, range->digest_size, hex);
	fprintf(f, "        <Range");
	if (range->digest_size)
		fprintf(f, " chksum=\"%s\"", hex);
	if (range->first == range->last)
		fprintf(f, "> %" PRIu64 " </Range>\n", range->first);
	else
		fprintf(f, "> %" PRIu64 "-%" PRIu64 " </Range>\n", range->first, range->last);
}

// Returns where the file's own checksum stands.
static long print_bmap(FILE *f, const struct bmap *b)
{
	fprintf(f, "<?xml version=\"1.0\" ?>\n"
	           "<!-- Which blocks of an image hold data: format 2.0 of\n"
	           "     https://github.com/yoctoproject/bmaptool. The other blocks may hold anything.\n"
	           "     BmapFileChecksum is over this file with its own digits as zeros. -->\n"
	           "<bmap version=\"2.0\">\n");
	fprintf(f, "    <ImageSize> %" PRIu64 " </ImageSize>\n", b->image_size);
	fprintf(f, "    <BlockSize> %" PRIu64 " </BlockSize>\n", b->block_size);
	fprintf(f, "    <BlocksCount> %" PRIu64 " </BlocksCount>\n", b->blocks);
	fprintf(f, "    <MappedBlocksCount> %" PRIu64 " </MappedBlocksCount>\n", b->mapped_blocks);
	fprintf(f, "    <ChecksumType> %s </ChecksumType>\n", b->checksum_type);
	fprintf(f, "    <BmapFileChecksum> ");
	long at = ftell(f);
	fprintf(f, "%0*d </BmapFileChecksum>\n    <BlockMap>\n", SHA256_HEX_SIZE - 1, 0);
	for (size_t i = 0; i < b->count; i++)
		print_range(f, &b->ranges[i]);
	fprintf(f, "    </BlockMap>\n</bmap>\n");
	return at;
}

int bmap_text(const struct bmap *bmap, char **text, size_t *size, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	size_t length = 0;
	FILE *f = open_memstream(&data, &length);
	if (!f)
		return err_sys(e, errno, "a bmap of %zu ranges", bmap->count);
	long at = print_bmap(f, bmap);
	if (fclose(f) != 0 || at < 0)
		return err_sys(e, ENOMEM, "a bmap of %zu ranges", bmap->count);
	uint8_t digest[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	digest_sha256(data, length, digest);
	digest_hex(digest, sizeof(digest), hex);
	memcpy(data + at, hex, SHA256_HEX_SIZE - 1);
	*text = steal_ptr(&data);
	*size = length;
	return 0;
}
