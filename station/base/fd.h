// SPDX-License-Identifier: MIT
// File descriptors: whole reads and writes, packets that carry descriptors, files that appear whole.
#ifndef GANGWAY_BASE_FD_H
#define GANGWAY_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/util.h"

// Closes *fd and sets it to -1; -1 is fine.
void fd_close(int *fd);

// Until size bytes are through, or end of file (fewer are returned), or an error (-errno). EINTR is retried.
ssize_t fd_read_all(int fd, void *data, size_t size);
ssize_t fd_pread_all(int fd, void *data, size_t size, uint64_t offset);
int fd_write_all(int fd, const void *data, size_t size);
int fd_pwrite_all(int fd, const void *data, size_t size, uint64_t offset);

// A small text file (a sysfs attribute, /proc entry) into text, NUL-terminated, white space at its end cut.
// Returns its length, or -errno. A file of `size` bytes or more is -EFBIG.
ssize_t fd_read_text(int dirfd, const char *path, char *text, size_t size);

// A whole file of at most `limit` bytes; *out is the caller's to free and has a NUL behind the last byte.
int fd_read_file(const char *path, size_t limit, char **out, size_t *size_out, struct err *e);

// The file appears under its name with all its bytes on disk, or not at all (temporary name, fsync, rename,
// fsync of the folder).
int fd_write_file(const char *path, const void *data, size_t size, mode_t mode, struct err *e);

int fd_sync_dir(const char *path, struct err *e);
int fd_mkdir_all(const char *path, mode_t mode, struct err *e);

// A connected pair of SOCK_SEQPACKET sockets, both CLOEXEC and non-blocking.
int fd_packet_pair(int pair[2], struct err *e);

// One packet with up to FD_PASS_MAX descriptors. 0, or -errno (-EAGAIN: full; -EPIPE: the peer is gone).
#define FD_PASS_MAX 8
int fd_send_packet(int sock, const void *data, size_t size, const int *fds, size_t fd_count);

// One packet: its size (0: the peer is gone), or -errno (-EAGAIN: none waiting; -EMSGSIZE: larger than size,
// dropped). Received descriptors are CLOEXEC and the caller's; *fd_count is the room in fds, then their number.
ssize_t fd_receive_packet(int sock, void *data, size_t size, int *fds, size_t *fd_count);

int fd_set_nonblocking(int fd, bool on);

#endif
