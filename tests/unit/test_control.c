// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fd.h"
#include "check.h"
#include "control/client.h"
#include "control/server.h"

struct bench {
	struct loop *loop;
	struct control_server *server;
	char folder[64];
	int requests, snapshots;
	struct control_request *kept; // "later" is answered when the test says so
	int fd;                       // what came with "take"
};

static void on_request(void *context, struct control_request *request)
{
	struct bench *b = context;
	b->requests++;
	if (!strcmp(request->cmd, "later")) {
		b->kept = request;
	} else if (!strcmp(request->cmd, "subscribe")) {
		control_subscribe(request);
	} else if (!strcmp(request->cmd, "take")) {
		b->fd = request->fds[0];
		request->fds[0] = -1;
		control_answer(request, NULL);
	} else if (!strcmp(request->cmd, "refuse")) {
		control_refuse(request, "no", "because");
	} else {
		control_answer(request, json_pack("{s:s}", "role", request->role));
	}
}

static json_t *on_snapshot(void *context)
{
	struct bench *b = context;
	return json_pack("{s:s,s:i}", "event", "snapshot", "number", ++b->snapshots);
}

static const struct control_handlers handlers = {.request = on_request, .snapshot = on_snapshot};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	b->fd = -1;
	snprintf(b->folder, sizeof(b->folder), "/tmp/gangway-control-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	assert_int_equal(loop_new(&b->loop, NULL), 0);
	assert_int_equal(control_server_new(b->loop, b->folder, &handlers, b, &b->server, NULL), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	control_server_free(b->server);
	loop_free(b->loop);
	assert_int_equal(rmdir(b->folder), 0); // the socket went with the server
	free(b);
	return 0;
}

// A client whose socket the test reads and writes itself.
static int raw_client(struct bench *b)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(control_server_adopt(b->server, pair[1], "cli", NULL), 0);
	return pair[0];
}

static void rounds(struct bench *b, int n)
{
	while (n-- > 0)
		assert_int_equal(loop_round(b->loop, 0), 0);
}

static void say(int fd, const char *text)
{
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

// What has come so far, at most size - 1 bytes.
static ssize_t hear(int fd, char *text, size_t size)
{
	ssize_t n = recv(fd, text, size - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	return n;
}

static void answers_carry_the_requests_id_in_any_order(void **state)
{
	struct bench *b = *state;
	char text[512];
	int fd = raw_client(b);
	say(fd, "{\"id\":1,\"cmd\":\"later\"}\n{\"id\":\"two\",\"cmd\":\"hello\"}\n{\"id\":3,\"cm");
	rounds(b, 3);
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "{\"id\":\"two\",\"ok\":true,\"result\":{\"role\":\"cli\"}}\n");
	say(fd, "d\":\"refuse\"}\n");
	rounds(b, 3);
	control_answer(b->kept, NULL);
	rounds(b, 3);
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "{\"id\":3,\"ok\":false,\"error\":{\"code\":\"no\",\"text\":\"because\"}}\n"
	                          "{\"id\":1,\"ok\":true,\"result\":{}}\n");
	close(fd);
	rounds(b, 3);
}

static void what_is_no_request_is_told_so_and_the_line_is_cut(void **state)
{
	struct bench *b = *state;
	const char *bad[] = {"nonsense\n", "[1]\n", "{\"cmd\":5}\n", "{\"cmd\":\"a\",\"cmd\":\"b\"}\n"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[512];
		int fd = raw_client(b);
		say(fd, bad[i]);
		rounds(b, 4);
		assert_true(hear(fd, text, sizeof(text)) > 0);
		assert_non_null(strstr(text, "\"id\":null"));
		assert_int_equal(hear(fd, text, sizeof(text)), 0);
		close(fd);
	}
	assert_int_equal(b->requests, 0);
}

