// SPDX-License-Identifier: MIT
// A job's recipe: one table, and how it is read, recorded and shown.
#include "daemon/recipe.h"

#include <errno.h>

#include "base/util.h"
#include "core/serial.h"
#include "image/ontarget.h"
#include "image/windows.h"

#define AT(member) .offset = offsetof(struct recipe, member)

static const struct recipe_field fields[] = {
        {"order", NULL, RECIPE_TEXT, AT(order), .help = "the work order"},
        {"customer", NULL, RECIPE_TEXT, AT(customer), .help = "whose boards they are"},
        {"product", NULL, RECIPE_TEXT, AT(product), .help = "what they are"},
        {"revision", NULL, RECIPE_TEXT, AT(revision), .help = "the product's revision"},
        {"lot", NULL, RECIPE_TEXT, AT(lot), .help = "the lot"},
        {"job_revision", NULL, RECIPE_TEXT, AT(job_revision), .help = "the recipe's own revision"},
        {"operator", NULL, RECIPE_TEXT, AT(operator_), .help = "who runs it (the one who opens it)"},
        {"wanted", NULL, RECIPE_QUANTITY, AT(wanted),
                .help = "how many good units are wanted: then the job closes; no limit otherwise"},
        {"start", NULL, RECIPE_WORD, AT(start), .words = "auto|scan|start",
                .help = "boards start by themselves, when their serial is scanned, or on START"},
        {"verify_how", "verify", RECIPE_WORD, AT(verify), .words = "read-back|compare|on-target|none",
                .help = "each read-back is hashed; compared with the stored image, which is hashed once "
                        "for all (for many boards or few cores); the board's own; nothing is read back"},
        {"unmapped", NULL, RECIPE_WORD, AT(unmapped), .words = "keep|zero",
                .help = "what becomes of the areas the image does not map"},
        {"blank", NULL, RECIPE_WORD, AT(blank), .words = "program|ask|refuse",
                .help = "a board that is not blank"},
        {"signature", NULL, RECIPE_WORD, AT(signature), .words = "off|learn",
                .help = "what this job's boards look like is learned from the first and approved"},
        {"signature_approved", NULL, RECIPE_OBJECT, AT(signature_approved)},
        {"serial", NULL, RECIPE_WORD, AT(serial), .words = "usb|scan|allocate|station-counter",
                .help = "where a board's serial number comes from"},
        {"serial_missing", NULL, RECIPE_WORD, AT(serial_missing), .words = "accept|hold|refuse|counter",
                .help = "a board that has none"},
        {"serial_duplicate", NULL, RECIPE_WORD, AT(serial_duplicate), .words = "hold|refuse|counter",
                .help = "a board that has another's"},
        {"serial_format", NULL, RECIPE_TEXT, AT(serial_format),
                .help = "allocated serial numbers, such as GW-%06u"},
        {"serial_first", NULL, RECIPE_NUMBER, AT(serial_first), .max = 999999999999, .otherwise = 1,
                .help = "the first of them (1)"},
        {"serial_last", NULL, RECIPE_NUMBER, AT(serial_last), .max = 999999999999,
                .help = "the last of them; no end otherwise"},
        {"lun", NULL, RECIPE_NUMBER, AT(lun), .max = 7, .help = "the board's disk (0)"},
        {"retries", NULL, RECIPE_NUMBER, AT(retries), .max = 10,
                .help = "how often a stage that failed is tried again (0)"},
        {"leave_ms", NULL, RECIPE_NUMBER, AT(leave_ms), .max = 600000, .otherwise = 30000,
                .help = "how long a board may take to leave after its eject (30000)"},
        {"target_sector", NULL, RECIPE_NUMBER, AT(target_sector), .max = UINT32_MAX - 1,
                .help = "verify on-target: the first 512-byte block of the board's reserved place, its "
                        "gw_sector (no default)"},
        {"target_window", NULL, RECIPE_NUMBER, AT(target_window), .min = WINDOW_BYTES_MIN,
                .max = WINDOW_BYTES_MAX, .otherwise = 16 * MIB,
                .help = "... bytes of RAM that the board gives to it behind gw_buf (16777216)"},
        {"answer_ms", NULL, RECIPE_NUMBER, AT(answer_ms), .min = 1, .max = 86400000, .otherwise = 600000,
                .help = "... how long the board may take to check itself and come back (600000)"},
};

