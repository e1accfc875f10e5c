// SPDX-License-Identifier: MIT
// timeout: 180
#include <signal.h>
#include <sys/mman.h>

#include "base/child.h"
#include "base/clock.h"
#include "check.h"
#include "image/front.h"
#include "image/import_wire.h"
#include "import_drive.h"

// It may have ended by itself just now.
static void kill_child(void *context)
{
	char path[64], text[64];
	(void)context;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	pid_t pid = fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
	if (pid > 0)
		kill(pid, SIGKILL);
}

static int make_big(void **state)
{
	(void)state;
	shell("rm -rf store *.img; head -c 24M /dev/urandom >big.img");
	return 0;
}

static void an_importer_killed_at_any_moment_leaves_nothing_that_is_used(void **state)
{
	(void)state;
	unsigned seed = 3, failed = 0;
	// How long it takes when nobody disturbs it.
	uint64_t start = clock_mono_ns();
	struct drive whole = {0};
	assert_int_equal(drive_run(&whole, "store", "big.img", NULL, false, 0), 0);
	drive_end(&whole);
	uint64_t length = clock_mono_ns() - start;
	for (int i = 0; i < 25; i++) {
		struct drive d = {0};
		struct loop_source *timer;
		shell("rm -rf store/entries/* store/hints/*");
		assert_int_equal(loop_new(&d.loop, NULL), 0);
		assert_int_equal(loop_add_timer(d.loop, kill_child, NULL, &timer, NULL), 0);
		assert_int_equal(drive_start(&d, "store", "big.img", NULL, false, 0), 0);
		assert_int_equal(loop_timer_after(timer, length * ((uint64_t)rand_r(&seed) % 100) / 100), 0);
		int r = loop_run(d.loop);
		loop_remove(timer);
		assert_int_equal(d.dones + d.failures, 1);
		if (r == 0)
			length = length * 3 / 4; // the machine has more time for us than it had
		if (r != 0) {
			failed++;
			assert_true(failure_info((enum failure)d.error.failure)->blame == BLAME_IMPORT);
			if (d.readies)
				assert_int_equal(
				        image_front_state(import_image(d.import)->front), IMAGE_FAILED);
		}
		drive_end(&d);
		// What the dead one left is swept by the next import, and its result is right.
		d = (struct drive){0};
		assert_int_equal(drive_run(&d, "store", "big.img", NULL, false, 0), 0);
		same_bytes(import_image(d.import), "big.img");
		drive_end(&d);
		assert_int_equal(count_in("store/tmp"), 0);
		assert_int_equal(count_in("store/entries"), 1);
	}
	assert_true(failed > 3); // the kills did hit
}

static void cancel_now(struct drive *d)
{
	d->import = import_free(d->import);
	loop_stop(d->loop, 7);
}

static void a_cancelled_import_drops_what_it_wrote(void **state)
{
	(void)state;
	struct drive d = {.on_ready = cancel_now};
	assert_int_equal(drive_run(&d, "store", "big.img", NULL, false, 0), 7);
	assert_int_equal(d.dones + d.failures, 0);
	assert_int_equal(count_in("store/tmp"), 0);
	drive_end(&d);
	struct loop *loop;
	assert_int_equal(loop_new(&loop, NULL), 0);
	d = (struct drive){.loop = loop};
	assert_int_equal(drive_start(&d, "store", "big.img", NULL, false, 0), 0);
	d.import = import_free(d.import); // before it said anything
	loop_free(loop);
	assert_int_equal(count_in("store/tmp"), 0);
	assert_int_equal(count_in("store/entries"), 0);
}

static void two_imports_of_one_source_decode_it_once(void **state)
{
	(void)state;
	struct drive a = {0}, b = {0};
	assert_int_equal(loop_new(&a.loop, NULL), 0);
	b.loop = a.loop;
	assert_int_equal(drive_start(&a, "store", "big.img", NULL, false, 0), 0);
	assert_int_equal(drive_start(&b, "store", "big.img", NULL, false, 0), 0);
	while (a.dones + a.failures + b.dones + b.failures < 2)
		assert_int_equal(loop_run(a.loop), 0);
	assert_int_equal(a.dones + b.dones, 2);
	assert_int_equal(a.stored + b.stored, 1);
	same_bytes(import_image(a.import), "big.img");
	same_bytes(import_image(b.import), "big.img");
	assert_int_equal(count_in("store/entries"), 1);
	assert_int_equal(count_in("store/tmp"), 0);
	b.import = import_free(b.import);
	drive_end(&a);
}

// An importer that a malicious file has taken over. What it does is in the image's name.
static void send(uint32_t type, struct front *front, int data, size_t fd_count)
{
	struct import_message m = {.type = type, .num = -5, .failure = 9999, .total = 1};
	memset(m.text, 'A', sizeof(m.text)); // without its NUL
	memset(m.codec, 'B', sizeof(m.codec));
	memset(m.key, 'c', sizeof(m.key) - 1);
	memset(m.source_sha256, 'd', sizeof(m.source_sha256) - 1);
	int fds[] = {data, front->fd, data, data};
	fd_send_packet(IMPORTER_FD_SOCKET, &m, sizeof(m), fds, fd_count);
}

// The same front in a memory file that could still be cut or lengthened under its readers.
static int half_sealed(const struct front *front, int seals)
{
	int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fd_write_all(fd, front->map, front->size) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -1;
	return fd;
}