// They would count as none at all, and job.close without any closes the job at hand.
static void arguments_that_are_no_object_are_refused(void **state)
{
	struct bench *b = *state;
	char text[512];
	int fd = raw_client(b);
	say(fd, "{\"id\":1,\"cmd\":\"hello\",\"args\":\"J1\"}\n{\"id\":2,\"cmd\":\"hello\",\"args\":null}\n");
	rounds(b, 3);
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_string_equal(text,
	        "{\"id\":1,\"ok\":false,\"error\":{\"code\":\"bad-args\",\"text\":\"args: a JSON "
	        "object is wanted\"}}\n{\"id\":2,\"ok\":true,\"result\":{\"role\":\"cli\"}}\n");
	assert_int_equal(b->requests, 1);
	close(fd);
	rounds(b, 3);
}

// As `echo ... | socat - UNIX:...` does.
static void who_says_no_more_gets_the_answers_that_are_owed(void **state)
{
	struct bench *b = *state;
	char text[512];
	for (int leaves = 0; leaves < 2; leaves++) {
		int fd = raw_client(b);
		say(fd, "{\"id\":1,\"cmd\":\"later\"}\n");
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		rounds(b, 3);
		assert_int_equal(hear(fd, text, sizeof(text)), -1); // nothing yet, and no end
		if (leaves) {
			close(fd);
			rounds(b, 3);
			assert_null(b->kept->client);
			control_answer(b->kept, NULL);
			continue;
		}
		control_answer(b->kept, NULL);
		rounds(b, 3);
		assert_true(hear(fd, text, sizeof(text)) > 0);
		assert_string_equal(text, "{\"id\":1,\"ok\":true,\"result\":{}}\n");
		assert_int_equal(hear(fd, text, sizeof(text)), 0);
		close(fd);
	}
}

static void a_line_without_end_is_not_kept(void **state)
{
	struct bench *b = *state;
	char text[512], much[8192];
	int fd = raw_client(b);
	memset(much, ' ', sizeof(much));
	ssize_t n;
	for (int i = 0; i < 64; i++) {
		n = send(fd, much, sizeof(much), MSG_DONTWAIT | MSG_NOSIGNAL);
		rounds(b, 4);
	}
	(void)n;
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "too-long"));
	close(fd);
	rounds(b, 3);
}

static void no_more_than_sixteen_requests_wait_on_one_connection(void **state)
{
	struct bench *b = *state;
	char text[1024];
	int fd = raw_client(b);
	struct control_request *kept[17] = {0};
	for (int i = 0; i < 17; i++) {
		b->kept = NULL;
		say(fd, "{\"id\":1,\"cmd\":\"later\"}\n");
		rounds(b, 2);
		kept[i] = b->kept;
	}
	assert_null(kept[16]);
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"busy\""));
	close(fd); // the client goes; its requests are answered into the void
	rounds(b, 3);
	for (int i = 0; i < 16; i++)
		control_answer(kept[i], NULL);
}

static void a_descriptor_comes_with_its_line(void **state)
{
	struct bench *b = *state;
	int pair[2];
	struct control_connection *connection = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(control_server_adopt(b->server, pair[1], "cli", NULL), 0);
	assert_int_equal(control_connect_fd(pair[0], &connection, NULL), 0);
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	json_int_t id;
	assert_int_equal(control_send(connection, "take", NULL, &null_fd, 1, &id, NULL), 0);
	rounds(b, 4);
	assert_true(b->fd >= 0);
	assert_true(fcntl(b->fd, F_GETFD) & FD_CLOEXEC);
	json_t *answer = NULL;
	assert_int_equal(control_event(connection, 1000, &answer, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "id")), id);
	json_decref(answer);
	close(b->fd);
	close(null_fd);
	control_disconnect(connection);
	rounds(b, 3);
}

