// SPDX-License-Identifier: MIT
// Errors: one line that names the thing, the reason and the next step.
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// An error's text is one line, whatever file name was put into it.
static void err_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static int err_fill(struct err *e, int num, int failure, const char *format, va_list ap)
{
	if (num <= 0)
		num = EIO;
	if (e) {
		e->num = num;
		e->failure = failure;
		vsnprintf(e->text, sizeof(e->text), format, ap);
		err_one_line(e->text);
	}
	return -num;
}

int err_set(struct err *e, int num, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int r = err_fill(e, num, 0, format, ap);
	va_end(ap);
	return r;
}

int err_fail(struct err *e, int num, int failure, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int r = err_fill(e, num, failure, format, ap);
	va_end(ap);
	return r;
}

int err_sys(struct err *e, int num, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int r = err_fill(e, num, 0, format, ap);
	va_end(ap);
	if (e) {
		size_t used = strlen(e->text);
		snprintf(e->text + used, sizeof(e->text) - used, ": %s", strerror(-r));
	}
	return r;
}

int err_prefix(struct err *e, const char *format, ...)
{
	if (!e)
		return -EIO;
	char old[sizeof(e->text)];
	memcpy(old, e->text, sizeof(old));
	va_list ap;
	va_start(ap, format);
	vsnprintf(e->text, sizeof(e->text), format, ap);
	va_end(ap);
	err_one_line(e->text);
	size_t used = strlen(e->text);
	snprintf(e->text + used, sizeof(e->text) - used, ": %s", old);
	return -e->num;
}
