// SPDX-License-Identifier: MIT
// timeout: 180
#include "check.h"
#include "import_drive.h"

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
		assert_false(d.stored);
		const struct image *image = import_image(d.import);
		same_bytes(image, "a.img");
		assert_int_equal(image_front_state(image->front), IMAGE_CONFIRMED);
		assert_int_equal(strlen(image->key), 64);
		assert_int_equal(image->front->mapped_bytes, 1048576 + 2098052);
		plan_digest(image->front->ranges, image->front->range_count, plan);
		if (i == 0)
			memcpy(first, plan, sizeof(first));
		assert_memory_equal(plan, first, sizeof(plan));
		drive_end(&d);
	}
}

static void a_name_says_nothing_about_the_codec(void **state)
{
	(void)state;
	struct drive d;
	shell("mv a.img.xz a.img.gz");
	import_a("a.img.gz", "a.bmap", &d);
	assert_string_equal(d.codec, "xz");
}

static void a_second_import_is_served_from_the_store(void **state)
{
	(void)state;
	struct drive d;
	assert_false(import_a("a.img.xz", "a.bmap", &d));
	assert_true(import_a("a.img.xz", "a.bmap", &d));
	assert_int_equal(
	        d.front_at_ready, A_SIZE); // all there at once; the_hint_is_not_trusted holds the rest
	shell("mkdir copy; cp a.img.xz copy/b.img.xz");
	assert_true(import_a("copy/b.img.xz", "a.bmap", &d)); // the same bytes under another name and time
	assert_false(import_a("a.img.xz", NULL, &d));         // another mapping is another entry
	assert_int_equal(count_in("store/entries"), 2);
}

static void the_stored_file_has_holes_where_the_image_is_not_mapped(void **state)
{
	(void)state;
	struct drive d;
	import_a("a.img.xz", "a.bmap", &d);
	shell("set -- $(stat -c '%b %s' store/entries/*/data); test $(($1 * 512)) -le 3200000; test $2 = "
	      "5243780");
}

static void the_front_tells_geometry_before_the_bytes_are_there(void **state)
{
	(void)state;
	static const char *const files[] = {"a.img", "a.img.xz", "a.img.zst"};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct drive d;
		assert_false(import_a(files[i], NULL, &d)); // the file itself tells its size
		assert_non_null(strstr(d.note, "no bmap: every byte of the image is mapped"));
		assert_null(strstr(d.note, "boards wait"));
	}
}

static void a_size_known_only_at_the_end_makes_boards_wait_and_says_so(void **state)
{
	(void)state;
	static const char *const files[] = {"a.img.gz", "a.img.bz2", "a.img.lz4"};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct drive d;
		assert_false(import_a(files[i], NULL, &d));
		assert_int_equal(d.state_at_ready, IMAGE_CONFIRMED);
		assert_int_equal(d.front_at_ready, A_SIZE);
		assert_non_null(strstr(d.note, "boards wait until all of it is decoded"));
	}
}

static void without_a_bmap_ranges_are_64_mib_and_holes_are_left_out_when_asked(void **state)
{
	(void)state;
	struct drive d = {0};
	shell("truncate -s 200M big.img; printf x | dd of=big.img bs=1M seek=127 conv=notrunc status=none;"
	      "printf y | dd of=big.img bs=1M seek=128 conv=notrunc status=none");
	assert_int_equal(drive_run(&d, "store", "big.img", NULL, false, 0), 0);
	const struct image_front *front = import_image(d.import)->front;
	assert_int_equal(front->range_count, 4);
	assert_int_equal(front->ranges[3].length, 8 * MIB);
	same_bytes(import_image(d.import), "big.img");
	drive_end(&d);
	d = (struct drive){0};
	assert_int_equal(drive_run(&d, "store", "big.img", NULL, true, 0), 0);
	front = import_image(d.import)->front;
	assert_int_equal(front->range_count, 2);
	assert_int_equal(front->ranges[0].offset, 127 * MIB);
	assert_int_equal(front->ranges[1].offset, 128 * MIB);
	assert_true(front->mapped_bytes <= 2 * MIB);
	assert_non_null(strstr(d.note, "stay unmapped, as asked"));
	drive_end(&d);
}

