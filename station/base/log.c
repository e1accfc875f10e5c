// SPDX-License-Identifier: MIT
// The debug log: lines on stderr, for journald and for people.
#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

// The one piece of process-wide state in the house: who is speaking, and how much.
static struct {
	char name[32];
	int level; // 0: not yet set
	atomic_uint lost;
} log_state;

void log_name(const char *name)
{
	STR_COPY(log_state.name, name);
}

void log_level(enum log_level level)
{
	log_state.level = (int)level;
}

/*
 * A role waits for nobody who does not read its lines. stderr is shared with processes that know nothing of O_NONBLOCK, which
 * would be set for them as well: a socket is asked for each line (MSG_DONTWAIT), a pipe before it. One that polls
 * writable has a page left, in which several lines fit, should another process write in between.
 */
static ssize_t write_now(const char *line, size_t size)
{
	struct stat stat;
	struct pollfd pipe = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (log_state.name[0] && fstat(STDERR_FILENO, &stat) == 0) {
		union {
			const char *in;
			char *out;
		} text = {.in = line}; // sendmsg(2) only reads
		struct iovec part = {.iov_base = text.out, .iov_len = size};
		const struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
		if (S_ISSOCK(stat.st_mode))
			return sendmsg(STDERR_FILENO, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (S_ISFIFO(stat.st_mode) && poll(&pipe, 1, 0) == 0)
			return -1;
	}
	return write(STDERR_FILENO, line, size);
}

static size_t begin_line(enum log_level level, char *line, size_t size)
{
	int used = 0;
	if (getenv("JOURNAL_STREAM"))
		used = snprintf(line, size, "<%d>", (int)level);
	used += snprintf(line + used, size - (size_t)used, "gangway%s%s: ", log_state.name[0] ? " " : "",
	        log_state.name);
	return (size_t)used;
}

// True: what was lost before has been said, or there is nothing to say.
static bool tell_lost(void)
{
	char line[160];
	unsigned lost = atomic_exchange(&log_state.lost, 0);
	if (!lost)
		return true;
	size_t used = begin_line(LOG_LEVEL_WARN, line, sizeof(line));
	used += (size_t)snprintf(line + used, sizeof(line) - used, "%u lines lost: nobody read them\n", lost);
	if (write_now(line, used) > 0)
		return true;
	atomic_fetch_add(&log_state.lost, lost);
	return false;
}

void log_line(enum log_level level, const char *format, ...)
{
	if (!log_state.level)
		log_state.level = getenv("GANGWAY_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	if ((int)level > log_state.level)
		return;
	char line[1024];
	size_t used = begin_line(level, line, sizeof(line));
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line + used, sizeof(line) - used - 1, format, ap);
	va_end(ap);
	size_t end = used + (n < 0 ? 0 : (size_t)n);
	if (end > sizeof(line) - 2)
		end = sizeof(line) - 2;
	line[end++] = '\n';
	// A log line that cannot be written has nowhere to be reported but in the next one.
	if (!tell_lost() || write_now(line, end) < 0)
		atomic_fetch_add(&log_state.lost, 1);
}
