// SPDX-License-Identifier: MIT
// A board signature as JSON.
#include "daemon/sign_json.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"

static const struct {
	const char *name;
	enum signature_field field;
	size_t offset, size;
} texts[] = {
#define TEXT(name, field)                                                   \
	{                                                                   \
#name, SIGNATURE_##field, offsetof(struct signature, name), \
		        sizeof(((struct signature *)0)->name)               \
	}
        TEXT(manufacturer, MANUFACTURER),
        TEXT(product, PRODUCT),
        TEXT(usb_id, USB_ID),
        TEXT(bcd_device, BCD_DEVICE),
        TEXT(serial, SERIAL),
#undef TEXT
};

static json_t *sizes_json(const struct signature *s)
{
	json_t *sizes = json_array();
	for (unsigned i = 0; i < s->size_count; i++) {
		json_int_t min = (json_int_t)s->sizes[i].min, max = (json_int_t)s->sizes[i].max;
		json_array_append_new(sizes, min == max ? json_integer(min) : json_pack("[I,I]", min, max));
	}
	return sizes;
}

json_t *sign_to_json(const struct signature *s)
{
	json_t *object = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (s->fields & texts[i].field)
			json_object_set_new(
			        object, texts[i].name, json_string((const char *)s + texts[i].offset));
	if (s->fields & SIGNATURE_SIZES)
		json_object_set_new(object, "sizes", sizes_json(s));
	if (s->fields & SIGNATURE_LUNS)
		json_object_set_new(object, "luns", json_integer((json_int_t)s->luns));
	return object;
}

static int read_size(const json_t *value, struct signature_range *out)
{
	bool range = json_is_array(value) && json_array_size(value) == 2;
	const json_t *min = range ? json_array_get(value, 0) : value;
	const json_t *max = range ? json_array_get(value, 1) : value;
	if (!json_is_integer(min) || !json_is_integer(max) || json_integer_value(min) < 1 ||
	        json_integer_value(max) < json_integer_value(min))
		return -EINVAL;
	*out = (struct signature_range){(uint64_t)json_integer_value(min), (uint64_t)json_integer_value(max)};
	return 0;
}

static int read_sizes(const json_t *value, struct signature *out, struct err *e)
{
	size_t count = json_array_size(value);
	bool good = json_is_array(value) && count >= 1 && count <= SIGNATURE_SIZES_MAX;
	for (size_t i = 0; good && i < count; i++)
		good = read_size(json_array_get(value, i), &out->sizes[i]) == 0;
	if (!good)
		return err_set(e, EINVAL,
		        "signature: sizes: 1 to %d numbers of bytes, or pairs [from, to] of them",
		        SIGNATURE_SIZES_MAX);
	out->size_count = (unsigned)count;
	out->fields |= SIGNATURE_SIZES;
	return 0;
}

static int read_luns(const json_t *value, struct signature *out, struct err *e)
{
	json_int_t luns = json_integer_value(value);
	if (!json_is_integer(value) || luns < 1 || luns > 8)
		return err_set(e, EINVAL, "signature: luns: how many LUNs a board shows, 1 to 8");
	out->luns = (unsigned)luns;
	out->fields |= SIGNATURE_LUNS;
	return 0;
}

static int read_text(size_t which, const json_t *value, struct signature *out, struct err *e)
{
	const char *text = json_string_value(value);
	if (!text || strlen(text) >= texts[which].size)
		return err_set(e, EINVAL, "signature: %s: a text of at most %zu bytes", texts[which].name,
		        texts[which].size - 1);
	if (texts[which].field == SIGNATURE_SERIAL && !text[0])
		return err_set(e, EINVAL,
		        "signature: serial: an empty pattern fits no board that has a serial; leave it out, "
		        "and any will do");
	if (texts[which].field == SIGNATURE_SERIAL && !signature_pattern_valid(text))
		return err_set(e, EINVAL,
		        "signature: serial: '%s' is no pattern: ? * [0-9A-F] [!0-9] \\x and {8} behind them",
		        text);
	str_copy((char *)out + texts[which].offset, texts[which].size, text);
	out->fields |= texts[which].field;
	return 0;
}

static int read_field(const char *name, const json_t *value, struct signature *out, struct err *e)
{
	if (json_is_null(value))
		return 0; // not checked
	if (!strcmp(name, "sizes"))
		return read_sizes(value, out, e);
	if (!strcmp(name, "luns"))
		return read_luns(value, out, e);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(name, texts[i].name))
			return read_text(i, value, out, e);
	return err_set(e, EINVAL, "signature: '%s': it has no such field", name);
}

int sign_from_json(const json_t *object, struct signature *out, struct err *e)
{
	*out = (struct signature){0};
	const json_t *inside = json_object_get(object, "signature");
	const json_t *from = json_is_object(inside) ? inside : object;
	if (!json_is_object(from))
		return err_set(e, EINVAL, "signature: not a JSON object");
	int r = 0;
	for (void *at = json_object_iter((json_t *)(uintptr_t)from); at && r == 0;
	        at = json_object_iter_next((json_t *)(uintptr_t)from, at))
		r = read_field(json_object_iter_key(at), json_object_iter_value(at), out, e);
	if (r == 0 && !out->fields)
		r = err_set(e, EINVAL, "signature: it names no field, so any board would do");
	return r;
}

void sign_sha256(const struct signature *signature, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	json_t *object = sign_to_json(signature);
	_cleanup_free_ char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(object);
	digest_sha256(text ? text : "", text ? strlen(text) : 0, digest);
	digest_hex(digest, sizeof(digest), hex);
}
