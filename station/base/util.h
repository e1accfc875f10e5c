// SPDX-License-Identifier: MIT
// Small things every room uses: cleanup attributes, sizes, bounds.
#ifndef GANGWAY_BASE_UTIL_H
#define GANGWAY_BASE_UTIL_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KIB           UINT64_C(1024)
#define MIB           (1024 * KIB)
#define GIB           (1024 * MIB)

// _cleanup_(f): f(&variable) runs when the variable leaves its scope.
#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void freep(void *p)
{
	void *memory;
	memcpy(&memory, p, sizeof(memory));
	free(memory);
}
static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}
static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
#define _cleanup_free_     _cleanup_(freep)
#define _cleanup_close_    _cleanup_(closep)
#define _cleanup_fclose_   _cleanup_(fclosep)
#define _cleanup_closedir_ _cleanup_(closedirp)

// Hands a resource over to the caller: the value, with the variable left empty.
#define steal_fd(fdp)                   \
	__extension__({                 \
		int steal_fd_ = *(fdp); \
		*(fdp) = -1;            \
		steal_fd_;              \
	})
#define steal_ptr(pp)                                 \
	__extension__({                               \
		__typeof__(*(pp)) steal_ptr_ = *(pp); \
		*(pp) = NULL;                         \
		steal_ptr_;                           \
	})

static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}
static inline uint64_t u64_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
// align is a power of two.
static inline uint64_t u64_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}
static inline uint64_t u64_up(uint64_t v, uint64_t align)
{
	return u64_down(v + align - 1, align);
}

// Takes off the piece of a UTF-8 sequence (RFC 3629, 3) that a cut has left at the end: with it, it would be no JSON text.
static inline void str_mend_end(char *text)
{
	size_t length = strlen(text), at = length;
	while (at > 0 && length - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
		at--;
	unsigned char lead = at ? (unsigned char)text[at - 1] : 0;
	size_t wants = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	if (length - at < wants)
		text[at - 1] = '\0';
}

// Copies a string into a fixed field, always terminated; what does not fit is cut, between two characters.
static inline void str_copy(char *to, size_t size, const char *from)
{
	if (snprintf(to, size, "%s", from ? from : "") >= (int)size)
		str_mend_end(to);
}
#define STR_COPY(array, from) str_copy((array), sizeof(array), (from))

#endif
