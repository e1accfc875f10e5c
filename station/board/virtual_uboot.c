// SPDX-License-Identifier: MIT
// What runs on the virtual boards: their U-Boot's answer to an eject, and to its power.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "board/virtual_answer.h"
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

static const struct board_fault *fault_of(const struct virtual_board *board, enum board_fault_kind kind)
{
	for (unsigned i = 0; i < BOARD_FAULTS_MAX; i++)
		if (board->model.faults[i].kind == kind)
			return &board->model.faults[i];
	return NULL;
}

static void appear(struct virtual_board *board)
{
	struct err e;
	if (board->present || board->pulled)
		return;
	const struct board_fault *serial = fault_of(board, BOARD_FAULT_ANSWER_SERIAL);
	board->unnamed = serial && serial->offset;
	if (serial && (!serial->offset || serial->value))
		board->serial = board->hub->next_serial++;
	if (virtual_plug(board->hub, slot_of(board), true, &e) < 0)
		log_error("virtual fixture: %s", e.text);
}

static void disappear(struct virtual_board *board)
{
	struct err e;
	if (board->present && virtual_unplug(board->hub, slot_of(board), &e) < 0)
		log_error("virtual fixture: %s", e.text);
}

static bool comes_back(const struct virtual_board *board, int status)
{
	char text[64];
	if (board->away == VIRTUAL_AWAY_PLUG && !fault_of(board, BOARD_FAULT_ANSWER_NEVER))
		return true;
	switch (WIFEXITED(status) ? WEXITSTATUS(status) : -1) {
	case VIRTUAL_DECISION_UMS: return true;
	case VIRTUAL_DECISION_BOOTS:
	case VIRTUAL_DECISION_PROMPT:
		return board->away == VIRTUAL_AWAY_EJECT && board->uboot == VIRTUAL_UBOOT_LOOPS;
	}
	child_status_text(status, text, sizeof(text));
	log_error("virtual fixture: the U-Boot of slot %s: %s", board->hub->base.slots[slot_of(board)].label,
	        text);
	return false;
}

static void on_ended(void *context, uint32_t events)
{
	(void)events;
	struct virtual_board *board = context;
	int status = 0;
	// The pidfd is closed when the child is reaped: stop watching it first.
	board->ended = loop_remove(board->ended);
	if (child_reap(&board->child, &status) < 0)
		log_error("virtual fixture: the U-Boot of slot %s cannot be collected",
		        board->hub->base.slots[slot_of(board)].label);
	if (board->forsaken) {
		board->forsaken = false;
		if (board->away != VIRTUAL_AWAY_NO) // its power came again meanwhile
			virtual_uboot_start(board, board->away);
	} else if (comes_back(board, status)) {
		next(board,
		        VIRTUAL_RETURN); // still away until then: a station that is killed now has it to come
	} else {
		board->away = VIRTUAL_AWAY_NO;
		board->model = (struct board_model){0};
		virtual_save(board->hub);
	}
}

// The faults that act in the board's own process, as its words.
static void fault_words(const struct board_model *model, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < BOARD_FAULTS_MAX; i++) {
		const struct board_fault *fault = &model->faults[i];
		if (board_fault_answers(fault->kind) && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s@%" PRIu64 "=%" PRIu64 ",",
			        board_fault_name((enum board_fault_kind)fault->kind), fault->offset,
			        fault->value);
	}
}

static int start_child(struct virtual_board *board, struct err *e)
{
	const struct virtual_hub *hub = board->hub;
	char path[PATH_MAX], sector[32], rate[32], faults[BOARD_FAULTS_MAX * 80];
	virtual_path(hub, slot_of(board), "", path, sizeof(path));
	snprintf(sector, sizeof(sector), "%" PRIu64, hub->sector);
	snprintf(rate, sizeof(rate), "%" PRIu64, hub->self_rate);
	fault_words(&board->model, faults, sizeof(faults));
	struct child_spec spec = {.role = "virtual-board",
	        .args = {path, board->away == VIRTUAL_AWAY_EJECT ? "eject" : "power", sector, rate, faults}};
	int r = child_start(&spec, &board->child, e);
	return r < 0 ? r
	             : loop_add_fd(hub->base.loop, board->child.pidfd, EPOLLIN, on_ended, board,
	                       &board->ended, e);
}

