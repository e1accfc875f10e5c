// SPDX-License-Identifier: MIT
// The two sides of a USB 3 controller that number their ports differently: one socket has one name, and two halves.
#include "base/fd.h"
#include "board/usb.h"
#include "board/usb_tree.h"
#include "check.h"

/*
 * As a common controller has them: eight ports of 480 Mb/s on usb1, four SuperSpeed ones on usb2, of which the first is the other
 * half of usb1's third. A hub is there, 1-3 and 2-1 at once; its ports 1 and 4 are known to belong together.
 */
#define CONTROLLER "root/sys/devices/pci0000:00/0000:00:14.0"
#define NAME       "pci-0000:00:14.0-usb-0:"

static void folder(const char *path)
{
	assert_int_equal(fd_mkdir_all(path, 0755, NULL), 0);
}

static void text(const char *path, const char *value)
{
	assert_int_equal(fd_write_file(path, value, strlen(value), 0644, NULL), 0);
}

// Each has the other for its peer; both are three folders below the controller's, or four.
static void pair(const char *slow, const char *fast, const char *up)
{
	char path[256], to[256];
	snprintf(path, sizeof(path), CONTROLLER "/%s", slow);
	folder(path);
	snprintf(path, sizeof(path), CONTROLLER "/%s", fast);
	folder(path);
	snprintf(path, sizeof(path), CONTROLLER "/%s/peer", slow);
	snprintf(to, sizeof(to), "%s/%s", up, fast);
	assert_int_equal(symlink(to, path), 0);
	snprintf(path, sizeof(path), CONTROLLER "/%s/peer", fast);
	snprintf(to, sizeof(to), "%s/%s", up, slow);
	assert_int_equal(symlink(to, path), 0);
}

static int make_tree(void **state)
{
	(void)state;
	assert_int_equal(system("rm -rf root"), 0);
	folder(CONTROLLER "/usb1");
	text(CONTROLLER "/usb1/speed", "480\n");
	folder(CONTROLLER "/usb2");
	text(CONTROLLER "/usb2/speed", "20000\n");
	pair("usb1/1-0:1.0/usb1-port3", "usb2/2-0:1.0/usb2-port1", "../../..");
	folder(CONTROLLER "/usb2/2-0:1.0/usb2-port2"); // whose peer is not known
	pair("usb1/1-3/1-3:1.0/1-3-port1", "usb2/2-1/2-1:1.0/2-1-port1", "../../../..");
	pair("usb1/1-3/1-3:1.0/1-3-port4", "usb2/2-1/2-1:1.0/2-1-port4", "../../../..");
	folder(CONTROLLER "/usb2/2-1/2-1:1.0/2-1-port2");
	folder("root/sys/bus/usb/devices");
	assert_int_equal(
	        symlink("../../../devices/pci0000:00/0000:00:14.0/usb2", "root/sys/bus/usb/devices/usb2"), 0);
	assert_int_equal(
	        symlink("../../../devices/pci0000:00/0000:00:14.0/usb2/2-1", "root/sys/bus/usb/devices/2-1"),
	        0);
	return 0;
}

static void a_socket_has_one_name_on_both_sides(void **state)
{
	(void)state;
	static const struct {
		const char *path, *port;
	} cases[] = {
	        {"/usb1", NAME},
	        {"/usb2", NAME},
	        {"/usb1/1-1", NAME "1"},
	        {"/usb1/1-3", NAME "3"},
	        {"/usb2/2-1", NAME "3"},
	        {"/usb1/1-3/1-3.4", NAME "3.4"},
	        {"/usb2/2-1/2-1.4", NAME "3.4"},
	        {"/usb2/2-1/2-1.4/2-1.4:1.0/host4/target4:0:0/4:0:0:0/block/sdc", NAME "3.4"},
	        {"/usb2/2-1/2-1.4/2-1.4.2", NAME "3.4.2"},
	        {"/usb2/2-1/2-1.2", NAME "3.2"}, // the hub's halves tell, where its ports do not
	        {"/usb2/2-1/2-1.2/2-1.2.7/2-1.2.7:1.0", NAME "3.2.7"},
	        {"/usb2/2-2", NAME "2"}, // nobody knows better
	        {"/usb2/2-2/2-2.1", NAME "2.1"},
	};
	char path[256], port[USB_PORT_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), CONTROLLER "%s", cases[i].path);
		assert_true(usb_port_of(path, port));
		assert_string_equal(port, cases[i].port);
	}
}

static void a_neighbour_of_the_same_number_on_the_other_side_is_another_port(void **state)
{
	(void)state;
	char slow[USB_PORT_SIZE], fast[USB_PORT_SIZE];
	assert_true(usb_port_of(CONTROLLER "/usb1/1-1", slow));
	assert_true(usb_port_of(CONTROLLER "/usb2/2-1", fast));
	assert_string_not_equal(slow, fast);
}

static struct usb_node nodes[] = {
        {.port = NAME, .name = "usb1", .speed = 480, .hub_ports = 8, .bus = 1, .address = 1, .root = true},
        {.port = NAME, .name = "usb2", .speed = 20000, .hub_ports = 4, .bus = 2, .address = 1, .root = true},
        {.port = NAME "3", .name = "1-3", .speed = 480, .hub_ports = 4, .bus = 1, .address = 5},
        {.port = NAME "3", .name = "2-1", .speed = 5000, .hub_ports = 4, .bus = 2, .address = 7},
};

static void both_halves_of_a_port_are_switched_and_no_others(void **state)
{
	(void)state;
	static const struct {
		const char *port;
		unsigned count;
		struct usb_half halves[USB_HALVES_MAX];
	} cases[] = {
	        {NAME "3", 2, {{1, 1, 3}, {2, 1, 1}}},
	        {NAME "1", 1, {{1, 1, 1}}}, // usb2's port 1 is another socket's
	        {NAME "2", 2, {{1, 1, 2}, {2, 1, 2}}},
	        {NAME "8", 1, {{1, 1, 8}}},
	        {NAME "3.4", 2, {{1, 5, 4}, {2, 7, 4}}},
	        {NAME "3.2", 2, {{1, 5, 2}, {2, 7, 2}}},
	        {NAME "3.5", 0, {{0}}},
	        {NAME "1.1", 0, {{0}}},
	        {"rubbish", 0, {{0}}},
	};
	const struct usb_tree tree = {.count = ARRAY_SIZE(nodes), .nodes = nodes};
	struct usb_half halves[USB_HALVES_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(usb_tree_halves("root", &tree, cases[i].port, halves), cases[i].count);
		assert_memory_equal(halves, cases[i].halves, cases[i].count * sizeof(halves[0]));
	}
}

static void a_hub_that_went_meanwhile_has_no_half(void **state)
{
	(void)state;
	struct usb_node gone = {.port = NAME "6", .name = "2-4", .speed = 5000, .hub_ports = 4, .bus = 2};
	const struct usb_tree tree = {.count = 1, .nodes = &gone};
	struct usb_half halves[USB_HALVES_MAX];
	assert_int_equal(usb_tree_halves("root", &tree, NAME "6.1", halves), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_socket_has_one_name_on_both_sides),
	        cmocka_unit_test(a_neighbour_of_the_same_number_on_the_other_side_is_another_port),
	        cmocka_unit_test(both_halves_of_a_port_are_switched_and_no_others),
	        cmocka_unit_test(a_hub_that_went_meanwhile_has_no_half),
	};
	return cmocka_run_group_tests(tests, make_tree, NULL);
}
