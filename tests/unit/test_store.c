// SPDX-License-Identifier: MIT
// timeout: 180
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "check.h"
#include "image/store.h"
#include "image/store_entry.h"
#include "import_drive.h"

static void a_damaged_entry_is_blamed_on_the_store_and_healed_in_the_same_run(void **state)
{
	(void)state;
	static const char *const damages[] = {
	        // a flipped byte; the same with the old times put back, which leaves the change time
	        "printf '\\125' | dd of=data bs=1 seek=4000000 conv=notrunc status=none",
	        "t=$(stat -c %y data); printf '\\252' | dd of=data bs=1 seek=4000000 conv=notrunc "
	        "status=none;"
	        "touch -d \"$t\" data",
	        "truncate -s 1000000 data",
	        "truncate -s +1 data",
	        "fallocate -p -o 0 -l 65536 data",
	        "rm data",
	        "printf x | dd of=plan bs=1 seek=700 conv=notrunc status=none",
	        "printf x >>plan",
	        "truncate -s 100 plan",
	        "rm plan",
	        "echo '{}' >meta.json",
	        ": >meta.json",
	        "rm meta.json",
	        "sed -i 's/\"source_sha256\": \"./\"source_sha256\": \"f/; s/\"f\\(.\\)/\"e\\1/' meta.json",
	};
	struct drive d;
	import_a("a.img.xz", "a.bmap", &d);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		char command[400];
		snprintf(command, sizeof(command), "cd store/entries/*/ && %s", damages[i]);
		shell(command);
		if (import_a("a.img.xz", "a.bmap", &d))
			fail_msg("%s: was used", damages[i]);
		if (!strstr(d.note, "was damaged") || !strstr(d.note, "store") || d.notes != 1)
			fail_msg("%s: says '%s'", damages[i], d.note);
		assert_int_equal(count_in("store/entries"), 1);
		assert_int_equal(count_in("store/tmp"), 0);
		assert_true(import_a("a.img.xz", "a.bmap", &d)); // healed
	}
}

static void an_entry_that_was_touched_but_is_whole_is_hashed_and_used(void **state)
{
	(void)state;
	struct drive d;
	import_a("a.img.xz", "a.bmap", &d);
	shell("touch store/entries/*/data");
	assert_true(import_a("a.img.xz", "a.bmap", &d));
	assert_int_equal(d.notes, 0);
	shell("cp -a store other; rm -r store; mv other store"); // moved to another disk: new inodes, new change times
	assert_true(import_a("a.img.xz", "a.bmap", &d));
}

static void only_key(char key[80])
{
	FILE *f = popen("ls store/entries", "r");
	assert_non_null(fgets(key, 80, f));
	key[strcspn(key, "\n")] = '\0';
	pclose(f);
}

static void a_stored_image_opens_by_its_key_alone(void **state)
{
	(void)state;
	struct drive d;
	struct image image;
	bool touched;
	struct err e;
	char key[80];
	import_a("a.img.xz", "a.bmap", &d);
	only_key(key);
	shell("mv a.img.xz away");
	assert_int_equal(store_open("store", key, &image, &touched, &e), 0);
	same_bytes(&image, "a.img");
	assert_int_equal(image_front_state(image.front), IMAGE_CONFIRMED);
	assert_int_equal(strlen(image.source_sha256), 64);
	assert_int_equal(strlen(image.bmap_sha256), 64);
	assert_int_equal(store_remove("store", key, &e), -EBUSY);
	assert_non_null(strstr(e.text, "in use"));
	image_close(&image);
	assert_int_equal(store_remove("store", key, &e), 0);
	assert_int_equal(store_remove("store", key, &e), -ENOENT);
	assert_int_equal(store_open("store", key, &image, &touched, &e), -ENOENT);
	assert_int_equal(count_in("store/hints"), 0);
	assert_int_equal(store_open("nowhere", key, &image, &touched, &e), -ENOENT);
}

