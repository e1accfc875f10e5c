// SPDX-License-Identifier: MIT
// What all fixtures share: fault names, settings, and the table that opens them by kind.
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include "base/shown.h"
#include "board/board.h"

static const char *const fault_names[] = {
        [BOARD_FAULT_NONE] = "none",
        [BOARD_FAULT_WRITE_ERROR] = "write-error",
        [BOARD_FAULT_READ_ERROR] = "read-error",
        [BOARD_FAULT_FLIP] = "flip",
        [BOARD_FAULT_SLOW] = "slow",
        [BOARD_FAULT_HANG] = "hang",
        [BOARD_FAULT_VANISH] = "vanish",
        [BOARD_FAULT_FLUSH_ERROR] = "flush-error",
        [BOARD_FAULT_ANSWER_FAIL] = "answer-fail",
        [BOARD_FAULT_ANSWER_FLIP] = "answer-flip",
        [BOARD_FAULT_ANSWER_NEVER] = "answer-never",
        [BOARD_FAULT_ANSWER_NONE] = "answer-none",
        [BOARD_FAULT_ANSWER_FOREIGN] = "answer-foreign",
        [BOARD_FAULT_ANSWER_STALE] = "answer-stale",
        [BOARD_FAULT_ANSWER_TRUNCATED] = "answer-truncated",
        [BOARD_FAULT_ANSWER_GARBAGE] = "answer-garbage",
        [BOARD_FAULT_ANSWER_SERIAL] = "answer-serial",
        [BOARD_FAULT_ANSWER_SLOW] = "answer-slow",
};

enum board_fault_kind board_fault_from_name(const char *name)
{
	for (size_t i = 1; i < ARRAY_SIZE(fault_names); i++)
		if (!strcmp(name, fault_names[i]))
			return (enum board_fault_kind)i;
	return BOARD_FAULT_NONE;
}

const char *board_fault_name(enum board_fault_kind kind)
{
	return fault_names[kind];
}

bool board_bytes_parse(const char *text, uint64_t *out)
{
	if (!isdigit((unsigned char)text[0]))
		return false;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	uint64_t unit = 1;
	if (*end == 'K' || *end == 'k')
		unit = KIB;
	else if (*end == 'M' || *end == 'm')
		unit = MIB;
	else if (*end == 'G' || *end == 'g')
		unit = GIB;
	if (unit > 1)
		end++;
	if (errno || *end || value > UINT64_MAX / unit)
		return false;
	*out = value * unit;
	return true;
}

int board_fault_parse(const char *text, struct board_fault *out, struct err *e)
{
	char name[32], offset[32] = "0", value[32] = "0";
	*out = (struct board_fault){0};
	int n = sscanf(text, "%31[a-z-]@%31[0-9KMGkmg]=%31[0-9KMGkmg]", name, offset, value);
	if (n >= 1)
		out->kind = board_fault_from_name(name);
	if (out->kind == BOARD_FAULT_NONE || n < 2 || !board_bytes_parse(offset, &out->offset) ||
	        !board_bytes_parse(value, &out->value))
		return err_set(e, EINVAL,
		        "fault '%s': not KIND@OFFSET[=VALUE] with KIND one of write-error read-error flip "
		        "slow hang vanish flush-error, or answer- and fail flip never none foreign stale "
		        "truncated garbage serial slow",
		        text);
	return 0;
}

bool fixture_label_is_good(const char *label)
{
	char shown[128];
	size_t length = strlen(label);
	return length >= 1 && length < sizeof(((struct fixture_slot *)0)->label) && !strchr(label, '/') &&
	       !strcmp(shown_text(label, shown, sizeof(shown)), label);
}

bool board_choose_lun(struct board *board, unsigned lun)
{
	char port[sizeof(board->identity.port)];
	board->lun = lun;
	if (!board->luns)
		return true;
	const struct board_lun none = {0};
	const struct board_lun *disk = lun < BOARD_LUNS_MAX ? &board->disks[lun] : &none;
	STR_COPY(port, board->identity.port);
	board->identity = disk->identity;
	STR_COPY(board->identity.port, port); // of the board, whatever it shows
	board->logical_sector = disk->logical_sector;
	if (disk->product[0])
		STR_COPY(board->product, disk->product);
	return disk->identity.node[0] != '\0';
}