static void the_gpts_sector_size_is_seen(void **state)
{
	(void)state;
	static const char *const makers[] = {"truncate -s 2M g.img; printf 'EFI PART' | dd of=g.img bs=512 "
	                                     "seek=1 conv=notrunc status=none",
	        "truncate -s 2M g.img; printf 'EFI PART' | dd of=g.img bs=4096 seek=1 conv=notrunc "
	        "status=none",
	        "truncate -s 2M g.img"};
	static const uint32_t sectors[] = {512, 4096, 0};
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		struct drive d = {0};
		shell("rm -f g.img");
		shell(makers[i]);
		assert_int_equal(drive_run(&d, "store", "g.img", NULL, false, 0), 0);
		assert_int_equal(import_image(d.import)->front->gpt_sector, sectors[i]);
		drive_end(&d);
	}
}

// A worker as it follows the front: woken by edges, it looks at everything that is new.
struct follower {
	struct drive *drive;
	struct loop_source *source;
	unsigned wakes, looks;
	uint64_t seen;
};

static void follow(void *context, uint32_t events)
{
	struct follower *f = context;
	const struct image *image = import_image(f->drive->import);
	uint64_t front = image_front_offset(image->front);
	static uint8_t stored[4096], wanted[4096];
	_cleanup_close_ int fd = open("big.img", O_RDONLY | O_CLOEXEC);
	(void)events;
	f->wakes++;
	f->looks += front > f->seen;
	assert_true(front >= f->seen);
	for (uint64_t at = f->seen; at < front; at += 64 * KIB) {
		size_t n = (size_t)u64_min(sizeof(stored), front - at);
		assert_int_equal(fd_pread_all(image->data_fd, stored, n, at), n);
		assert_int_equal(fd_pread_all(fd, wanted, n, at), n);
		assert_memory_equal(stored, wanted, n); // what the front has passed is there
	}
	for (uint32_t i = 0; i < image->front->range_count; i++) {
		static const uint8_t unknown[DIGEST_SHA256_SIZE];
		const struct plan_range *range = &image->front->ranges[i];
		if (range->offset + range->length <= front) // and its digests are known
			assert_memory_not_equal(range->sha256, unknown, sizeof(unknown));
	}
	f->seen = front;
}

static struct follower followers[2];

static void start_following(struct drive *d)
{
	for (int i = 0; i < 2; i++) {
		followers[i] = (struct follower){.drive = d};
		// Each has the eventfd in an epoll of its own, as two processes have.
		_cleanup_close_ int wake = fcntl(import_image(d->import)->wake_fd, F_DUPFD_CLOEXEC, 0);
		assert_true(wake >= 0);
		assert_int_equal(loop_add_fd(d->loop, steal_fd(&wake), EPOLLIN | EPOLLET, follow,
		                         &followers[i], &followers[i].source, NULL),
		        0);
	}
}

// Whether they started long before the end; false where the importer was through before this process had its turn.
static bool was_followed(void)
{
	struct drive d = {.on_ready = start_following};
	bool early;
	if (drive_run(&d, "store", "big.img.gz", "big.bmap", false, 0) != 0)
		fail_msg("%s", d.error.text);
	early = d.state_at_ready == IMAGE_GROWING && d.front_at_ready < 48 * MIB;
	for (int i = 0; i < 2; i++) {
		early = early && followers[i].looks > 3;
		assert_int_equal(followers[i].seen, 48 * MIB); // no wake-up was lost
	}
	drive_end(&d);
	return early;
}

static void workers_follow_the_front_while_it_grows(void **state)
{
	(void)state;
	shell("head -c 48M /dev/urandom >big.img; bmaptool -q create -o big.bmap big.img; gzip -1k big.img");
	for (int turn = 0; !was_followed(); turn++) {
		assert_true(turn < 20);
		shell("rm -r store");
	}
	shell("rm -r big.* store");
}

