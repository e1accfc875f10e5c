// SPDX-License-Identifier: MIT
// What a piece of a disk is: partition tables, file systems, or nothing.
#include <endian.h>
#include <string.h>

#include "base/util.h"
#include "flash/blank.h"

bool blank_is_empty(const uint8_t *data, size_t size)
{
	bool known = !size || data[0] == 0x00 || data[0] == 0xff;
	return known && (size < 2 || memcmp(data, data + 1, size - 1) == 0);
}

// Magic numbers as in util-linux's libblkid/src/superblocks.
static const struct {
	const char *name;
	size_t offset;
	const char *magic;
	size_t length;
} file_systems[] = {
        {"ext4", 0x438, "\x53\xef", 2}, // ext2 and ext3 have it, too
        {"btrfs", 0x10040, "_BHRfS_M", 8},
        {"XFS", 0, "XFSB", 4},
        {"squashfs", 0, "hsqs", 4},
        {"UBI", 0, "UBI#", 4},
        {"LUKS", 0, "LUKS\xba\xbe", 6},
        {"LVM", 512, "LABELONE", 8},
        {"LVM", 0, "LABELONE", 8},
        {"md", 4096, "\xfc\x4e\x2b\xa9", 4},
        {"md", 0, "\xfc\x4e\x2b\xa9", 4},
        {"f2fs", 0x400, "\x10\x20\xf5\xf2", 4},
        {"erofs", 0x400, "\xe2\xe1\xf5\xe0", 4},
        {"swap", 4096 - 10, "SWAPSPACE2", 10},
        {"vfat", 0x36, "FAT", 3},
        {"vfat", 0x52, "FAT32", 5},
        {"NTFS", 3, "NTFS    ", 8},
        {"exFAT", 3, "EXFAT   ", 8},
};

const char *blank_file_system(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_systems); i++)
		if (file_systems[i].offset + file_systems[i].length <= size &&
		        !memcmp(data + file_systems[i].offset, file_systems[i].magic, file_systems[i].length))
			return file_systems[i].name;
	return NULL;
}

static uint32_t le32(const uint8_t *from)
{
	uint32_t value;
	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

static uint64_t le64(const uint8_t *from)
{
	uint64_t value;
	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

static void add_partition(struct blank_table *table, uint64_t start)
{
	if (table->count < BLANK_PARTITIONS_MAX)
		table->start[table->count++] = start;
}

// UEFI 2.10, 5.3.2 and 5.3.3. What it says is believed only as far as it was read.
static bool find_gpt(const uint8_t *head, size_t size, size_t lba, struct blank_table *out)
{
	static const uint8_t unused[16];
	const uint8_t *header = head + lba;
	if (lba + 92 > size || memcmp(header, "EFI PART", 8) != 0)
		return false;
	uint64_t entries = le64(header + 72);
	uint32_t count = le32(header + 80), step = le32(header + 84);
	out->kind = "GPT";
	if (entries > size / lba || step < 128 || step > 4096 || count > BLANK_PARTITIONS_MAX)
		return true;
	const uint8_t *entry = head + entries * lba;
	for (; count && entry + step <= head + size; count--, entry += step)
		if (memcmp(entry, unused, sizeof(unused)) != 0)
			add_partition(out, le64(entry + 32) * lba);
	return true;
}

static void find_mbr(const uint8_t *head, size_t size, struct blank_table *out)
{
	if (size < 512 || head[510] != 0x55 || head[511] != 0xaa || blank_file_system(head, 512))
		return; // a boot sector of FAT has the same end
	out->kind = "MBR";
	for (const uint8_t *entry = head + 446; entry < head + 510; entry += 16)
		if (entry[4])
			add_partition(out, (uint64_t)le32(entry + 8) * 512);
}

void blank_find_table(const uint8_t *head, size_t size, struct blank_table *out)
{
	*out = (struct blank_table){0};
	if (!find_gpt(head, size, 512, out) && !find_gpt(head, size, 4096, out))
		find_mbr(head, size, out);
}
