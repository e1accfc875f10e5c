// SPDX-License-Identifier: MIT
// FAT32, as Microsoft's "FAT32 File System Specification" 1.03 (fatgen103) has it; its field names are in comments.
#include "image/fat.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "base/fd.h"
#include "base/util.h"

#define SECTOR        FAT_SECTOR
#define PART_SECTOR   2048u    // 1 MiB, as every partitioning tool has it
#define RESERVED      32u      // BPB_RsvdSecCnt: boot sector, FSInfo, their backups at 6 and 7
#define CLUSTERS_MIN  65526u   // fewer are FAT16 by definition
#define CLUSTERS_GOAL 1048576u // keeps a table at 4 MiB or less up to 32 GiB
#define SPC_MAX       64u      // sectors a cluster: 32 KiB
#define END_OF_CHAIN  UINT32_C(0x0fffffff)
#define ENTRY_BYTES   32u
#define ATTR_FOLDER   0x10
#define ATTR_FILE     0x20
#define CASE_LOWER    0x18                          // DIR_NTRes: name and extension are shown in lower case
#define DATE_2020     ((40u << 9) | (1u << 5) | 1u) // no clock is asked: the same image gives the same stick

struct entries {
	uint8_t *data;
	size_t size, room;
};

struct fat {
	int fd;
	uint64_t sectors; // of the partition
	uint32_t per_cluster, table_sectors, clusters;
	uint32_t next; // first free cluster
	uint32_t *table;
	struct entries root, folder;
	char folder_name[9];
};

static uint64_t cluster_offset(const struct fat *f, uint32_t cluster)
{
	uint64_t sector = PART_SECTOR + RESERVED + 2 * (uint64_t)f->table_sectors +
	                  (uint64_t)(cluster - 2) * f->per_cluster;
	return sector * SECTOR;
}

static int put(struct fat *f, const void *data, size_t size, uint64_t offset, struct err *e)
{
	int r = fd_pwrite_all(f->fd, data, size, offset);
	return r < 0 ? err_sys(e, -r, "the stick: writing at byte %llu", (unsigned long long)offset) : 0;
}

// Clusters, and the table that holds an entry for each: each shrinks the other's room, so the table is taken a bit
// too large, which FAT allows.
static int measure(struct fat *f, uint64_t size, struct err *e)
{
	if (size < FAT_DISK_MIN)
		return err_set(e, ENOSPC, "the stick is smaller than %u MiB; take a larger one",
		        (unsigned)(FAT_DISK_MIN >> 20));
	f->sectors = u64_min(size / SECTOR - PART_SECTOR, UINT32_MAX);
	f->per_cluster = 1;
	while (f->per_cluster < SPC_MAX && f->sectors / f->per_cluster > CLUSTERS_GOAL)
		f->per_cluster *= 2;
	uint64_t at_most = f->sectors / f->per_cluster + 2;
	f->table_sectors = (uint32_t)((at_most * 4 + SECTOR - 1) / SECTOR);
	f->clusters = (uint32_t)((f->sectors - RESERVED - 2 * (uint64_t)f->table_sectors) / f->per_cluster);
	f->next = 2;
	return f->clusters < CLUSTERS_MIN ? err_set(e, ENOSPC, "the stick is too small for FAT32") : 0;
}

int fat_new(int fd, uint64_t size, struct fat **out, struct err *e)
{
	static const uint8_t zeros[SECTOR];
	_cleanup_fat_ struct fat *f = calloc(1, sizeof(*f));
	*out = NULL;
	if (!f)
		return err_sys(e, ENOMEM, "the stick");
	f->fd = fd;
	int r = measure(f, size, e);
	if (r == 0)
		r = put(f, zeros, sizeof(zeros), 0, e);
	if (r == 0 && !(f->table = calloc(f->table_sectors, SECTOR)))
		r = err_sys(e, ENOMEM, "the stick's table");
	if (r < 0)
		return r;
	f->table[0] = htole32(UINT32_C(0x0ffffff8));
	f->table[1] = htole32(END_OF_CHAIN);
	*out = steal_ptr(&f);
	return 0;
}

struct fat *fat_free(struct fat *f)
{
	if (f) {
		free(f->table);
		free(f->root.data);
		free(f->folder.data);
		free(f);
	}
	return NULL;
}