// A station that has run out of descriptors must not take its images for damaged, and drop them.
static void an_entry_that_cannot_be_opened_now_is_not_dropped(void **state)
{
	(void)state;
	struct drive d;
	char key[80];
	struct image image;
	bool touched;
	struct err e;
	import_a("a.img", "a.bmap", &d);
	only_key(key);
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	unsigned failed = 0;
	for (rlim_t room = 3;; room++) { // fails at another step each time, until there are enough
		struct rlimit few = {.rlim_cur = room, .rlim_max = before.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		int r = store_open("store", key, &image, &touched, &e);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (r == 0)
			break;
		assert_int_equal(r, -EMFILE);
		assert_int_equal(count_in("store/entries"), 1);
		failed++;
	}
	assert_true(failed >= 8);
	image_close(&image);
}

// A private image's copy in the store is no more public than the image.
static void nobody_else_can_read_what_is_stored(void **state)
{
	(void)state;
	struct drive d;
	static const char *const folders[] = {"store/entries", "store/tmp", "store/hints"};
	for (unsigned again = 0; again < 2; again++) {
		assert_int_equal(import_a("a.img", "a.bmap", &d), again);
		for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
			struct stat st;
			assert_int_equal(stat(folders[i], &st), 0);
			assert_int_equal(st.st_mode & 0777, 0700);
			assert_int_equal(chmod(folders[i], 0755), 0); // as an older version made it
		}
	}
}

// Hashing takes as long as the image is large: who opens it may have a loop to run.
static void an_entry_with_other_times_is_not_hashed_when_it_is_opened(void **state)
{
	(void)state;
	struct drive d;
	struct image image;
	bool touched;
	struct err e;
	bool healthy = false;
	char key[80];
	import_a("a.img.xz", "a.bmap", &d);
	only_key(key);
	shell("touch -d 2020-01-01 store/entries/*/data");
	assert_int_equal(store_open("store", key, &image, &touched, &e), 0);
	assert_true(touched);
	image_close(&image);
	assert_int_equal(store_check("store", key, &healthy, &e), 0);
	assert_true(healthy);
	assert_int_equal(store_open("store", key, &image, &touched, &e), 0);
	assert_false(touched);
	same_bytes(&image, "a.img");
	image_close(&image);
}

static void checking_a_range_finds_what_no_time_stamp_shows(void **state)
{
	(void)state;
	struct drive d;
	struct image image;
	bool touched;
	struct err e;
	bool healthy = false, matches = false;
	char key[80];
	import_a("a.img.xz", "a.bmap", &d);
	only_key(key);
	assert_int_equal(store_check("store", key, &healthy, &e), 0);
	assert_true(healthy);
	assert_int_equal(store_open("store", key, &image, &touched, &e), 0);
	assert_int_equal(image_check_range(&image, &image.front->ranges[1], &matches, &e), 0);
	assert_true(matches);
	shell("printf '\\125\\125' | dd of=$(echo store/entries/*/data) bs=1 seek=4000000 conv=notrunc "
	      "status=none");
	assert_int_equal(image_check_range(&image, &image.front->ranges[0], &matches, &e), 0);
	assert_true(matches);
	assert_int_equal(image_check_range(&image, &image.front->ranges[1], &matches, &e), 0);
	assert_false(matches);
	assert_int_equal(store_check("store", key, &healthy, &e), 0); // although it is in use
	assert_false(healthy);
	assert_int_equal(count_in("store/entries"), 0);
	image_close(&image);
}

// Three images of about 3 MB each in a store of 8 MB.
static void a_full_store_drops_what_was_used_least_recently(void **state)
{
	(void)state;
	struct drive d[3] = {0};
	const uint64_t limit = 8000000;
	shell("for i in 0 1 2; do head -c 3000000 /dev/urandom >$i.img; done");
	assert_int_equal(drive_run(&d[0], "store", "0.img", NULL, false, limit), 0);
	drive_end(&d[0]);
	assert_int_equal(drive_run(&d[1], "store", "1.img", NULL, false, limit), 0);
	drive_end(&d[1]);
	d[0] = (struct drive){0};
	assert_int_equal(drive_run(&d[0], "store", "0.img", NULL, false, limit), 0); // 1 is older now
	assert_true(d[0].stored);
	drive_end(&d[0]);
	assert_int_equal(drive_run(&d[2], "store", "2.img", NULL, false, limit), 0);
	drive_end(&d[2]);
	assert_int_equal(count_in("store/entries"), 2);
	d[0] = (struct drive){0};
	assert_int_equal(drive_run(&d[0], "store", "0.img", NULL, false, limit), 0);
	assert_true(d[0].stored);
	drive_end(&d[0]);
	d[1] = (struct drive){0};
	assert_int_equal(drive_run(&d[1], "store", "1.img", NULL, false, limit), 0);
	assert_false(d[1].stored);
	drive_end(&d[1]);
}

