// SPDX-License-Identifier: MIT
// The XML side of a bmap: text values with their lines, before any of them is believed.
#ifndef GANGWAY_IMAGE_BMAP_XML_H
#define GANGWAY_IMAGE_BMAP_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/bmap.h"

enum bmap_field {
	BMAP_IMAGE_SIZE,
	BMAP_BLOCK_SIZE,
	BMAP_BLOCKS_COUNT,
	BMAP_MAPPED_COUNT,
	BMAP_CHECKSUM_TYPE,
	BMAP_FILE_CHECKSUM,
	BMAP_FILE_SHA1,
	BMAP_FIELDS
};

struct bmap_value {
	char text[160]; // white space at both ends cut; "" and line 0: not there
	int line;
};

struct bmap_xml {
	unsigned major, minor;
	struct bmap_value fields[BMAP_FIELDS];
	bool has_map;
	int end_line;
	struct bmap_range *ranges; // in the file's order, nothing checked but the numbers' form; the caller's
	size_t count;
};

const char *bmap_field_name(enum bmap_field field);

// "NAME:LINE: ..." (line 0: "NAME: ...") as FAILURE_IMPORT_FAILED.
int bmap_bad(struct err *e, const char *name, int line, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

// White space, decimal digits, white space. False where something else stands or 64 bits do not hold it (*overflow).
bool bmap_number(const char **text, uint64_t *value, bool *overflow);

// No network, no DOCTYPE (so no entities), bounded depth and value lengths. On failure nothing is to be freed.
int bmap_xml_read(const char *name, const char *data, size_t size, struct bmap_xml *out, struct err *e);

#endif