// Words of before, by their field's name in job.open.
static const struct {
	const char *name, *word, *now_name, *now;
} older[] = {
        {"verify", "hash", "verify_how", "read-back"},
        {"verify_how", "hash", "verify_how", "read-back"},
        {"verify", "true", "verify_how", NULL},
        {"verify", "false", "verify_how", "none"},
        {"verify", "read-back", "verify_how", "read-back"},
        {"verify", "compare", "verify_how", "compare"},
        {"verify", "on-target", "verify_how", "on-target"},
        {"verify", "none", "verify_how", "none"},
        {"serial", "optional", "serial", "usb"},
        {"serial", "required", "serial_missing", "hold"},
};

const struct recipe_field *recipe_fields(size_t *count)
{
	*count = ARRAY_SIZE(fields);
	return fields;
}

static void *place(const struct recipe *recipe, const struct recipe_field *field)
{
	return (char *)(uintptr_t)recipe + field->offset;
}

// Which of "a|b|c"; -1: none.
static int word_find(const char *words, const char *word)
{
	size_t length = strlen(word);
	for (int i = 0; *words; i++) {
		size_t n = strcspn(words, "|");
		if (n == length && !strncmp(words, word, n))
			return i;
		words += n + (words[n] == '|');
	}
	return -1;
}

static void word_text(const char *words, unsigned which, char *text, size_t size)
{
	for (; which && *words; which--)
		words += strcspn(words, "|") + 1;
	snprintf(text, size, "%.*s", (int)strcspn(words, "|"), words);
}

void recipe_default(struct recipe *recipe)
{
	*recipe = (struct recipe){0};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].type == RECIPE_NUMBER)
			*(uint64_t *)place(recipe, &fields[i]) = fields[i].otherwise;
}

// --- read --------------------------------------------------------------------------------------------------

static int read_text(const struct recipe_field *field, const json_t *value, char *to, struct err *e)
{
	if (!json_is_string(value) || json_string_length(value) >= RECIPE_TEXT_SIZE)
		return err_set(
		        e, EINVAL, "%s: a text of at most %d bytes", field->name, RECIPE_TEXT_SIZE - 1);
	str_copy(to, RECIPE_TEXT_SIZE, json_string_value(value));
	return 0;
}

static int read_number(const struct recipe_field *field, const json_t *value, uint64_t *to, struct err *e)
{
	json_int_t number = json_integer_value(value);
	if (field->type == RECIPE_QUANTITY && (!json_is_integer(value) || number < 1))
		return err_set(e, EINVAL, "%s: a whole number from 1 on", field->name);
	if (field->type == RECIPE_NUMBER &&
	        (!json_is_integer(value) || number < (json_int_t)field->min || (uint64_t)number > field->max))
		return err_set(e, EINVAL, "%s: %llu to %llu", field->name, (unsigned long long)field->min,
		        (unsigned long long)field->max);
	*to = (uint64_t)number;
	return 0;
}

static int read_word(const struct recipe_field *field, const json_t *value, unsigned *to, struct err *e)
{
	int which = json_is_string(value) ? word_find(field->words, json_string_value(value)) : -1;
	if (which < 0)
		return err_set(e, EINVAL, "%s: one of %s", field->option ? field->option : field->name,
		        field->words);
	*to = (unsigned)which;
	return 0;
}

static int read_object(const struct recipe_field *field, json_t *value, json_t **to, struct err *e)
{
	if (!json_is_object(value))
		return err_set(e, EINVAL, "%s: a JSON object", field->name);
	json_decref(*to);
	*to = json_incref(value);
	return 0;
}

static int read_field(struct recipe *recipe, const struct recipe_field *field, json_t *value, struct err *e)
{
	void *to = place(recipe, field);
	switch (field->type) {
	case RECIPE_TEXT: return read_text(field, value, to, e);
	case RECIPE_WORD: return read_word(field, value, to, e);
	case RECIPE_OBJECT: return read_object(field, value, to, e);
	default: return read_number(field, value, to, e);
	}
}

static const char *word_of(const json_t *value)
{
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	return json_is_string(value) ? json_string_value(value) : "";
}

