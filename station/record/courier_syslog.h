// SPDX-License-Identifier: MIT
// A head as a line in the system's log.
#ifndef GANGWAY_RECORD_COURIER_SYSLOG_H
#define GANGWAY_RECORD_COURIER_SYSLOG_H

#include "base/err.h"

// Sends one line to /dev/log. 0 once the log's daemon has it: syslog(3) would not say that there is none. Arguments as of
// the other destinations; `target` and `name` are not used.
int courier_syslog_send(const char *target, const char *path, const char *name, struct err *e);

#endif
