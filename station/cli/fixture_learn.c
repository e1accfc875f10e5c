// SPDX-License-Identifier: MIT
// `gangway fixture learn` and `watch`: boards as they come, by port.
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <libudev.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop.h"
#include "board/profile.h"
#include "board/usb.h"
#include "board/usb_tree.h"
#include "cli/command.h"
#include "cli/fixture.h"

struct learner {
	struct loop *loop;
	struct udev *udev;
	struct udev_monitor *monitor;
	struct loop_source *source, *input;
	const struct fixture_options *options;
	struct profile *profile;
	unsigned before_count, now_count; // ports with a board: at the last look, and now
	char before[BOARD_SLOTS_MAX][USB_PORT_SIZE], now[BOARD_SLOTS_MAX][USB_PORT_SIZE];
	bool started;
	struct err error;
};

static void ask(const struct learner *l)
{
	printf("slot %u: plug a board in%s\n", l->profile->slot_count + 1,
	        l->options->slots ? "" : ", or press Enter when all slots are learnt");
	fflush(stdout);
}

static bool was_there(const struct learner *l, const char *port)
{
	for (unsigned i = 0; i < l->before_count; i++)
		if (!strcmp(l->before[i], port))
			return true;
	return false;
}

static void learn_port(struct learner *l, const char *port)
{
	char label[16];
	int slot = profile_slot_of(l->profile, port);
	if (slot >= 0) {
		printf("that was slot %s again\n", l->profile->slots[slot].label);
		return;
	}
	snprintf(label, sizeof(label), "%u", l->profile->slot_count + 1);
	if (profile_add_slot(l->profile, label, port, &l->error) < 0) {
		loop_stop(l->loop, l->error.num ? -l->error.num : -EIO);
		return;
	}
	printf("slot %s is %s\n", label, port);
	if (l->options->slots && l->profile->slot_count >= l->options->slots)
		loop_stop(l->loop, 0);
	else
		ask(l);
}

static void on_disk(void *context, const struct board *board)
{
	struct learner *l = context;
	if (l->now_count == BOARD_SLOTS_MAX || !usb_is_ums(board))
		return;
	STR_COPY(l->now[l->now_count], board->identity.port);
	l->now_count++;
	if (!l->started)
		printf("a board is at %s already; it counts when it is plugged in again\n",
		        board->identity.port);
}

// Of two that came at once nobody knows which of them is in the slot that was asked for.
static void learn_new(struct learner *l)
{
	const char *only = NULL;
	unsigned count = 0;
	for (unsigned i = 0; i < l->now_count; i++)
		if (!was_there(l, l->now[i])) {
			only = l->now[i];
			count++;
		}
	if (count == 1) {
		learn_port(l, only);
	} else if (count) {
		printf("%u boards came at once: unplug them, and plug them in one after the other\n", count);
		ask(l);
	}
}

static void look(struct learner *l)
{
	l->now_count = 0;
	int r = usb_disks(l->udev, 0, on_disk, l);
	if (r < 0)
		loop_stop(l->loop, err_sys(&l->error, -r, "disks cannot be listed from sysfs"));
	else if (l->started)
		learn_new(l);
	memcpy(l->before, l->now, sizeof(l->before));
	l->before_count = l->now_count;
	l->started = true;
}

static void on_monitor(void *context, uint32_t events)
{
	struct learner *l = context;
	(void)events;
	usb_monitor_drain(l->monitor);
	look(l);
}

static void on_input(void *context, uint32_t events)
{
	struct learner *l = context;
	(void)events;
	loop_stop(l->loop, 0);
}

static void on_signal(void *context, int signal)
{
	(void)signal;
	loop_stop(context, 0);
}

static int finish(struct learner *l, struct err *e)
{
	struct usb_tree tree;
	if (!l->profile->slot_count)
		return err_set(e, ENODATA, "no slot was learnt; nothing is written");
	profile_arrange(l->profile);
	int r = usb_tree_read(&tree, e);
	if (r < 0)
		return r;
	r = usb_tree_learn_hubs(&tree, l->profile, e);
	if (r == 0)
		r = profile_save(l->options->profile, l->profile, e);
	if (r == 0) {
		printf("%s: %u slots, %u hubs\n", l->options->profile, l->profile->slot_count,
		        l->profile->hub_count);
		usb_tree_check(&tree, l->profile, stdout);
	}
	usb_tree_done(&tree);
	return r;
}

