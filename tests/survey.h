// SPDX-License-Identifier: MIT
// What a codec finds out about bytes before it decodes them.
#ifndef GANGWAY_TESTS_SURVEY_H
#define GANGWAY_TESTS_SURVEY_H

#include <sys/mman.h>

#include "base/fd.h"
#include "check.h"
#include "image/decode.h"

static inline int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("x", MFD_CLOEXEC);
	assert_true(fd >= 0 && fd_write_all(fd, data, size) == 0);
	return fd;
}

static inline struct decode_survey surveyed(const struct decode_ops *ops, const uint8_t *data, size_t size)
{
	struct decode_survey found = {0};
	_cleanup_close_ int fd = memory_file(data, size);
	assert_int_equal(ops->survey(fd, size, 0, &found, NULL), 0);
	return found;
}

#endif
