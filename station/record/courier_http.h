// SPDX-License-Identifier: MIT
// A head by HTTP POST. Plain HTTP: a head is signed and no secret; for TLS use a command (curl).
#ifndef GANGWAY_RECORD_COURIER_HTTP_H
#define GANGWAY_RECORD_COURIER_HTTP_H

#include "base/err.h"

// Posts the file to http://HOST[:PORT]/PATH as application/json with its name in X-Gangway-Head. 0 on any 2xx.
int courier_http_post(const char *url, const char *path, const char *name, struct err *e);

#endif
