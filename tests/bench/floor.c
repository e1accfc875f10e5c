// SPDX-License-Identifier: MIT
// The least that writing a file to a disk as gangway does can take: one process, its mapping, libaio, three in flight.
// usage: floor FILE DISK; checks nothing, commits nothing, proves nothing, reads nothing back. tests/bench builds it.
#include <fcntl.h>
#include <libaio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE  ((size_t)4 << 20)
#define AROUND ((size_t)64 << 10)
enum { DEPTH = 3 };

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	need(argc == 3, "usage: floor FILE DISK");
	int from = open(argv[1], O_RDONLY | O_CLOEXEC),
	    to = open(argv[2], O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	struct stat st;
	need(from >= 0 && to >= 0 && fstat(from, &st) == 0, "open");
	size_t size = (size_t)st.st_size, at = 0,
	       done = 0; // a multiple of the sector, as all mapped blocks are
	char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, from, 0);
	io_context_t aio = NULL;
	need(map != MAP_FAILED && io_setup(DEPTH, &aio) == 0, "io_setup");
	struct iocb iocbs[DEPTH], *free_ones[DEPTH] = {&iocbs[0], &iocbs[1], &iocbs[2]};
	for (unsigned idle = DEPTH; done < size;) {
		for (; idle && at < size; idle--) {
			size_t length = size - at < PIECE ? size - at : PIECE;
			for (size_t i = 0; i < length; i += AROUND)
				(void)madvise(map + at + i, 1, MADV_POPULATE_READ);
			struct iocb *next = free_ones[idle - 1];
			io_prep_pwrite(next, to, map + at, length, (long long)at);
			need(io_submit(aio, 1, &next) == 1, "io_submit");
			at += length;
		}
		struct io_event events[DEPTH];
		int n = io_getevents(aio, 1, DEPTH, events, NULL);
		need(n > 0, "io_getevents");
		for (int i = 0; i < n; i++) {
			need(events[i].res == events[i].obj->u.c.nbytes, "write");
			done += events[i].res;
			free_ones[idle++] = events[i].obj;
		}
	}
	need(fsync(to) == 0, "fsync");
	io_destroy(aio);
	return 0;
}
