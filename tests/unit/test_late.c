// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "base/late.h"
#include "check.h"

struct maths {
	union {
		void (*any)(void);
		double (*call)(double);
	} cbrt, floor;
};

static void a_librarys_functions_are_found_by_name(void **state)
{
	(void)state;
	struct maths real = {0};
	struct err e = {0};
	const struct late_call calls[] = {{"cbrt", &real.cbrt.any}, {"floor", &real.floor.any}};
	assert_int_equal(late_load("libm.so.6", calls, 2, &e), 0);
	assert_int_equal(real.cbrt.call(27), 3);
	assert_int_equal(real.floor.call(2.5), 2);
}

static void a_library_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(late_load("libnowhere.so.1", NULL, 0, &e), -ENOENT);
	assert_non_null(strstr(e.text, "libnowhere.so.1"));
	assert_non_null(strstr(e.text, "install it"));
}

static void a_function_that_the_library_lacks_is_named(void **state)
{
	(void)state;
	struct maths real = {0};
	struct err e = {0};
	const struct late_call calls[] = {{"cbrt", &real.cbrt.any}, {"no_such_function", &real.floor.any}};
	assert_int_equal(late_load("libm.so.6", calls, 2, &e), -ENOENT);
	assert_non_null(strstr(e.text, "no_such_function"));
	assert_null(real.floor.any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_librarys_functions_are_found_by_name),
	        cmocka_unit_test(a_library_that_is_not_there_is_named),
	        cmocka_unit_test(a_function_that_the_library_lacks_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