void board_uboot(const struct board *board, char text[BOARD_UBOOT_SIZE])
{
	const char *bcd = board->bcd_device;
	unsigned year = 0, month = 0;
	bool digits = strlen(bcd) == 4 && strspn(bcd, "0123456789") == 4;
	if (digits && sscanf(bcd, "%2u%2u", &year, &month) == 2 && year >= 8 && month >= 1 && month <= 12)
		snprintf(text, BOARD_UBOOT_SIZE, "20%02u.%02u", year % 100, month % 100);
	else
		snprintf(text, BOARD_UBOOT_SIZE, "%s%s", bcd[0] ? "bcdDevice " : "", bcd);
}

void board_key(const struct board *board, char *key)
{
	const struct board_identity *id = &board->identity;
	if (board->serial[0])
		snprintf(key, BOARD_KEY_SIZE, "serial:%s", board->serial);
	else if (id->diskseq)
		snprintf(key, BOARD_KEY_SIZE, "plug:%s:%" PRIu64, id->port, id->diskseq);
	else
		snprintf(key, BOARD_KEY_SIZE, "file:%" PRIx64 ":%" PRIx64 ":%" PRIx64, id->rdev, id->dev,
		        id->ino);
}

int fixture_settings_add(struct fixture_settings *settings, const char *key, const char *value, struct err *e)
{
	if (settings->count == FIXTURE_SETTINGS_MAX)
		return err_set(e, E2BIG, "[fixture] %s: too many settings", key);
	struct fixture_setting *item = &settings->items[settings->count];
	if (strlen(key) >= sizeof(item->key) || strlen(value) >= sizeof(item->value))
		return err_set(e, ENAMETOOLONG, "[fixture] %s: too long", key);
	STR_COPY(item->key, key);
	STR_COPY(item->value, value);
	settings->count++;
	return 0;
}

const char *fixture_setting(const struct fixture_settings *settings, const char *key)
{
	const char *value = NULL;
	for (unsigned i = 0; i < settings->count; i++)
		if (!strcmp(settings->items[i].key, key))
			value = settings->items[i].value; // the last one counts, as with options
	return value;
}

int fixture_setting_number(const struct fixture_settings *settings, const char *key, uint64_t min,
        uint64_t max, uint64_t otherwise, uint64_t *out, struct err *e)
{
	const char *text = fixture_setting(settings, key);
	*out = otherwise;
	if (!text)
		return 0;
	if (!board_bytes_parse(text, out) || *out < min || *out > max)
		return err_set(e, EINVAL, "[fixture] %s = %s: not a number from %" PRIu64 " to %" PRIu64, key,
		        text, min, max);
	return 0;
}

static bool is_known(const char *key, const char *const *known)
{
	for (; *known; known++) {
		size_t length = strlen(*known);
		if (!strcmp(key, *known) || ((*known)[length - 1] == '.' && !strncmp(key, *known, length)))
			return true;
	}
	return false;
}

int fixture_settings_check(const struct fixture_settings *settings, const char *const *known, struct err *e)
{
	for (unsigned i = 0; i < settings->count; i++)
		if (!is_known(settings->items[i].key, known))
			return err_set(e, EINVAL, "[fixture] %s: a %s fixture has no such setting",
			        settings->items[i].key, settings->kind);
	return 0;
}

int fixture_open(const struct fixture_settings *settings, const char *state, struct loop *loop,
        const struct fixture_events *events, void *context, struct fixture **out, struct err *e)
{
	static const struct {
		const char *kind;
		fixture_open_fn open;
	} kinds[] = {
	        {"virtual", fixture_virtual_open},
	        {"files", fixture_files_open},
	        {"usb", fixture_usb_open},
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(settings->kind, kinds[i].kind) != 0)
			continue;
		int r = kinds[i].open(settings, state, loop, out, e);
		if (r < 0)
			return r;
		(*out)->events = events;
		(*out)->context = context;
		return 0;
	}
	return err_set(e, EINVAL, "[fixture] kind = %s: no such kind of fixture; known: virtual, files, usb",
	        settings->kind);
}
