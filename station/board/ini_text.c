// SPDX-License-Identifier: MIT
// Ini files as people write them: a station's configuration, a fixture's profile.
#include "board/ini_text.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

enum { INI_LINE_MAX = 256 }; // more than inih's

struct reading {
	const char *rest, *start; // behind and at the beginning of the line that inih has now
	int line;                 // the one that inih has now; once something is wrong, that one
	bool wrong;
	int result;
	ini_setting_fn fn;
	ini_whole_fn whole;
	void *context;
	struct err e;
};

static char *give_up(struct reading *r, int result)
{
	r->wrong = true;
	r->result = result;
	return NULL;
}

// inih's reader, as fgets().
static char *next_line(char *line, int size, void *stream)
{
	struct reading *r = stream;
	size_t length;
	if (r->wrong || !*r->rest)
		return NULL;
	r->line++;
	r->rest += strspn(r->rest, " \t");
	r->start = r->rest;
	length = strcspn(r->rest, "\n");
	if (length >= (size_t)size - 1)
		return give_up(r, err_set(&r->e, EINVAL, "longer than %d bytes; shorten it", size - 2));
	memcpy(line, r->rest, length);
	line[length] = 0;
	r->rest += length + (r->rest[length] == '\n');
	return line;
}

// What stands behind the line's '=', to its end: inih ends a value before " ;" (INI_INLINE_COMMENT_PREFIXES in its ini.h).
static void whole_value(const struct reading *r, char *value, size_t size)
{
	const char *start = r->start + strcspn(r->start, "=:") + 1;
	const char *end = start + strcspn(start, "\n");
	start += strspn(start, " \t");
	while (end > start && strchr(" \t\r", end[-1]))
		end--;
	snprintf(value, size, "%.*s", (int)(end - start), start);
}

// inih's handler: 0 is an error.
static int on_setting(void *context, const char *section, const char *key, const char *value)
{
	struct reading *r = context;
	char whole[INI_LINE_MAX];
	if (r->whole && r->whole(section, key)) {
		whole_value(r, whole, sizeof(whole));
		value = whole;
	}
	int result =
	        section[0] ? r->fn(r->context, section, key, value, &r->e)
	                   : err_set(&r->e, EINVAL, "'%s' belongs to no [section]; say which above it", key);
	if (result < 0)
		give_up(r, result);
	return result == 0;
}

int ini_text_read(const char *path, const char *text, ini_setting_fn fn, ini_whole_fn whole, void *context,
        struct err *e)
{
	struct reading r = {.rest = text, .fn = fn, .whole = whole, .context = context};
	int line = ini_parse_stream(next_line, &r, on_setting, &r);
	if (line > 0 && (!r.wrong || line < r.line)) // inih goes on behind what it does not understand
		return err_set(e, EINVAL, "%s, line %d: not 'key = value' and not a [section]", path, line);
	if (line < 0)
		return err_sys(e, ENOMEM, "%s", path);
	return r.wrong ? err_set(e, -r.result, "%s, line %d: %s", path, r.line, r.e.text) : 0;
}
