// SPDX-License-Identifier: MIT
// The debug log: lines on stderr, for journald and for people.
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"

// The one piece of process-wide state in the house: who is speaking, and how much.
static struct {
	char name[32];
	int level; // 0: not yet set
} log_state;

void log_name(const char *name)
{
	STR_COPY(log_state.name, name);
}

void log_level(enum log_level level)
{
	log_state.level = (int)level;
}

void log_line(enum log_level level, const char *format, ...)
{
	if (!log_state.level)
		log_state.level = getenv("GANGWAY_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	if ((int)level > log_state.level)
		return;
	char line[1024];
	int used = 0;
	if (getenv("JOURNAL_STREAM"))
		used = snprintf(line, sizeof(line), "<%d>", (int)level);
	used += snprintf(line + used, sizeof(line) - (size_t)used,
	        "gangway%s%s: ", log_state.name[0] ? " " : "", log_state.name);
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, ap);
	va_end(ap);
	size_t end = (size_t)used + (n < 0 ? 0 : (size_t)n);
	if (end > sizeof(line) - 2)
		end = sizeof(line) - 2;
	line[end++] = '\n';
	// A log line that cannot be written has nowhere to be reported.
	ssize_t written = write(STDERR_FILENO, line, end);
	(void)written;
}
