// SPDX-License-Identifier: MIT
// A raw file whose holes change while they are looked for.
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "core/failure.h"
#include "image/import_job.h"

enum { BLOCK = 4096 };
#define SIZE ((off_t)(8 * MIB))

static unsigned passes; // how often the file was looked at from its beginning

// The kernel's, for this test's file: one extent when it is looked at for the first time, every other block behind that.
off_t lseek(int fd, off_t offset, int whence)
{
	if (whence == SEEK_DATA && offset == 0)
		passes++;
	if (whence == SEEK_DATA)
		return passes == 1 || offset / BLOCK % 2 == 0 ? offset : offset + BLOCK;
	if (whence == SEEK_HOLE)
		return passes == 1 ? SIZE : offset + BLOCK;
	(void)fd;
	errno = EINVAL;
	return -1;
}

static void put(int from, int as)
{
	assert_true(from >= 0);
	assert_int_equal(dup2(from, as), as);
	if (from != as)
		close(from);
}

static void a_file_that_gets_more_holes_while_they_are_counted_is_refused(void **state)
{
	(void)state;
	int pair[2], image = open("image", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct import_job job;
	struct err e = {0};
	assert_int_equal(ftruncate(image, SIZE), 0);
	put(fcntl(image, F_DUPFD, 20), IMPORTER_FD_IMAGE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	put(fcntl(pair[0], F_DUPFD, 20), IMPORTER_FD_SOCKET);
	import_job_init(&job);
	job.image_name = "image";
	job.holes_unmapped = true;
	assert_int_equal(import_look(&job, &e), -EAGAIN);
	assert_int_equal(e.failure, FAILURE_IMAGE_CHANGED);
	assert_non_null(strstr(e.text, "changed while it was read"));
	assert_int_equal(passes, 2);
	import_job_close(&job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_file_that_gets_more_holes_while_they_are_counted_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