static void a_subscriber_that_does_not_read_gets_one_fresh_snapshot(void **state)
{
	struct bench *b = *state;
	int fd = raw_client(b);
	say(fd, "{\"id\":1,\"cmd\":\"subscribe\"}\n");
	rounds(b, 3);
	char *long_text = malloc(100001);
	assert_non_null(long_text);
	memset(long_text, 'x', 100000);
	long_text[100000] = '\0';
	json_t *event = json_pack("{s:s,s:s}", "event", "slot", "text", long_text);
	for (int i = 0; i < 100; i++) { // ten times what may wait for one client
		control_publish(b->server, event);
		rounds(b, 1);
	}
	assert_int_equal(b->snapshots, 1);
	size_t heard = 0;
	char *text = malloc(4 * MIB), *last = NULL;
	assert_non_null(text);
	for (int i = 0; i < 2000 && b->snapshots < 2; i++) {
		ssize_t n = hear(fd, text, 4 * MIB);
		heard += n > 0 ? (size_t)n : 0;
		rounds(b, 1);
	}
	assert_int_equal(b->snapshots, 2);
	assert_true(heard < 3 * MIB); // and not the ten that were published
	while (hear(fd, text, 4 * MIB) > 0)
		last = strstr(text, "\"number\":2");
	assert_non_null(last);
	json_decref(event);
	free(text);
	free(long_text);
	close(fd);
	rounds(b, 3);
}

static int connected(struct bench *b)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%.64s/" CONTROL_SOCKET, b->folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

// Else it would stay in the queue, and every round of the loop would be about it.
static void a_connection_that_no_descriptor_is_left_for_is_turned_away(void **state)
{
	struct bench *b = *state;
	struct rlimit before, none;
	char byte;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 3; i++) {
		int turned_away = connected(b);
		int lowest_free = dup(turned_away);
		close(lowest_free);
		none = before;
		none.rlim_cur = (rlim_t)lowest_free;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		rounds(b, 1);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(recv(turned_away, &byte, 1, MSG_DONTWAIT), 0);
		close(turned_away);
	}
	int fd = connected(b);
	rounds(b, 1);
	say(fd, "{\"id\":1,\"cmd\":\"hello\"}\n");
	rounds(b, 1);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
	close(fd);
	rounds(b, 1);
}

// As when the whole machine is out of them: another process takes the one that is given up.
static void the_loop_does_not_turn_on_a_connection_that_cannot_be_turned_away(void **state)
{
	struct bench *b = *state;
	struct rlimit before, none;
	char byte;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = STDERR_FILENO + 1;
	for (int leaves = 0; leaves < 2; leaves++) {
		int client = raw_client(b), waits = connected(b), turns = 0;
		uint64_t end = clock_mono_ns() + NSEC_PER_SEC;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		// Some are for nothing: who is stopped and goes on is told EINTR (signal(7)).
		while (clock_mono_ns() < end && !(leaves && turns))
			assert_true(loop_round(b->loop, 1000) == 0 && turns++ < 100);
		assert_int_equal(recv(waits, &byte, 1, MSG_DONTWAIT), -1);
		if (leaves)
			close(client);
		rounds(b, 1); // the client's end, or the second's
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		say(waits, "{\"id\":1,\"cmd\":\"hello\"}\n");
		while (recv(waits, &byte, 1, MSG_DONTWAIT) != 1)
			assert_true(loop_round(b->loop, 120000) == 0 && turns++ < 200);
		close(waits);
		if (!leaves)
			close(client);
		rounds(b, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(answers_carry_the_requests_id_in_any_order, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                what_is_no_request_is_told_so_and_the_line_is_cut, setup, teardown),
	        cmocka_unit_test_setup_teardown(arguments_that_are_no_object_are_refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                who_says_no_more_gets_the_answers_that_are_owed, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_line_without_end_is_not_kept, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                no_more_than_sixteen_requests_wait_on_one_connection, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_descriptor_comes_with_its_line, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                a_subscriber_that_does_not_read_gets_one_fresh_snapshot, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                a_connection_that_no_descriptor_is_left_for_is_turned_away, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                the_loop_does_not_turn_on_a_connection_that_cannot_be_turned_away, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
