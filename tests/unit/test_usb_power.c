// SPDX-License-Identifier: MIT
// Power requests: in order, one process each, and told when the last one has ended.
#include <fcntl.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/fd.h"
#include "board/usb_power.h"
#include "check.h"

static void count(void *context)
{
	++*(unsigned *)context;
}

static void wait_until_done(struct loop *loop, const unsigned *done)
{
	uint64_t until = clock_mono_ns() + 120 * NSEC_PER_SEC;
	while (!*done) {
		assert_true(clock_mono_ns() < until);
		assert_int_equal(loop_round(loop, 20000), 0);
	}
}

static void the_queue_waits_until_its_last_request_has_ended(void **state)
{
	(void)state;
	_cleanup_loop_ struct loop *loop = NULL;
	struct usb_power *power = NULL;
	unsigned done = 0;
	char text[64];
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(usb_power_new(loop, count, &done, &power, NULL), 0);
	assert_false(usb_power_waits(power));
	assert_int_equal(usb_power_switch(power, "a", false, NULL), 0);
	assert_int_equal(usb_power_switch(power, "a", true, NULL), 0);
	assert_true(usb_power_waits(power));
	wait_until_done(loop, &done);
	assert_false(usb_power_waits(power));
	assert_int_equal(done, 1);
	assert_true(fd_read_text(AT_FDCWD, "requests", text, sizeof(text)) > 0);
	assert_string_equal(text, "a off\na on");
	usb_power_free(power);
}

// Behind a hub that hangs: "off" comes to its turn when the port has long been another board's.
static void an_off_that_still_waits_is_taken_back_by_its_on(void **state)
{
	(void)state;
	_cleanup_loop_ struct loop *loop = NULL;
	struct usb_power *power = NULL;
	unsigned done = 0;
	char text[64];
	unlink("requests");
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(usb_power_new(loop, count, &done, &power, NULL), 0);
	assert_int_equal(usb_power_switch(power, "a", false, NULL), 0); // this one has begun
	assert_int_equal(usb_power_switch(power, "b", false, NULL), 0);
	assert_int_equal(usb_power_switch(power, "c", false, NULL), 0);
	assert_int_equal(usb_power_switch(power, "b", true, NULL), 0);
	assert_int_equal(usb_power_switch(power, "a", true, NULL), 0);
	wait_until_done(loop, &done);
	assert_true(fd_read_text(AT_FDCWD, "requests", text, sizeof(text)) > 0);
	assert_string_equal(text, "a off\nc off\nb on\na on");
	usb_power_free(power);
}

static void a_queue_that_cannot_start_processes_ends_and_takes_the_next_request(void **state)
{
	(void)state;
	_cleanup_loop_ struct loop *loop = NULL;
	struct usb_power *power = NULL;
	struct rlimit many, few = {.rlim_cur = 3};
	unsigned done = 0;
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(usb_power_new(loop, count, &done, &power, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &many), 0);
	few.rlim_max = many.rlim_max;
	assert_int_equal(usb_power_switch(power, "b", false, NULL), 0);
	assert_int_equal(usb_power_switch(power, "b", true, NULL), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	wait_until_done(loop, &done);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
	assert_false(usb_power_waits(power));
	done = 0;
	assert_int_equal(usb_power_switch(power, "b", true, NULL), 0);
	assert_true(usb_power_waits(power));
	wait_until_done(loop, &done);
	usb_power_free(power);
}

// Stands in for the real role, which switches a hub.
static int note_request(char **argv)
{
	FILE *f = fopen("requests", "a");
	if (!f)
		return 1;
	fprintf(f, "%s %s\n", argv[1], argv[2]);
	return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "hub-power"))
		return note_request(argv + 1);
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_queue_waits_until_its_last_request_has_ended),
	        cmocka_unit_test(an_off_that_still_waits_is_taken_back_by_its_on),
	        cmocka_unit_test(a_queue_that_cannot_start_processes_ends_and_takes_the_next_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