// Writes the data into a chain of clusters of its own, all in one piece.
static int store(struct fat *f, const void *data, size_t size, uint32_t *first, struct err *e)
{
	uint64_t cluster_bytes = (uint64_t)f->per_cluster * SECTOR;
	uint64_t count = (size + cluster_bytes - 1) / cluster_bytes;
	*first = 0; // DIR_FstClus of an empty file
	if (count == 0)
		return 0;
	if (count > f->clusters - (f->next - 2))
		return err_set(e, ENOSPC, "the stick is full; take a larger one");
	int r = put(f, data, size, cluster_offset(f, f->next), e);
	*first = f->next;
	for (uint64_t i = 0; i < count; i++, f->next++)
		f->table[f->next] = htole32(i + 1 < count ? f->next + 1 : END_OF_CHAIN);
	return r;
}

// "boot.scr" to "BOOT    SCR"; false for what is not 8.3.
static bool short_name(const char *name, uint8_t out[11])
{
	const char *dot = strrchr(name, '.');
	size_t stem = dot ? (size_t)(dot - name) : strlen(name), extension = dot ? strlen(dot + 1) : 0;
	if (stem == 0 || stem > 8 || extension > 3)
		return false;
	memset(out, ' ', 11);
	for (size_t i = 0; i < stem; i++)
		out[i] = (uint8_t)toupper((unsigned char)name[i]);
	for (size_t i = 0; i < extension; i++)
		out[8 + i] = (uint8_t)toupper((unsigned char)dot[1 + i]);
	return true;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value);
	put16(at + 2, value >> 16);
}

static int add_entry(struct entries *list, const uint8_t name[11], uint8_t attributes, uint32_t cluster,
        uint32_t size, struct err *e)
{
	if (list->size + ENTRY_BYTES > list->room) {
		size_t room = list->room ? 2 * list->room : 64 * ENTRY_BYTES;
		uint8_t *grown = realloc(list->data, room);
		if (!grown)
			return err_sys(e, ENOMEM, "the stick's folder");
		list->data = grown;
		list->room = room;
	}
	uint8_t *entry = list->data + list->size;
	memset(entry, 0, ENTRY_BYTES);
	memcpy(entry, name, 11);
	entry[11] = attributes;
	entry[12] = CASE_LOWER;
	put16(entry + 16, DATE_2020);
	put16(entry + 18, DATE_2020);
	put16(entry + 20, cluster >> 16);
	put16(entry + 24, DATE_2020);
	put16(entry + 26, cluster);
	put32(entry + 28, size);
	list->size += ENTRY_BYTES;
	return 0;
}

int fat_add(struct fat *f, const char *folder, const char *name, const void *data, size_t size, struct err *e)
{
	uint8_t short_form[11];
	uint32_t first;
	if (size > UINT32_MAX || !short_name(name, short_form))
		return err_set(e, EINVAL, "%s: not a name or size for FAT", name);
	if (folder)
		STR_COPY(f->folder_name, folder);
	int r = store(f, data, size, &first, e);
	return r < 0 ? r
	             : add_entry(folder ? &f->folder : &f->root, short_form, ATTR_FILE, first, (uint32_t)size,
	                       e);
}

// A folder ends at its first empty entry: the rest of its last cluster has to be zeros.
static int pad_entries(const struct fat *f, struct entries *list, struct err *e)
{
	size_t cluster = (size_t)f->per_cluster * SECTOR, whole = (list->size / cluster + 1) * cluster;
	uint8_t *grown = realloc(list->data, whole);
	if (!grown)
		return err_sys(e, ENOMEM, "the stick's folder");
	memset(grown + list->size, 0, whole - list->size);
	*list = (struct entries){.data = grown, .size = whole, .room = whole};
	return 0;
}

// The sub-folder's own "." and ".." come first; the root's cluster is written as 0 there.
static int finish_folder(struct fat *f, struct err *e)
{
	static const uint8_t dot[11] = ".          ", dots[11] = "..         ";
	_cleanup_free_ uint8_t *files = f->folder.data;
	size_t files_size = f->folder.size;
	uint8_t name[11];
	uint32_t first;
	if (!files_size)
		return 0;
	f->folder = (struct entries){0};
	if (!short_name(f->folder_name, name))
		return err_set(e, EINVAL, "%s: not a name for FAT", f->folder_name);
	int r = add_entry(&f->folder, dot, ATTR_FOLDER, f->next, 0, e);
	if (r == 0)
		r = add_entry(&f->folder, dots, ATTR_FOLDER, 0, 0, e);
	for (size_t i = 0; r == 0 && i < files_size; i += ENTRY_BYTES) {
		r = add_entry(&f->folder, files + i, ATTR_FILE, 0, 0, e);
		if (r == 0)
			memcpy(f->folder.data + f->folder.size - ENTRY_BYTES, files + i, ENTRY_BYTES);
	}
	if (r == 0)
		r = pad_entries(f, &f->folder, e);
	if (r == 0)
		r = store(f, f->folder.data, f->folder.size, &first, e);
	return r == 0 ? add_entry(&f->root, name, ATTR_FOLDER, first, 0, e) : r;
}

