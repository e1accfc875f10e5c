// SPDX-License-Identifier: MIT
// What a simulated board says that it is, from words.
#include "board/virtual_identity.h"

#include <errno.h>

static bool set_text(char *to, size_t size, const char *value)
{
	if (strlen(value) >= size)
		return false;
	str_copy(to, size, value);
	return true;
}

static bool set_luns(struct board *out, const char *value)
{
	uint64_t luns;
	if (!board_bytes_parse(value, &luns) || luns < 1 || luns > BOARD_LUNS_MAX)
		return false;
	out->luns = (UINT32_C(1) << luns) - 1;
	return true;
}

static bool set_word(struct board *out, const char *key, const char *value)
{
	if (!strcmp(key, "manufacturer"))
		return set_text(out->manufacturer, sizeof(out->manufacturer), value);
	if (!strcmp(key, "product"))
		return set_text(out->usb_product, sizeof(out->usb_product), value);
	if (!strcmp(key, "usb_id"))
		return set_text(out->usb_id, sizeof(out->usb_id), value);
	if (!strcmp(key, "bcd_device"))
		return set_text(out->bcd_device, sizeof(out->bcd_device), value);
	if (!strcmp(key, "serial"))
		return set_text(out->serial, sizeof(out->serial), value);
	if (!strcmp(key, "luns"))
		return set_luns(out, value);
	return !strcmp(key, "size") && board_bytes_parse(value, &out->identity.size);
}

int virtual_identity_read(const char *words, struct board *out, struct err *e)
{
	char text[VIRTUAL_IDENTITY_SIZE], *save = NULL;
	if (strlen(words) >= sizeof(text))
		return err_set(e, EINVAL, "identity: more than %zu characters", sizeof(text) - 1);
	STR_COPY(text, words);
	for (char *word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		char *equals = strchr(word, '=');
		if (equals)
			*equals = '\0';
		if (!equals || !set_word(out, word, equals + 1))
			return err_set(e, EINVAL,
			        "identity: '%s': not manufacturer, product, usb_id, bcd_device, serial, size "
			        "or luns "
			        "with a fitting value",
			        word);
	}
	return 0;
}