// A new reference: the object in today's names and words.
static json_t *modernise(const json_t *object)
{
	json_t *now = json_copy((json_t *)(uintptr_t)object);
	for (size_t i = 0; now && i < ARRAY_SIZE(older); i++) {
		const json_t *value = json_object_get(object, older[i].name);
		if (!value || strcmp(word_of(value), older[i].word) != 0)
			continue;
		json_object_del(now, older[i].name);
		if (older[i].now)
			json_object_set_new(now, older[i].now_name, json_string(older[i].now));
	}
	return now;
}

static bool is_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(name, fields[i].name))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(older); i++)
		if (!strcmp(name, older[i].name))
			return true;
	return false;
}

int recipe_check_names(const json_t *order, struct err *e)
{
	json_t *object = (json_t *)(uintptr_t)order; // the macro only reads
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value)
	{
		if (strcmp(name, "image") != 0 && !is_name(name))
			return err_set(
			        e, EINVAL, "%.40s: no field of a recipe; docs/protocol.md lists them", name);
	}
	return 0;
}

int recipe_read(const json_t *object, struct recipe *recipe, struct err *e)
{
	json_t *now = modernise(object);
	int r = now ? 0 : err_sys(e, ENOMEM, "recipe");
	recipe_default(recipe);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fields); i++) {
		json_t *value = json_object_get(now, fields[i].name);
		if (value && !json_is_null(value))
			r = read_field(recipe, &fields[i], value, e);
	}
	if (r == 0 && json_object_get(now, "verify"))
		r = err_set(e, EINVAL, "verify: true, false, read-back, compare, on-target or none");
	json_decref(now);
	return r;
}

static int check_serials(const struct recipe *recipe, struct err *e)
{
	if (recipe->serial != RECIPE_SERIAL_ALLOCATE)
		return 0;
	if (!serial_pattern_is_good(recipe->serial_format))
		return err_set(e, EINVAL,
		        "serial_format: allocated serials need a pattern with one %%u or %%0Nu, such as "
		        "GW-%%06u, "
		        "without blanks, at most 40 characters beside it");
	if (recipe->serial_last && recipe->serial_last < recipe->serial_first)
		return err_set(e, EINVAL, "serial_last: before serial_first");
	return 0;
}

static int check_target(const struct recipe *recipe, struct err *e)
{
	if (recipe->verify != RECIPE_VERIFY_ON_TARGET)
		return 0;
	if (!recipe->target_sector)
		return err_set(e, EINVAL,
		        "target_sector: verify on-target needs the first block of the board's reserved "
		        "place, "
		        "its gw_sector");
	if (recipe->target_sector < ONTARGET_SECTOR_MIN)
		return err_set(e, EINVAL, "target_sector: blocks 0 to %d are the partition table's",
		        ONTARGET_SECTOR_MIN - 1);
	if (recipe->target_window % WINDOW_BLOCK)
		return err_set(e, EINVAL, "target_window: a multiple of %u", WINDOW_BLOCK);
	if (recipe->unmapped == RECIPE_UNMAPPED_ZERO)
		return err_set(e, EINVAL,
		        "unmapped: zero would take away the board's reserved place, and what the image does "
		        "not map no board reads back; with verify on-target it is keep");
	return 0;
}

int recipe_check(const struct recipe *recipe, struct err *e)
{
	int r = check_serials(recipe, e);
	return r < 0 ? r : check_target(recipe, e);
}

// --- write -------------------------------------------------------------------------------------------------

static json_t *field_json(const struct recipe *recipe, const struct recipe_field *field)
{
	const void *from = place(recipe, field);
	char word[RECIPE_TEXT_SIZE];
	switch (field->type) {
	case RECIPE_TEXT: return json_string(from);
	case RECIPE_WORD:
		word_text(field->words, *(const unsigned *)from, word, sizeof(word));
		return json_string(word);
	case RECIPE_OBJECT: {
		json_t *object = *(json_t *const *)from;
		return object ? json_incref(object) : NULL;
	}
	default: break;
	}
	uint64_t number = *(const uint64_t *)from;
	return field->type == RECIPE_QUANTITY && !number ? json_null() : json_integer((json_int_t)number);
}

void recipe_write(const struct recipe *recipe, json_t *object)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		json_t *value = field_json(recipe, &fields[i]);
		if (value)
			json_object_set_new(object, fields[i].name, value);
	}
	json_object_set_new(object, "verify", json_boolean(recipe->verify != RECIPE_VERIFY_NONE));
}

void recipe_free(struct recipe *recipe)
{
	json_decref(recipe->signature_approved);
	recipe_default(recipe);
}
