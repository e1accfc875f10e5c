// SPDX-License-Identifier: MIT
// U-Boot's legacy image format (include/image.h there: struct legacy_img_hdr, all numbers big-endian).
#include "image/legacy.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <zlib.h>

#include "base/util.h"

#define LEGACY_MAGIC  UINT32_C(0x27051956)
#define LEGACY_OS     5 // Linux, as mkimage says when it is not told
#define LEGACY_ARCH   2 // ARM; U-Boot does not compare a script's
#define LEGACY_SCRIPT 6

struct legacy_header {
	uint32_t magic, header_crc, time, size, load, entry, data_crc;
	uint8_t os, arch, type, compression;
	char name[32];
};
_Static_assert(sizeof(struct legacy_header) == 64, "the header is 64 bytes");

int legacy_script(
        const char *name, const char *text, size_t size, char **out, size_t *out_size, struct err *e)
{
	// The data of a script: a list of sizes, ended by 0, then the texts.
	// An even number of bytes: U-Boot's net/net.c sums up the last byte of an odd datagram wrongly, and drops the end of
	// such a file for ever when it looks at checksums (CONFIG_UDP_CHECKSUM).
	size_t even = size + size % 2;
	const uint32_t sizes[2] = {htobe32((uint32_t)even), 0};
	struct legacy_header header = {.magic = htobe32(LEGACY_MAGIC),
	        .size = htobe32((uint32_t)(sizeof(sizes) + even)),
	        .os = LEGACY_OS,
	        .arch = LEGACY_ARCH,
	        .type = LEGACY_SCRIPT};
	if (size > INT32_MAX)
		return err_set(e, EFBIG, "a script of %zu bytes is too large", size);
	char *whole = malloc(sizeof(header) + sizeof(sizes) + even);
	if (!whole)
		return err_sys(e, ENOMEM, "a script of %zu bytes", size);
	char *data = whole + sizeof(header);
	memcpy(data, sizes, sizeof(sizes));
	memcpy(data + sizeof(sizes), text, size);
	memset(data + sizeof(sizes) + size, '\n', even - size);
	snprintf(header.name, sizeof(header.name), "%s", name);
	header.data_crc = htobe32((uint32_t)crc32(0, (const Bytef *)data, (uInt)(sizeof(sizes) + even)));
	header.header_crc = htobe32((uint32_t)crc32(0, (const Bytef *)&header, sizeof(header)));
	memcpy(whole, &header, sizeof(header));
	*out = whole;
	*out_size = sizeof(header) + sizeof(sizes) + even;
	return 0;
}
