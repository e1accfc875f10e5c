// SPDX-License-Identifier: MIT
#include <errno.h>
#include <jansson.h>

#include "check.h"
#include "daemon/recipe.h"

static json_t *parse(const char *text)
{
	json_t *object = json_loads(text, 0, NULL);
	assert_non_null(object);
	return object;
}

static int read_text(const char *text, struct recipe *recipe, struct err *e)
{
	json_t *object = parse(text);
	int r = recipe_read(object, recipe, e);
	json_decref(object);
	return r;
}

static struct recipe good(const char *text)
{
	struct recipe recipe;
	struct err e = {0};
	if (read_text(text, &recipe, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	return recipe;
}

static void what_is_recorded_is_what_is_read_again(void **state)
{
	(void)state;
	struct recipe recipe =
	        good("{\"order\":\"WO-7\",\"customer\":\"C\",\"product\":\"P\",\"revision\":\"B\",\"lot\":"
	             "\"L1\",\"job_revision\":\"3\",\"operator\":\"o\",\"wanted\":500,\"start\":\"scan\","
	             "\"verify\":\"compare\",\"unmapped\":\"zero\",\"blank\":\"ask\",\"signature\":"
	             "\"learn\",\"signature_approved\":{\"product\":\"x\"},\"serial\":\"allocate\","
	             "\"serial_missing\":\"refuse\",\"serial_duplicate\":\"counter\",\"lun\":2,"
	             "\"retries\":3,\"leave_ms\":100,\"target_sector\":64,\"target_window\":1048576,"
	             "\"answer_ms\":5000}");
	assert_int_equal(recipe.wanted, 500);
	assert_int_equal(recipe.blank, RECIPE_BLANK_ASK);
	assert_int_equal(recipe.serial_duplicate, RECIPE_TWIN_COUNTER);
	json_t *row = json_object(), *again = json_object();
	recipe_write(&recipe, row);
	assert_true(json_is_true(json_object_get(row, "verify")));
	assert_string_equal(json_string_value(json_object_get(row, "verify_how")), "compare");
	struct recipe copy;
	struct err e = {0};
	if (recipe_read(row, &copy, &e) < 0)
		fail_msg("%s", e.text);
	recipe_write(&copy, again);
	assert_true(json_equal(row, again));
	size_t count;
	const struct recipe_field *fields = recipe_fields(&count);
	for (size_t i = 0; i < count; i++) // a field that is never written is not recorded
		assert_non_null(json_object_get(row, fields[i].name));
	json_decref(row);
	json_decref(again);
	recipe_free(&recipe);
	recipe_free(&copy);
}

static void what_is_not_said_is_at_its_default(void **state)
{
	(void)state;
	struct recipe recipe = good("{\"wanted\":null}"), fresh;
	recipe_default(&fresh);
	assert_memory_equal(&recipe, &fresh, sizeof(fresh));
	assert_int_equal(recipe.verify, RECIPE_VERIFY_READ_BACK);
	assert_int_equal(recipe.blank, RECIPE_BLANK_PROGRAM);
	assert_int_equal(recipe.serial_missing, RECIPE_WITHOUT_ACCEPT);
	json_t *row = json_object();
	recipe_write(&recipe, row);
	assert_true(json_is_null(json_object_get(row, "wanted")));
	json_decref(row);
}

static void rows_and_options_of_before_are_understood(void **state)
{
	(void)state;
	assert_int_equal(good("{\"verify\":true,\"verify_how\":\"hash\"}").verify, RECIPE_VERIFY_READ_BACK);
	assert_int_equal(good("{\"verify\":false,\"verify_how\":\"hash\"}").verify, RECIPE_VERIFY_NONE);
	assert_int_equal(good("{\"verify\":true,\"verify_how\":\"compare\"}").verify, RECIPE_VERIFY_COMPARE);
	assert_int_equal(good("{\"verify\":\"hash\"}").verify, RECIPE_VERIFY_READ_BACK);
	assert_int_equal(good("{\"serial\":\"required\"}").serial_missing, RECIPE_WITHOUT_HOLD);
	assert_int_equal(good("{\"serial\":\"optional\"}").serial_missing, RECIPE_WITHOUT_ACCEPT);
}

static void a_mistake_is_named_with_its_field(void **state)
{
	(void)state;
	static const char *const bad[][2] = {{"{\"wanted\":0}", "wanted"}, {"{\"wanted\":1.5}", "wanted"},
	        {"{\"start\":\"now\"}", "start"}, {"{\"verify\":\"maybe\"}", "verify"},
	        {"{\"verify_how\":7}", "verify"}, {"{\"blank\":\"\"}", "blank"}, {"{\"lun\":8}", "lun"},
	        {"{\"lun\":-1}", "lun"}, {"{\"retries\":\"2\"}", "retries"}, {"{\"lot\":4}", "lot"},
	        {"{\"signature_approved\":\"x\"}", "signature_approved"}, {"{\"serial\":\"us\"}", "serial"}};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct recipe recipe;
		struct err e = {0};
		assert_int_equal(read_text(bad[i][0], &recipe, &e), -EINVAL);
		if (!strstr(e.text, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], e.text);
	}
	char text[400] = "{\"lot\":\"";
	memset(text + strlen(text), 'x', 200);
	strcat(text, "\"}");
	struct recipe recipe;
	struct err e = {0};
	assert_int_equal(read_text(text, &recipe, &e), -EINVAL); // never cut in silence
}

static void a_name_that_is_no_field_is_refused_not_ignored(void **state)
{
	(void)state;
	static const char good_one[] =
	        "{\"image\":\"i\",\"verify\":true,\"verify_how\":\"compare\",\"lot\":\"L\"}";
	json_t *order = json_loads(good_one, 0, NULL),
	       *bad = json_loads("{\"image\":\"i\",\"blnk\":\"refuse\"}", 0, NULL);
	struct err e = {0};
	assert_int_equal(recipe_check_names(order, &e), 0);
	assert_int_equal(recipe_check_names(bad, &e), -EINVAL);
	assert_non_null(strstr(e.text, "blnk"));
	json_decref(order);
	json_decref(bad);
}

static void reading_back_on_the_target_wants_a_place_that_is_left_alone(void **state)
{
	(void)state;
	static const char *const bad[][2] = {{"", "target_sector"}, {",\"target_sector\":33", "table"},
	        {",\"target_sector\":64,\"target_window\":10000", "multiple"},
	        {",\"target_sector\":64,\"unmapped\":\"zero\"", "unmapped"}};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[160];
		struct err e = {0};
		snprintf(text, sizeof(text), "{\"verify\":\"on-target\"%s}", bad[i][0]);
		struct recipe recipe = good(text);
		assert_int_equal(recipe_check(&recipe, &e), -EINVAL);
		if (!strstr(e.text, bad[i][1]))
			fail_msg("%s: %s", text, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_recorded_is_what_is_read_again),
	        cmocka_unit_test(what_is_not_said_is_at_its_default),
	        cmocka_unit_test(rows_and_options_of_before_are_understood),
	        cmocka_unit_test(a_mistake_is_named_with_its_field),
	        cmocka_unit_test(a_name_that_is_no_field_is_refused_not_ignored),
	        cmocka_unit_test(reading_back_on_the_target_wants_a_place_that_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