// Fails with this failure and these words, and leaves nothing in the store.
static void fails(const char *image, const char *bmap, int failure, const char *words)
{
	struct drive d = {0};
	int r = drive_run(&d, "store", image, bmap, false, 0);
	if (r != 1)
		fail_msg("%s with %s was imported", image, bmap ? bmap : "no bmap");
	if (!strstr(d.error.text, words) || !strstr(d.error.text, bmap && strstr(words, ":") ? bmap : image))
		fail_msg("%s: says '%s', not '%s'", image, d.error.text, words);
	assert_int_equal(d.error.failure, failure);
	assert_null(strchr(d.error.text, '\n'));
	if (d.readies) { // workers that follow the front have heard of it too
		assert_int_equal(image_front_state(import_image(d.import)->front), IMAGE_FAILED);
		assert_int_equal(import_image(d.import)->front->failure, failure);
		assert_string_equal(import_image(d.import)->front->error, d.error.text);
	}
	drive_end(&d);
	assert_int_equal(count_in("store/entries"), 0);
	assert_int_equal(count_in("store/tmp"), 0);
	assert_int_equal(count_in("store/hints"), 0);
}

static void bad_archives_fail_with_one_line_and_leave_nothing(void **state)
{
	(void)state;
	static const char *const ends[] = {"xz", "gz", "bz2", "zst", "lz4"};
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		char command[300], name[40];
		snprintf(name, sizeof(name), "b.img.%s", ends[i]);
		snprintf(command, sizeof(command), "head -c 3000000 a.img.%s >b.img.%s", ends[i], ends[i]);
		shell(command);
		fails(name, "a.bmap", FAILURE_IMPORT_FAILED, "cut short");
		fails(name, NULL, FAILURE_IMPORT_FAILED, "cut short");
		snprintf(command, sizeof(command), "{ cat a.img.%s; echo tail of garbage; } >b.img.%s",
		        ends[i], ends[i]);
		shell(command);
		fails(name, "a.bmap", FAILURE_IMPORT_FAILED, "behind");
		// bmaptool has random-looking data here: flip bytes until the stream itself is broken
		snprintf(command, sizeof(command),
		        "cp a.img.%s b.img.%s; printf '\\125\\252\\125\\252\\125' | dd of=b.img.%s bs=1 "
		        "seek=1500000 "
		        "conv=notrunc status=none",
		        ends[i], ends[i], ends[i]);
		shell(command);
		fails(name, "a.bmap", FAILURE_IMPORT_FAILED, "get a good copy");
	}
}

static void an_image_that_is_not_the_bmaps_is_refused(void **state)
{
	(void)state;
	shell("cp --sparse=always a.img c.img; printf '\\0\\1\\2\\3' | dd of=c.img bs=1 seek=4000000 "
	      "conv=notrunc status=none;"
	      "xz -0k c.img; head -c 5243779 a.img >short.img; gzip -1k short.img;"
	      "{ cat a.img; echo; } >long.img; gzip -1k long.img; xz -0k long.img; : >empty.img");
	fails("c.img", "a.bmap", FAILURE_IMPORT_FAILED, "do not have the digest that a.bmap:");
	fails("c.img.xz", "a.bmap", FAILURE_IMPORT_FAILED, "do not have the digest that a.bmap:");
	fails("short.img", "a.bmap", FAILURE_IMPORT_FAILED, "do not belong together");
	fails("short.img.gz", "a.bmap", FAILURE_IMPORT_FAILED, "decodes to 5243779 bytes");
	fails("long.img.gz", "a.bmap", FAILURE_IMPORT_FAILED, "decodes to more than the 5243780 bytes");
	fails("long.img.xz", "a.bmap", FAILURE_IMPORT_FAILED, "do not belong together");
	fails("empty.img", NULL, FAILURE_IMPORT_FAILED, "is empty");
	fails("/dev/null", NULL, FAILURE_IMPORT_FAILED, "neither a regular file nor a disk");
	shell("sed 's/ 4096 / 4095 /' a.bmap >bad.bmap");
	fails("a.img", "bad.bmap", FAILURE_IMPORT_FAILED, "bad.bmap:");
}

