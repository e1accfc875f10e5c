// SPDX-License-Identifier: MIT
// The blank check: what is found on a disk, and that nothing is written by looking.
#include <endian.h>

#include "flash/blank.h"
#include "flash_world.h"

#define DISK (40 * MIB)
#define SIZE (5 * MIB)

static void file_make(const char *path, uint64_t size, int fill)
{
	_cleanup_free_ uint8_t *bytes = malloc(size);
	memset(bytes, fill, size);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(fd, bytes, size), 0);
}

static void put(const char *path, uint64_t at, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fd_pwrite_all(fd, bytes, size, at), 0);
}

static void look(struct world *w, struct blank *out)
{
	struct worker_job job = {.task = WORKER_WRITE};
	struct claim claim;
	struct err e = {0};
	STR_COPY(job.expect.node, "disk");
	assert_int_equal(claim_open(&job, &claim, &e), 0);
	blank_look(&claim, &w->image, out);
	claim_close(&claim);
}

static void zeros_and_ones_are_blank(void **state)
{
	(void)state;
	struct world w;
	struct blank blank;
	char text[200];
	world_ready(&w, SIZE);
	static const int fills[] = {0x00, 0xff};
	for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
		file_make("disk", DISK, fills[i]);
		look(&w, &blank);
		assert_int_equal(blank.verdict, BLANK_YES);
		blank_text(&blank, text, sizeof(text));
		assert_string_equal(text, "blank");
	}
	file_make("disk", 512, 0x00); // as small as there is
	look(&w, &blank);
	assert_int_equal(blank.verdict, BLANK_YES);
	world_end(&w);
}

// A row puts some bytes on an empty disk, and says what it is then.
static void what_people_leave_on_disks_is_found_and_named(void **state)
{
	(void)state;
	static const struct {
		uint64_t at;
		const char *bytes;
		size_t size;
		const char *text;
	} cases[] = {
	        {8 * KIB, "SPL", 3, "no partition table, but data at 8 KiB"},
	        {0x438, "\x53\xef", 2, "ext4 on the whole disk"},
	        {64 * KIB + 64, "_BHRfS_M", 8, "btrfs on the whole disk"},
	        {0, "hsqs", 4, "squashfs on the whole disk"},
	        {4086, "SWAPSPACE2", 10, "swap on the whole disk"},
	        {512, "LABELONE", 8, "LVM on the whole disk"},
	        {0, "\xeb\x3c\x90", 3, "data at byte 0"},
	        {MIB, "x", 1, "no partition table, but data at 1 MiB"},
	        {16 * MIB + 0x438, "\x53\xef", 2, "ext4 at 16 MiB"},
	        {DISK - 512, "EFI PART", 8, "a backup GPT on its last sector"},
	        {DISK - 20 * KIB, "x", 1, "no partition table, but data at 40940 KiB"},
	        {2 * MIB + 4 * KIB, "x", 1,
	                "no partition table, but data at 2052 KiB"}, // a range of the image
	        {DISK / 49 * 20 / 4096 * 4096 + 7, "x", 1, "no partition table, but data at 16716 KiB"},
	};
	struct world w;
	struct blank blank;
	world_ready(&w, SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		file_make("disk", DISK, 0);
		put("disk", cases[i].at, cases[i].bytes, cases[i].size);
		look(&w, &blank);
		assert_int_equal(blank.verdict, BLANK_NO);
		assert_string_equal(blank.text, cases[i].text);
	}
	world_end(&w);
}

static void put_entry(uint8_t *head, unsigned i, uint64_t first)
{
	uint64_t lba = htole64(first);
	memset(head + 1024 + i * 128, 0x11, 16);
	memcpy(head + 1024 + i * 128 + 32, &lba, 8);
}

static void gpt_make(uint8_t head[4096])
{
	const uint64_t entries = htole64(2);
	const uint32_t count = htole32(128), size = htole32(128);
	memset(head, 0, 4096);
	memcpy(head + 510, "\x55\xaa", 2);
	head[450] = 0xee;
	memcpy(head + 512, "EFI PART", 8);
	memcpy(head + 512 + 72, &entries, 8);
	memcpy(head + 512 + 80, &count, 4);
	memcpy(head + 512 + 84, &size, 4);
	put_entry(head, 0, 2048);
	put_entry(head, 1, 4096);
	put_entry(head, 5, 8192);
}

