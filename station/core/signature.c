// SPDX-License-Identifier: MIT
// A job's board signature: learned from a board, compared with a board.
#include "core/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/match.h"

static unsigned lun_count(const struct match_board *board)
{
	unsigned count = 0;
	for (uint32_t left = board->luns; left; left &= left - 1)
		count++;
	return count;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void learn_text(
        struct signature *out, enum signature_field field, const char *from, char *to, size_t size)
{
	snprintf(to, size, "%s", or_empty(from));
	out->fields |= field;
}

void signature_learn(const struct match_board *board, struct signature *out)
{
	memset(out, 0, sizeof(*out));
	if (board->usb_id[0]) {
		// An empty string says something, too: boards of one build all lack it.
		learn_text(out, SIGNATURE_MANUFACTURER, board->manufacturer, out->manufacturer,
		        sizeof(out->manufacturer));
		learn_text(out, SIGNATURE_PRODUCT, board->usb_product, out->product, sizeof(out->product));
		learn_text(out, SIGNATURE_USB_ID, board->usb_id, out->usb_id, sizeof(out->usb_id));
		learn_text(out, SIGNATURE_BCD_DEVICE, board->bcd_device, out->bcd_device,
		        sizeof(out->bcd_device));
	}
	if (or_empty(board->own_serial)[0]) {
		signature_pattern_learn(board->own_serial, out->serial, sizeof(out->serial));
		out->fields |= SIGNATURE_SERIAL;
	}
	if (board->luns) {
		out->luns = lun_count(board);
		out->fields |= SIGNATURE_LUNS;
	}
	out->sizes[0] = (struct signature_range){board->size, board->size};
	out->size_count = 1;
	out->fields |= SIGNATURE_SIZES;
}

static bool size_allowed(const struct signature *s, uint64_t size)
{
	for (unsigned i = 0; i < s->size_count; i++)
		if (size >= s->sizes[i].min && size <= s->sizes[i].max)
			return true;
	return false;
}

static void sizes_text(const struct signature *s, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < s->size_count && used < size; i++) {
		const struct signature_range *r = &s->sizes[i];
		int n = snprintf(text + used, size - used, "%s%" PRIu64, i ? " or " : "", r->min);
		if (n > 0 && r->max != r->min && (used += (size_t)n) < size)
			n = snprintf(text + used, size - used, " to %" PRIu64, r->max);
		used += n > 0 ? (size_t)n : 0;
	}
}

static enum signature_field strings_differ(
        const struct signature *s, const struct match_board *b, char *reason, size_t size)
{
	const struct {
		enum signature_field field;
		const char *name, *have, *want;
	} texts[] = {
	        {SIGNATURE_USB_ID, "USB id", b->usb_id, s->usb_id},
	        {SIGNATURE_MANUFACTURER, "manufacturer string", or_empty(b->manufacturer), s->manufacturer},
	        {SIGNATURE_PRODUCT, "product string", or_empty(b->usb_product), s->product},
	        {SIGNATURE_BCD_DEVICE, "bcdDevice", or_empty(b->bcd_device), s->bcd_device},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!(s->fields & texts[i].field) || !strcmp(texts[i].have, texts[i].want))
			continue;
		snprintf(reason, size, "%s is '%.63s', this job's boards say '%.63s'", texts[i].name,
		        texts[i].have, texts[i].want);
		return texts[i].field;
	}
	return 0;
}

enum signature_field signature_differs(
        const struct signature *s, const struct match_board *b, char *reason, size_t size)
{
	char sizes[96];
	enum signature_field field = strings_differ(s, b, reason, size);
	if (field)
		return field;
	if ((s->fields & SIGNATURE_SERIAL) && or_empty(b->own_serial)[0] &&
	        !signature_pattern_fits(s->serial, b->own_serial)) {
		snprintf(reason, size, "serial is '%.63s', this job's boards have '%.95s'", b->own_serial,
		        s->serial);
		return SIGNATURE_SERIAL;
	}
	if ((s->fields & SIGNATURE_LUNS) && b->luns && lun_count(b) != s->luns) {
		snprintf(reason, size, "it shows %u LUN%s, this job's boards show %u", lun_count(b),
		        lun_count(b) == 1 ? "" : "s", s->luns);
		return SIGNATURE_LUNS;
	}
	if ((s->fields & SIGNATURE_SIZES) && !size_allowed(s, b->size)) {
		sizes_text(s, sizes, sizeof(sizes));
		snprintf(reason, size, "capacity is %" PRIu64 " bytes, this job's boards have %s", b->size,
		        sizes);
		return SIGNATURE_SIZES;
	}
	return 0;
}

bool signature_equal(const struct signature *a, const struct signature *b)
{
	bool same = a->fields == b->fields && a->size_count == b->size_count && a->luns == b->luns;
	for (unsigned i = 0; same && i < a->size_count; i++)
		same = a->sizes[i].min == b->sizes[i].min && a->sizes[i].max == b->sizes[i].max;
	return same && !strcmp(a->manufacturer, b->manufacturer) && !strcmp(a->product, b->product) &&
	       !strcmp(a->usb_id, b->usb_id) && !strcmp(a->bcd_device, b->bcd_device) &&
	       !strcmp(a->serial, b->serial);
}

void signature_text(const struct signature *s, char *text, size_t size)
{
	char sizes[96];
	sizes_text(s, sizes, sizeof(sizes));
	if (s->fields & SIGNATURE_USB_ID)
		snprintf(text, size, "'%s' '%s' %s rev %s, serial %s, %s bytes, %u LUN%s", s->manufacturer,
		        s->product, s->usb_id, s->bcd_device,
		        s->fields & SIGNATURE_SERIAL ? s->serial : "any", sizes, s->luns,
		        s->luns == 1 ? "" : "s");
	else
		snprintf(text, size, "serial %s, %s bytes", s->fields & SIGNATURE_SERIAL ? s->serial : "any",
		        sizes);
}