static void a_bomb_stops_at_the_bmaps_size(void **state)
{
	(void)state;
	// 8 GiB of zeros in 8 MB: decoding all of it would take many seconds and fill the disk.
	shell("truncate -s 64M zero.img; gzip -c zero.img >one; for i in $(seq 128); do cat one; done "
	      ">bomb.img.gz");
	fails("bomb.img.gz", "a.bmap", FAILURE_IMPORT_FAILED, "do not have the digest");
	shell("truncate -s 5243780 z.img; bmaptool -q create -o z.bmap z.img 2>/dev/null;"
	      "dd if=/dev/zero of=z.img bs=5243780 count=1 conv=notrunc status=none; bmaptool -q create -o "
	      "z.bmap z.img");
	fails("bomb.img.gz", "z.bmap", FAILURE_IMPORT_FAILED, "decodes to more than the 5243780 bytes");
}

static void the_hint_is_not_trusted(void **state)
{
	(void)state;
	struct drive d = {0};
	import_a("a.img", NULL, &d);
	// Another content of the same size, in place, with the old time.
	shell("t=$(stat -c %y a.img); printf changed | dd of=a.img bs=1 seek=5000 conv=notrunc status=none;"
	      "touch -d \"$t\" a.img");
	d = (struct drive){0};
	assert_int_equal(drive_run(&d, "store", "a.img", NULL, false, 0), 1);
	assert_int_equal(d.readies, 1);
	assert_int_equal(d.error.failure, FAILURE_IMAGE_CHANGED);
	assert_int_equal(image_front_state(import_image(d.import)->front), IMAGE_FAILED); // nobody commits
	drive_end(&d);
	assert_false(import_a("a.img", NULL, &d)); // the next run imports afresh
}

static void a_bmap_is_found_beside_its_image(void **state)
{
	(void)state;
	char found[200];
	struct err e;
	shell("mkdir -p find.d; touch find.d/x.wic.xz find.d/x.bmap");
	_cleanup_close_ int a = import_find_bmap("find.d/x.wic.xz", found, sizeof(found), &e);
	assert_true(a >= 0);
	assert_string_equal(found, "find.d/x.bmap");
	shell("touch find.d/x.wic.bmap");
	_cleanup_close_ int b = import_find_bmap("find.d/x.wic.xz", found, sizeof(found), &e);
	assert_string_equal(found, "find.d/x.wic.bmap");
	shell("touch find.d/x.wic.xz.bmap");
	_cleanup_close_ int c = import_find_bmap("find.d/x.wic.xz", found, sizeof(found), &e);
	assert_string_equal(found, "find.d/x.wic.xz.bmap");
	assert_int_equal(import_find_bmap("find.d/y.wic.xz", found, sizeof(found), &e), -1);
	assert_true(b >= 0 && c >= 0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "importer"))
		return import_role(argc - 1, argv + 1);
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(every_codec_gives_the_images_bytes_and_the_same_plan, make_a),
	        cmocka_unit_test_setup(a_name_says_nothing_about_the_codec, make_a),
	        cmocka_unit_test_setup(a_second_import_is_served_from_the_store, make_a),
	        cmocka_unit_test_setup(the_stored_file_has_holes_where_the_image_is_not_mapped, make_a),
	        cmocka_unit_test_setup(the_front_tells_geometry_before_the_bytes_are_there, make_a),
	        cmocka_unit_test_setup(a_size_known_only_at_the_end_makes_boards_wait_and_says_so, make_a),
	        cmocka_unit_test(without_a_bmap_ranges_are_64_mib_and_holes_are_left_out_when_asked),
	        cmocka_unit_test(workers_follow_the_front_while_it_grows),
	        cmocka_unit_test(the_gpts_sector_size_is_seen),
	        cmocka_unit_test_setup(bad_archives_fail_with_one_line_and_leave_nothing, make_a),
	        cmocka_unit_test_setup(an_image_that_is_not_the_bmaps_is_refused, make_a),
	        cmocka_unit_test_setup(a_bomb_stops_at_the_bmaps_size, make_a),
	        cmocka_unit_test_setup(the_hint_is_not_trusted, make_a),
	        cmocka_unit_test(a_bmap_is_found_beside_its_image),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
