// SPDX-License-Identifier: MIT
// Serial numbers made by a pattern.
#include "core/serial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Digits of UINT64_MAX: no number is longer.
enum { DIGITS_MAX = 20, WIDTH_MAX = 18 };

struct pattern {
	int before; // characters before the '%'
	int width;  // 0: as many digits as it takes
	const char *after;
};

static bool pattern_read(const char *text, struct pattern *out)
{
	const char *sign = strchr(text, '%');
	if (!sign)
		return false;
	out->before = (int)(sign - text);
	const char *p = sign + 1;
	out->width = 0;
	if (*p == '0') {
		char *end;
		long width = strtol(p + 1, &end, 10);
		if (end == p + 1 || width < 1 || width > WIDTH_MAX)
			return false;
		out->width = (int)width;
		p = end;
	}
	out->after = p + 1;
	return *p == 'u';
}

bool serial_pattern_is_good(const char *text)
{
	struct pattern p;
	return pattern_read(text, &p) && !strchr(p.after, '%') && !strpbrk(text, " \t\r\n") &&
	       (size_t)p.before + strlen(p.after) + DIGITS_MAX < SERIAL_SIZE;
}

void serial_make(const char *text, uint64_t number, char out[SERIAL_SIZE])
{
	struct pattern p = {.after = ""};
	(void)pattern_read(text, &p);
	snprintf(out, SERIAL_SIZE, "%.*s%0*" PRIu64 "%s", p.before, text, p.width, number, p.after);
}
