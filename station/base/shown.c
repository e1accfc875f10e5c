// SPDX-License-Identifier: MIT
// Names as they may be shown.
#include "base/shown.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// Controls of ASCII and of ISO 6429's second set, which terminals obey, too.
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

// The length of the sequence that begins here, if it is one and may be shown; else 0. RFC 3629, 4.
static size_t sequence(const unsigned char *p)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c = n == 1 ? *p : *p & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	bool surrogate = c >= 0xd800 && c < 0xe000;
	return n && c >= least[n] && c <= 0x10ffff && !surrogate && !is_control(c) ? n : 0;
}

const char *shown_text(const char *raw, char *out, size_t size)
{
	const unsigned char *p = (const unsigned char *)raw;
	size_t used = 0;
	while (*p) {
		char part[8];
		size_t n = sequence(p), length = n ? n : 4;
		if (n)
			memcpy(part, p, n);
		else
			snprintf(part, sizeof(part), "\\x%02x", *p);
		if (used + length >= size)
			break;
		memcpy(out + used, part, length);
		used += length;
		p += n ? n : 1;
	}
	if (size)
		out[used] = '\0';
	return out;
}
