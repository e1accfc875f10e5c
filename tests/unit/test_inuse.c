// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "check.h"
#include "core/failure.h"
#include "flash/inuse.h"

/*
 * A machine as sysfs and /proc would show it, below the folder "root":
 *   sda 8:0    sda1 /boot; sda2 is md0's (9:0); on md0 lies the LVM volume dm-0 (252:0), mounted on /
 *   sdb 8:16   sdb1 mounted on /media/card
 *   sdc 8:32   sdc1 is dm-1's (252:1), which is mounted nowhere
 *   sdd 8:48   sdd1 is swap
 *   sde 8:64   free, with a partition sde1
 *   loop0 7:0  on the file /disk.img, mounted on /mnt; loop1 7:1 on /free.img, in no use
 *   loop2 7:2  on /free.img, its 1 MiB from 1 MiB on; loop3 7:3 on all of it, with partitions
 */
static void put(const char *path, const char *text)
{
	char full[256], folder[256];
	snprintf(full, sizeof(full), "root/%s", path);
	STR_COPY(folder, full);
	*strrchr(folder, '/') = '\0';
	assert_int_equal(fd_mkdir_all(folder, 0755, NULL), 0);
	assert_int_equal(fd_write_file(full, text, strlen(text), 0644, NULL), 0);
}

static void put_device(const char *folder, const char *number)
{
	char path[256], target[256];
	snprintf(path, sizeof(path), "%s/dev", folder);
	put(path, number);
	snprintf(path, sizeof(path), "root/sys/dev/block/%s", number);
	snprintf(target, sizeof(target), "../../../%s", folder);
	assert_int_equal(fd_mkdir_all("root/sys/dev/block", 0755, NULL), 0);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof(path), "root/%s/holders", folder);
	assert_int_equal(fd_mkdir_all(path, 0755, NULL), 0);
	snprintf(path, sizeof(path), "root/%s/slaves", folder);
	assert_int_equal(fd_mkdir_all(path, 0755, NULL), 0);
}

static void put_disk(const char *name, const char *number)
{
	char folder[128];
	snprintf(folder, sizeof(folder), "sys/devices/%s", name);
	put_device(folder, number);
}

static void put_partition(const char *disk, const char *name, const char *number)
{
	char folder[128], path[160];
	snprintf(folder, sizeof(folder), "sys/devices/%s/%s", disk, name);
	put_device(folder, number);
	snprintf(path, sizeof(path), "%s/partition", folder);
	put(path, "1");
}

static void put_stack(const char *upper, const char *lower_folder, const char *lower)
{
	char path[192];
	_cleanup_free_ char *number;
	size_t size;
	snprintf(path, sizeof(path), "root/sys/devices/%s/dev", lower_folder);
	assert_int_equal(fd_read_file(path, 64, &number, &size, NULL), 0);
	snprintf(path, sizeof(path), "sys/devices/%s/slaves/%s/dev", upper, lower);
	put(path, number);
	snprintf(path, sizeof(path), "sys/devices/%s/holders/%s/x", lower_folder, upper);
	put(path, "");
}

static void put_loop(const char *name, const char *file, const char *offset, const char *limit)
{
	char path[128];
	snprintf(path, sizeof(path), "sys/devices/%s/loop/backing_file", name);
	put(path, file);
	snprintf(path, sizeof(path), "sys/devices/%s/loop/offset", name);
	put(path, offset);
	snprintf(path, sizeof(path), "sys/devices/%s/loop/sizelimit", name);
	put(path, limit);
}

static void put_extent(const char *partition, const char *start, const char *size)
{
	char path[128];
	snprintf(path, sizeof(path), "sys/devices/%s/start", partition);
	put(path, start);
	snprintf(path, sizeof(path), "sys/devices/%s/size", partition);
	put(path, size);
}

