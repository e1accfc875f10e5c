// SPDX-License-Identifier: MIT
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mapped.h"
#include "check.h"

#define SIZE (256 * KIB)

// A file of SIZE bytes that is mapped, of which only the first half is there.
static const uint8_t *half_a_file(uint8_t *bytes)
{
	int fd = memfd_create("mapped", MFD_CLOEXEC);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 4096);
	assert_int_equal(write(fd, bytes, SIZE / 2), SIZE / 2);
	const uint8_t *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	close(fd);
	return map;
}

static void the_first_byte_that_differs_is_found(void **state)
{
	(void)state;
	uint8_t *bytes = malloc(SIZE);
	const uint8_t *map = half_a_file(bytes);
	size_t same = 0;
	assert_int_equal(mapped_compare(map, bytes, SIZE / 2, &same), 0);
	assert_int_equal(same, SIZE / 2);
	bytes[70001] ^= 1;
	assert_int_equal(mapped_compare(map, bytes, SIZE / 2, &same), 0);
	assert_int_equal(same, 70001);
	assert_int_equal(mapped_compare(map + 5, bytes + 5, SIZE / 2 - 5, &same), 0);
	assert_int_equal(same, 70001 - 5);
	free(bytes);
	munmap((void *)(uintptr_t)map, SIZE);
}

static void pages_that_the_file_has_lost_are_an_error_again_and_again(void **state)
{
	(void)state;
	uint8_t *bytes = malloc(SIZE);
	const uint8_t *map = half_a_file(bytes);
	size_t same = 0;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(mapped_compare(map, bytes, SIZE, &same), -EIO);
		assert_int_equal(mapped_compare(map, bytes, SIZE / 2, &same), 0);
	}
	free(bytes);
	munmap((void *)(uintptr_t)map, SIZE);
}

// Outside of a comparison such a page ends the process as ever.
static void nothing_else_is_caught(void **state)
{
	(void)state;
	uint8_t *bytes = malloc(SIZE);
	const uint8_t *map = half_a_file(bytes);
	size_t same = 0;
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGBUS, SIG_DFL); // a sanitizer may have its own
		if (mapped_compare(map, bytes, SIZE, &same) == -EIO)
			_exit(((const volatile uint8_t *)map)[SIZE - 1]);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
	free(bytes);
	munmap((void *)(uintptr_t)map, SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_first_byte_that_differs_is_found),
	        cmocka_unit_test(pages_that_the_file_has_lost_are_an_error_again_and_again),
	        cmocka_unit_test(nothing_else_is_caught),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