static void an_entry_in_use_is_never_dropped_for_room(void **state)
{
	(void)state;
	struct drive d[3] = {0};
	const uint64_t limit = 8000000;
	shell("for i in 0 1 2; do head -c 3000000 /dev/urandom >$i.img; done");
	assert_int_equal(drive_run(&d[0], "store", "0.img", NULL, false, limit), 0); // stays open
	assert_int_equal(drive_run(&d[1], "store", "1.img", NULL, false, limit), 0); // stays open
	assert_int_equal(drive_run(&d[2], "store", "2.img", NULL, false, limit), 1);
	assert_int_equal(d[2].error.failure, FAILURE_STORE_FULL);
	assert_non_null(strstr(d[2].error.text, "raise the limit"));
	assert_int_equal(d[2].readies, 0);
	same_bytes(import_image(d[0].import), "0.img");
	drive_end(&d[0]);
	drive_end(&d[2]);
	d[2] = (struct drive){0};
	assert_int_equal(drive_run(&d[2], "store", "2.img", NULL, false, limit), 0); // 0 goes
	drive_end(&d[2]);
	same_bytes(import_image(d[1].import), "1.img");
	drive_end(&d[1]);
	assert_int_equal(count_in("store/entries"), 2);
	d[2] = (struct drive){0};
	assert_int_equal(drive_run(&d[2], "fresh", "2.img", NULL, false, 1000000), 1);
	assert_int_equal(d[2].error.failure, FAILURE_STORE_FULL);
	drive_end(&d[2]);
	shell("gzip -kf 2.img");
	d[2] = (struct drive){0};
	assert_int_equal(
	        drive_run(&d[2], "fresh", "2.img.gz", NULL, false, 1000000), 1); // found out while decoding
	assert_int_equal(d[2].error.failure, FAILURE_STORE_FULL);
	drive_end(&d[2]);
	assert_int_equal(count_in("fresh/tmp"), 0);
}

// Four imports at a time, of five images, in a store with room for three: entries come and go under each other's feet.
static void many_imports_share_a_store_that_is_too_small(void **state)
{
	(void)state;
	unsigned seed = 5, done = 0, stored = 0;
	shell("for i in 0 1 2 3 4; do head -c 2000000 /dev/urandom >$i.img; done; cp 3.img copy.img");
	static const char *const images[] = {"0.img", "1.img", "2.img", "3.img", "4.img", "copy.img"};
	for (int round = 0; round < 12; round++) {
		struct drive d[4] = {0};
		const char *chosen[4];
		struct loop *loop;
		assert_int_equal(loop_new(&loop, NULL), 0);
		for (int i = 0; i < 4; i++) {
			chosen[i] = images[rand_r(&seed) % ARRAY_SIZE(images)];
			d[i].loop = loop;
			assert_int_equal(drive_start(&d[i], "store", chosen[i], NULL, false, 8500000), 0);
		}
		for (int ended = 0; ended < 4;) {
			assert_true(loop_run(loop) >= 0);
			ended = 0;
			for (int i = 0; i < 4; i++)
				ended += (int)(d[i].dones + d[i].failures);
		}
		for (int i = 0; i < 4; i++) {
			// With four of five in use there may be no room; nothing else may go wrong.
			if (d[i].failures && d[i].error.failure != FAILURE_STORE_FULL)
				fail_msg("%s: %s", chosen[i], d[i].error.text);
			if (strstr(d[i].note, "damaged"))
				fail_msg("%s: %s", chosen[i], d[i].note);
			if (d[i].dones)
				same_bytes(import_image(d[i].import), chosen[i]);
			done += d[i].dones;
			stored += d[i].stored;
			d[i].import = import_free(d[i].import);
		}
		loop_free(loop);
		assert_int_equal(count_in("store/tmp"), 0);
		assert_true(count_in("store/entries") <= 4);
	}
	assert_true(done > 30 && stored > 5);
}

