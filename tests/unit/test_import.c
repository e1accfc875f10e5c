// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "base/fd.h"
#include "check.h"
#include "image/store.h"
#include "import_drive.h"

static void shell(const char *command)
{
	int status = system(command);
	if (status != 0)
		fail_msg("%s: status %d", command, status);
}

// a.img: 5 MiB and 700 bytes of noise with a hole of 2 MiB, and its bmap by Debian's bmaptool.
static int make_image(void **state)
{
	(void)state;
	shell("rm -rf store a.*; truncate -s 5243780 a.img;"
	      "head -c 1048576 /dev/urandom | dd of=a.img conv=notrunc status=none;"
	      "head -c 2098052 /dev/urandom | dd of=a.img bs=65536 seek=48 conv=notrunc status=none;"
	      "bmaptool -q create -o a.bmap a.img; xz -kT2 --block-size=1MiB a.img; gzip -k a.img; bzip2 -k "
	      "a.img;"
	      "zstd -q a.img; lz4 -q a.img a.img.lz4");
	return 0;
}

static void same_bytes(const struct image *image, const char *path)
{
	static char a[65536], b[65536];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t at = 0;
	for (;;) {
		ssize_t n = fd_pread_all(fd, a, sizeof(a), at);
		assert_int_equal(n, fd_pread_all(image->data_fd, b, sizeof(b), at));
		assert_true(n >= 0);
		if (n == 0)
			break;
		assert_memory_equal(a, b, n);
		at += (uint64_t)n;
	}
	assert_int_equal(at, image->front->image_size);
}

static void every_codec_gives_the_images_bytes_and_the_same_plan(void **state)
{
	(void)state;
	static const char *const files[][2] = {{"a.img", "raw"}, {"a.img.xz", "xz"}, {"a.img.gz", "gzip"},
	        {"a.img.bz2", "bzip2"}, {"a.img.zst", "zstd"}, {"a.img.lz4", "lz4"}};
	uint8_t first[DIGEST_SHA256_SIZE], plan[DIGEST_SHA256_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct drive d = {0};
		assert_int_equal(drive_run(&d, "store", files[i][0], "a.bmap", false, 0), 0);
		assert_int_equal(d.readies, 1);
		assert_string_equal(d.codec, files[i][1]);
		const struct image *image = import_image(d.import);
		same_bytes(image, "a.img");
		assert_int_equal(image_front_state(image->front), IMAGE_CONFIRMED);
		assert_int_equal(strlen(image->key), 64);
		plan_digest(image->front->ranges, image->front->range_count, plan);
		if (i == 0)
			memcpy(first, plan, sizeof(first));
		assert_memory_equal(plan, first, sizeof(plan));
		drive_end(&d);
	}
}

static void a_second_import_is_served_from_the_store(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct drive d = {0};
		assert_int_equal(drive_run(&d, "store", "a.img.xz", "a.bmap", false, 0), 0);
		if (i == 1) {
			assert_true(d.stored);
			assert_int_equal(d.front_at_ready, 5243780);
		}
		assert_int_equal(d.stored, i == 1);
		drive_end(&d);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "importer"))
		return import_role(argc - 1, argv + 1);
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(every_codec_gives_the_images_bytes_and_the_same_plan, make_image),
	        cmocka_unit_test_setup(a_second_import_is_served_from_the_store, make_image),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
