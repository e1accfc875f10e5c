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
	snprintf(link, sizeof(link), "%s/device", folder);
	assert_int_equal(symlink("../..", link), 0);
	snprintf(to, sizeof(to), "../../../../%s", folder);
	snprintf(link, sizeof(link), "root/sys/dev/block/8:%u", 16 * lun);
	assert_int_equal(symlink(to, link), 0);
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
	        cmocka_unit_test_setup(another_lun_than_the_jobs_is_refused_after_open, make_tree),
	        cmocka_unit_test_setup(
	                a_disk_that_left_its_port_is_gone_and_one_on_no_port_is_not_asked, make_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