static int evil_importer(const char *how)
{
	struct front front;
	if (child_enter(3, NULL) < 0 || front_new(2, &front, NULL) < 0)
		return 1;
	int data = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	int read_only = open("data", O_RDONLY | O_CLOEXEC);
	if (data < 0 || ftruncate(data, 8192) < 0)
		return 1;
	front.map->image_size = 8192;
	front.map->mapped_bytes = 8192;
	front.map->ranges[0] = (struct plan_range){.offset = 0, .length = 4096};
	front.map->ranges[1] = (struct plan_range){.offset = 4096, .length = 4096};
	front_advance(front.map, 8192);
	front_confirm(front.map);
	if (!strcmp(how, "overlap"))
		front.map->ranges[1].offset = 0;
	if (!strcmp(how, "beyond"))
		front.map->ranges[1].length = UINT64_MAX - 4096;
	if (!strcmp(how, "counts"))
		front.map->range_count = 1000000;
	if (!strcmp(how, "source"))
		front.map->ranges[0].source = PLAN_INLINE;
	if (!strcmp(how, "short") && ftruncate(data, 4096) < 0)
		return 1;
	if (!strcmp(how, "unsealed")) {
		int plain = memfd_create("x", MFD_CLOEXEC);
		if (write(plain, front.map, front.size) < 0)
			return 1;
		front.fd = plain;
	}
	if (!strcmp(how, "may shrink"))
		front.fd = half_sealed(&front, F_SEAL_GROW);
	if (!strcmp(how, "may grow"))
		front.fd = half_sealed(&front, F_SEAL_SHRINK);
	if (!strcmp(how, "packet"))
		fd_send_packet(IMPORTER_FD_SOCKET, "hello", 5, NULL, 0);
	else if (!strcmp(how, "unknown"))
		send(99, &front, read_only, 0);
	else if (!strcmp(how, "done first"))
		send(IMPORT_DONE, &front, read_only, 0);
	else if (!strcmp(how, "failed"))
		send(IMPORT_FAILED, &front, read_only, 0);
	else if (!strcmp(how, "writable"))
		send(IMPORT_READY, &front, data, IMPORT_READY_FDS);
	else if (!strcmp(how, "few"))
		send(IMPORT_READY, &front, read_only, 2);
	else
		send(IMPORT_READY, &front, read_only, IMPORT_READY_FDS);
	if (!strcmp(how, "twice"))
		send(IMPORT_READY, &front, read_only, IMPORT_READY_FDS);
	if (!strcmp(how, "late"))
		front.map->ranges[1].offset = 1;
	if (!strcmp(how, "late") || !strncmp(how, "may ", 4)) // all else is as it should be
		send(IMPORT_DONE, &front, read_only, 0);
	return !strcmp(how, "exit 1");
}

static void an_importer_taken_over_by_its_file_gets_nothing_through(void **state)
{
	(void)state;
	static const char *const ways[] = {"overlap", "beyond", "counts", "source", "short", "unsealed",
	        "may shrink", "may grow", "packet", "unknown", "done first", "failed", "writable", "few",
	        "twice", "late", "exit 1", "just ends"};
	setenv("EVIL_IMPORTER", "1", 1);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct drive d = {0};
		assert_int_equal(fd_write_file(ways[i], "x\n", 2, 0644, NULL), 0);
		if (drive_run(&d, "store", ways[i], NULL, false, 0) != 1)
			fail_msg("%s got through", ways[i]);
		assert_int_equal(d.dones, 0);
		assert_int_equal(failure_info((enum failure)d.error.failure)->blame, BLAME_IMPORT);
		assert_true(d.error.text[0] && !strchr(d.error.text, '\n'));
		if (d.readies)
			assert_int_equal(image_front_state(import_image(d.import)->front), IMAGE_FAILED);
		drive_end(&d);
	}
	unsetenv("EVIL_IMPORTER");
}

// A worker's view of the front cannot be made writable, and cannot be cut.
static void what_workers_get_is_read_only(void **state)
{
	(void)state;
	struct drive d = {0};
	assert_int_equal(drive_run(&d, "store", "big.img", NULL, false, 0), 0);
	const struct image *image = import_image(d.import);
	assert_ptr_equal(
	        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, image->front_fd, 0), MAP_FAILED);
	assert_int_equal(ftruncate(image->front_fd, 0), -1);
	assert_int_equal(write(image->front_fd, "x", 1), -1);
	assert_int_equal(write(image->data_fd, "x", 1), -1);
	drive_end(&d);
}

int main(int argc, char **argv)
{
	if (argc > 6 && !strcmp(argv[1], "importer") && getenv("EVIL_IMPORTER"))
		return evil_importer(argv[6]);
	if (argc > 1 && !strcmp(argv[1], "importer"))
		return import_role(argc - 1, argv + 1);
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(
	                an_importer_killed_at_any_moment_leaves_nothing_that_is_used, make_big),
	        cmocka_unit_test_setup(a_cancelled_import_drops_what_it_wrote, make_big),
	        cmocka_unit_test_setup(two_imports_of_one_source_decode_it_once, make_big),
	        cmocka_unit_test(an_importer_taken_over_by_its_file_gets_nothing_through),
	        cmocka_unit_test_setup(what_workers_get_is_read_only, make_big),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
