// SPDX-License-Identifier: MIT
// The debug log: lines on stderr, for journald and for people. The ledger is elsewhere (record/).
#ifndef GANGWAY_BASE_LOG_H
#define GANGWAY_BASE_LOG_H

// sd-daemon(3)'s priorities; under journald ($JOURNAL_STREAM) each line starts with "<N>".
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

// Names the process in every line ("station", "worker slot 3"), as a role does. Called once, before any thread.
void log_name(const char *name);

// Lines above this level are dropped. The start value is INFO, or DEBUG when GANGWAY_DEBUG is set.
void log_level(enum log_level level);

// Writes one line with one write(2), so that processes sharing stderr do not mix within a line. A role (who has a name) never
// waits for a pipe or a socket that is full: the line is lost, and the next one that goes is preceded by "N lines lost".
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
