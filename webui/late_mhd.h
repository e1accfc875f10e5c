// SPDX-License-Identifier: MIT
// libmicrohttpd, loaded when something of it is wanted.
#ifndef GANGWAY_WEBUI_LATE_MHD_H
#define GANGWAY_WEBUI_LATE_MHD_H

#include "base/err.h"

// Before any function of libmicrohttpd, and before the process shuts itself in; again does nothing. From one thread.
int late_mhd_load(struct err *e);

#endif
