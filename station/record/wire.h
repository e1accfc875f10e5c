// SPDX-License-Identifier: MIT
// JSON messages over a packet socket; what does not fit a packet travels in a memfd.
#ifndef GANGWAY_RECORD_WIRE_H
#define GANGWAY_RECORD_WIRE_H

#include <jansson.h>

#include "base/err.h"

// `text` is one JSON object; `fd` (-1: none) goes with it, still the caller's. 0, -EAGAIN (the socket is full),
// -EPIPE, or another -errno.
int wire_send(int sock, const char *text, int fd);

// Waits until there is room. For a child whose parent always reads.
int wire_send_json(int sock, const json_t *message);

// 1 and a new *out (and *fd or -1, the caller's); 0: the peer is gone; -EAGAIN: nothing there; other -errno.
int wire_receive(int sock, json_t **out, int *fd);

#endif
