// SPDX-License-Identifier: MIT
// A file's bytes in memory.
#ifndef GANGWAY_TESTS_BYTES_H
#define GANGWAY_TESTS_BYTES_H

#include "base/fd.h"
#include "check.h"

struct bytes {
	uint8_t *data;
	size_t size;
};

// The caller frees its data.
static inline struct bytes read_all(const char *path)
{
	char *data;
	struct bytes bytes = {0};
	assert_int_equal(fd_read_file(path, 16 * MIB, &data, &bytes.size, NULL), 0);
	bytes.data = (uint8_t *)data;
	return bytes;
}

#endif
