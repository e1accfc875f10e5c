// SPDX-License-Identifier: MIT
// The emulated board over USB/IP, with this test in the place of the kernel's virtual host controller.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "check.h"
#include "fixtures/line/umsboard/server.h"
#include "fixtures/line/umsboard/wire.h"

enum { DEADLINE_MS = 120000 };

struct host {
	struct loop *loop;
	struct server *server;
	char file[64];
	int fd; // our end of the cable
	unsigned plugs;
	bool port_busy;
	uint32_t seqnum;
};

struct answer {
	uint32_t command, seqnum;
	int status;
	uint32_t actual;
	uint8_t data[1024];
};

static int attach(void *context, const struct board_config *config, int fd, struct err *e)
{
	struct host *h = context;
	if (h->port_busy)
		return err_set(e, EBUSY, "port %u is busy", config->port);
	fd_close(&h->fd);
	h->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	h->plugs++;
	return 0;
}

static int command(struct host *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int command(struct host *h, const char *format, ...)
{
	char line[SERVER_LINE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return server_command(h->server, line, stdout, NULL);
}

static int set_up(void **state)
{
	struct host *h = test_calloc(1, sizeof(*h));
	h->fd = -1;
	str_copy(h->file, sizeof(h->file), "umsboard-XXXXXX");
	close(mkstemp(h->file));
	assert_int_equal(loop_new(&h->loop, NULL), 0);
	assert_int_equal(server_new(h->loop, NULL, attach, h, &h->server, NULL), 0);
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct host *h = *state;
	server_free(h->server);
	loop_free(h->loop);
	fd_close(&h->fd);
	unlink(h->file);
	test_free(h);
	return 0;
}

static void submit(
        struct host *h, unsigned endpoint, bool in, uint32_t length, const uint8_t *setup, const void *data)
{
	uint8_t header[USBIP_HEADER_SIZE] = {0};
	put_be32(header, USBIP_CMD_SUBMIT);
	put_be32(header + 4, ++h->seqnum);
	put_be32(header + 12, in);
	put_be32(header + 16, endpoint);
	put_be32(header + 24, length);
	if (setup)
		memcpy(header + 40, setup, 8);
	assert_int_equal(fd_write_all(h->fd, header, sizeof(header)), 0);
	if (!in && length)
		assert_int_equal(fd_write_all(h->fd, data, length), 0);
}

// Lets the board work until there is something to read from it; false after `ms` without.
static bool wait_readable(struct host *h, int ms)
{
	uint64_t end = clock_mono_ns() + (uint64_t)ms * NSEC_PER_MSEC;
	struct pollfd p = {.fd = h->fd, .events = POLLIN};
	while (poll(&p, 1, 0) == 0) {
		if (clock_mono_ns() >= end)
			return false;
		loop_round(h->loop, 10);
	}
	return true;
}

static bool receive(struct host *h, bool in, struct answer *a)
{
	uint8_t header[USBIP_HEADER_SIZE];
	memset(a, 0, sizeof(*a));
	if (!wait_readable(h, DEADLINE_MS) || fd_read_all(h->fd, header, sizeof(header)) != sizeof(header))
		return false;
	a->command = get_be32(header);
	a->seqnum = get_be32(header + 4);
	a->status = (int)get_be32(header + 20);
	a->actual = a->command == USBIP_RET_SUBMIT ? get_be32(header + 24) : 0;
	assert_true(a->actual <= sizeof(a->data));
	return !in || fd_read_all(h->fd, a->data, a->actual) == (ssize_t)a->actual;
}

static struct answer control(
        struct host *h, uint8_t type, uint8_t request, uint16_t value, uint16_t index, uint16_t length)
{
	uint8_t setup[8] = {type, request};
	put_le16(setup + 2, value);
	put_le16(setup + 4, index);
	put_le16(setup + 6, length);
	bool in = type & 0x80;
	struct answer a;
	submit(h, 0, in, length, setup, NULL);
	assert_true(receive(h, in, &a));
	assert_int_equal(a.command, USBIP_RET_SUBMIT);
	assert_int_equal(a.seqnum, h->seqnum);
	return a;
}

// What a host does first with a device that has just come.
static void enumerate(struct host *h)
{
	assert_int_equal(control(h, 0x80, 6, 0x0100, 0, 64).status, 0);
}

static void plug(struct host *h, const char *settings)
{
	assert_int_equal(command(h, "add b file=%s size=4M off-ms=0 %s", h->file, settings), 0);
	assert_int_equal(command(h, "plug b"), 0);
	assert_true(h->fd >= 0);
	enumerate(h);
}

static void send_cbw(struct host *h, const uint8_t *cdb, unsigned cdb_size, bool in, uint32_t size)
{
	uint8_t cbw[31] = {'U', 'S', 'B', 'C', 1, 2, 3, 4};
	put_le32(cbw + 8, size);
	cbw[12] = in ? 0x80 : 0;
	cbw[14] = (uint8_t)cdb_size;
	memcpy(cbw + 15, cdb, cdb_size);
	struct answer a;
	submit(h, 2, false, sizeof(cbw), NULL, cbw);
	assert_true(receive(h, false, &a));
	assert_int_equal(a.status, 0);
	assert_int_equal(a.actual, sizeof(cbw));
}

static int csw(struct host *h)
{
	struct answer a;
	submit(h, 1, true, 13, NULL, NULL);
	assert_true(receive(h, true, &a));
	assert_int_equal(a.actual, 13);
	assert_memory_equal(a.data, "USBS\1\2\3\4", 8);
	return a.data[12];
}

static void eject(struct host *h)
{
	static const uint8_t cdb[6] = {0x1b, 0, 0, 0, 2};
	send_cbw(h, cdb, 6, false, 0);
	assert_int_equal(csw(h), 0);
}

// The peer has closed, within ms.
// Until the cable has been plugged in so often.
static void wait_plugs(struct host *h, unsigned plugs)
{
	uint64_t end = clock_mono_ns() + DEADLINE_MS * NSEC_PER_MSEC;
	while (h->plugs < plugs) {
		assert_true(clock_mono_ns() < end);
		assert_int_equal(loop_round(h->loop, 1000), 0);
	}
}

static bool is_unplugged(struct host *h, int ms)
{
	char byte;
	return wait_readable(h, ms) && recv(h->fd, &byte, 1, MSG_PEEK) == 0;
}

static void descriptors_are_u_boots(void **state)
{
	struct host *h = *state;
	plug(h, "family=imx serial=SN42");
	struct answer a = control(h, 0x80, 6, 0x0100, 0, 64);
	static const uint8_t device[18] = {
	        18, 1, 0, 2, 0, 0, 0, 64, 0x25, 0x05, 0xa5, 0xa4, 0x21, 0x02, 1, 2, 3, 1};
	assert_int_equal(a.actual, 18);
	assert_memory_equal(a.data, device, 18);
	a = control(h, 0x80, 6, 0x0200, 0, 255);
	static const uint8_t config[32] = {9, 2, 32, 0, 1, 1, 2, 0xc0, 1, 9, 4, 0, 0, 2, 8, 6, 0x50, 4, 7, 5,
	        0x81, 2, 0, 2, 0, 7, 5, 2, 2, 0, 2, 1};
	assert_int_equal(a.actual, 32);
	assert_memory_equal(a.data, config, 32);
	a = control(h, 0x80, 6, 0x0302, 0x0409, 255);
	assert_int_equal(a.actual, 2 + 2 * strlen("USB download gadget"));
	assert_memory_equal(a.data + 2, "U\0S\0B\0 \0d\0", 10);
	a = control(h, 0x80, 6, 0x0303, 0x0409, 255);
	assert_memory_equal(a.data, "\12\3S\0N\0004\0002\0", 10);
	assert_int_equal(control(h, 0x80, 6, 0x0f00, 0, 5).status, -EPIPE); // no BOS at high speed
	assert_int_equal(control(h, 0xa1, 0xfe, 0, 0, 1).data[0], 0);       // one LUN
}

static void without_serial_there_is_no_serial_string(void **state)
{
	struct host *h = *state;
	plug(h, "family=rockchip luns=3");
	struct answer a = control(h, 0x80, 6, 0x0100, 0, 18);
	assert_int_equal(a.data[16], 0);
	a = control(h, 0x80, 6, 0x0303, 0x0409, 255); // the interface's string moved up
	assert_memory_equal(a.data + 2, "M\0a\0s\0s\0", 8);
	assert_int_equal(control(h, 0x80, 6, 0x0304, 0x0409, 255).status, -EPIPE);
	assert_int_equal(control(h, 0xa1, 0xfe, 0, 0, 1).data[0], 2);
	char path[80];
	for (unsigned i = 1; i < 3; i++) {
		snprintf(path, sizeof(path), "%s.%u", h->file, i);
		assert_int_equal(unlink(path), 0);
	}
}

static void a_disk_works_over_the_cable(void **state)
{
	struct host *h = *state;
	plug(h, "");
	assert_int_equal(control(h, 0x00, 9, 1, 0, 0).status, 0);
	uint8_t data[1024];
	memset(data, 0xc3, sizeof(data));
	static const uint8_t write[10] = {0x2a, 0, 0, 0, 0, 9, 0, 0, 2},
	                     read[10] = {0x28, 0, 0, 0, 0, 9, 0, 0, 2};
	struct answer a;
	send_cbw(h, write, 10, false, sizeof(data));
	submit(h, 2, false, sizeof(data), NULL, data);
	assert_true(receive(h, false, &a));
	assert_int_equal(a.actual, sizeof(data));
	assert_int_equal(csw(h), 0);
	send_cbw(h, read, 10, true, sizeof(data));
	submit(h, 1, true, sizeof(data), NULL, NULL);
	assert_true(receive(h, true, &a));
	assert_int_equal(a.actual, sizeof(data));
	assert_memory_equal(a.data, data, sizeof(data));
	assert_int_equal(csw(h), 0);
}

static void eject_ends_ums_since_v2024_04(void **state)
{
	struct host *h = *state;
	plug(h, "uboot=v2024.04 eject-ms=20");
	eject(h);
	assert_true(is_unplugged(h, DEADLINE_MS));
	assert_true(command(h, "replug b") < 0); // the cable alone brings nothing: the board went on
	assert_int_equal(command(h, "plug b"), 0);
}

static void eject_is_answered_before_the_board_leaves(void **state)
{
	struct host *h = *state;
	static const uint8_t cdb[6] = {0x1b, 0, 0, 0, 2};
	plug(h, "eject-ms=0");
	send_cbw(h, cdb, 6, false, 0);
	assert_false(is_unplugged(h, 50)); // the host takes its time
	assert_int_equal(csw(h), 0);
	assert_true(is_unplugged(h, DEADLINE_MS));
}

static void eject_is_ignored_before_v2024_04_and_when_stuck(void **state)
{
	struct host *h = *state;
	plug(h, "uboot=2023.07 eject-ms=0");
	eject(h);
	assert_false(is_unplugged(h, 100));
	assert_int_equal(command(h, "unplug b"), 0);
	assert_int_equal(command(h, "set b uboot=2024.04"), 0);
	assert_int_equal(command(h, "fault b stuck-eject"), 0);
	assert_int_equal(command(h, "plug b"), 0);
	enumerate(h);
	eject(h);
	assert_false(is_unplugged(h, 100));
}

static void a_second_ums_is_mute_in_the_releases_that_break_it(void **state)
{
	struct host *h = *state;
	plug(h, "uboot=2025.10 eject-ms=0 back-ms=0");
	assert_int_equal(command(h, "fault b back"), 0);
	eject(h);
	wait_plugs(h, 2);
	uint8_t setup[8] = {0x80, 6, 0, 1, 0, 0, 64, 0};
	submit(h, 0, true, 64, setup, NULL);
	assert_false(wait_readable(h, 100));
}

static void a_hung_transfer_can_be_taken_back(void **state)
{
	struct host *h = *state;
	plug(h, "");
	assert_int_equal(command(h, "fault b hang@0x1"), 0);
	static const uint8_t write[10] = {0x2a, 0, 0, 0, 0, 0, 0, 0, 1}, data[512] = {1};
	send_cbw(h, write, 10, false, sizeof(data));
	submit(h, 2, false, sizeof(data), NULL, data);
	assert_false(wait_readable(h, 50));
	uint8_t header[USBIP_HEADER_SIZE] = {0};
	put_be32(header, USBIP_CMD_UNLINK);
	put_be32(header + 4, 1000);
	put_be32(header + 20, h->seqnum);
	assert_int_equal(fd_write_all(h->fd, header, sizeof(header)), 0);
	struct answer a;
	assert_true(receive(h, false, &a));
	assert_int_equal(a.command, USBIP_RET_UNLINK);
	assert_int_equal(a.seqnum, 1000);
	assert_int_equal(a.status, -ECONNRESET);
	assert_int_equal(control(h, 0x00, 9, 1, 0, 0).status, 0); // the host resets it, and it is well again
	eject(h);
}

static void a_vanishing_board_hangs_up_and_comes_back_with_the_cable(void **state)
{
	struct host *h = *state;
	plug(h, "");
	assert_int_equal(command(h, "fault b vanish@0x1"), 0);
	static const uint8_t write[10] = {0x2a, 0, 0, 0, 0, 0, 0, 0, 1}, data[512] = {1};
	send_cbw(h, write, 10, false, sizeof(data));
	submit(h, 2, false, sizeof(data), NULL, data);
	assert_true(is_unplugged(h, DEADLINE_MS));
	assert_int_equal(command(h, "replug b"), 0);
	enumerate(h);
	eject(h);
}

// The kernel that missed a quick replug goes on talking to the device it knew; a real one has no address any more.
static void a_replugged_board_does_not_hear_what_was_meant_for_the_one_before(void **state)
{
	struct host *h = *state;
	plug(h, "");
	assert_int_equal(control(h, 0x00, 9, 1, 0, 0).status, 0);
	assert_int_equal(command(h, "unplug b"), 0);
	assert_int_equal(command(h, "replug b"), 0);
	assert_int_equal(control(h, 0x80, 6, 0x0100, 0, 18).status, -EPROTO); // "is it still the same?"
	assert_int_equal(control(h, 0x00, 9, 1, 0, 0).status, -EPROTO);
	static const uint8_t cbw[31] = {'U', 'S', 'B', 'C'};
	struct answer a;
	submit(h, 2, false, sizeof(cbw), NULL, cbw);
	assert_true(receive(h, false, &a));
	assert_int_equal(a.status, -EPROTO);
	enumerate(h);
	assert_int_equal(control(h, 0x80, 6, 0x0100, 0, 18).actual, 18);
	eject(h);
}

// vhci_hcd would let the kernel's hub thread wait for five seconds: the board would be lost after a quick replug.
static void a_request_that_a_pulled_cable_cuts_short_fails_at_once(void **state)
{
	struct host *h = *state;
	plug(h, "");
	assert_int_equal(command(h, "fault b control-vanish@9x1"), 0);
	struct answer a = control(h, 0x00, 9, 1, 0, 0);
	assert_int_equal(a.status, -EPROTO);
	assert_true(is_unplugged(h, DEADLINE_MS));
	assert_int_equal(command(h, "replug b"), 0);
	enumerate(h);
	uint8_t setup[8] = {0x00, 9, 1};
	submit(h, 0, false, 0, setup, NULL); // still in the socket when the hand pulls
	assert_int_equal(command(h, "unplug b"), 0);
	assert_true(receive(h, false, &a));
	assert_int_equal(a.seqnum, h->seqnum);
	assert_int_equal(a.status, -EPROTO);
	assert_true(is_unplugged(h, DEADLINE_MS));
}

static void a_busy_port_is_tried_again(void **state)
{
	struct host *h = *state;
	h->port_busy = true;
	assert_int_equal(command(h, "add b file=%s size=1M off-ms=0", h->file), 0);
	assert_int_equal(command(h, "plug b"), 0);
	assert_int_equal(loop_round(h->loop, 1000), 0);
	assert_int_equal(h->fd, -1);
	h->port_busy = false;
	wait_plugs(h, 1);
	enumerate(h);
	eject(h);
}

static void a_flapping_board_comes_and_goes(void **state)
{
	struct host *h = *state;
	assert_int_equal(command(h, "add b file=%s size=1M off-ms=0", h->file), 0);
	assert_int_equal(command(h, "fault b flap@5x2"), 0);
	assert_int_equal(command(h, "plug b"), 0);
	wait_plugs(h, 3);
	assert_false(is_unplugged(h, 50)); // stays after its two drops
	enumerate(h);
	eject(h);
}

static void nonsense_on_the_cable_unplugs(void **state)
{
	struct host *h = *state;
	plug(h, "");
	uint8_t junk[USBIP_HEADER_SIZE];
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(fd_write_all(h->fd, junk, sizeof(junk)), 0);
	assert_true(is_unplugged(h, DEADLINE_MS));
}

static void what_u_boot_would_refuse_is_refused(void **state)
{
	struct host *h = *state;
	assert_int_equal(command(h, "add b file=%s size=1M block=4096 uboot=2024.04", h->file), 0);
	assert_true(command(h, "plug b") < 0);
	assert_int_equal(command(h, "set b uboot=2024.07"), 0);
	assert_int_equal(command(h, "plug b"), 0);
	static const char *const bad[] = {"add b file=x", "add c", "add c file=x family=z80",
	        "add c file=x port=8.1", "add c file=x block=1024", "plug c", "frobnicate", "set b serial=1",
	        "add c file=x luns=9"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(command(h, "%s", bad[i]) < 0);
}

#define WITH_HOST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_HOST(descriptors_are_u_boots),
	        WITH_HOST(without_serial_there_is_no_serial_string),
	        WITH_HOST(a_disk_works_over_the_cable),
	        WITH_HOST(eject_ends_ums_since_v2024_04),
	        WITH_HOST(eject_is_answered_before_the_board_leaves),
	        WITH_HOST(eject_is_ignored_before_v2024_04_and_when_stuck),
	        WITH_HOST(a_second_ums_is_mute_in_the_releases_that_break_it),
	        WITH_HOST(a_hung_transfer_can_be_taken_back),
	        WITH_HOST(a_vanishing_board_hangs_up_and_comes_back_with_the_cable),
	        WITH_HOST(a_replugged_board_does_not_hear_what_was_meant_for_the_one_before),
	        WITH_HOST(a_request_that_a_pulled_cable_cuts_short_fails_at_once),
	        WITH_HOST(a_busy_port_is_tried_again),
	        WITH_HOST(a_flapping_board_comes_and_goes),
	        WITH_HOST(nonsense_on_the_cable_unplugs),
	        WITH_HOST(what_u_boot_would_refuse_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
