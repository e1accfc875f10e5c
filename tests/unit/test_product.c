// SPDX-License-Identifier: MIT
// Law 1 after open, on a made-up sysfs: the open disk is still the board that was found, and of the job's product.
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "board/usb.h"
#include "check.h"
#include "flash/claim.h"

#define USB  "root/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2"
#define SCSI USB "/1-2:1.0/host3/target3:0:0/3:0:0:"

static void text(const char *folder, const char *name, const char *value)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(fd_write_file(path, value, strlen(value), 0644, NULL), 0);
}

// sdN is LUN N, and its number 8:16*N.
static void disk(unsigned lun)
{
	char folder[256], to[512], link[512];
	snprintf(folder, sizeof(folder), SCSI "%u/block/sd%u", lun, lun);
	assert_int_equal(fd_mkdir_all(folder, 0755, NULL), 0);
	snprintf(link, sizeof(link), SCSI "%u", lun);
	text(link, "vendor", "Linux   \n");
	text(link, "model", "UMS disk 0      \n");
	text(link, "rev", "ffff\n");
	snprintf(link, sizeof(link), "%s/device", folder);
	assert_int_equal(symlink("../..", link), 0);
	snprintf(to, sizeof(to), "../../../../%s", folder);
	snprintf(link, sizeof(link), "root/sys/dev/block/8:%u", 16 * lun);
	assert_int_equal(symlink(to, link), 0);
}

static void interface(const char *subclass, const char *protocol)
{
	text(USB "/1-2:1.0", "bInterfaceClass", "08\n");
	text(USB "/1-2:1.0", "bInterfaceSubClass", subclass);
	text(USB "/1-2:1.0", "bInterfaceProtocol", protocol);
}

static int make_tree(void **state)
{
	(void)state;
	assert_int_equal(system("rm -rf root"), 0);
	assert_int_equal(fd_mkdir_all(USB, 0755, NULL), 0);
	assert_int_equal(fd_mkdir_all("root/sys/dev/block", 0755, NULL), 0);
	text(USB, "idVendor", "0525\n");
	text(USB, "idProduct", "a4a5\n");
	text(USB, "bcdDevice", "0200\n");
	text(USB, "manufacturer", "Acme\n");
	text(USB, "product", "Gateway v2  \n");
	text(USB, "serial", "SN0001\n");
	disk(0);
	disk(1);
	interface("06", "50");
	return 0;
}

static struct claim a_claim(unsigned lun)
{
	struct claim claim = {.fd = -1, .tail_fd = -1, .block = true, .sector = 512};
	claim.found.rdev = makedev(8, 16 * lun);
	claim.found.size = UINT64_C(7818182656);
	return claim;
}

static struct worker_job a_job(void)
{
	struct worker_job job = {.task = WORKER_WRITE, .check_lun = true};
	STR_COPY(job.expect.node, "/dev/sd0");
	STR_COPY(job.expect.port, "pci-0000:00:14.0-usb-0:2");
	STR_COPY(job.label, "7");
	STR_COPY(job.serial, "SN0001");
	job.signature = (struct signature){.fields = SIGNATURE_PRODUCT | SIGNATURE_LUNS, .luns = 2};
	STR_COPY(job.signature.product, "Gateway v2");
	return job;
}

static enum failure failure_of(const struct worker_job *job, unsigned lun, struct err *e)
{
	struct claim claim = a_claim(lun);
	*e = (struct err){0};
	return claim_product("root", job, &claim, e) == 0 ? FAILURE_NONE : (enum failure)e->failure;
}

static void sysfs_tells_port_lun_and_strings_of_an_open_disk(void **state)
{
	(void)state;
	struct board board;
	assert_true(usb_disk_read("root", makedev(8, 16), &board));
	assert_string_equal(board.identity.port, "pci-0000:00:14.0-usb-0:2");
	assert_int_equal(board.lun, 1);
	assert_int_equal(board.luns, 3);
	assert_string_equal(board.usb_id, "0525:a4a5");
	assert_string_equal(board.manufacturer, "Acme");
	assert_string_equal(board.usb_product, "Gateway v2");
	assert_string_equal(board.bcd_device, "0200");
	assert_string_equal(board.serial, "SN0001");
	assert_false(usb_disk_read("root", makedev(8, 32), &board)); // it has left
}

