// SPDX-License-Identifier: MIT
// The patterns of serial numbers: learned, checked, matched.
#include <stdio.h>
#include <string.h>

#include "core/signature.h"

enum { REPEAT_MAX = 63 }; // a serial number has no more

// One item of a pattern but '*': which characters, how often.
struct item {
	bool has[256];
	unsigned count;
};

// "[0-9A-F]" from behind the bracket; the place behind its end, NULL: it has none.
static const char *read_class(const char *p, struct item *item)
{
	bool inverted = *p == '!';
	p += inverted;
	const char *first = p;
	for (; *p && (*p != ']' || p == first); p++) {
		unsigned char from = (unsigned char)*p, to = from;
		if (p[1] == '-' && p[2] && p[2] != ']') {
			to = (unsigned char)p[2];
			p += 2;
		}
		for (unsigned c = from; c <= to; c++)
			item->has[c] = true;
	}
	for (unsigned c = 1; inverted && c < 256; c++)
		item->has[c] = !item->has[c];
	return *p ? p + 1 : NULL;
}

// "{12}", if there is one.
static const char *read_count(const char *p, struct item *item)
{
	item->count = 1;
	if (*p != '{')
		return p;
	unsigned count = 0;
	const char *digit = p + 1;
	for (; *digit >= '0' && *digit <= '9' && count <= REPEAT_MAX; digit++)
		count = count * 10 + (unsigned)(*digit - '0');
	if (*digit != '}' || count < 1 || count > REPEAT_MAX)
		return NULL;
	item->count = count;
	return digit + 1;
}

// The item at p, which is neither at the end nor a '*'; the place behind it, NULL: it is none.
static const char *read_item(const char *p, struct item *item)
{
	memset(item, 0, sizeof(*item));
	switch (*p) {
	case '[': p = read_class(p + 1, item); break;
	case '?':
		memset(item->has + 1, true, sizeof(item->has) - 1);
		p++;
		break;
	case '{': return NULL;
	case '\\':
		if (!*++p)
			return NULL;
		// fall through
	default: item->has[(unsigned char)*p++] = true;
	}
	return p ? read_count(p, item) : NULL;
}

bool signature_pattern_valid(const char *pattern)
{
	struct item item;
	while (pattern && *pattern)
		pattern = *pattern == '*' ? pattern + 1 : read_item(pattern, &item);
	return pattern != NULL;
}

static bool item_fits(const struct item *item, const char *text)
{
	for (unsigned i = 0; i < item->count; i++)
		if (!text[i] || !item->has[(unsigned char)text[i]])
			return false;
	return true;
}

// All items have a fixed length, so going back to the last '*' is all the going back there is.
bool signature_pattern_fits(const char *p, const char *text)
{
	const char *star = NULL, *back = NULL;
	struct item item;
	for (;;) {
		const char *next = *p && *p != '*' ? read_item(p, &item) : NULL;
		if (*p == '*') {
			star = ++p;
			back = text;
		} else if (next && item_fits(&item, text)) {
			text += item.count;
			p = next;
		} else if (!*p && !*text) {
			return true;
		} else if (star && *back) {
			p = star;
			text = ++back;
		} else {
			return false;
		}
	}
}

// --- learn -------------------------------------------------------------------------------------------------

enum class {
	CLASS_OTHER = 0,
	CLASS_DIGIT = 1 << 0,
	CLASS_UPPER = 1 << 1,
	CLASS_LOWER = 1 << 2,
	CLASS_BEYOND_HEX = 1 << 3, // a letter that is no hex digit
};

static unsigned class_of(char c)
{
	if (c >= '0' && c <= '9')
		return CLASS_DIGIT;
	if (c >= 'A' && c <= 'Z')
		return CLASS_UPPER | (c > 'F' ? CLASS_BEYOND_HEX : 0);
	if (c >= 'a' && c <= 'z')
		return CLASS_LOWER | (c > 'f' ? CLASS_BEYOND_HEX : 0);
	return CLASS_OTHER;
}

// What a run of letters and digits is made of, its length, and how often one kind follows the other.
struct run {
	size_t length;
	unsigned classes, turns;
};

static struct run run_at(const char *text)
{
	struct run run = {0};
	unsigned last = 0;
	for (; class_of(text[run.length]); run.length++) {
		unsigned kind = class_of(text[run.length]) & ~(unsigned)CLASS_BEYOND_HEX;
		run.turns += last && kind != last;
		last = kind;
		run.classes |= class_of(text[run.length]);
	}
	return run;
}

static size_t put(char *to, size_t size, unsigned classes, bool hex, size_t length)
{
	int n = snprintf(to, size, "[%s%s%s]", classes & CLASS_DIGIT ? "0-9" : "",
	        classes & CLASS_UPPER ? (hex ? "A-F" : "A-Z") : "",
	        classes & CLASS_LOWER ? (hex ? "a-f" : "a-z") : "");
	if (n > 0 && (size_t)n < size && length > 1)
		n += snprintf(to + n, size - (size_t)n, "{%zu}", length);
	return n > 0 ? (size_t)n : 0;
}

// A run that turns once or never is cut at the turn (a prefix and a number); one of mixed characters is one class.
static size_t learn_run(const char *text, const struct run *run, char *to, size_t size)
{
	bool both_cases = (run->classes & CLASS_UPPER) && (run->classes & CLASS_LOWER);
	bool hex = (run->classes & CLASS_DIGIT) && (run->classes & (CLASS_UPPER | CLASS_LOWER)) &&
	           !(run->classes & CLASS_BEYOND_HEX) && !both_cases && run->length >= 8;
	if (hex || run->turns > 1)
		return put(to, size, run->classes, hex, run->length);
	size_t used = 0;
	for (size_t at = 0, n; at < run->length && used < size; at += n) {
		unsigned kind = class_of(text[at]) & ~(unsigned)CLASS_BEYOND_HEX;
		for (n = 1; at + n < run->length && (class_of(text[at + n]) & kind); n++)
			;
		used += put(to + used, size - used, kind, false, n);
	}
	return used;
}

void signature_pattern_learn(const char *serial, char *pattern, size_t size)
{
	size_t used = 0;
	while (*serial && used < size) {
		struct run run = run_at(serial);
		if (run.length) {
			used += learn_run(serial, &run, pattern + used, size - used);
			serial += run.length;
		} else {
			int n = snprintf(pattern + used, size - used, "%s%c",
			        strchr("?*[]{}\\", *serial) ? "\\" : "", *serial);
			used += n > 0 ? (size_t)n : 0;
			serial++;
		}
	}
	if (used >= size)
		snprintf(pattern, size, "*"); // longer than a pattern may be: anything fits
	else
		pattern[used] = '\0';
}
