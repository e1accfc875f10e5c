// SPDX-License-Identifier: MIT
// The virtual fixture: a simulated hub whose boards are files. Boards come, leave, come back, have serials or not,
// a speed, a shared link, an older image on them, and scripted faults.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "board/virtual_inside.h"
#include "core/estimate.h"

void virtual_path(const struct virtual_hub *hub, unsigned slot, const char *suffix, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.img%s", hub->folder, hub->base.slots[slot].label, suffix);
}

static void serial_text(
        const struct virtual_hub *hub, const struct virtual_board *board, char *text, size_t size)
{
	if (hub->one_serial)
		snprintf(text, size, "VBSAME");
	else if (hub->serials && board->serial)
		snprintf(text, size, "VB%08" PRIu64, board->serial);
	else
		text[0] = '\0';
}

// Not synced: it simulates a hub's reality, not a record.
void virtual_save(const struct virtual_hub *hub)
{
	json_t *slots = json_array();
	for (unsigned i = 0; i < hub->base.slot_count; i++) {
		const struct virtual_board *board = &hub->boards[i];
		json_array_append_new(slots,
		        json_pack("{s:b,s:b,s:I,s:I,s:s,s:i}", "present", board->present, "ever", board->ever,
		                "serial", (json_int_t)board->serial, "plug", (json_int_t)board->plug,
		                "identity", board->identity, "away", (int)board->away));
	}
	json_t *all = json_pack("{s:I,s:I,s:o}", "next_serial", (json_int_t)hub->next_serial, "next_plug",
	        (json_int_t)hub->next_plug, "slots", slots);
	char path[PATH_MAX], temporary[PATH_MAX];
	snprintf(path, sizeof(path), "%s/hub.json", hub->folder);
	snprintf(temporary, sizeof(temporary), "%s/hub.json.new", hub->folder);
	if (!all || json_dump_file(all, temporary, JSON_COMPACT) < 0 || rename(temporary, path) < 0)
		log_warn("virtual fixture: %s cannot be written", path);
	json_decref(all);
}

static void hub_load(struct virtual_hub *hub)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/hub.json", hub->folder);
	json_t *all = json_load_file(path, 0, NULL);
	const json_t *slots = json_object_get(all, "slots");
	hub->next_serial = (uint64_t)json_integer_value(json_object_get(all, "next_serial"));
	hub->next_plug = (uint64_t)json_integer_value(json_object_get(all, "next_plug"));
	for (unsigned i = 0; i < hub->base.slot_count && !hub->fresh; i++) {
		const json_t *slot = json_array_get(slots, i);
		struct virtual_board *board = &hub->boards[i];
		board->present = json_is_true(json_object_get(slot, "present"));
		board->ever = json_is_true(json_object_get(slot, "ever"));
		board->serial = (uint64_t)json_integer_value(json_object_get(slot, "serial"));
		board->plug = (uint64_t)json_integer_value(json_object_get(slot, "plug"));
		board->away = (enum virtual_away)json_integer_value(json_object_get(slot, "away"));
		if (json_object_get(slot, "identity"))
			STR_COPY(board->identity, json_string_value(json_object_get(slot, "identity")));
	}
	json_decref(all);
	if (!hub->next_serial)
		hub->next_serial = 1;
	if (!hub->next_plug)
		hub->next_plug = 1;
}