static void the_board_that_was_found_passes(void **state)
{
	(void)state;
	struct worker_job job = a_job();
	struct err e;
	assert_int_equal(failure_of(&job, 0, &e), FAILURE_NONE);
}

// In the same port, with the same serial, but another customer's: discovery saw the job's product a moment ago.
static void another_product_with_the_same_serial_and_port_is_refused_after_open(void **state)
{
	(void)state;
	struct worker_job job = a_job();
	struct err e;
	text(USB, "product", "Camera\n");
	assert_int_equal(failure_of(&job, 0, &e), FAILURE_TARGET_MISMATCH);
	assert_string_equal(e.text, "7: product string is 'Camera', this job's boards say 'Gateway v2'; "
	                            "check the lot on this line");
}

static void a_board_with_another_serial_or_fewer_luns_is_refused_after_open(void **state)
{
	(void)state;
	struct worker_job job = a_job();
	struct err e;
	text(USB, "serial", "SN0002\n");
	assert_int_equal(failure_of(&job, 0, &e), FAILURE_TARGET_CHANGED);
	assert_non_null(strstr(e.text, "its serial is 'SN0002', it was 'SN0001'"));
	text(USB, "serial", "SN0001\n");
	job.signature.luns = 1;
	assert_int_equal(failure_of(&job, 0, &e), FAILURE_TARGET_MISMATCH);
}

// No serial, no signature, same port name, same LUN: only its INQUIRY and its interface tell.
static void a_plain_stick_in_a_nameless_boards_place_is_refused_after_open(void **state)
{
	(void)state;
	struct worker_job job = a_job();
	struct err e;
	job.serial[0] = '\0';
	job.signature.fields = 0;
	assert_int_equal(failure_of(&job, 0, &e), FAILURE_NONE);
	text(SCSI "0", "model", "Ultra Fit\n");
	assert_int_equal(failure_of(&job, 0, &e), FAILURE_TARGET_CHANGED);
	assert_string_equal(e.text, "/dev/sd0: what is open is no board in U-Boot's ums (Linux Ultra Fit "
	                            "ffff); load the board again");
	job.check_lun = false; // a target that was named
	assert_int_equal(failure_of(&job, 0, &e), FAILURE_NONE);
}

static void a_disk_on_another_interface_than_bulk_only_is_refused_after_open(void **state)
{
	(void)state;
	struct worker_job job = a_job();
	struct err e;
	interface("06", "62\n"); // UAS
	assert_int_equal(failure_of(&job, 0, &e), FAILURE_TARGET_CHANGED);
	assert_non_null(strstr(e.text, "no board in U-Boot's ums"));
}

// What discovery reads through libudev and the worker from the file must come to the same, whatever the bytes.
static void odd_serials_are_the_same_for_discovery_and_worker(void **state)
{
	(void)state;
	static const char *const serials[] = {"SN1", "  SN1  ", "SN1\x01", "SN1\t", "\tSN1", "S\nN",
	        "S\xc3\xa4ge-1", "S\xff\xfe", "caf\xc3"};
	char file[600], shown[64];
	struct board board;
	for (size_t i = 0; i < ARRAY_SIZE(serials) + 1; i++) {
		char longest[400] = "";
		for (int j = 0; j < 126; j++)
			strcat(longest, "\xe2\x82\xac"); // 126 characters of 3 bytes
		const char *serial = i < ARRAY_SIZE(serials) ? serials[i] : longest;
		snprintf(file, sizeof(file), "%s\n", serial);
		text(USB, "serial", file);
		usb_serial_take(serial, shown, sizeof(shown)); // libudev has taken the newline
		assert_true(usb_disk_read("root", makedev(8, 0), &board));
		assert_string_equal(board.serial, shown);
		for (const char *c = shown; *c; c++)
			assert_true(*c >= ' ' && *c <= '~');
	}
}

