// SPDX-License-Identifier: MIT
// A fixture profile: which physical port is which label on the fixture's case, and which hubs are in between.
#include "board/profile.h"

#include <errno.h>

#include "base/fd.h"
#include "board/ini_text.h"

enum { PROFILE_BYTES_MAX = 64 * 1024 };

struct reading {
	struct profile *profile;
	bool base_given; // by the caller: the file's own is not used
};

int profile_slot_of(const struct profile *profile, const char *port)
{
	for (unsigned i = 0; i < profile->slot_count; i++)
		if (!strcmp(profile->slots[i].port, port))
			return (int)i;
	return -1;
}

int profile_add_slot(struct profile *p, const char *label, const char *port, struct err *e)
{
	struct fixture_slot slot = {0};
	if (p->slot_count == BOARD_SLOTS_MAX)
		return err_set(e, E2BIG, "slot %s: a fixture has at most %d", label, BOARD_SLOTS_MAX);
	if (!fixture_label_is_good(label))
		return err_set(e, EINVAL, "slot '%.40s': %s", label, FIXTURE_LABEL_RULE);
	if (!usb_port_join(p->base, port, slot.port) || !strstr(slot.port, "-usb-"))
		return err_set(e, EINVAL,
		        "slot %s = %s: not a port; say .N below base = ..., or a whole one such as "
		        "pci-0000:00:14.0-usb-0:2.1",
		        label, port);
	STR_COPY(slot.label, label);
	usb_port_hub(slot.port, slot.hub);
	for (unsigned i = 0; i < p->slot_count; i++)
		if (!strcmp(p->slots[i].label, slot.label) || !strcmp(p->slots[i].port, slot.port))
			return err_set(e, EEXIST, "slot %s = %s: label or port is there twice", label, port);
	p->slots[p->slot_count++] = slot;
	return 0;
}

static int add_hub(struct profile *p, const char *name, const char *value, struct err *e)
{
	struct profile_hub hub = {0};
	if (p->hub_count == PROFILE_HUBS_MAX)
		return err_set(e, E2BIG, "hub %s: a profile has at most %d", name, PROFILE_HUBS_MAX);
	int n = sscanf(value, "%15[0-9a-f:] %u %63[^\n]", hub.usb_id, &hub.ports, hub.serial);
	if (n < 2 || !usb_port_join(p->base, name, hub.port))
		return err_set(e, EINVAL, "hub %s = %s: not PORT = VID:PID PORTS [SERIAL]", name, value);
	for (char *c = hub.port; *c; c++)
		if (*c == '|')
			*c = ':';
	p->hubs[p->hub_count++] = hub;
	return 0;
}

static int set_columns(struct profile *p, const char *value, struct err *e)
{
	uint64_t columns;
	if (!board_bytes_parse(value, &columns) || columns < 1 || columns > BOARD_SLOTS_MAX)
		return err_set(e, EINVAL, "columns = %s: not a number from 1 to %d", value, BOARD_SLOTS_MAX);
	p->columns = (unsigned)columns;
	return 0;
}

static int set_fixture(struct reading *r, const char *name, const char *value, struct err *e)
{
	struct profile *p = r->profile;
	if (!strcmp(name, "name"))
		STR_COPY(p->name, value);
	else if (!strcmp(name, "columns"))
		return set_columns(p, value, e);
	else if (!strcmp(name, "power") && (!strcmp(value, "yes") || !strcmp(value, "no")))
		p->switches = !strcmp(value, "yes");
	else if (strcmp(name, "base") != 0)
		return err_set(e, EINVAL, "[fixture] %s = %s: no such setting", name, value);
	else if (!r->base_given)
		STR_COPY(p->base, value);
	return 0;
}

static int on_setting(void *context, const char *section, const char *name, const char *value, struct err *e)
{
	struct reading *r = context;
	if (!strcmp(section, "fixture"))
		return set_fixture(r, name, value, e);
	if (!strcmp(section, "slots"))
		return profile_add_slot(r->profile, name, value, e);
	if (!strcmp(section, "hubs"))
		return add_hub(r->profile, name, value, e);
	return err_set(e, EINVAL, "[%s]: no such section; [fixture], [slots] and [hubs] are known", section);
}

void profile_arrange(struct profile *p)
{
	unsigned columns = p->columns ? p->columns : p->slot_count <= 8 ? 4 : 8;
	p->columns = columns;
	for (unsigned i = 0; i < p->slot_count; i++) {
		p->slots[i].row = i / columns;
		p->slots[i].column = i % columns;
		p->slots[i].switches = p->switches;
	}
}

int profile_load(const char *path, const char *base, struct profile *out, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	struct reading r = {.profile = out, .base_given = base && base[0]};
	*out = (struct profile){0};
	if (r.base_given)
		STR_COPY(out->base, base);
	int result = fd_read_file(path, PROFILE_BYTES_MAX, &text, &size, e);
	if (result == 0)
		result = ini_text_read(path, text, on_setting, NULL, &r, e);
	if (result < 0)
		return err_prefix(e, "fixture profile");
	if (!out->slot_count)
		return err_set(e, EINVAL,
		        "fixture profile %s: no [slots]; 'gangway fixture learn' writes them", path);
	if (!out->name[0])
		STR_COPY(out->name, path);
	profile_arrange(out);
	return 0;
}

static void put_hub(FILE *to, const struct profile_hub *hub)
{
	for (const char *c = hub->port; *c; c++)
		fputc(*c == ':' ? '|' : *c, to);
	fprintf(to, " = %s %u%s%s\n", hub->usb_id, hub->ports, hub->serial[0] ? " " : "", hub->serial);
}

static void put_profile(FILE *to, const struct profile *p)
{
	fprintf(to,
	        "; Written by gangway fixture learn.\n[fixture]\nname = %s\ncolumns = %u\npower = "
	        "%s\n\n[slots]\n",
	        p->name, p->columns, p->switches ? "yes" : "no");
	for (unsigned i = 0; i < p->slot_count; i++)
		fprintf(to, "%s = %s\n", p->slots[i].label, p->slots[i].port);
	fprintf(to, "\n[hubs]\n");
	for (unsigned i = 0; i < p->hub_count; i++)
		put_hub(to, &p->hubs[i]);
}

int profile_save(const char *path, const struct profile *profile, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	if (!to)
		return err_sys(e, errno, "fixture profile %s", path);
	put_profile(to, profile);
	if (fclose(to) != 0)
		return err_sys(e, errno, "fixture profile %s", path);
	return fd_write_file(path, text, size, 0644, e);
}
