// SPDX-License-Identifier: MIT
// One board's cycle on a disk in memory, whose every answer the test gives, in any order.
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "check.h"
#include "flash/program.h"
#include "image/front.h"

enum { RANGES_MAX = 6, ROUNDS = 80 };
#define OLD_BYTE 0xa5

struct bench {
	struct disk base; // first: the program sees this
	struct disk_io *queue[DISK_DEPTH_MAX];
	unsigned queued, served;
	uint8_t *bytes; // of the board
	uint64_t size;
	uint32_t sector, lba;

	unsigned fail_at; // which I/O fails, 1 is the first; 0: none
	unsigned flip_at; // which read gives a wrong bit
	bool struck;

	struct image image;
	struct front front;
	uint8_t *data; // the image
	struct plan_range ranges[RANGES_MAX];
	size_t count;
	struct layout layout;
	struct claim claim;
	struct worker_job job;
	struct program program;
	bool concluded;
};

static void bench_submit(struct disk *disk, struct disk_io *io)
{
	struct bench *b = (struct bench *)disk;
	assert_in_range(b->queued, 0, DISK_DEPTH_MAX - 1);
	if (io->op != DISK_FLUSH) {
		assert_int_equal(io->offset % b->sector, 0);
		assert_true(io->length > 0);
		assert_true(io->offset + u64_up(io->length, b->sector) <= b->size);
	}
	b->queue[b->queued++] = io;
}

static void bench_hold(struct disk *disk, bool on)
{
	(void)disk;
	(void)on;
}

static uint64_t bench_size(const struct disk *disk)
{
	return ((const struct bench *)disk)->size;
}

static void bench_nothing(struct disk *disk)
{
	(void)disk;
}

static const struct disk_ops bench_ops = {.submit = bench_submit,
        .hold = bench_hold,
        .size = bench_size,
        .cancel = bench_nothing,
        .free = bench_nothing};

// A GPT header where the firmware looks for one.
static bool boots(const struct bench *b)
{
	return !memcmp(b->bytes + b->lba, "EFI PART", 8) ||
	       !memcmp(b->bytes + u64_down(b->size, b->lba) - b->lba, "EFI PART", 8);
}

// One of those that are under way, as a disk moves whole sectors.
static void serve(struct bench *b)
{
	unsigned which = (unsigned)random() % b->queued;
	struct disk_io *io = b->queue[which];
	size_t length = u64_up(io->length, b->sector);
	b->queue[which] = b->queue[--b->queued];
	io->result = ++b->served == b->fail_at ? -EIO : 0;
	b->struck = b->struck || io->result < 0;
	if (io->op == DISK_WRITE && io->result == 0)
		memcpy(b->bytes + io->offset, io->data, length);
	if (io->op == DISK_READ && io->result == 0)
		memcpy(io->data, b->bytes + io->offset, length);
	if (io->op == DISK_READ && b->served == b->flip_at) {
		((uint8_t *)io->data)[(size_t)random() % io->length] ^= 1;
		b->struck = true;
	}
	io->done(io);
	if (boots(b) && !b->program.blanking && !b->program.key_touched)
		fail_msg("it boots after %u operations", b->served);
}

static void on_concluded(void *context)
{
	struct bench *b = context;
	assert_false(b->concluded);
	b->concluded = true;
}

static void wake(struct bench *b)
{
	if (!b->concluded)
		program_wake(&b->program);
}

// What happens next: an answer of the disk, or the import goes on.
static void step(struct bench *b)
{
	uint64_t front = image_front_offset(b->front.map), end = b->layout.image_size;
	if (b->queued && (random() % 4 || image_front_state(b->front.map) == IMAGE_CONFIRMED)) {
		serve(b);
	} else if (front < end) {
		front_advance(b->front.map, u64_min(end, front + (uint64_t)random() % MIB + 1));
		wake(b);
	} else {
		assert_true(image_front_state(b->front.map) != IMAGE_CONFIRMED); // else it stands still
		front_confirm(b->front.map);
		wake(b);
	}
}