static void partition_tables_are_counted_and_their_file_systems_named(void **state)
{
	(void)state;
	struct world w;
	struct blank blank;
	uint8_t head[4096];
	world_ready(&w, SIZE);
	gpt_make(head);
	file_make("disk", DISK, 0);
	put("disk", 0, head, sizeof(head));
	look(&w, &blank);
	assert_string_equal(blank.text, "GPT with 3 partitions");
	put("disk", MIB + 0x52, "FAT32", 5);
	put("disk", 2 * MIB + 0x438, "\x53\xef", 2);
	look(&w, &blank);
	assert_string_equal(blank.text, "GPT with 3 partitions (vfat, ext4)");
	memset(head + 512, 0, sizeof(head) - 512);
	head[466] = 0x83; // a second entry
	put("disk", 0, head, sizeof(head));
	look(&w, &blank);
	assert_string_equal(blank.text, "MBR with 2 partitions");
	world_end(&w);
}

static void a_table_that_lies_is_not_believed(void **state)
{
	(void)state;
	uint8_t head[4096];
	struct blank_table table;
	const uint32_t huge = UINT32_MAX, many = htole32(100);
	const uint64_t far = UINT64_MAX;
	gpt_make(head);
	memcpy(head + 512 + 84, &huge, 4);
	blank_find_table(head, sizeof(head), &table);
	assert_string_equal(table.kind, "GPT");
	assert_int_equal(table.count, 0);
	gpt_make(head);
	memcpy(head + 512 + 72, &far, 8);
	blank_find_table(head, sizeof(head), &table);
	assert_int_equal(table.count, 0);
	gpt_make(head);
	memcpy(head + 512 + 80, &many, 4); // more than were read
	blank_find_table(head, sizeof(head), &table);
	assert_int_equal(table.count, 3);
	blank_find_table(head, 600, &table);
	assert_int_equal(table.count, 1); // the protective MBR's: no whole GPT header was read
}

static void this_image_and_an_unfinished_one_are_told_apart(void **state)
{
	(void)state;
	struct world w;
	struct blank blank;
	static const uint8_t zeros[KIB];
	world_ready(&w, SIZE);
	file_make("disk", DISK, 0);
	put("disk", 0, w.bytes, w.size);
	look(&w, &blank);
	assert_int_equal(blank.verdict, BLANK_NO);
	assert_string_equal(blank.text, "this image");
	// As law 6 leaves it: without its headers and the rest of the commit piece, the body as far as it got.
	put("disk", 0, zeros, sizeof(zeros));
	look(&w, &blank);
	assert_int_equal(blank.verdict, BLANK_UNFINISHED);
	put("disk", MIB, zeros, sizeof(zeros)); // another image's
	look(&w, &blank);
	assert_int_equal(blank.verdict, BLANK_NO);
	world_end(&w);
}

static void a_disk_that_cannot_be_read_is_not_called_blank(void **state)
{
	(void)state;
	struct world w;
	struct blank blank;
	char text[200];
	struct worker_job job = {.task = WORKER_VERIFY};
	struct claim claim;
	struct err e = {0};
	world_ready(&w, SIZE);
	file_make("disk", DISK, 0);
	STR_COPY(job.expect.node, "disk");
	assert_int_equal(claim_open(&job, &claim, &e), 0);
	assert_int_equal(truncate("disk", MIB), 0); // reads end early, as those of a board that went
	blank_look(&claim, &w.image, &blank);
	claim_close(&claim);
	assert_int_equal(blank.verdict, BLANK_UNREADABLE);
	blank_text(&blank, text, sizeof(text));
	assert_non_null(strstr(text, "not known: it cannot be read at"));
	world_end(&w);
}

static void a_refused_board_keeps_every_byte(void **state)
{
	(void)state;
	static const uint32_t policies[] = {WORKER_BLANK_ASK, WORKER_BLANK_REFUSE};
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		struct world w;
		struct outcome o = {0};
		uint64_t size;
		world_ready(&w, SIZE);
		target_make("board", SIZE);
		_cleanup_free_ uint8_t *before = target_read("board", &size);
		struct worker_job job = job_for("board");
		job.blank = policies[i];
		run(&w, &job, &o);
		assert_false(o.is_claimed);
		assert_int_equal(o.verdict.failure, FAILURE_NOT_BLANK);
		assert_true(o.verdict.refused);
		assert_int_equal(o.verdict.asks, policies[i] == WORKER_BLANK_ASK);
		assert_non_null(strstr(o.verdict.text, "GPT with 0 partitions"));
		_cleanup_free_ uint8_t *after = target_read("board", &size);
		assert_memory_equal(before, after, size);
		world_end(&w);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(zeros_and_ones_are_blank),
	        cmocka_unit_test(what_people_leave_on_disks_is_found_and_named),
	        cmocka_unit_test(partition_tables_are_counted_and_their_file_systems_named),
	        cmocka_unit_test(a_table_that_lies_is_not_believed),
	        cmocka_unit_test(this_image_and_an_unfinished_one_are_told_apart),
	        cmocka_unit_test(a_disk_that_cannot_be_read_is_not_called_blank),
	        cmocka_unit_test(a_refused_board_keeps_every_byte),
	};
	return world_main(argc, argv, tests);
}