static int make_machine(void **state)
{
	(void)state;
	put_disk("sda", "8:0");
	put_partition("sda", "sda1", "8:1");
	put_partition("sda", "sda2", "8:2");
	put_disk("md0", "9:0");
	put_disk("dm-0", "252:0");
	put_stack("md0", "sda/sda2", "sda2");
	put_stack("dm-0", "md0", "md0");
	put_disk("sdb", "8:16");
	put_partition("sdb", "sdb1", "8:17");
	put_disk("sdc", "8:32");
	put_partition("sdc", "sdc1", "8:33");
	put_disk("dm-1", "252:1");
	put_stack("dm-1", "sdc/sdc1", "sdc1");
	put_disk("sdd", "8:48");
	put_partition("sdd", "sdd1", "8:49");
	put_disk("sde", "8:64");
	put_partition("sde", "sde1", "8:65");
	put("proc/self/mountinfo", "20 1 252:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n"
	                           "21 20 0:5 / /proc rw - proc proc rw\n"
	                           "22 20 8:1 / /boot rw - ext4 /dev/sda1 rw\n"
	                           "24 20 7:0 / /mnt rw - ext4 /dev/loop0 rw\n"
	                           "23 20 8:17 / /media/card rw shared:2 master:1 - vfat /dev/sdb1 rw\n");
	put_disk("loop0", "7:0");
	put("sys/block/loop0/dev", "7:0\n");
	put("sys/block/loop0/loop/backing_file", "/disk.img\n");
	put("disk.img", "x");
	put_disk("loop1", "7:1");
	put("sys/block/loop1/dev", "7:1\n");
	put("sys/block/loop1/loop/backing_file", "/free.img\n");
	put_loop("loop1", "/free.img\n", "0\n", "0\n");
	put_disk("loop2", "7:2");
	put_loop("loop2", "/free.img\n", "1048576\n", "1048576\n");
	put_disk("loop3", "7:3");
	put_loop("loop3", "/free.img\n", "0\n", "0\n");
	put_partition("loop3", "loop3p1", "259:0");
	put_extent("loop3/loop3p1", "2048\n", "4096\n"); // from 1 MiB to 3 MiB
	put_partition("loop3", "loop3p2", "259:1");
	put_extent("loop3/loop3p2", "6144\n", "4096\n");
	put("free.img", "x");
	put_extent("sde/sde1", "2048\n", "4096\n");
	put_partition("sde", "sde2", "8:66");
	put_extent("sde/sde2", "6144\n", "4096\n");
	put("proc/swaps",
	        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/sdd1 partition 65532 0 -2\n");
	// Only root may make a device node, and the tests run as root in CI; elsewhere the swap's case is a file.
	put("swapfile", "x");
	return 0;
}

static enum failure verdict(unsigned major_number, unsigned minor_number, char *text)
{
	struct err e = {0};
	struct stat st = {.st_mode = S_IFBLK, .st_rdev = makedev(major_number, minor_number)};
	int r = inuse_check("root", "DISK", &st, &e);
	snprintf(text, 480, "%s", r < 0 ? e.text : "");
	return r < 0 ? (enum failure)e.failure : FAILURE_NONE;
}

static void the_disk_below_lvm_on_md_is_the_systems_own(void **state)
{
	(void)state;
	char text[480];
	assert_int_equal(verdict(8, 0, text), FAILURE_TARGET_SYSTEM);
	assert_int_equal(verdict(8, 2, text), FAILURE_TARGET_SYSTEM);
	assert_int_equal(verdict(9, 0, text), FAILURE_TARGET_SYSTEM);
	assert_int_equal(verdict(252, 0, text), FAILURE_TARGET_SYSTEM);
}

static void every_partition_of_the_systems_disk_is_the_systems(void **state)
{
	(void)state;
	char text[480];
	assert_int_equal(verdict(8, 1, text), FAILURE_TARGET_SYSTEM);
	assert_string_equal(text, "DISK: the running system is on this disk; choose another target");
}

static void a_disk_is_mounted_when_its_partition_is_and_the_place_is_named(void **state)
{
	(void)state;
	char text[480];
	assert_int_equal(verdict(8, 16, text), FAILURE_TARGET_MOUNTED);
	assert_string_equal(text, "DISK: it is mounted on /media/card; unmount it first");
	assert_int_equal(verdict(8, 17, text), FAILURE_TARGET_MOUNTED);
}

static void a_disk_whose_partition_device_mapper_holds_is_held(void **state)
{
	(void)state;
	char text[480];
	assert_int_equal(verdict(8, 32, text), FAILURE_TARGET_HELD);
	assert_string_equal(text, "DISK: it is held by dm-1; stop that LVM, md or crypt device first");
	assert_int_equal(verdict(8, 33, text), FAILURE_TARGET_HELD);
}

static void a_free_disk_is_free_and_so_is_its_partition(void **state)
{
	(void)state;
	char text[480];
	assert_int_equal(verdict(8, 64, text), FAILURE_NONE);
	assert_int_equal(verdict(8, 65, text), FAILURE_NONE);
}

static void a_swap_file_is_no_target(void **state)
{
	(void)state;
	struct err e = {0};
	struct stat st;
	put("proc/swaps", "Filename Type Size Used Priority\n/swapfile file 65532 0 -2\n");
	assert_int_equal(stat("root/swapfile", &st), 0);
	assert_int_equal(inuse_check("root", "FILE", &st, &e), -EBUSY);
	assert_int_equal(e.failure, FAILURE_TARGET_SWAP);
	assert_int_equal(stat("root/proc/swaps", &st), 0);
	assert_int_equal(inuse_check("root", "FILE", &st, &e), 0);
}

static void a_file_that_is_mounted_through_a_loop_device_is_no_target(void **state)
{
	(void)state;
	struct err e = {0};
	struct stat st;
	assert_int_equal(stat("root/disk.img", &st), 0);
	assert_int_equal(inuse_check("root", "FILE", &st, &e), -EBUSY);
	assert_int_equal(e.failure, FAILURE_TARGET_MOUNTED);
	assert_string_equal(e.text, "FILE: it is mounted on /mnt; unmount it first");
	assert_int_equal(stat("root/free.img", &st), 0);
	assert_int_equal(inuse_check("root", "FILE", &st, &e), 0);
}

static void a_partitions_disk_is_found(void **state)
{
	(void)state;
	assert_int_equal(inuse_whole_disk("root", makedev(8, 65)), makedev(8, 64));
	assert_int_equal(inuse_whole_disk("root", makedev(8, 64)), makedev(8, 64));
	assert_int_equal(inuse_whole_disk("root", makedev(77, 7)), makedev(77, 7));
}

static struct stat thing(const char *name)
{
	unsigned major_number, minor_number;
	struct stat st = {.st_mode = S_IFBLK};
	if (sscanf(name, "%u:%u", &major_number, &minor_number) == 2)
		st.st_rdev = makedev(major_number, minor_number);
	else
		assert_int_equal(stat(name, &st), 0);
	return st;
}

static void what_shares_a_byte_is_told_through_partitions_and_loop_devices(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool share;
	} cases[] = {
	        {"8:64", "8:64", true},
	        {"8:64", "8:65", true},
	        {"8:65", "8:66", false},
	        {"8:64", "8:16", false},
	        {"root/free.img", "7:1", true},
	        {"root/free.img", "7:2", true},
	        {"root/free.img", "259:1", true},
	        {"root/disk.img", "7:1", false},
	        {"7:1", "7:2", true},
	        {"7:1", "7:3", true},
	        {"7:2", "259:0", true},  // 1 MiB to 2 MiB, and to 3 MiB
	        {"7:2", "259:1", false}, // from 3 MiB on
	        {"259:0", "259:1", false},
	        {"7:1", "259:1", true},
	        {"7:0", "7:1", false},
	        {"8:64", "root/free.img", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stat a = thing(cases[i].a), b = thing(cases[i].b);
		if (inuse_share("root", &a, &b) != cases[i].share ||
		        inuse_share("root", &b, &a) != cases[i].share)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_disk_below_lvm_on_md_is_the_systems_own),
	        cmocka_unit_test(every_partition_of_the_systems_disk_is_the_systems),
	        cmocka_unit_test(a_disk_is_mounted_when_its_partition_is_and_the_place_is_named),
	        cmocka_unit_test(a_disk_whose_partition_device_mapper_holds_is_held),
	        cmocka_unit_test(a_free_disk_is_free_and_so_is_its_partition),
	        cmocka_unit_test(a_swap_file_is_no_target),
	        cmocka_unit_test(a_file_that_is_mounted_through_a_loop_device_is_no_target),
	        cmocka_unit_test(a_partitions_disk_is_found),
	        cmocka_unit_test(what_shares_a_byte_is_told_through_partitions_and_loop_devices),
	};
	return cmocka_run_group_tests(tests, make_machine, NULL);
}
