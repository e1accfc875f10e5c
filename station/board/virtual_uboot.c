// SPDX-License-Identifier: MIT
// What runs on the virtual boards: their U-Boot's answer to an eject, and to its power.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "board/virtual_inside.h"

// A real board takes a second or several; here it only has to be later than the answer.
#define STEP_NS (20 * NSEC_PER_MSEC)

static unsigned slot_of(const struct virtual_board *board)
{
	return (unsigned)(board - board->hub->boards);
}

static void next(struct virtual_board *board, enum virtual_next what)
{
	board->next = what;
	if (loop_timer_after(board->timer, STEP_NS) < 0)
		log_error("virtual fixture: no timer");
}

// As uboot/station.cmd does: without a partition table it goes to the station, else it boots.
static bool goes_to_ums(const struct virtual_board *board)
{
	static const char none[1024];
	char path[PATH_MAX], head[sizeof(none)] = "";
	virtual_path(board->hub, slot_of(board), "", path, sizeof(path));
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fd_pread_all(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       !memcmp(head, none, sizeof(none));
}

static void appear(struct virtual_board *board)
{
	struct err e;
	if (!board->present && !board->pulled && virtual_plug(board->hub, slot_of(board), true, &e) < 0)
		log_error("virtual fixture: %s", e.text);
}

static void disappear(struct virtual_board *board)
{
	struct err e;
	if (board->present && virtual_unplug(board->hub, slot_of(board), &e) < 0)
		log_error("virtual fixture: %s", e.text);
}

static void on_step(void *context)
{
	struct virtual_board *board = context;
	enum virtual_next what = board->next;
	board->next = VIRTUAL_REST;
	switch (what) {
	case VIRTUAL_REST: break;
	case VIRTUAL_LEAVE:
		if (board->uboot == VIRTUAL_UBOOT_LOOPS)
			next(board, VIRTUAL_RETURN);
		disappear(board);
		break;
	case VIRTUAL_RETURN: appear(board); break;
	case VIRTUAL_DARK: disappear(board); break;
	case VIRTUAL_LIT:
		if (board->ever && goes_to_ums(board))
			appear(board);
		break;
	}
}

void virtual_ejected(struct fixture *f, unsigned slot)
{
	struct virtual_board *board = &virtual_hub_of(f)->boards[slot];
	if (board->uboot != VIRTUAL_UBOOT_STAYS)
		next(board, VIRTUAL_LEAVE);
}

int virtual_power(struct fixture *f, unsigned slot, bool on, struct err *e)
{
	struct virtual_hub *hub = virtual_hub_of(f);
	if (hub->power == VIRTUAL_POWER_NO)
		return err_set(e, ENOTSUP, "slot %s: this hub's ports do not switch", f->slots[slot].label);
	if (hub->power == VIRTUAL_POWER_YES)
		next(&hub->boards[slot], on ? VIRTUAL_LIT : VIRTUAL_DARK);
	return 0;
}

static int word(const char *key, const char *value, const char *const *words, int count, struct err *e)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(value, words[i]))
			return i;
	return err_set(e, EINVAL, "[fixture] %s = %s: a virtual fixture has no such thing", key, value);
}

// "uboot = WORD" for all, "uboot.LABEL = WORD" for one; "power = WORD".
int virtual_uboot_read(struct virtual_hub *hub, const struct fixture_settings *settings, struct err *e)
{
	static const char *const uboots[] = {"none", "leaves", "stays", "loops"};
	static const char *const powers[] = {"no", "yes", "lies"};
	for (unsigned n = 0; n < settings->count; n++) {
		const char *key = settings->items[n].key, *value = settings->items[n].value;
		bool all = !strcmp(key, "uboot");
		if (!strcmp(key, "power")) {
			int power = word(key, value, powers, ARRAY_SIZE(powers), e);
			if (power < 0)
				return power;
			hub->power = (enum virtual_power)power;
		}
		if (!all && strncmp(key, "uboot.", 6) != 0)
			continue;
		int uboot = word(key, value, uboots, ARRAY_SIZE(uboots), e);
		if (uboot < 0)
			return uboot;
		for (unsigned i = 0; i < hub->base.slot_count; i++)
			if (all || !strcmp(hub->base.slots[i].label, key + 6))
				hub->boards[i].uboot = (enum virtual_uboot)uboot;
	}
	for (unsigned i = 0; i < hub->base.slot_count; i++)
		hub->base.slots[i].switches = hub->power != VIRTUAL_POWER_NO;
	return 0;
}

int virtual_uboot_open(struct virtual_hub *hub, struct err *e)
{
	int r = 0;
	for (unsigned i = 0; i < hub->base.slot_count && r == 0; i++) {
		hub->boards[i].hub = hub;
		r = loop_add_timer(hub->base.loop, on_step, &hub->boards[i], &hub->boards[i].timer, e);
	}
	return r;
}

void virtual_uboot_free(struct virtual_hub *hub)
{
	for (unsigned i = 0; i < hub->base.slot_count; i++)
		loop_remove(hub->boards[i].timer);
}
