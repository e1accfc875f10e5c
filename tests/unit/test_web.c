// SPDX-License-Identifier: MIT
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "webui/assets.h"
#include "webui/guard.h"
#include "webui/guest.h"
#include "webui/metrics.h"
#include "webui/mirror.h"

static void only_addresses_and_own_names_pass_as_host(void **state)
{
	(void)state;
	struct guard guard;
	assert_int_equal(guard_init(&guard, NULL), 0);
	assert_int_equal(guard_allow(&guard, "wall.factory.example", NULL), 0);
	static const char *const good[] = {"127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "[fe80::1]",
	        "10.1.2.3:80", "localhost:1", "LOCALHOST", "Wall.Factory.example:8443"};
	static const char *const bad[] = {"", ":80", "evil.example", "evil.example:8080",
	        "127.0.0.1.evil.example", "127.0.0.1:80@evil", "[::1", "[::1]x", "[evil.example]",
	        "localhost.evil.example", "127.0.0.1:8o", "8o", "wall.factory.example.", "::1"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!guard_host(&guard, good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (guard_host(&guard, bad[i]))
			fail_msg("accepted: %s", bad[i]);
	assert_false(guard_host(&guard, NULL));
}

static void only_the_same_host_is_the_same_origin(void **state)
{
	(void)state;
	assert_true(guard_origin("http://127.0.0.1:8080", "127.0.0.1:8080"));
	assert_true(guard_origin("https://Wall.example", "wall.example"));
	static const char *const bad[] = {"http://127.0.0.1:8081", "http://127.0.0.1", "null", "",
	        "ftp://127.0.0.1:8080", "http://evil.example", "http://127.0.0.1:8080.evil.example",
	        "http://x@127.0.0.1:8080", "http://127.0.0.1:8080/"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (guard_origin(bad[i], "127.0.0.1:8080"))
			fail_msg("accepted: %s", bad[i]);
	assert_false(guard_origin(NULL, "127.0.0.1"));
	assert_false(guard_origin("http://127.0.0.1", NULL));
}

static void a_token_is_new_each_time_and_must_match_whole(void **state)
{
	(void)state;
	struct guard one, other;
	assert_int_equal(guard_init(&one, NULL), 0);
	assert_int_equal(guard_init(&other, NULL), 0);
	assert_string_not_equal(one.token, other.token);
	assert_true(guard_token(&one, one.token));
	assert_false(guard_token(&one, other.token));
	assert_false(guard_token(&one, ""));
	assert_false(guard_token(&one, NULL));
	one.token[31] ^= 1;
	char cut[33];
	STR_COPY(cut, one.token);
	cut[31] = 0;
	assert_false(guard_token(&one, cut));
}

static void allowed_names_are_bounded(void **state)
{
	(void)state;
	struct guard guard = {0};
	struct err e = {0};
	for (int i = 0; i < GUARD_NAMES_MAX; i++)
		assert_int_equal(guard_allow(&guard, "x", &e), 0);
	assert_true(guard_allow(&guard, "x", &e) < 0);
	assert_non_null(strstr(e.text, "at most"));
}

static json_t *json_of(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return json;
}

static bool apply(struct mirror *mirror, const char *name, const char *text)
{
	json_t *event = json_of(text);
	bool done = mirror_apply(mirror, name, event);
	json_decref(event);
	return done;
}

static void the_mirror_is_the_snapshot_with_every_delta(void **state)
{
	(void)state;
	struct mirror mirror = {0};
	assert_false(apply(&mirror, "slot", "{\"slot\":{\"index\":0}}"));
	assert_true(apply(&mirror, "snapshot",
	        "{\"slots\":[{\"index\":4,\"state\":\"empty\"},{\"index\":7,\"state\":\"empty\"}],"
	        "\"job\":null,\"ledger\":{\"seq\":1}}"));
	assert_true(apply(&mirror, "slot", "{\"slot\":{\"index\":7,\"state\":\"pass\"}}"));
	assert_true(apply(&mirror, "ledger", "{\"ledger\":{\"seq\":2}}"));
	assert_true(apply(&mirror, "job", "{\"job\":{\"id\":\"j1\"}}"));
	json_t *want =
	        json_of("{\"slots\":[{\"index\":4,\"state\":\"empty\"},{\"index\":7,\"state\":\"pass\"}],"
	                "\"job\":{\"id\":\"j1\"},\"ledger\":{\"seq\":2}}");
	assert_true(json_equal(mirror.state, want));
	assert_false(apply(&mirror, "slot", "{\"slot\":{\"index\":8}}"));
	assert_false(apply(&mirror, "slot", "{\"slot\":{}}"));
	assert_false(apply(&mirror, "slot", "{}"));
	assert_false(apply(&mirror, "job", "{}"));
	assert_false(apply(&mirror, "snapshot", "{}"));
	assert_false(apply(&mirror, "news", "{\"news\":1}"));
	assert_true(json_equal(mirror.state, want));
	json_decref(want);
	mirror_clear(&mirror);
	assert_null(mirror.state);
}

static void metrics_count_boards_by_state_and_escape_labels(void **state)
{
	(void)state;
	json_t *snapshot = json_of(
	        "{\"slots\":[{\"state\":\"writing\",\"rate\":30},{\"state\":\"writing\",\"rate\":12},"
	        "{\"state\":\"pass\",\"rate\":0}],\"job\":{\"id\":\"a\\\"b\\\\c\\nd\",\"image\":\"i\","
	        "\"wanted\":500},\"counts\":{\"pass\":7,\"fail\":1,\"yield\":0.875},"
	        "\"ledger\":{\"seq\":99,\"state\":\"failing\"},\"alerts\":[]}");
	const struct metrics_web web = {.station_up = true, .streams = 2, .requests = 5};
	_cleanup_free_ char *text = metrics_text(snapshot, &web);
	json_decref(snapshot);
	static const char *const lines[] = {"\ngangway_boards{state=\"writing\"} 2\n",
	        "\ngangway_boards{state=\"pass\"} 1\n", "\ngangway_boards{state=\"fail\"} 0\n",
	        "\ngangway_boards{state=\"retrying\"} 0\n", "\ngangway_boards{state=\"awaiting\"} 0\n",
	        "\ngangway_bytes_per_second 42\n", "\ngangway_units_total{result=\"pass\"} 7\n",
	        "\ngangway_yield_ratio 0.875\n", "\ngangway_ledger_seq 99\n", "\ngangway_ledger_ok 0\n",
	        "\ngangway_job_info{id=\"a\\\"b\\\\c\\nd\",image=\"i\",", "\ngangway_job_wanted 500\n",
	        "\ngangway_sse_clients 2\n", "\ngangway_up 1\n", "\ngangway_http_requests_total 5\n"};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(text, lines[i]))
			fail_msg("missing: %s in\n%s", lines[i], text);
	assert_null(strstr(text, "gangway_units_per_hour"));
}

static void the_page_is_in_the_binary_and_its_tag_is_of_its_content(void **state)
{
	(void)state;
	const struct asset *page = asset_find("/"), *style = asset_find("/style.css");
	assert_non_null(page);
	assert_non_null(style);
	assert_memory_equal(page->start, "<!doctype html>", 15);
	assert_null(asset_find("/../db/schema.sql"));
	assert_null(asset_find(""));
	char one[ASSET_TAG_SIZE], other[ASSET_TAG_SIZE];
	asset_tag(page, one);
	asset_tag(style, other);
	assert_int_equal(strlen(one), 18);
	assert_string_not_equal(one, other);
}

static void a_guest_whose_request_is_overdue_is_shut_out(void **state)
{
	(void)state;
	int slow[2], quick[2];
	char byte;
	struct guests guests;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, slow), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, quick), 0);
	guests_init(&guests);
	assert_int_equal(guests_dismiss(&guests, UINT64_MAX - 1), UINT64_MAX);
	struct guest *late = guest_enter(&guests, slow[0], 0), *good = guest_enter(&guests, quick[0], 0);
	const uint64_t due = GUEST_REQUEST_S * NSEC_PER_SEC;
	assert_true(late && good && late != good);
	guest_has_asked(good);
	assert_int_equal(guests_dismiss(&guests, due - 1), due);
	assert_int_equal(recv(slow[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(guests_dismiss(&guests, due), UINT64_MAX);
	assert_int_equal(recv(slow[1], &byte, 1, MSG_DONTWAIT), 0); // its end
	assert_int_equal(recv(quick[1], &byte, 1, MSG_DONTWAIT), -1);
	guest_is_answered(good, due);
	assert_int_equal(guests_dismiss(&guests, due), 2 * due);
	guest_leave(late);
	assert_ptr_equal(guest_enter(&guests, slow[0], due), late);
	for (int i = 0; i < 2; i++) {
		close(slow[i]);
		close(quick[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_addresses_and_own_names_pass_as_host),
	        cmocka_unit_test(only_the_same_host_is_the_same_origin),
	        cmocka_unit_test(a_token_is_new_each_time_and_must_match_whole),
	        cmocka_unit_test(allowed_names_are_bounded),
	        cmocka_unit_test(a_guest_whose_request_is_overdue_is_shut_out),
	        cmocka_unit_test(the_mirror_is_the_snapshot_with_every_delta),
	        cmocka_unit_test(metrics_count_boards_by_state_and_escape_labels),
	        cmocka_unit_test(the_page_is_in_the_binary_and_its_tag_is_of_its_content),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