static void boot_sector(const struct fat *f, uint32_t root, uint8_t s[SECTOR])
{
	memset(s, 0, SECTOR);
	memcpy(s, "\xeb\x58\x90GANGWAY ", 11);     // BS_jmpBoot, BS_OEMName
	put16(s + 11, SECTOR);                     // BPB_BytsPerSec
	s[13] = (uint8_t)f->per_cluster;           // BPB_SecPerClus
	put16(s + 14, RESERVED);                   // BPB_RsvdSecCnt
	s[16] = 2;                                 // BPB_NumFATs
	s[21] = 0xf8;                              // BPB_Media
	put16(s + 24, 63);                         // BPB_SecPerTrk
	put16(s + 26, 255);                        // BPB_NumHeads
	put32(s + 28, PART_SECTOR);                // BPB_HiddSec
	put32(s + 32, (uint32_t)f->sectors);       // BPB_TotSec32
	put32(s + 36, f->table_sectors);           // BPB_FATSz32
	put32(s + 44, root);                       // BPB_RootClus
	put16(s + 48, 1);                          // BPB_FSInfo
	put16(s + 50, 6);                          // BPB_BkBootSec
	s[64] = 0x80;                              // BS_DrvNum
	s[66] = 0x29;                              // BS_BootSig
	put32(s + 67, UINT32_C(0x47574159));       // BS_VolID
	memcpy(s + 71, "NO NAME    FAT32   ", 19); // BS_VolLab, BS_FilSysType
	put16(s + 510, 0xaa55);
}

static void info_sector(const struct fat *f, uint8_t s[SECTOR])
{
	memset(s, 0, SECTOR);
	put32(s, UINT32_C(0x41615252));              // FSI_LeadSig
	put32(s + 484, UINT32_C(0x61417272));        // FSI_StrucSig
	put32(s + 488, f->clusters - (f->next - 2)); // FSI_Free_Count
	put32(s + 492, f->next);                     // FSI_Nxt_Free
	put16(s + 510, 0xaa55);
}

static int put_reserved(struct fat *f, uint32_t root, struct err *e)
{
	uint8_t area[RESERVED * SECTOR] = {0};
	boot_sector(f, root, area);
	info_sector(f, area + SECTOR);
	memcpy(area + 6 * SECTOR, area, 2 * SECTOR);
	return put(f, area, sizeof(area), (uint64_t)PART_SECTOR * SECTOR, e);
}

static int put_mbr(struct fat *f, struct err *e)
{
	uint8_t s[SECTOR] = {0};
	uint8_t *part = s + 446;
	part[0] = 0x80; // active: U-Boot's distro boot looks for that first
	memset(part + 1, 0xff, 3);
	part[4] = 0x0c; // FAT32 with LBA
	memset(part + 5, 0xff, 3);
	put32(part + 8, PART_SECTOR);
	put32(part + 12, (uint32_t)f->sectors);
	put16(s + 510, 0xaa55);
	return put(f, s, sizeof(s), 0, e);
}

int fat_finish(struct fat *f, struct err *e)
{
	size_t table = (size_t)f->table_sectors * SECTOR;
	uint64_t first_table = (uint64_t)(PART_SECTOR + RESERVED) * SECTOR;
	uint32_t root = 0;
	int r = finish_folder(f, e);
	if (r == 0)
		r = pad_entries(f, &f->root, e);
	if (r == 0)
		r = store(f, f->root.data, f->root.size, &root, e);
	if (r == 0)
		r = put_reserved(f, root, e);
	if (r == 0)
		r = put(f, f->table, table, first_table, e);
	if (r == 0)
		r = put(f, f->table, table, first_table + table, e);
	if (r == 0 && fsync(f->fd) < 0)
		r = err_sys(e, errno, "the stick");
	if (r == 0)
		r = put_mbr(f, e);
	if (r == 0 && fsync(f->fd) < 0)
		r = err_sys(e, errno, "the stick");
	return r;
}