// Ranges of whole sectors, but for the image's end; some images are smaller than a commit piece, or than a page.
static void lay_out(struct bench *b)
{
	uint64_t at = random() % 3 ? 0 : (uint64_t)(random() % 8) * b->sector;
	uint64_t most = random() % 2 ? 900 * KIB / b->sector : 20;
	while (b->count < RANGES_MAX && (b->count == 0 || random() % 8)) {
		uint64_t length = (1 + (uint64_t)random() % most) * b->sector;
		b->ranges[b->count++] = (struct plan_range){.offset = at, .length = length};
		at += length + (uint64_t)random() % most * b->sector;
	}
	struct plan_range *last = &b->ranges[b->count - 1];
	at = last->offset + last->length;
	uint64_t image = at + (random() % 3 ? 0 : (uint64_t)random() % 3000);
	if (image == at && random() % 2) // ends inside a sector
		image = at -= (uint64_t)random() % b->sector, last->length = at - last->offset;
	b->size = u64_max(u64_up(image, b->sector), 4 * (uint64_t)b->sector);
	if (random() % 2)
		b->size += (uint64_t)random() % MIB / b->sector * b->sector;
	b->layout = (struct layout){.image_size = image,
	        .device_size = b->size,
	        .lba = b->lba,
	        .sector = b->sector,
	        .zero_all = random() % 2,
	        .zero_headers = true};
}

static void make_image(struct bench *b)
{
	struct err e = {0};
	uint64_t size = b->layout.image_size;
	b->data = calloc(1, size);
	assert_int_equal(front_new((uint32_t)b->count, &b->front, &e), 0);
	struct image_front *f = b->front.map;
	uint8_t salt = (uint8_t)random();
	for (size_t i = 0; i < b->count; i++)
		for (uint64_t at = b->ranges[i].offset; at < b->ranges[i].offset + b->ranges[i].length; at++)
			b->data[at] = (uint8_t)((at * 2654435761u >> 13) + salt);
	// Only where its range is, as in any image.
	if (b->ranges[0].offset == 0 && b->ranges[0].length >= b->lba + 8)
		memcpy(b->data + b->lba, "EFI PART", 8);
	for (size_t i = 0; i < b->count; i++) {
		digest_sha256(b->data + b->ranges[i].offset, b->ranges[i].length, b->ranges[i].sha256);
		f->ranges[i] = b->ranges[i];
		f->mapped_bytes += b->ranges[i].length;
	}
	f->image_size = size;
	b->layout.ranges = f->ranges;
	b->layout.count = b->count;
	b->image = (struct image){
	        .lock_fd = -1, .wake_fd = eventfd(0, EFD_CLOEXEC), .front_fd = dup(b->front.fd)};
	b->image.data_fd = memfd_create("image", MFD_CLOEXEC);
	assert_int_equal(fd_pwrite_all(b->image.data_fd, b->data, size, 0), 0);
	assert_int_equal(image_map(&b->image, &e), 0);
}

static void put_header(struct bench *b, uint64_t at)
{
	memcpy(b->bytes + at, "EFI PART", 8);
}

// A board with an older image on it, and a new one for it, from a seed.
static void bench_make(struct bench *b, unsigned seed)
{
	struct err e = {0};
	srandom(seed);
	*b = (struct bench){.base.ops = &bench_ops, .sector = random() % 3 ? 512 : 4096};
	b->lba = b->sector;
	lay_out(b);
	make_image(b);
	b->bytes = malloc(b->size);
	memset(b->bytes, OLD_BYTE, b->size);
	put_header(b, b->lba);
	put_header(b, b->size - b->lba);
	b->claim = (struct claim){.fd = -1, .tail_fd = -1, .label = "board", .found.size = b->size};
	b->job = (struct worker_job){.task = WORKER_WRITE};
	if (random() % 4 == 0)
		b->job.verify = WORKER_VERIFY_NONE;
	const struct program_spec spec = {.job = &b->job,
	        .claim = &b->claim,
	        .disk = &b->base,
	        .image = &b->image,
	        .layout = b->layout,
	        .concluded = on_concluded,
	        .context = b};
	assert_int_equal(program_init(&b->program, &spec, &e), 0);
}

static void bench_end(struct bench *b)
{
	program_deinit(&b->program);
	image_close(&b->image);
	front_close(&b->front);
	free(b->bytes);
	free(b->data);
}

static void zero(uint8_t *bytes, uint64_t from, uint64_t to)
{
	if (from < to)
		memset(bytes + from, 0, to - from);
}