static void two_serials_that_differ_stay_different(void **state)
{
	(void)state;
	char a[64], b[64], text_a[128], text_b[128];
	usb_serial_take("SN-\xc3\xa4", a, sizeof(a));
	usb_serial_take("SN-\xc3\xb6", b, sizeof(b));
	assert_string_not_equal(a, b);
	assert_memory_equal(a, "SN-??~", 6);
	memset(text_a, 'A', 126);
	text_a[126] = '\0';
	strcpy(text_b, text_a);
	text_b[125] = 'B';
	usb_serial_take(text_a, a, sizeof(a));
	usb_serial_take(text_b, b, sizeof(b));
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 63);
	usb_serial_take("SN0001 \n", a, sizeof(a)); // and an ordinary one is what it is
	assert_string_equal(a, "SN0001");
	usb_serial_take(NULL, a, sizeof(a));
	assert_string_equal(a, "");
	usb_serial_take("   \n", a, sizeof(a));
	assert_string_equal(a, "");
}

static struct board disk_of(uint32_t usb_device, unsigned lun, const char *product, const char *node)
{
	struct board b = {.usb_device = usb_device, .lun = lun, .luns = UINT32_C(1) << lun};
	STR_COPY(b.vendor, "Linux");
	STR_COPY(b.product, product);
	STR_COPY(b.revision, "ffff");
	STR_COPY(b.identity.node, node);
	b.disks[lun].identity = b.identity;
	return b;
}

static void disks_of_two_devices_with_one_ports_name_are_never_mixed(void **state)
{
	(void)state;
	const struct board stick = disk_of(2 << 16 | 3, 0, "Ultra Fit", "/dev/sdx"),
	                   first = disk_of(1 << 16 | 9, 0, "UMS disk 0", "/dev/sda"),
	                   second = disk_of(1 << 16 | 9, 1, "UMS disk 1", "/dev/sdb");
	const struct board *orders[][3] = {
	        {&first, &second, &stick}, {&stick, &first, &second}, {&first, &stick, &second}};
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct board found = {0};
		for (size_t j = 0; j < 3; j++)
			usb_disk_join(&found, orders[i][j]);
		assert_string_equal(found.product, "UMS disk 0");
		assert_int_equal(found.luns, 3);
		assert_string_equal(found.disks[0].identity.node, "/dev/sda");
		assert_string_equal(found.disks[1].identity.node, "/dev/sdb");
	}
}

static void another_lun_than_the_jobs_is_refused_after_open(void **state)
{
	(void)state;
	struct worker_job job = a_job();
	struct err e;
	assert_int_equal(failure_of(&job, 1, &e), FAILURE_TARGET_CHANGED);
	assert_non_null(strstr(e.text, "its LUN is '1', it was '0'"));
	job.lun = 1;
	assert_int_equal(failure_of(&job, 1, &e), FAILURE_NONE);
}

static void a_disk_that_left_its_port_is_gone_and_one_on_no_port_is_not_asked(void **state)
{
	(void)state;
	struct worker_job job = a_job();
	struct err e;
	assert_int_equal(failure_of(&job, 2, &e), FAILURE_DEVICE_GONE);
	STR_COPY(job.expect.port, "file-1");
	assert_int_equal(failure_of(&job, 2, &e), FAILURE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(sysfs_tells_port_lun_and_strings_of_an_open_disk, make_tree),
	        cmocka_unit_test_setup(the_board_that_was_found_passes, make_tree),
	        cmocka_unit_test_setup(
	                another_product_with_the_same_serial_and_port_is_refused_after_open, make_tree),
	        cmocka_unit_test_setup(
	                a_board_with_another_serial_or_fewer_luns_is_refused_after_open, make_tree),
	        cmocka_unit_test_setup(
	                a_plain_stick_in_a_nameless_boards_place_is_refused_after_open, make_tree),
	        cmocka_unit_test_setup(
	                a_disk_on_another_interface_than_bulk_only_is_refused_after_open, make_tree),
	        cmocka_unit_test_setup(odd_serials_are_the_same_for_discovery_and_worker, make_tree),
	        cmocka_unit_test(two_serials_that_differ_stay_different),
	        cmocka_unit_test(disks_of_two_devices_with_one_ports_name_are_never_mixed),
	        cmocka_unit_test_setup(another_lun_than_the_jobs_is_refused_after_open, make_tree),
	        cmocka_unit_test_setup(
	                a_disk_that_left_its_port_is_gone_and_one_on_no_port_is_not_asked, make_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
