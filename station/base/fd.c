// SPDX-License-Identifier: MIT
// File descriptors: whole reads and writes, packets that carry descriptors, files that appear whole.
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

ssize_t fd_read_all(int fd, void *data, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = read(fd, (char *)data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t fd_pread_all(int fd, void *data, size_t size, uint64_t offset)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = pread(fd, (char *)data + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int fd_write_all(int fd, const void *data, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = write(fd, (const char *)data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int fd_pwrite_all(int fd, const void *data, size_t size, uint64_t offset)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = pwrite(fd, (const char *)data + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

ssize_t fd_read_text(int dirfd, const char *path, char *text, size_t size)
{
	text[0] = '\0';
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = fd_read_all(fd, text, size);
	if (n < 0 || (size_t)n == size) {
		text[0] = '\0';
		return n < 0 ? n : -EFBIG;
	}
	while (n > 0 && (unsigned char)text[n - 1] <= ' ')
		n--;
	text[n] = '\0';
	return n;
}

int fd_read_file(const char *path, size_t limit, char **out, size_t *size_out, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s: cannot be read", path);
	// A pipe does not say how much will come: one byte more than may be tells.
	bool sized = S_ISREG(st.st_mode);
	size_t room = sized ? (size_t)st.st_size : limit + 1;
	if (sized && room > limit)
		return err_set(e, EFBIG, "%s: larger than the %zu bytes such a file may have", path, limit);
	_cleanup_free_ char *data = malloc(room + 1);
	if (!data)
		return err_sys(e, ENOMEM, "%s", path);
	ssize_t n = fd_read_all(fd, data, room);
	if (n < 0)
		return err_sys(e, (int)-n, "%s: cannot be read", path);
	if ((size_t)n > limit)
		return err_set(
		        e, EFBIG, "%s: gives more than the %zu bytes such a file may have", path, limit);
	data[n] = '\0';
	*out = steal_ptr(&data);
	*size_out = (size_t)n;
	return 0;
}

int fd_sync_dir(const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, errno, "%s: cannot be synced to disk", path);
	return 0;
}

int fd_write_file(const char *path, const void *data, size_t size, mode_t mode, struct err *e)
{
	char temporary[PATH_MAX], folder[PATH_MAX];
	if (snprintf(temporary, sizeof(temporary), "%s.new-%d", path, (int)getpid()) >=
	        (int)sizeof(temporary))
		return err_sys(e, ENAMETOOLONG, "%s", path);
	STR_COPY(folder, path);
	char *slash = strrchr(folder, '/');
	if (!slash)
		STR_COPY(folder, ".");
	else
		slash[slash == folder] = '\0';
	_cleanup_close_ int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, errno, "%s: cannot be created", path);
	int r = fd_write_all(fd, data, size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return err_sys(e, -r, "%s: cannot be written", path);
	}
	return fd_sync_dir(folder, e);
}

int fd_mkdir_all(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return err_sys(e, ENAMETOOLONG, "%s", path);
	for (char *p = part + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char end = *p;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_sys(e, errno, "%s: folder cannot be made", part);
		*p = end;
		if (!end)
			break;
	}
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "%s: is not a folder; name another or move it away", path);
	return 0;
}

int fd_packet_pair(int pair[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_sys(e, errno, "socket pair");
	return 0;
}

int fd_send_packet(int sock, const void *data, size_t size, const int *fds, size_t fd_count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control = {0};
	union {
		const void *in;
		void *out;
	} base = {.in = data}; // sendmsg(2) does not write through it
	struct iovec part = {.iov_base = base.out, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd_count > FD_PASS_MAX)
		return -EINVAL;
	if (fd_count) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
	}
	ssize_t n;
	do
		n = sendmsg(sock, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EMSGSIZE;
}

static void take_descriptors(struct msghdr *message, int *fds, size_t *count)
{
	size_t room = *count;
	*count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*count < room)
				fds[(*count)++] = fd;
			else
				close(fd);
		}
	}
}

ssize_t fd_receive_packet(int sock, void *data, size_t size, int *fds, size_t *fd_count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control;
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.space,
	        .msg_controllen = sizeof(control.space)};
	size_t none = 0;
	ssize_t n;
	do
		n = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (fd_count)
			*fd_count = 0;
		return errno == ECONNRESET ? 0 : -errno;
	}
	take_descriptors(&message, fds, fd_count ? fd_count : &none);
	if (message.msg_flags & MSG_TRUNC) {
		while (fd_count && *fd_count)
			close(fds[--*fd_count]);
		return -EMSGSIZE;
	}
	return n;
}

int fd_set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
		return -errno;
	return 0;
}