// What is to lie on the board: the old bytes, but for the headers and what the image has.
static uint8_t *expected(const struct bench *b)
{
	uint8_t *bytes = malloc(b->size);
	memset(bytes, b->layout.zero_all ? 0 : OLD_BYTE, b->size);
	zero(bytes, 0, 2 * b->lba);
	zero(bytes, b->size - b->lba, b->size);
	for (size_t i = 0; i < b->count; i++) {
		uint64_t at = b->ranges[i].offset, end = at + b->ranges[i].length;
		zero(bytes, at, u64_up(end, b->sector)); // the rest of its last sector
		memcpy(bytes + at, b->data + at, end - at);
	}
	return bytes;
}

static void the_board_gets_the_image_and_nothing_else_whatever_its_ranges_and_sectors(void **state)
{
	(void)state;
	struct bench *b = malloc(sizeof(*b));
	for (unsigned seed = 1; seed <= ROUNDS; seed++) {
		bench_make(b, seed);
		program_start(&b->program);
		while (!b->concluded)
			step(b);
		_cleanup_free_ uint8_t *want = expected(b);
		if (b->program.failure != FAILURE_NONE)
			fail_msg("seed %u: %s", seed, b->program.text);
		for (uint64_t i = 0; i < b->size; i++)
			if (b->bytes[i] != want[i])
				fail_msg("seed %u: byte %llu", seed, (unsigned long long)i);
		assert_int_equal(b->queued, 0);
		bench_end(b);
	}
	free(b);
}

// An I/O that fails, a bit that reads wrong, a stop: wherever it is, and whatever is under way then.
static void a_board_whose_cycle_failed_anywhere_does_not_boot_or_says_that_it_may(void **state)
{
	(void)state;
	unsigned failed = 0, struck = 0, kept = 0;
	struct bench *b = malloc(sizeof(*b));
	for (unsigned seed = 1; seed <= ROUNDS; seed++) {
		bench_make(b, seed);
		unsigned at = 1 + (unsigned)random() % (3 + (unsigned)random() % 40),
		         kind = (unsigned)random() % 3;
		b->fail_at = kind == 0 ? at : 0;
		b->flip_at = kind == 1 ? at : 0;
		program_start(&b->program);
		while (!b->concluded) {
			step(b);
			if (kind == 2 && b->served >= at && !b->concluded) {
				program_fail(&b->program, FAILURE_CANCELLED, "board: stopped");
				kind = 3;
			}
		}
		struck += b->struck || kind == 3;
		failed += b->program.failure != FAILURE_NONE;
		if (b->struck && b->program.failure == FAILURE_NONE)
			fail_msg("seed %u: passed", seed);
		// Whose old headers were not taken away, says so.
		bool may_boot = strstr(b->program.text, "may still boot");
		assert_int_equal(may_boot, b->program.failure != FAILURE_NONE && b->program.blanking);
		if (b->program.failure != FAILURE_NONE && boots(b) && !may_boot)
			fail_msg("seed %u: boots: %s", seed, b->program.text);
		kept += may_boot;
		assert_null(strstr(b->program.text, "could not be blanked"));
		bench_end(b);
	}
	assert_true(failed > ROUNDS / 4 && struck >= failed && kept > 3);
	free(b);
}

// A second Ctrl-C, or the station's end behind it.
static void a_second_stop_leaves_the_taking_back_of_the_headers_alone(void **state)
{
	(void)state;
	unsigned seen = 0;
	struct bench *b = malloc(sizeof(*b));
	for (unsigned seed = 1; seed <= 20; seed++) {
		bench_make(b, seed);
		program_start(&b->program);
		while (!b->concluded && !b->program.key_touched)
			step(b);
		if (!b->concluded)
			program_fail(&b->program, FAILURE_CANCELLED, "board: stopped");
		while (!b->concluded) {
			if (b->program.retracting) {
				program_fail(&b->program, FAILURE_INTERRUPTED, "board: interrupted");
				seen++;
			}
			if (!b->concluded)
				serve(b);
		}
		assert_int_equal(b->program.failure, FAILURE_CANCELLED);
		assert_true(b->program.retracted);
		assert_string_equal(b->program.text, "board: stopped; it does not boot: write it again");
		assert_false(boots(b));
		bench_end(b);
	}
	assert_true(seen > 20);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_board_gets_the_image_and_nothing_else_whatever_its_ranges_and_sectors),
	        cmocka_unit_test(a_board_whose_cycle_failed_anywhere_does_not_boot_or_says_that_it_may),
	        cmocka_unit_test(a_second_stop_leaves_the_taking_back_of_the_headers_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
