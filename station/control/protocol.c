// SPDX-License-Identifier: MIT
// The control socket's lines.
#include "control/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"

int control_address(const char *state, struct sockaddr_un *address, int *folder_fd, struct err *e)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	*folder_fd = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*folder_fd < 0 && errno == ENOENT)
		return err_set(e, ENOENT,
		        "%s: no such state folder; name the station's with --state or $GANGWAY_STATE", state);
	if (*folder_fd < 0)
		return err_sys(e, errno, "%s", state);
	snprintf(
	        address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/" CONTROL_SOCKET, *folder_fd);
	return 0;
}

char *control_lines_space(struct control_lines *lines, size_t *space)
{
	if (lines->used == lines->room) {
		size_t room = lines->room ? lines->room * 2 : 4096;
		if (room > lines->limit)
			room = lines->limit;
		if (room <= lines->used)
			return NULL;
		char *data = realloc(lines->data, room);
		if (!data)
			return NULL;
		lines->data = data;
		lines->room = room;
	}
	*space = lines->room - lines->used;
	return lines->data + lines->used;
}

void control_lines_filled(struct control_lines *lines, size_t count)
{
	lines->used += count;
}

char *control_lines_take(struct control_lines *lines)
{
	char *end = lines->used ? memchr(lines->data, '\n', lines->used) : NULL;
	if (!end)
		return NULL;
	size_t length = (size_t)(end - lines->data);
	char *line = malloc(length + 1);
	if (!line)
		return NULL;
	memcpy(line, lines->data, length);
	line[length] = '\0';
	lines->used -= length + 1;
	memmove(lines->data, end + 1, lines->used);
	return line;
}

void control_lines_free(struct control_lines *lines)
{
	free(lines->data);
	*lines = (struct control_lines){.limit = lines->limit};
}

char *control_encode(const json_t *object, size_t *size)
{
	size_t length = json_dumpb(object, NULL, 0, JSON_COMPACT);
	char *text = length ? malloc(length + 1) : NULL;
	if (!text)
		return NULL;
	if (json_dumpb(object, text, length, JSON_COMPACT) != length) {
		free(text);
		return NULL;
	}
	text[length] = '\n';
	*size = length + 1;
	return text;
}
