// SPDX-License-Identifier: MIT
// Log lines that nobody reads.
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "check.h"

enum { LINES = 4000, DEADLINE_S = 60 };

// Who waits here waits for ever: the alarm ends it.
static int as_stderr(int fd)
{
	int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(kept >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	alarm(DEADLINE_S);
	return kept;
}

static void restore(int kept)
{
	alarm(0);
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	close(kept);
	log_name("");
}

// Of what is there: how many whole lines, how many of them say that some were lost, and how many those were.
struct heard {
	unsigned lines, lost_lines, lost;
};

static void count_line(const char *line, struct heard *heard)
{
	unsigned lost;
	heard->lines++;
	if (sscanf(line, "gangway role: %u lines lost: nobody read them", &lost) == 1) {
		heard->lost_lines++;
		heard->lost += lost;
	} else if (strncmp(line, "gangway role: line ", 19) != 0) {
		fail_msg("half a line: %s", line);
	}
}

static void hear(int fd, struct heard *heard)
{
	char line[256];
	size_t used = 0;
	ssize_t n;
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0); // the reader's own end
	for (char c; (n = read(fd, &c, 1)) == 1;) {
		assert_true(used < sizeof(line) - 1);
		line[used++] = c;
		if (c != '\n')
			continue;
		line[used] = '\0';
		used = 0;
		count_line(line, heard);
	}
	assert_int_equal(used, 0);
}

static void loses_and_tells(const int pair[2])
{
	struct heard heard = {0};
	int flags = fcntl(pair[1], F_GETFL), kept = as_stderr(pair[1]);
	log_name("role");
	for (unsigned i = 0; i < LINES; i++)
		log_warn("line %u", i);
	hear(pair[0], &heard);
	assert_in_range(heard.lines, 1, LINES - 1);
	assert_int_equal(heard.lost_lines, 0);
	log_warn("line that goes again");
	log_warn("line behind it");
	hear(pair[0], &heard);
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL), flags);
	restore(kept);
	close(pair[0]);
	assert_int_equal(heard.lost_lines, 1);
	assert_int_equal(heard.lines - 3 + heard.lost, LINES);
}

static void a_role_does_not_wait_for_who_does_not_read_its_pipe_and_says_what_was_lost(void **state)
{
	(void)state;
	int pair[2];
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	loses_and_tells(pair);
}

// journald's is one.
static void nor_its_socket(void **state)
{
	(void)state;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	loses_and_tells(pair);
}

static void a_command_waits_for_its_pager(void **state)
{
	(void)state;
	int pair[2], status;
	char data[4096];
	size_t lines = 0;
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(pair[1], STDERR_FILENO);
		for (unsigned i = 0; i < LINES; i++)
			log_warn("line %u", i);
		_exit(0);
	}
	close(pair[1]);
	alarm(DEADLINE_S);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0); // it has more to say than a pipe holds
	for (ssize_t n; (n = read(pair[0], data, sizeof(data))) > 0;)
		for (ssize_t i = 0; i < n; i++)
			lines += data[i] == '\n';
	alarm(0);
	close(pair[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lines, LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_role_does_not_wait_for_who_does_not_read_its_pipe_and_says_what_was_lost),
	        cmocka_unit_test(nor_its_socket),
	        cmocka_unit_test(a_command_waits_for_its_pager),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