static int learn(struct learner *l, struct err *e)
{
	int r = loop_add_fd(l->loop, udev_monitor_get_fd(l->monitor), EPOLLIN, on_monitor, l, &l->source, e);
	if (r == 0 && !l->options->slots) // without a number of slots, Enter ends it
		r = loop_add_fd(l->loop, STDIN_FILENO, EPOLLIN, on_input, l, &l->input, e);
	if (r == -EPERM) // epoll(7) takes no files
		return err_set(
		        e, EPERM, "Enter would end it, and nobody types here; say with --slots N how many");
	if (r < 0)
		return r;
	look(l);
	ask(l);
	r = loop_run(l->loop);
	if (r < 0)
		return err_set(e, -r, "%s", l->error.text);
	return finish(l, e);
}

// Before anybody plugs a board into every slot for nothing.
static int check_output(const char *path, struct err *e)
{
	_cleanup_free_ char *copy = strdup(path);
	const char *folder = copy ? dirname(copy) : "";
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, EISDIR, "--output %s: not a file; name one", path);
	if (access(folder, W_OK | X_OK) < 0)
		return err_set(e, errno, "--output %s: %s: %s; make that folder, or ask with sudo", path,
		        folder, strerror(errno));
	return 0;
}

int fixture_learn(const struct fixture_options *o, struct err *e)
{
	_cleanup_free_ struct learner *l = calloc(1, sizeof(*l));
	_cleanup_free_ struct profile *profile = calloc(1, sizeof(*profile));
	if (!l || !profile)
		return err_sys(e, ENOMEM, "fixture");
	l->options = o;
	l->profile = profile;
	STR_COPY(profile->name, o->name ? o->name : "fixture");
	profile->columns = o->columns;
	int r = check_output(o->profile, e);
	if (r == 0)
		r = loop_new(&l->loop, e);
	l->udev = r == 0 ? udev_new() : NULL;
	if (r == 0)
		r = l->udev ? 0 : err_sys(e, ENOMEM, "udev");
	if (r == 0 && !(l->monitor = usb_monitor_new(l->udev, e)))
		r = -EIO;
	if (r == 0)
		r = learn(l, e);
	loop_free(l->loop);
	udev_monitor_unref(l->monitor);
	udev_unref(l->udev);
	return r;
}

static struct fixture **watched(void *context)
{
	return context;
}

static void put_arrived(void *context, const struct board *b)
{
	const struct fixture *f = *watched(context);
	printf("slot %s: arrived %s serial=%s %s diskseq=%" PRIu64 " size=%" PRIu64 " '%s' '%s' '%s'\n",
	        f->slots[b->slot].label, b->identity.node, b->serial, b->usb_id, b->identity.diskseq,
	        b->identity.size, b->vendor, b->product, b->revision);
	fflush(stdout);
}

static void put_left(void *context, unsigned slot)
{
	printf("slot %s: left\n", (*watched(context))->slots[slot].label);
	fflush(stdout);
}

static void put_oddity(void *context, unsigned slot, const char *reason)
{
	printf("slot %s: %s\n", (*watched(context))->slots[slot].label, reason[0] ? reason : "fine again");
	fflush(stdout);
}

int fixture_watch(const struct fixture_options *o, struct err *e)
{
	static const struct fixture_events events = {
	        .arrived = put_arrived, .left = put_left, .oddity = put_oddity};
	static const int signals[] = {SIGINT, SIGTERM};
	_cleanup_loop_ struct loop *loop = NULL;
	struct fixture_settings settings = {.kind = "usb"};
	struct fixture *fixture = NULL;
	int r = loop_new(&loop, e);
	if (r == 0)
		r = loop_add_signals(loop, signals, ARRAY_SIZE(signals), on_signal, loop, e);
	if (r == 0)
		r = fixture_settings_add(&settings, "profile", o->profile, e);
	if (r == 0 && o->base)
		r = fixture_settings_add(&settings, "base", o->base, e);
	if (r == 0)
		r = fixture_open(&settings, "", loop, &events, &fixture, &fixture, e);
	if (r == 0)
		r = fixture_start(fixture, e);
	if (r == 0) {
		printf("watching %u slots of %s\n", fixture->slot_count, fixture->name);
		fflush(stdout);
		r = loop_run(loop);
	}
	fixture_free(fixture);
	return r;
}
