// SPDX-License-Identifier: MIT
// Preloaded into a station and its recorder: SIGKILL right when a row of the ledger is durable. Commits in KILL_LOG, one a line.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * KILL_ROW    the row, by its seq
 * KILL_WHEN   "durable": behind its COMMIT, before anybody is told; "heard": the station was told, and has done all that
 *             follows from it before it waits again
 * KILL_WHOM   "all" (the process group) or "recorder"
 * KILL_ONCE   a file that is made by who kills: a recorder that is started again lives
 */
static int row_heard, station_heard;

static void kill_now(void)
{
	int fd = open(getenv("KILL_ONCE"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	kill(strcmp(getenv("KILL_WHOM"), "all") ? getpid() : 0, SIGKILL);
}

static int wanted_row(const char *when)
{
	const char *row = getenv("KILL_ROW"), *then = getenv("KILL_WHEN");
	return row && then && !strcmp(then, when) ? atoi(row) : 0;
}

static int note_seq(void *context, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	*(int *)context = values[0] ? atoi(values[0]) : 0;
	return 0;
}

static void note_commit(int seq)
{
	char line[16];
	const char *path = getenv("KILL_LOG");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	int n = snprintf(line, sizeof(line), "%d\n", seq);
	if (fd >= 0 && (write(fd, line, (size_t)n) != n || close(fd) < 0))
		abort();
}

int sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context,
        char **error)
{
	static __typeof__(&sqlite3_exec) real;
	int seq = 0;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_exec");
	int code = real(db, sql, callback, context, error);
	if (code != SQLITE_OK || strcmp(sql, "COMMIT") != 0 || !getenv("KILL_ONCE"))
		return code;
	if (real(db, "SELECT max(seq) FROM log", note_seq, &seq, NULL) != SQLITE_OK)
		abort();
	note_commit(seq);
	if (wanted_row("durable") && seq >= wanted_row("durable"))
		kill_now();
	return code;
}

ssize_t recvmsg(int sock, struct msghdr *message, int flags)
{
	static __typeof__(&recvmsg) real;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "recvmsg");
	ssize_t n = real(sock, message, flags);
	int seq;
	char text[200];
	if (n <= 0 || !wanted_row("heard") || message->msg_iovlen != 1)
		return n;
	snprintf(text, sizeof(text), "%.*s", (int)n, (const char *)message->msg_iov[0].iov_base);
	const char *durable = strstr(text, "\"event\":\"durable\""), *row = strstr(text, "\"seq\":");
	if (durable && row && sscanf(row, "\"seq\":%d", &seq) == 1 && seq >= wanted_row("heard"))
		row_heard = 1;
	return n;
}

int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout_ms)
{
	static __typeof__(&epoll_wait) real;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
	if (row_heard && !station_heard) {
		station_heard = 1;
		kill_now();
	}
	return real(epoll, events, room, timeout_ms);
}
