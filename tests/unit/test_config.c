// SPDX-License-Identifier: MIT
// A station's configuration and a fixture's profile, as people write them and as they mistype them.
#include <errno.h>

#include "base/fd.h"
#include "board/profile.h"
#include "check.h"
#include "daemon/station.h"

static int load(const char *text, struct station_config *config, struct err *e)
{
	assert_int_equal(fd_write_file("station.ini", text, strlen(text), 0644, NULL), 0);
	int r = station_config_load("station.ini", config, e);
	unlink("station.ini");
	return r;
}

#define FIXTURE "[fixture]\nkind = virtual\nslots = 4\n"

static void an_indented_line_is_a_setting_of_its_own(void **state)
{
	(void)state;
	static const char text[] = "  [station]\n  state = /var/lib/line\n\tlisten = no\n"
	                           "  [fixture]\n    kind = virtual\n    slots = 4\n";
	struct station_config config;
	struct err e;
	assert_int_equal(load(text, &config, &e), 0);
	assert_string_equal(config.state, "/var/lib/line");
	assert_string_equal(config.listen, "");
	assert_string_equal(config.fixture.kind, "virtual");
	station_config_free(&config);
}

static void an_indented_slot_is_a_slot_of_its_own(void **state)
{
	(void)state;
	static const char text[] =
	        "[fixture]\n  base = pci-0000:00:14.0-usb-0:2\n[slots]\n  1 = .1\n  2 = .2\n";
	struct profile profile;
	struct err e;
	assert_int_equal(fd_write_file("profile.ini", text, strlen(text), 0644, NULL), 0);
	assert_int_equal(profile_load("profile.ini", NULL, &profile, &e), 0);
	unlink("profile.ini");
	assert_int_equal(profile.slot_count, 2);
	assert_string_equal(profile.slots[1].port, "pci-0000:00:14.0-usb-0:2.2");
}

static void a_mistake_is_named_with_its_own_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"", "station.ini: [station] state is missing"},
	        {"[station]\nstate = /s\n", "station.ini: [fixture] kind is missing"},
	        {"state = /s\n", "line 1: 'state' belongs to no [section]"},
	        {"[station\nstate = /s\n", "line 1: not 'key = value' and not a [section]"},
	        {"[station]\nstate = /s\nlistne = no\neject = perhaps\n",
	                "line 3: [station] listne: no such"},
	        {"[station]\n[fixtrue]\nkind = virtual\n", "line 3: [fixtrue]: no such section"},
	        {"[station]\nstate = s\n", "line 2: [station] state = s: not an absolute path"},
	        {"[station]\nstate = \"/s\"\n", "line 2: [station] state = \"/s\": not an absolute path"},
	        {"[station]\nname =\n", "line 2: [station] name = : not 1 to 63 characters"},
	        {"[station]\neject = false\n", "line 2: [station] eject = false: yes or no"},
	        {"[heads]\nsyslog = off\n", "line 2: [heads] syslog = off: yes or no"},
	        {"[heads]\nhttp = https://h/\n", "line 2: [heads] http = https://h/: not http://"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct station_config config;
		struct err e;
		assert_int_equal(load(cases[i].text, &config, &e), -EINVAL);
		if (!strstr(e.text, cases[i].expected))
			fail_msg("'%s' is not in '%s'", cases[i].expected, e.text);
		assert_null(strchr(e.text, '\n'));
	}
}

// inih would hand the end of such a line over as a line of its own.
static void a_line_that_is_too_long_is_refused_not_cut(void **state)
{
	(void)state;
	char text[512] = "[heads]\ncommand = ";
	size_t used = strlen(text);
	struct station_config config;
	struct err e;
	memset(text + used, 'x', 300);
	assert_int_equal(load(text, &config, &e), -EINVAL);
	assert_non_null(strstr(e.text, "line 2: longer than 198 bytes"));
	snprintf(text + 8 + 198, sizeof(text) - 8 - 198, "\n[station]\nstate = /s\n" FIXTURE);
	assert_int_equal(load(text, &config, &e), 0);
	assert_int_equal(strlen(config.heads.command), 198 - strlen("command = "));
	station_config_free(&config);
}

// inih would end it before " ;", and the shell would run half of it.
static void a_command_is_its_whole_line(void **state)
{
	(void)state;
	static const char text[] =
	        "[heads]\n command =  keep \"$1\" ; sync  \nfolder = /mnt/q ; the quality share\n"
	        "[station]\nstate = /s\n" FIXTURE;
	struct station_config config;
	struct err e;
	assert_int_equal(load(text, &config, &e), 0);
	assert_string_equal(config.heads.command, "keep \"$1\" ; sync");
	assert_string_equal(config.heads.folder, "/mnt/q");
	station_config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_indented_line_is_a_setting_of_its_own),
	        cmocka_unit_test(an_indented_slot_is_a_slot_of_its_own),
	        cmocka_unit_test(a_mistake_is_named_with_its_own_line),
	        cmocka_unit_test(a_command_is_its_whole_line),
	        cmocka_unit_test(a_line_that_is_too_long_is_refused_not_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
