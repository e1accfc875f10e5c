// SPDX-License-Identifier: MIT
// JSON messages over a packet socket; what does not fit a packet travels in a memfd.
#include "record/wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"

// Half the smallest usual socket buffer (net.core.wmem_default, 208 KiB), so that one always fits an empty one.
enum { WIRE_PACKET_MAX = 96 * 1024 };
#define WIRE_MESSAGE_MAX (256 * MIB)

// The packet "@" means: the message is the first descriptor's content.
static int send_large(int sock, const char *text, size_t size, int fd)
{
	_cleanup_close_ int memory = memfd_create("gangway-message", MFD_CLOEXEC);
	if (memory < 0)
		return -errno;
	int r = fd_write_all(memory, text, size);
	int fds[2] = {memory, fd};
	return r < 0 ? r : fd_send_packet(sock, "@", 1, fds, fd >= 0 ? 2 : 1);
}

int wire_send(int sock, const char *text, int fd)
{
	size_t size = strlen(text);
	if (size > WIRE_PACKET_MAX)
		return send_large(sock, text, size, fd);
	return fd_send_packet(sock, text, size, &fd, fd >= 0);
}

int wire_send_json(int sock, const json_t *message)
{
	_cleanup_free_ char *text = json_dumps(message, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	for (;;) {
		int r = wire_send(sock, text, -1);
		if (r != -EAGAIN)
			return r;
		struct pollfd room = {.fd = sock, .events = POLLOUT};
		if (poll(&room, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
}

static int read_large(int memory, json_t **out)
{
	struct stat st;
	if (fstat(memory, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || (uint64_t)st.st_size > WIRE_MESSAGE_MAX)
		return -EMSGSIZE;
	_cleanup_free_ char *text = malloc((size_t)st.st_size);
	if (!text)
		return -ENOMEM;
	ssize_t n = fd_pread_all(memory, text, (size_t)st.st_size, 0);
	if (n < 0)
		return (int)n;
	*out = json_loadb(text, (size_t)n, 0, NULL);
	return *out ? 1 : -EBADMSG;
}

int wire_receive(int sock, json_t **out, int *fd)
{
	_cleanup_free_ char *packet = malloc(WIRE_PACKET_MAX);
	int fds[2] = {-1, -1};
	size_t count = 2;
	if (!packet)
		return -ENOMEM;
	*out = NULL;
	ssize_t n = fd_receive_packet(sock, packet, WIRE_PACKET_MAX, fds, &count);
	if (n <= 0)
		return (int)n;
	bool large = n == 1 && packet[0] == '@' && count > 0;
	int r = 1;
	if (large)
		r = read_large(fds[0], out);
	else if (!(*out = json_loadb(packet, (size_t)n, 0, NULL)))
		r = -EBADMSG;
	if (large) {
		close(fds[0]);
		fds[0] = fds[1];
		fds[1] = -1;
	}
	if (fds[1] >= 0)
		close(fds[1]);
	if (fd && r > 0)
		*fd = fds[0];
	else if (fds[0] >= 0)
		close(fds[0]);
	return r;
}