void virtual_uboot_start(struct virtual_board *board, enum virtual_away how)
{
	struct err e;
	board->away = how;
	virtual_save(board->hub);
	if (!board->child.pid && start_child(board, &e) < 0)
		log_error("virtual fixture: %s", e.text);
}

void virtual_uboot_stop(struct virtual_board *board)
{
	board->next = VIRTUAL_REST;
	board->away = VIRTUAL_AWAY_NO;
	if (board->child.pid) {
		child_signal(&board->child, SIGKILL);
		board->forsaken = true;
	}
}

// The faults of a board that has left by itself are still its own when it comes back.
static void leave(struct virtual_board *board)
{
	struct board_model model = board->model;
	if (board->uboot == VIRTUAL_UBOOT_LOOPS && !board->hub->sector)
		next(board, VIRTUAL_RETURN);
	if (!board->hub->sector || !board->present) {
		disappear(board);
		return;
	}
	board->away = VIRTUAL_AWAY_EJECT;
	disappear(board);
	board->model = model;
	virtual_uboot_start(board, VIRTUAL_AWAY_EJECT);
}

static void on_step(void *context)
{
	struct virtual_board *board = context;
	enum virtual_next what = board->next;
	board->next = VIRTUAL_REST;
	switch (what) {
	case VIRTUAL_REST: break;
	case VIRTUAL_LEAVE: leave(board); break;
	case VIRTUAL_RETURN: appear(board); break;
	case VIRTUAL_DARK:
		virtual_uboot_stop(board);
		board->model = (struct board_model){0};
		disappear(board);
		break;
	case VIRTUAL_LIT:
		if (board->ever && board->hub->sector && !board->present && !board->pulled)
			virtual_uboot_start(board, VIRTUAL_AWAY_POWER);
		else if (board->ever && goes_to_ums(board))
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
	bool hears = hub->power == VIRTUAL_POWER_YES ||
	             (hub->power == VIRTUAL_POWER_DEAF && (!on || hub->boards[slot].missed));
	if (hub->power == VIRTUAL_POWER_DEAF && on)
		hub->boards[slot].missed = true;
	if (hears)
		next(&hub->boards[slot], on ? VIRTUAL_LIT : VIRTUAL_DARK);
	return 0;
}

int virtual_word(const char *key, const char *value, const char *const *words, int count, struct err *e)
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
	static const char *const powers[] = {"no", "yes", "lies", "deaf"};
	for (unsigned n = 0; n < settings->count; n++) {
		const char *key = settings->items[n].key, *value = settings->items[n].value;
		bool all = !strcmp(key, "uboot");
		if (!strcmp(key, "power")) {
			int power = virtual_word(key, value, powers, ARRAY_SIZE(powers), e);
			if (power < 0)
				return power;
			hub->power = (enum virtual_power)power;
		}
		if (!all && strncmp(key, "uboot.", 6) != 0)
			continue;
		int uboot = virtual_word(key, value, uboots, ARRAY_SIZE(uboots), e);
		if (uboot < 0)
			return uboot;
		unsigned slot = 0;
		int r = all ? 0 : virtual_slot(hub, key + 6, &slot, e);
		if (r < 0)
			return r;
		for (unsigned i = 0; i < hub->base.slot_count; i++)
			if (all || i == slot)
				hub->boards[i].uboot = (enum virtual_uboot)uboot;
	}
	for (unsigned i = 0; i < hub->base.slot_count; i++) {
		hub->base.slots[i].switches = hub->power != VIRTUAL_POWER_NO;
		if (hub->sector && hub->boards[i].uboot == VIRTUAL_UBOOT_NONE)
			return err_set(e, EINVAL,
			        "[fixture] on_target_sector: the board of slot %s has no U-Boot that could "
			        "look there; say uboot = leaves, stays or loops",
			        hub->base.slots[i].label);
	}
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
	for (unsigned i = 0; i < hub->base.slot_count; i++) {
		struct virtual_board *board = &hub->boards[i];
		loop_remove(board->timer);
		loop_remove(board->ended);
		if (board->child.pid) {
			child_signal(&board->child, SIGKILL);
			close(board->child.pidfd); // whoever comes after this process reaps it
		}
	}
}
