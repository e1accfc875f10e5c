// SPDX-License-Identifier: MIT
// Ports, profiles, and what no longer fits: the USB fixture's judgement, without USB.
#include <errno.h>

#include "base/fd.h"
#include "board/profile.h"
#include "board/usb_port.h"
#include "board/usb_tree.h"
#include "check.h"

static void a_port_is_controller_and_way_without_the_bus_number(void **state)
{
	(void)state;
	static const struct {
		const char *path, *port;
	} cases[] = {
	        {"/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.3", "pci-0000:00:14.0-usb-0:2.3"},
	        {"/sys/devices/pci0000:00/0000:00:14.0/usb7/7-2/7-2.3/7-2.3:1.0/host4/target4:0:0/4:0:0:0/"
	         "block/sdc",
	                "pci-0000:00:14.0-usb-0:2.3"},
	        {"/sys/devices/pci0000:00/0000:00:1c.0/0000:03:00.0/usb4/4-1", "pci-0000:03:00.0-usb-0:1"},
	        {"/sys/devices/platform/vhci_hcd.0/usb1/1-15", "platform-vhci_hcd.0-usb-0:15"},
	        {"/sys/devices/platform/vhci_hcd.0/usb1", "platform-vhci_hcd.0-usb-0:"},
	};
	char port[USB_PORT_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(usb_port_of(cases[i].path, port));
		assert_string_equal(port, cases[i].port);
	}
	assert_false(usb_port_of(
	        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", port));
	assert_false(usb_port_of("", port));
}

static void ports_are_joined_and_ordered_by_hub(void **state)
{
	(void)state;
	char port[USB_PORT_SIZE];
	assert_true(usb_port_join("pci-0000:00:14.0-usb-0:2", ".4.1", port));
	assert_string_equal(port, "pci-0000:00:14.0-usb-0:2.4.1");
	assert_true(usb_port_join("platform-vhci_hcd.0-usb-0:", ".7", port));
	assert_string_equal(port, "platform-vhci_hcd.0-usb-0:7");
	assert_false(usb_port_join("", ".7", port));
	usb_port_hub("pci-0000:00:14.0-usb-0:2.4.1", port);
	assert_string_equal(port, "pci-0000:00:14.0-usb-0:2.4");
	usb_port_hub("pci-0000:00:14.0-usb-0:2", port);
	assert_string_equal(port, "pci-0000:00:14.0-usb-0:"); // the root hub
	assert_true(usb_port_is_below("a-usb-0:2.4", "a-usb-0:2"));
	assert_true(usb_port_is_below("a-usb-0:2", "a-usb-0:"));
	assert_false(usb_port_is_below("a-usb-0:21", "a-usb-0:2"));
	assert_false(usb_port_is_below("a-usb-0:2", "a-usb-0:2"));
}

static int load(const char *text, const char *base, struct profile *out, struct err *e)
{
	assert_int_equal(fd_write_file("profile.ini", text, strlen(text), 0644, NULL), 0);
	int r = profile_load("profile.ini", base, out, e);
	unlink("profile.ini");
	return r;
}

static void a_known_hubs_profile_takes_its_place_from_base(void **state)
{
	(void)state;
	static struct profile p;
	const char *text = "[fixture]\nname = Seven\ncolumns = 4\n[slots]\n1 = .1\n2 = .4.2\n";
	struct err e = {0};
	assert_int_equal(load(text, "pci-0000:00:14.0-usb-0:3", &p, &e), 0);
	assert_int_equal(p.slot_count, 2);
	assert_string_equal(p.slots[1].port, "pci-0000:00:14.0-usb-0:3.4.2");
	assert_int_equal(profile_slot_of(&p, "pci-0000:00:14.0-usb-0:3.1"), 0);
	assert_int_equal(profile_slot_of(&p, "pci-0000:00:14.0-usb-0:3.2"), -1);
	assert_int_equal(load(text, NULL, &p, &e), -EINVAL); // no base: relative ports mean nothing
}

static void a_bad_profile_is_one_clear_line(void **state)
{
	(void)state;
	static struct profile p;
	static const char *const bad[] = {
	        "[slots]\n1 = a-usb-0:1\n1 = a-usb-0:2\n", // a label twice
	        "[slots]\n1 = a-usb-0:1\n2 = a-usb-0:1\n", // a port twice
	        "[slots]\n1 = /dev/sdb\n",                 // a disk's name is no port
	        "[fixture]\nname = x\n",                   // no slots
	        "[fixture]\ncolour = red\n[slots]\n1 = a-usb-0:1\n",
	        "[fixture]\ncolumns = 0\n[slots]\n1 = a-usb-0:1\n",
	        "[hubs]\na-usb-0|1 = rubbish\n[slots]\n1 = a-usb-0:1\n",
	        "[slots]\nnonsense\n",
	        "[slots]\nA/1 = a-usb-0:1\n",  // part of a file's name
	        "[slots]\n\xff = a-usb-0:1\n", // no JSON: no row
	        "[slots]\n1234567890123456 = a-usb-0:1\n",
	        "[else]\na = b\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = {0};
		assert_true(load(bad[i], NULL, &p, &e) < 0);
		assert_non_null(strstr(e.text, "profile.ini"));
		assert_null(strchr(e.text, '\n'));
	}
}

// A host with one controller, 8 root ports, a hub of four on ports 1 and 2, and a different one below port 2's.
static struct usb_node nodes[] = {
        {.port = "pci-0000:00:14.0-usb-0:",
                .usb_id = "1d6b:0002",
                .speed = 480,
                .hub_ports = 8,
                .root = true},
        {.port = "pci-0000:00:14.0-usb-0:1", .usb_id = "05e3:0610", .speed = 480, .hub_ports = 4},
        {.port = "pci-0000:00:14.0-usb-0:2", .usb_id = "05e3:0610", .speed = 480, .hub_ports = 4},
        {.port = "pci-0000:00:14.0-usb-0:2.4",
                .usb_id = "2109:2817",
                .serial = "H7",
                .speed = 480,
                .hub_ports = 4},
        {.port = "pci-0000:00:14.0-usb-0:2.1", .usb_id = "0525:a4a5", .speed = 480},
};

static struct usb_tree tree_of(struct usb_node copy[ARRAY_SIZE(nodes)])
{
	memcpy(copy, nodes, sizeof(nodes));
	return (struct usb_tree){.count = ARRAY_SIZE(nodes), .nodes = copy};
}

static void learn(struct profile *p, const struct usb_tree *tree)
{
	*p = (struct profile){.name = "lab"};
	assert_int_equal(profile_add_slot(p, "1", "pci-0000:00:14.0-usb-0:1.1", NULL), 0);
	assert_int_equal(profile_add_slot(p, "2", "pci-0000:00:14.0-usb-0:2.1", NULL), 0);
	assert_int_equal(profile_add_slot(p, "3", "pci-0000:00:14.0-usb-0:2.4.3", NULL), 0);
	profile_arrange(p);
	assert_int_equal(usb_tree_learn_hubs(tree, p, NULL), 0);
}

static unsigned check(const struct usb_tree *tree, const struct profile *p, char *text, size_t size)
{
	FILE *to = fmemopen(text, size, "w");
	unsigned problems = usb_tree_check(tree, p, to);
	fclose(to);
	return problems;
}

static void what_was_learnt_is_saved_loaded_and_fits(void **state)
{
	(void)state;
	static struct profile p, again;
	struct usb_node copy[ARRAY_SIZE(nodes)];
	struct usb_tree tree = tree_of(copy);
	char text[2048] = "";
	learn(&p, &tree);
	assert_int_equal(p.hub_count, 3);
	struct err e = {0};
	assert_int_equal(profile_save("learnt.ini", &p, &e), 0);
	if (profile_load("learnt.ini", NULL, &again, &e) < 0)
		fail_msg("%s", e.text);
	unlink("learnt.ini");
	assert_memory_equal(again.hubs, p.hubs, sizeof(p.hubs));
	assert_memory_equal(again.slots, p.slots, sizeof(p.slots));
	assert_int_equal(check(&tree, &again, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "look alike")); // two of one kind without serials: said, not counted
}

static void a_hub_in_another_port_is_found_there(void **state)
{
	(void)state;
	static struct profile p;
	struct usb_node copy[ARRAY_SIZE(nodes)];
	struct usb_tree tree = tree_of(copy);
	char text[2048] = "";
	learn(&p, &tree);
	STR_COPY(copy[1].port, "pci-0000:00:14.0-usb-0:5");
	assert_int_equal(check(&tree, &p, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "hub 05e3:0610 is not at pci-0000:00:14.0-usb-0:1"));
	assert_non_null(strstr(text, "it is at pci-0000:00:14.0-usb-0:5"));
}

static void two_swapped_cables_are_two_problems(void **state)
{
	(void)state;
	static struct profile p;
	struct usb_node copy[ARRAY_SIZE(nodes)];
	struct usb_tree tree = tree_of(copy);
	char text[2048] = "";
	STR_COPY(copy[1].serial, "A");
	STR_COPY(copy[2].serial, "B");
	learn(&p, &tree);
	assert_int_equal(check(&tree, &p, text, sizeof(text)), 0);
	STR_COPY(copy[1].serial, "B");
	STR_COPY(copy[2].serial, "A");
	assert_int_equal(check(&tree, &p, text, sizeof(text)), 2);
	assert_non_null(strstr(text, "hub 05e3:0610 serial A is not at pci-0000:00:14.0-usb-0:1"));
	assert_non_null(strstr(text, "it is at pci-0000:00:14.0-usb-0:2"));
}

static void a_profile_of_another_hub_model_does_not_fit(void **state)
{
	(void)state;
	static struct profile p;
	struct usb_node copy[ARRAY_SIZE(nodes)];
	struct usb_tree tree = tree_of(copy);
	char text[2048] = "";
	// Four ports, it says; the hub there has a second chip on its fourth.
	assert_int_equal(
	        load("[slots]\n1 = .1\n2 = .2\n3 = .3\n4 = .4\n", "pci-0000:00:14.0-usb-0:2", &p, NULL), 0);
	assert_int_equal(check(&tree, &p, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "slot 4: a hub is at pci-0000:00:14.0-usb-0:2.4, where a board goes"));
}

static void while_it_runs_a_hub_in_anothers_place_is_foreign(void **state)
{
	(void)state;
	static struct profile p;
	struct usb_node copy[ARRAY_SIZE(nodes)];
	struct usb_tree tree = tree_of(copy);
	STR_COPY(copy[1].serial, "A");
	STR_COPY(copy[2].serial, "B");
	learn(&p, &tree);
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		assert_false(usb_tree_is_foreign_hub(&p, &copy[i]));
	STR_COPY(copy[1].serial, "B");
	assert_true(usb_tree_is_foreign_hub(&p, &copy[1]));
	copy[1].speed = 5000; // its USB 3 half has another name and serial, and is not where boards are
	assert_false(usb_tree_is_foreign_hub(&p, &copy[1]));
	copy[2].hub_ports = 7;
	assert_true(usb_tree_is_foreign_hub(&p, &copy[2]));
	STR_COPY(copy[3].usb_id, "05e3:0610");
	assert_true(usb_tree_is_foreign_hub(&p, &copy[3]));
	STR_COPY(copy[3].port, "pci-0000:00:14.0-usb-0:7"); // where the profile has none
	assert_false(usb_tree_is_foreign_hub(&p, &copy[3]));
}

static void a_slot_without_its_hub_is_a_problem_even_without_learnt_hubs(void **state)
{
	(void)state;
	static struct profile p;
	struct usb_node copy[ARRAY_SIZE(nodes)];
	struct usb_tree tree = tree_of(copy);
	char text[2048] = "";
	assert_int_equal(load("[slots]\n1 = pci-0000:00:14.0-usb-0:1.5\n2 = pci-0000:00:14.0-usb-0:3.1\n",
	                         NULL, &p, NULL),
	        0);
	assert_int_equal(check(&tree, &p, text, sizeof(text)), 2);
	assert_non_null(strstr(text, "has 4 ports, none with number 5"));
	assert_non_null(strstr(text, "no hub at pci-0000:00:14.0-usb-0:3"));
}

static void preflight_counts_slots_endpoints_and_minutes(void **state)
{
	(void)state;
	static struct profile p;
	struct usb_node copy[ARRAY_SIZE(nodes)];
	struct usb_tree tree = tree_of(copy);
	char text[2048] = "", label[16], port[USB_PORT_SIZE];
	p = (struct profile){.name = "sixteen"};
	for (int i = 1; i <= 16; i++) {
		snprintf(label, sizeof(label), "%d", i);
		snprintf(port, sizeof(port), "pci-0000:00:14.0-usb-0:2.%d.%d", 1 + (i - 1) / 4,
		        1 + (i - 1) % 4);
		assert_int_equal(profile_add_slot(&p, label, port, NULL), 0);
	}
	FILE *to = fmemopen(text, sizeof(text), "w");
	assert_int_equal(usb_tree_preflight(&tree, &p, 2 * UINT64_C(647000000), to), 0);
	fclose(to);
	assert_non_null(strstr(
	        text, "16 boards, 1 other device and 3 hubs take 20 device slots and 55 endpoints: fine"));
	// 2 x 16 x 647 MB at 38 MB/s: 544.8 s
	assert_non_null(
	        strstr(text, "16 boards share one 480 Mb/s link: about 9 min 05 s a cycle; two hubs"));
}

static void preflight_names_slow_and_deep_hubs_and_what_else_is_plugged_in(void **state)
{
	(void)state;
	static struct profile p;
	struct usb_node copy[ARRAY_SIZE(nodes)];
	struct usb_tree tree = tree_of(copy);
	char text[2048] = "";
	p = (struct profile){.name = "odd"};
	assert_int_equal(profile_add_slot(&p, "1", "pci-0000:00:14.0-usb-0:2.4.1", NULL), 0);
	assert_int_equal(profile_add_slot(&p, "2", "pci-0000:00:14.0-usb-0:3.1.1.1.1.1.1", NULL), 0);
	copy[3].speed = 12;    // the hub at 2.4
	copy[4].endpoints = 2; // something at 2.1, where no slot is
	FILE *to = fmemopen(text, sizeof(text), "w");
	assert_int_equal(usb_tree_preflight(&tree, &p, 38000000, to), 1);
	fclose(to);
	assert_non_null(strstr(
	        text, "2 boards, 1 other device and 3 hubs take 6 device slots and 15 endpoints: fine"));
	assert_non_null(
	        strstr(text, "hub at pci-0000:00:14.0-usb-0:2.4 runs at 12 Mb/s, and 1 slot is below it"));
	assert_non_null(strstr(text, "slot 2: 6 hubs deep, USB allows 5"));
	assert_non_null(strstr(text, "usb-0:2: 1 board has a 480 Mb/s link: about 1 s a cycle\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(preflight_names_slow_and_deep_hubs_and_what_else_is_plugged_in),
	        cmocka_unit_test(a_port_is_controller_and_way_without_the_bus_number),
	        cmocka_unit_test(ports_are_joined_and_ordered_by_hub),
	        cmocka_unit_test(a_known_hubs_profile_takes_its_place_from_base),
	        cmocka_unit_test(a_bad_profile_is_one_clear_line),
	        cmocka_unit_test(what_was_learnt_is_saved_loaded_and_fits),
	        cmocka_unit_test(a_hub_in_another_port_is_found_there),
	        cmocka_unit_test(two_swapped_cables_are_two_problems),
	        cmocka_unit_test(a_profile_of_another_hub_model_does_not_fit),
	        cmocka_unit_test(while_it_runs_a_hub_in_anothers_place_is_foreign),
	        cmocka_unit_test(a_slot_without_its_hub_is_a_problem_even_without_learnt_hubs),
	        cmocka_unit_test(preflight_counts_slots_endpoints_and_minutes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
