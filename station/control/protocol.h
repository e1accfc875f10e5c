// SPDX-License-Identifier: MIT
// The control socket's lines: one JSON object each. docs/protocol.md says what is in them.
#ifndef GANGWAY_CONTROL_PROTOCOL_H
#define GANGWAY_CONTROL_PROTOCOL_H

#include <jansson.h>
#include <stddef.h>
#include <sys/un.h>

#include "base/err.h"

enum {
	CONTROL_REQUEST_MAX = 64 * 1024,      // bytes of one request's line
	CONTROL_ANSWER_MAX = 4 * 1024 * 1024, // bytes of one answer's or event's line
	CONTROL_BACKLOG_MAX =
	        1024 * 1024, // unread bytes from which on a subscriber is given a fresh snapshot instead
	CONTROL_UNDER_WAY_MAX = 16, // requests of one connection
	CONTROL_CLIENTS_MAX = 64,
	CONTROL_FDS_MAX = 2, // descriptors with one line
};

// The socket inside a state folder.
#define CONTROL_SOCKET "control.sock"

// The address of STATE/control.sock for bind(2) and connect(2). A socket's name may have 107 bytes only, a folder's
// 4095: the folder is named through a descriptor, which stays open in *folder_fd until the call is made.
int control_address(const char *state, struct sockaddr_un *address, int *folder_fd, struct err *e);

// Bytes that came in and have not been taken as lines yet.
struct control_lines {
	char *data;
	size_t used, room, limit;
};

// Makes room and says where to read to; NULL when a line is longer than the limit or memory is short.
char *control_lines_space(struct control_lines *lines, size_t *space);
void control_lines_filled(struct control_lines *lines, size_t count);
// Takes one whole line as a NUL-terminated string, which the caller frees; NULL when there is none yet.
char *control_lines_take(struct control_lines *lines);
void control_lines_free(struct control_lines *lines);

// Compact JSON and a newline; the caller frees it. NULL when memory is short.
char *control_encode(const json_t *object, size_t *size);

#endif
