// SPDX-License-Identifier: MIT
// At a desk: the boards in U-Boot's `ums` that are plugged in, found without being named.
#include "cli/desk.h"

#include <errno.h>
#include <inttypes.h>
#include <libudev.h>
#include <poll.h>

#include "board/usb.h"

static void collect(void *context, const struct board *board)
{
	struct desk *desk = context;
	if (desk->count < ARRAY_SIZE(desk->boards) && usb_is_ums(board))
		desk->boards[desk->count++] = *board;
}

static int look(struct udev *udev, struct desk *out, struct err *e)
{
	out->count = 0;
	int r = usb_disks(udev, 0, collect, out);
	return r < 0 ? err_sys(e, -r, "disks cannot be listed from sysfs") : 0;
}

static void put_board(FILE *to, const struct board *b)
{
	fprintf(to, "%s: board on %s, %s%s, %" PRIu64 " MB\n", b->identity.node, b->identity.port,
	        b->serial[0] ? "serial " : "no serial", b->serial, b->identity.size / 1000000);
}

// udev says when there is something new to look at.
static int wait_for_one(
        struct udev *udev, struct udev_monitor *monitor, FILE *say, struct desk *out, struct err *e)
{
	struct pollfd events = {.fd = udev_monitor_get_fd(monitor), .events = POLLIN};
	int r = look(udev, out, e);
	if (r == 0 && !out->count)
		fprintf(say, "no board is in U-Boot's ums; waiting for one (Ctrl-C ends it)\n");
	while (r == 0 && !out->count) {
		if (poll(&events, 1, -1) < 0 && errno != EINTR)
			return err_sys(e, errno, "waiting for a board");
		usb_monitor_drain(monitor);
		r = look(udev, out, e);
	}
	return r;
}

// Several: which? Leaves the one chosen.
static int ask(FILE *say, struct desk *desk, struct err *e)
{
	uint64_t number = 0;
	char line[32] = "";
	for (unsigned i = 0; i < desk->count; i++) {
		fprintf(say, "%3u  ", i + 1);
		put_board(say, &desk->boards[i]);
	}
	if (!isatty(STDIN_FILENO))
		return err_set(
		        e, EINVAL, "%u boards are there; name one as TARGET, or say --all", desk->count);
	fprintf(say, "which one (1 to %u)? ", desk->count);
	fflush(say);
	bool answered = fgets(line, sizeof(line), stdin);
	line[strcspn(line, "\r\n")] = '\0'; // one number and nothing else: "1,2" is not 1
	if (!answered || !board_bytes_parse(line, &number) || number < 1 || number > desk->count)
		return err_set(e, EINVAL, "no board was chosen; nothing is written");
	desk->boards[0] = desk->boards[number - 1];
	desk->count = 1;
	return 0;
}

int desk_find(bool all, FILE *say, struct desk *out, struct err *e)
{
	struct udev *udev = udev_new();
	if (!udev)
		return err_sys(e, ENOMEM, "udev");
	struct udev_monitor *monitor = usb_monitor_new(udev, e);
	int r = monitor ? wait_for_one(udev, monitor, say, out, e) : -EIO;
	udev_monitor_unref(monitor);
	udev_unref(udev);
	if (r == 0 && out->count > 1 && !all)
		r = ask(say, out, e);
	for (unsigned i = 0; r == 0 && i < out->count; i++)
		put_board(say, &out->boards[i]);
	return r;
}
