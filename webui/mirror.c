// SPDX-License-Identifier: MIT
// What the web role knows of the station: the last snapshot with every delta since put into it.
#include "webui/mirror.h"

#include <string.h>

static bool take_snapshot(struct mirror *mirror, const json_t *event)
{
	if (!json_is_array(json_object_get(event, "slots")))
		return false;
	json_t *state = json_deep_copy(event);
	if (!state)
		return false;
	json_decref(mirror->state);
	mirror->state = state;
	return true;
}

static bool take_slot(struct mirror *mirror, const json_t *event)
{
	const json_t *slot = json_object_get(event, "slot");
	const json_t *index = json_object_get(slot, "index");
	json_t *slots = json_object_get(mirror->state, "slots");
	if (!json_is_integer(index))
		return false;
	for (size_t i = 0; i < json_array_size(slots); i++)
		if (json_equal(json_object_get(json_array_get(slots, i), "index"), index))
			return json_array_set_new(slots, i, json_deep_copy(slot)) == 0;
	return false;
}

static bool take_member(struct mirror *mirror, const char *name, const json_t *event)
{
	const json_t *value = json_object_get(event, name);
	return value && json_object_set_new(mirror->state, name, json_deep_copy(value)) == 0;
}

bool mirror_apply(struct mirror *mirror, const char *name, const json_t *event)
{
	static const char *const members[] = {"station", "job", "import", "counts", "ledger", "alerts"};
	if (!strcmp(name, "snapshot"))
		return take_snapshot(mirror, event);
	if (!mirror->state)
		return false;
	if (!strcmp(name, "slot"))
		return take_slot(mirror, event);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!strcmp(name, members[i]))
			return take_member(mirror, name, event);
	return false;
}

void mirror_clear(struct mirror *mirror)
{
	json_decref(mirror->state);
	mirror->state = NULL;
}