// What the second one finds is what the first has left over, though nothing of that is written yet.
static void imports_that_begin_together_do_not_count_on_the_same_room(void **state)
{
	(void)state;
	struct store store;
	struct store_new first, second, third;
	struct err e = {0};
	uint64_t left;
	assert_int_equal(store_attach("shared", true, &store, &e), 0);
	assert_int_equal(store_new_open(&store, 5 * MIB, 8 * MIB, &first, &left, &e), 0);
	assert_int_equal(left, 8 * MIB);
	assert_int_equal(store_new_open(&store, 4 * MIB, 8 * MIB, &second, &left, &e), -ENOSPC);
	assert_int_equal(e.failure, FAILURE_STORE_FULL);
	assert_int_equal(store_new_open(&store, 2 * MIB, 8 * MIB, &second, &left, &e), 0);
	assert_int_equal(left, 3 * MIB);
	assert_int_equal(store_new_open(&store, 0, 8 * MIB, &third, &left, &e), 0); // of unknown size
	assert_int_equal(left, MIB);
	store_new_drop(&store, &third);
	store_new_drop(&store, &first);
	assert_int_equal(store_new_open(&store, 6 * MIB, 8 * MIB, &first, &left, &e), 0);
	// What one has written it does not count twice.
	assert_int_equal(fallocate(first.data, 0, 0, 6 * MIB), 0);
	assert_int_equal(store_new_open(&store, 1, 8 * MIB, &third, &left, &e), -ENOSPC);
	store_new_drop(&store, &second);
	assert_int_equal(store_new_open(&store, 2 * MIB, 8 * MIB, &second, &left, &e), 0);
	store_new_drop(&store, &first);
	store_new_drop(&store, &second);
	store_detach(&store);
}

// A disk of 4 MB: known sizes are refused before the start, others when it is full. Nothing stays behind.
static void a_full_disk_fails_the_import_and_is_empty_again(void **state)
{
	(void)state;
	static const char *const files[] = {"a.img", "a.img.xz", "a.img.gz", "a.img.lz4"};
	if (mkdir("small", 0755) < 0 || mount("none", "small", "tmpfs", 0, "size=4000000") < 0) {
		assert_int_not_equal(geteuid(), 0); // only root can mount; as root it must work
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct drive d = {0};
		int r = drive_run(&d, "small/store", files[i], NULL, false, 0);
		unsigned left = count_in("small/store/tmp") + count_in("small/store/entries");
		drive_end(&d);
		if (r != 1 || d.error.failure != FAILURE_STORE_FULL || left) {
			umount2("small", MNT_DETACH);
			fail_msg("%s: %d %s; %u left", files[i], r, d.error.text, left);
		}
	}
	assert_int_equal(umount("small"), 0);
}

static void the_default_folder_follows_the_environment(void **state)
{
	(void)state;
	char path[300];
	setenv("GANGWAY_STORE", "/some/where", 1);
	assert_int_equal(store_default_path(path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/some/where");
	unsetenv("GANGWAY_STORE");
	assert_int_equal(store_default_path(path, sizeof(path), NULL), 0);
	assert_true(path[0] == '/' && strstr(path, "gangway/store"));
	assert_int_equal(store_default_path(path, 5, NULL), -ENAMETOOLONG);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "importer"))
		return import_role(argc - 1, argv + 1);
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(
	                a_damaged_entry_is_blamed_on_the_store_and_healed_in_the_same_run, make_a),
	        cmocka_unit_test_setup(an_entry_that_was_touched_but_is_whole_is_hashed_and_used, make_a),
	        cmocka_unit_test_setup(a_stored_image_opens_by_its_key_alone, make_a),
	        cmocka_unit_test_setup(an_entry_that_cannot_be_opened_now_is_not_dropped, make_a),
	        cmocka_unit_test_setup(nobody_else_can_read_what_is_stored, make_a),
	        cmocka_unit_test_setup(an_entry_with_other_times_is_not_hashed_when_it_is_opened, make_a),
	        cmocka_unit_test_setup(checking_a_range_finds_what_no_time_stamp_shows, make_a),
	        cmocka_unit_test_setup(a_full_store_drops_what_was_used_least_recently, make_a),
	        cmocka_unit_test_setup(an_entry_in_use_is_never_dropped_for_room, make_a),
	        cmocka_unit_test_setup(many_imports_share_a_store_that_is_too_small, make_a),
	        cmocka_unit_test(imports_that_begin_together_do_not_count_on_the_same_room),
	        cmocka_unit_test_setup(a_full_disk_fails_the_import_and_is_empty_again, make_a),
	        cmocka_unit_test(the_default_folder_follows_the_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