static int copy_older(const struct virtual_hub *hub, int to, struct err *e)
{
	if (!hub->older[0])
		return 0;
	_cleanup_close_ int from = open(hub->older, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return err_sys(e, errno, "%s: the boards' older image", hub->older);
	ssize_t n;
	while ((n = copy_file_range(from, NULL, to, NULL, 1 * GIB, 0)) > 0)
		;
	return n < 0 ? err_sys(e, errno, "%s: the boards' older image", hub->older) : 0;
}

// What the board says, before anybody looked at its disk.
static int board_identity(const struct virtual_hub *hub, unsigned slot, struct board *out, struct err *e)
{
	*out = (struct board){
	        .slot = slot, .link_fd = hub->link_fd, .luns = 1, .identity = {.size = hub->size}};
	STR_COPY(out->vendor, "Linux");
	STR_COPY(out->product, "UMS disk 0");
	STR_COPY(out->revision, "ffff");
	// As U-Boot on an i.MX does (CONFIG_USB_GADGET_VENDOR_NUM and _PRODUCT_NUM).
	STR_COPY(out->manufacturer, "U-Boot");
	STR_COPY(out->usb_product, "USB download gadget");
	STR_COPY(out->usb_id, "0525:a4a5");
	STR_COPY(out->bcd_device, "0200");
	if (!hub->boards[slot].unnamed)
		serial_text(hub, &hub->boards[slot], out->serial, sizeof(out->serial));
	int r = virtual_identity_read(hub->identity, out, e);
	return r < 0 ? r : virtual_identity_read(hub->boards[slot].identity, out, e);
}

// ".away" holds what was before: one disk of a board.
static int disk_make(
        const struct virtual_hub *hub, unsigned slot, const char *lun, uint64_t bytes, struct err *e)
{
	char path[PATH_MAX], away[PATH_MAX], suffix[32];
	virtual_path(hub, slot, lun, path, sizeof(path));
	snprintf(suffix, sizeof(suffix), "%s.away", lun);
	virtual_path(hub, slot, suffix, away, sizeof(away));
	if (rename(path, away) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s", path);
	snprintf(suffix, sizeof(suffix), "%s.answered", lun);
	virtual_path(hub, slot, suffix, away, sizeof(away));
	if (unlink(away) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s", away);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	int r = copy_older(hub, fd, e);
	if (r == 0 && ftruncate(fd, (off_t)bytes) < 0)
		r = err_sys(e, errno, "%s", path);
	return r;
}

static void lun_suffix(unsigned lun, char *text, size_t size)
{
	snprintf(text, size, lun ? ".%u" : "", lun);
}

// A new board's files, N.img, and N.img.1 ... for further LUNs; the last one of this slot is kept as N.img.away until
// the next.
static int board_make(struct virtual_hub *hub, unsigned slot, struct err *e)
{
	struct board board;
	char suffix[16];
	int r = board_identity(hub, slot, &board, e);
	for (unsigned lun = 0; r == 0 && board.luns >> lun; lun++) {
		lun_suffix(lun, suffix, sizeof(suffix));
		r = disk_make(hub, slot, suffix, board.identity.size, e);
	}
	if (r == 0) {
		hub->boards[slot].serial = hub->next_serial++;
		hub->boards[slot].ever = true;
	}
	return r;
}

static int disk_describe(
        const struct virtual_hub *hub, unsigned slot, unsigned lun, struct board *out, struct err *e)
{
	struct board_lun *disk = &out->disks[lun];
	struct board_identity *id = &disk->identity;
	struct stat st;
	char suffix[16];
	lun_suffix(lun, suffix, sizeof(suffix));
	virtual_path(hub, slot, suffix, id->node, sizeof(id->node));
	if (stat(id->node, &st) < 0)
		return err_sys(e, errno, "%s: the board's file", id->node);
	STR_COPY(id->port, hub->base.slots[slot].port);
	id->dev = st.st_dev;
	id->ino = st.st_ino;
	id->diskseq =
	        hub->boards[slot].plug * BOARD_LUNS_MAX + lun; // each disk has its own, as in the kernel
	id->size = (uint64_t)st.st_size;
	disk->logical_sector = 512;
	snprintf(disk->product, sizeof(disk->product), "UMS disk %u", lun);
	return 0;
}

static int board_describe(const struct virtual_hub *hub, unsigned slot, struct board *out, struct err *e)
{
	int r = board_identity(hub, slot, out, e);
	for (unsigned lun = 0; r == 0 && out->luns >> lun; lun++)
		r = disk_describe(hub, slot, lun, out, e);
	if (r < 0)
		return r;
	STR_COPY(out->identity.port, hub->base.slots[slot].port);
	board_choose_lun(out, 0);
	out->model = hub->boards[slot].model;
	out->model.rate = hub->rate;
	out->model.shared_link = hub->link_rate > 0;
	out->model.takes_eject = hub->boards[slot].uboot != VIRTUAL_UBOOT_NONE;
	STR_COPY(out->serial_source, out->serial[0] ? "virtual" : "");
	return 0;
}

// `identity`: of a new board, beside what all of them say.
static int plug(struct virtual_hub *hub, unsigned slot, bool same, const char *identity, struct err *e)
{
	struct virtual_board *board = &hub->boards[slot];
	const char *label = hub->base.slots[slot].label;
	if (board->present)
		return err_set(e, EBUSY, "slot %s: a board is plugged in already; unplug it first", label);
	if (same && !board->ever)
		return err_set(e, ENOENT, "slot %s: no board was here that could come back", label);
	struct board report = {0};
	int r = same ? 0 : virtual_identity_read(identity, &report, e);
	if (r == 0 && !same) {
		if (identity != board->identity)
			STR_COPY(board->identity, identity);
		r = board_make(hub, slot, e);
	}
	if (r == 0) {
		board->plug = hub->next_plug++;
		r = board_describe(hub, slot, &report, e);
	}
	if (r < 0)
		return r;
	board->present = true;
	board->pulled = false;
	board->away = VIRTUAL_AWAY_NO;
	virtual_save(hub);
	hub->base.events->arrived(hub->base.context, &report);
	return 0;
}

int virtual_plug(struct virtual_hub *hub, unsigned slot, bool same, struct err *e)
{
	return plug(hub, slot, same, "", e);
}

int virtual_unplug(struct virtual_hub *hub, unsigned slot, struct err *e)
{
	struct virtual_board *board = &hub->boards[slot];
	if (!board->present)
		return err_set(e, ENOENT, "slot %s: no board is plugged in", hub->base.slots[slot].label);
	board->present = board->unnamed = false;
	board->model = (struct board_model){0}; // a fault is of the plugging, not of the slot
	virtual_save(hub);
	hub->base.events->left(hub->base.context, slot);
	return 0;
}

// By a person, who can also take a board out of its socket that has left already.
static int board_pull(struct virtual_hub *hub, unsigned slot, struct err *e)
{
	struct virtual_board *board = &hub->boards[slot];
	bool in_socket = board->uboot != VIRTUAL_UBOOT_NONE && board->ever && !board->pulled;
	if (board->away != VIRTUAL_AWAY_NO)
		board->model = (struct board_model){0};
	virtual_uboot_stop(board);
	board->pulled = true;
	return !board->present && in_socket ? 0 : virtual_unplug(hub, slot, e);
}

static int hub_fault(struct virtual_hub *hub, unsigned slot, const char *text, struct err *e)
{
	struct board_model *model = &hub->boards[slot].model;
	struct board_fault fault;
	if (!strcmp(text, "none")) {
		*model = (struct board_model){0};
	} else {
		int r = board_fault_parse(text, &fault, e);
		if (r < 0)
			return r;
		if (board_fault_answers(fault.kind) && !hub->sector)
			return err_set(e, EINVAL,
			        "slot %s: fault '%s': boards are asked nothing without on_target_sector",
			        hub->base.slots[slot].label, text);
		unsigned i = 0;
		while (i < BOARD_FAULTS_MAX && model->faults[i].kind)
			i++;
		if (i == BOARD_FAULTS_MAX)
			return err_set(e, E2BIG, "slot %s: has %d faults already",
			        hub->base.slots[slot].label, BOARD_FAULTS_MAX);
		model->faults[i] = fault;
	}
	hub->boards[slot].unnamed = false;
	struct board report;
	// Of the configuration's faults the owner hears with the board: it listens to nothing yet.
	if (hub->base.events && hub->boards[slot].present && board_describe(hub, slot, &report, e) == 0)
		hub->base.events->changed(hub->base.context, &report);
	return 0;
}

static int act_plug(struct virtual_hub *hub, unsigned slot, const char *argument, struct err *e)
{
	struct virtual_board *board = &hub->boards[slot];
	bool same = !strcmp(argument, "same");
	if (!board->present && board->away != VIRTUAL_AWAY_NO) {
		board->model = (struct board_model){0};
		virtual_uboot_stop(board);
	}
	if (!same || !hub->sector || !board->ever || board->present)
		return plug(hub, slot, same, !strncmp(argument, "new,", 4) ? argument + 4 : "", e);
	board->pulled = false;
	virtual_uboot_start(board, VIRTUAL_AWAY_PLUG);
	return 0;
}

static int virtual_act(
        struct fixture *f, const char *what, unsigned slot, const char *argument, struct err *e)
{
	struct virtual_hub *hub = virtual_hub_of(f);
	if (!strcmp(what, "unplug"))
		return board_pull(hub, slot, e);
	if (!strcmp(what, "fault"))
		return hub_fault(hub, slot, argument, e);
	bool new = !argument[0] || !strcmp(argument, "new") || !strncmp(argument, "new,", 4);
	if (!strcmp(what, "plug") && (new || !strcmp(argument, "same")))
		return act_plug(hub, slot, argument, e);
	return err_set(e, EINVAL, "virtual fixture: '%s %s' is nothing it can do", what, argument);
}

// A worker found the board gone: a scripted vanish has pulled the plug.
static void virtual_recheck(struct fixture *f, unsigned slot)
{
	struct virtual_hub *hub = virtual_hub_of(f);
	const struct board_model *model = &hub->boards[slot].model;
	for (unsigned i = 0; i < BOARD_FAULTS_MAX; i++) {
		if (model->faults[i].kind == BOARD_FAULT_VANISH) {
			virtual_unplug(hub, slot, NULL);
			return;
		}
	}
}

static void arrive_one(void *context)
{
	struct virtual_hub *hub = context;
	while (hub->arrive_next < hub->base.slot_count && hub->boards[hub->arrive_next].ever)
		hub->arrive_next++;
	if (hub->arrive_next == hub->base.slot_count) {
		loop_timer_off(hub->timer);
		return;
	}
	struct err e;
	const char *identity = hub->boards[hub->arrive_next].identity;
	if (plug(hub, hub->arrive_next++, false, identity, &e) < 0)
		log_error("virtual fixture: %s", e.text);
}

static int virtual_start(struct fixture *f, struct err *e)
{
	struct virtual_hub *hub = virtual_hub_of(f);
	for (unsigned i = 0; i < f->slot_count; i++) {
		struct board report;
		if (!hub->boards[i].present && hub->boards[i].away != VIRTUAL_AWAY_NO && hub->sector)
			virtual_uboot_start(&hub->boards[i], hub->boards[i].away);
		if (!hub->boards[i].present)
			continue;
		int r = board_describe(hub, i, &report, e);
		if (r < 0)
			return r;
		f->events->arrived(f->context, &report);
	}
	return loop_timer_set(hub->timer, clock_mono_ns(), hub->arrive_ns);
}

static void virtual_preflight(struct fixture *f, uint64_t bytes, FILE *to)
{
	const struct virtual_hub *hub = virtual_hub_of(f);
	char words[ESTIMATE_WORDS_SIZE];
	double own = hub->rate ? (double)bytes / (double)hub->rate : 0;
	double shared = hub->link_rate ? (double)bytes * f->slot_count / (double)hub->link_rate : 0;
	if (!bytes || (!hub->rate && !hub->link_rate))
		return;
	estimate_words(own > shared ? own : shared, words);
	if (hub->link_rate)
		fprintf(to, "%u boards share one simulated link of %" PRIu64 " MB/s: about %s a cycle\n",
		        f->slot_count, hub->link_rate / 1000000, words);
	else
		fprintf(to, "each board has a simulated wire of %" PRIu64 " MB/s: about %s a cycle\n",
		        hub->rate / 1000000, words);
}

static void virtual_free(struct fixture *f)
{
	struct virtual_hub *hub = virtual_hub_of(f);
	loop_remove(hub->timer);
	virtual_uboot_free(hub);
	fd_close(&hub->link_fd);
	free(hub);
}

static const struct fixture_ops virtual_ops = {
        .kind = "virtual",
        .has_uboot = true,
        .start = virtual_start,
        .power = virtual_power,
        .recheck = virtual_recheck,
        .preflight = virtual_preflight,
        .ejected = virtual_ejected,
        .act = virtual_act,
        .free = virtual_free,
};

static int link_make(struct virtual_hub *hub, struct err *e)
{
	hub->link_fd = memfd_create("gangway-link", MFD_CLOEXEC);
	struct board_link link = {.rate = hub->link_rate};
	if (hub->link_fd < 0 || fd_pwrite_all(hub->link_fd, &link, sizeof(link), 0) < 0)
		return err_sys(e, errno, "virtual fixture: shared link");
	return 0;
}

// serials = yes | no | same, fresh = no | yes
static int read_words(struct virtual_hub *hub, const struct fixture_settings *s, struct err *e)
{
	enum { YES, NO, SAME };
	static const char *const words[] = {"yes", "no", "same"};
	const char *serials = fixture_setting(s, "serials"), *fresh = fixture_setting(s, "fresh");
	int its_serials = serials ? virtual_word("serials", serials, words, 3, e) : YES;
	int is_fresh = fresh ? virtual_word("fresh", fresh, words, 2, e) : NO;
	if (its_serials < 0 || is_fresh < 0)
		return its_serials < 0 ? its_serials : is_fresh;
	hub->serials = its_serials != NO;
	hub->one_serial = its_serials == SAME;
	hub->fresh = is_fresh == YES;
	return 0;
}

static int read_settings(struct virtual_hub *hub, const struct fixture_settings *s, struct err *e)
{
	static const char *const known[] = {"slots", "columns", "size", "rate", "link_rate", "arrive_ms",
	        "serials", "fresh", "older", "identity", "identity.", "fault.", "uboot", "uboot.", "power",
	        "on_target_sector", "on_target_rate", NULL};
	uint64_t slots, columns, arrive_ms;
	int r = fixture_settings_check(s, known, e);
	if (r == 0)
		r = fixture_setting_number(s, "slots", 1, BOARD_SLOTS_MAX, 8, &slots, e);
	if (r == 0)
		r = fixture_setting_number(s, "columns", 1, BOARD_SLOTS_MAX, slots <= 8 ? 4 : 8, &columns, e);
	if (r == 0)
		r = fixture_setting_number(s, "size", 64 * KIB, 1024 * GIB, 64 * MIB, &hub->size, e);
	if (r == 0)
		r = fixture_setting_number(s, "rate", 0, UINT64_MAX, 0, &hub->rate, e);
	if (r == 0)
		r = fixture_setting_number(s, "link_rate", 0, UINT64_MAX, 0, &hub->link_rate, e);
	if (r == 0)
		r = fixture_setting_number(s, "on_target_sector", 0, hub->size / 512, 0, &hub->sector, e);
	if (r == 0)
		r = fixture_setting_number(s, "on_target_rate", 0, UINT64_MAX, 0, &hub->self_rate, e);
	if (r == 0)
		r = fixture_setting_number(s, "arrive_ms", 1, 60000, 50, &arrive_ms, e);
	if (r == 0)
		r = read_words(hub, s, e);
	if (r < 0)
		return r;
	STR_COPY(hub->older, fixture_setting(s, "older"));
	STR_COPY(hub->identity, fixture_setting(s, "identity"));
	hub->arrive_ns = arrive_ms * NSEC_PER_MSEC;
	hub->base.slot_count = (unsigned)slots;
	hub->base.columns = (unsigned)columns;
	hub->base.rows = (unsigned)((slots + columns - 1) / columns);
	return 0;
}

int virtual_slot(const struct virtual_hub *hub, const char *label, unsigned *out, struct err *e)
{
	for (*out = 0; *out < hub->base.slot_count; ++*out)
		if (!strcmp(hub->base.slots[*out].label, label))
			return 0;
	return err_set(e, EINVAL, "slot %s: there is no such slot", label);
}

// "identity.LABEL = product=X,...": of the first board that comes into the slot.
static int set_identity(struct virtual_hub *hub, unsigned slot, const char *words, struct err *e)
{
	struct board board = {0};
	if (!hub->boards[slot].ever)
		STR_COPY(hub->boards[slot].identity, words);
	return virtual_identity_read(words, &board, e);
}

// "fault.LABEL = KIND@OFFSET": may be given several times.
static int read_slots(struct virtual_hub *hub, const struct fixture_settings *s, struct err *e)
{
	struct board board = {0};
	int r = virtual_identity_read(hub->identity, &board, e);
	for (unsigned i = 0; i < s->count && r == 0; i++) {
		const char *key = s->items[i].key, *value = s->items[i].value;
		bool fault = !strncmp(key, "fault.", 6);
		unsigned slot = 0;
		if (!fault && strncmp(key, "identity.", 9) != 0)
			continue;
		r = virtual_slot(hub, strchr(key, '.') + 1, &slot, e);
		if (r == 0)
			r = fault ? hub_fault(hub, slot, value, e) : set_identity(hub, slot, value, e);
	}
	return r;
}

int fixture_virtual_open(const struct fixture_settings *settings, const char *state, struct loop *loop,
        struct fixture **out, struct err *e)
{
	struct virtual_hub *hub = calloc(1, sizeof(*hub));
	if (!hub)
		return err_sys(e, ENOMEM, "virtual fixture");
	hub->base.ops = &virtual_ops;
	hub->base.loop = loop;
	hub->link_fd = -1;
	STR_COPY(hub->base.name, "virtual hub");
	int r = read_settings(hub, settings, e);
	if (snprintf(hub->folder, sizeof(hub->folder), "%s/boards", state) >= (int)sizeof(hub->folder))
		r = err_set(e, ENAMETOOLONG, "%s: too long a path for a virtual fixture's boards", state);
	for (unsigned i = 0; i < hub->base.slot_count; i++) {
		struct fixture_slot *slot = &hub->base.slots[i];
		snprintf(slot->label, sizeof(slot->label), "%u", i + 1);
		snprintf(slot->port, sizeof(slot->port), "virtual-%u", i + 1);
		STR_COPY(slot->hub, "virtual");
		slot->row = i / hub->base.columns;
		slot->column = i % hub->base.columns;
	}
	if (r == 0)
		r = fd_mkdir_all(hub->folder, 0755, e);
	if (r == 0)
		hub_load(hub);
	if (r == 0)
		r = link_make(hub, e);
	if (r == 0)
		r = read_slots(hub, settings, e);
	if (r == 0)
		r = virtual_uboot_read(hub, settings, e);
	if (r == 0)
		r = virtual_uboot_open(hub, e);
	if (r == 0)
		r = loop_add_timer(loop, arrive_one, hub, &hub->timer, e);
	if (r < 0) {
		virtual_free(&hub->base);
		return r;
	}
	*out = &hub->base;
	return 0;
}
