// SPDX-License-Identifier: MIT
// What a command of the control socket takes: names and types of its arguments.
#include <errno.h>

#include "daemon/inside.h"

enum { NAME_SIZE = 32 };

// Takes one "name:t" off the list. False: there is none left, or what follows is not ours to judge.
static bool take_wanted(const char **list, char *name, char *type)
{
	const char *p = *list;
	if (!p || !*p || *p == '*')
		return false;
	size_t length = strcspn(p, ":");
	snprintf(name, NAME_SIZE, "%.*s", (int)length, p);
	*type = p[length + 1];
	p += length + 2;
	*list = p + (*p == ' ');
	return true;
}

// null counts as left out, as it does in a recipe.
static int check_type(const json_t *value, char type, const char *name, struct err *e)
{
	static const char *const words[] = {['s'] = "a text",
	        ['b'] = "true or false",
	        ['i'] = "a whole number",
	        ['a'] = "a JSON array",
	        ['o'] = "a JSON object"};
	bool fits = type == 's'   ? json_is_string(value)
	            : type == 'b' ? json_is_boolean(value)
	            : type == 'i' ? json_is_integer(value)
	            : type == 'a' ? json_is_array(value)
	                          : json_is_object(value);
	if (!value || json_is_null(value) || fits)
		return 0;
	return err_set(e, EINVAL, "%s: %s is wanted", name, words[(unsigned char)type]);
}

static bool is_wanted(const char *wanted, const char *given)
{
	char name[NAME_SIZE], type;
	while (take_wanted(&wanted, name, &type))
		if (!strcmp(name, given))
			return true;
	return wanted && *wanted == '*';
}

static int refuse_name(const char *wanted, const char *given, struct err *e)
{
	char known[240] = "", name[NAME_SIZE], type;
	for (size_t used = 0; take_wanted(&wanted, name, &type) && used < sizeof(known);)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s %s", used ? "," : "", name);
	return err_set(
	        e, EINVAL, "'%.40s' is not known here; it takes%s", given, *known ? known : " nothing");
}

static int check_names(const json_t *args, const char *wanted, struct err *e)
{
	json_t *object = (json_t *)(uintptr_t)args; // the macro only reads
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value)
	{
		if (!is_wanted(wanted, name))
			return refuse_name(wanted, name, e);
	}
	return 0;
}

int args_check(const json_t *args, const char *wanted, struct err *e)
{
	char name[NAME_SIZE], type;
	const char *list = wanted;
	int r = 0;
	while (r == 0 && take_wanted(&list, name, &type))
		r = check_type(json_object_get(args, name), type, name, e);
	return r < 0 ? r : check_names(args, wanted, e);
}
