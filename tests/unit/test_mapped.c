// SPDX-License-Identifier: MIT
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mapped.h"
#include "check.h"

#define SIZE (256 * KIB)

// A file of SIZE bytes that is mapped, of which only the first half is there. The test's framework has its own way with
// signals, which ends here.
static const uint8_t *half_a_file(uint8_t *bytes)
{
	int fd = memfd_create("mapped", MFD_CLOEXEC);
	assert_int_equal(mapped_catch(), 0);
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

static void a_mapping_is_hashed_as_its_bytes_are_and_lost_pages_are_an_error(void **state)
{
	(void)state;
	uint8_t *bytes = malloc(SIZE), wanted[DIGEST_SHA256_SIZE], got[DIGEST_MAX_SIZE];
	const uint8_t *map = half_a_file(bytes);
	_cleanup_digest_ struct digest *digest = NULL;
	struct err e = {0};
	assert_int_equal(digest_new(&digest, "sha256", &e), 0);
	digest_sha256(bytes, SIZE / 2, wanted);
	for (int i = 0; i < 3; i++) {
		digest_reset(digest);
		assert_int_equal(mapped_digest(map, SIZE / 4, digest), 0);
		assert_int_equal(mapped_digest(map + SIZE / 4, SIZE, digest), -EIO);
		digest_reset(digest); // good again
		assert_int_equal(mapped_digest(map, SIZE / 2, digest), 0);
		digest_final(digest, got);
		assert_memory_equal(got, wanted, sizeof(wanted));
	}
	free(bytes);
	munmap((void *)(uintptr_t)map, SIZE);
}

struct half {
	const uint8_t *map;
	uint8_t *bytes;
	unsigned caught;
};

static void *look_often(void *context)
{
	struct half *half = context;
	size_t same;
	for (unsigned i = 0; i < 500; i++)
		half->caught += mapped_compare(half->map, half->bytes, SIZE, &same) == -EIO;
	return NULL;
}

// The worker compares while its prover hashes: neither takes the other's guard away.
static void threads_do_not_disturb_each_other(void **state)
{
	(void)state;
	uint8_t *bytes = malloc(SIZE);
	struct half halves[2] = {{.map = half_a_file(bytes), .bytes = bytes}};
	pthread_t thread;
	halves[1] = halves[0];
	assert_int_equal(pthread_create(&thread, NULL, look_often, &halves[1]), 0);
	look_often(&halves[0]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(halves[0].caught, 500);
	assert_int_equal(halves[1].caught, 500);
	free(bytes);
	munmap((void *)(uintptr_t)halves[0].map, SIZE);
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
	        cmocka_unit_test(a_mapping_is_hashed_as_its_bytes_are_and_lost_pages_are_an_error),
	        cmocka_unit_test(threads_do_not_disturb_each_other),
	        cmocka_unit_test(nothing_else_is_caught),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
