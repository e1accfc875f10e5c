// SPDX-License-Identifier: MIT
// What the source is and what of it is mapped, before anything is decoded.
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "core/failure.h"
#include "image/import_job.h"

static int look_at_file(struct import_job *job, struct err *e)
{
	struct stat st;
	if (fstat(IMPORTER_FD_IMAGE, &st) < 0)
		return err_sys(e, errno, "%s: cannot be read", job->image_name);
	off_t size = S_ISBLK(st.st_mode) ? lseek(IMPORTER_FD_IMAGE, 0, SEEK_END) : st.st_size;
	if ((!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) || size < 0)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
		        "%s: is neither a regular file nor a disk; name the image's file", job->image_name);
	if (size == 0)
		return err_fail(
		        e, EINVAL, FAILURE_IMPORT_FAILED, "%s: is empty; get a good copy", job->image_name);
	job->file_size = (uint64_t)size;
	job->mtime_ns = (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	job->device = st.st_dev;
	job->inode = st.st_ino;
	int r = decode_choose(job->image_name, IMPORTER_FD_IMAGE, &job->ops, e);
	if (r < 0)
		return r;
	STR_COPY(job->meta.codec, job->ops->name);
	STR_COPY(job->meta.source_name, job->image_name);
	job->meta.source_size = job->file_size;
	return 0;
}

static int room_for(struct import_job *job, size_t count, struct err *e)
{
	job->ranges = calloc(count ? count : 1, sizeof(*job->ranges));
	return job->ranges ? 0 : err_sys(e, ENOMEM, "%s: %zu ranges", job->image_name, count);
}

static int load_bmap(struct import_job *job, struct err *e)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	int r = bmap_load(IMPORTER_FD_BMAP, job->bmap_name, digest, &job->bmap, e);
	if (r < 0)
		return r;
	const struct bmap *b = job->bmap;
	digest_hex(digest, sizeof(digest), job->meta.bmap_sha256);
	STR_COPY(job->meta.mapping, "bmap");
	if (b->count == 0)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
		        "%s: maps no block: there is nothing to write", job->bmap_name);
	job->image_size = b->image_size;
	job->range_count = b->count;
	return bmap_plan(b, &job->ranges, e);
}

// Cuts [from, to) at the multiples of PLAN_RANGE_BYTES.
static void add_cut(struct import_job *job, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint64_t end = u64_min(to, u64_down(from, PLAN_RANGE_BYTES) + PLAN_RANGE_BYTES);
		job->ranges[job->range_count++] = (struct plan_range){.offset = from, .length = end - from};
		from = end;
	}
}

static int map_all(struct import_job *job, struct err *e)
{
	STR_COPY(job->meta.mapping, "all");
	int r = room_for(job, job->image_size / PLAN_RANGE_BYTES + 1, e);
	if (r == 0)
		add_cut(job, 0, job->image_size);
	return r;
}

// A raw file's data extents, widened to 4 KiB. Two passes: the first one only counts, and the second one has `room` for what
// that found. Whoever writes to the file meanwhile may have made more of them.
static int each_extent(struct import_job *job, size_t *count, size_t room, struct err *e)
{
	uint64_t at = 0, size = job->image_size;
	*count = 0;
	while (at < size) {
		off_t data = lseek(IMPORTER_FD_IMAGE, (off_t)at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		off_t hole = data < 0 ? -1 : lseek(IMPORTER_FD_IMAGE, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(e, errno, "%s: its holes cannot be seen", job->image_name);
		uint64_t from = u64_max(u64_down((uint64_t)data, 4 * KIB), at);
		uint64_t to = u64_min(u64_up((uint64_t)hole, 4 * KIB), size);
		*count += (to - from) / PLAN_RANGE_BYTES + 2;
		if (room && *count > room)
			return err_fail(e, EAGAIN, FAILURE_IMAGE_CHANGED,
			        "%s: changed while it was read; try again when it is complete",
			        job->image_name);
		if (room)
			add_cut(job, from, to);
		at = to;
	}
	return 0;
}

static int map_holes(struct import_job *job, struct err *e)
{
	size_t room, count;
	STR_COPY(job->meta.mapping, "holes");
	int r = each_extent(job, &room, 0, e);
	if (r == 0)
		r = room_for(job, room, e);
	if (r == 0 && room)
		r = each_extent(job, &count, room, e);
	if (r == 0 && job->range_count == 0)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
		        "%s: is one hole: there is nothing to write", job->image_name);
	return r;
}

/*
 * Boards start while the image is still being decoded, so a bad archive may be found out when they are half written
 * (then they do not boot). Where it costs next to nothing they are spared: an archive so small is decoded before a
 * worker could have done much, and one whose end does not look right is decoded to the end first.
 */
#define HOLD_BYTES (16 * MIB)

static int survey(struct import_job *job, uint64_t *size, struct err *e)
{
	struct decode_survey found = {0};
	int r = job->ops->survey(IMPORTER_FD_IMAGE, job->file_size, job->image_size, &found, e);
	if (r < 0)
		return err_prefix(e, "%s", job->image_name);
	if (job->bmap && found.size && found.size != job->image_size)
		return err_fail(e, EINVAL, FAILURE_IMPORT_FAILED,
		        "%s: holds %" PRIu64 " bytes, but %s is of an image of %" PRIu64
		        "; they do not belong together",
		        job->image_name, found.size, job->bmap_name, job->image_size);
	*size = found.size;
	job->parts = found.parts;
	job->hold = job->file_size <= HOLD_BYTES || !found.whole;
	if (job->bmap && job->file_size > HOLD_BYTES && !found.whole)
		import_note("%s does not look like a whole %s file: boards wait until all of it is decoded",
		        job->image_name, job->ops->name);
	return 0;
}

// Without a bmap.
static int map_unguided(struct import_job *job, struct err *e)
{
	if (job->holes_unmapped && job->ops == &decode_raw) {
		import_note("no bmap: the holes of %s stay unmapped, as asked", job->image_name);
		return map_holes(job, e);
	}
	if (job->holes_unmapped)
		import_note("no bmap: holes can be seen in a raw file only, so every byte is mapped");
	else
		import_note("no bmap: every byte of the image is mapped");
	if (job->image_size)
		return map_all(job, e);
	STR_COPY(job->meta.mapping, "all");
	import_note("a %s file does not tell its size: boards wait until all of it is decoded; with a bmap "
	            "they start at once",
	        job->ops->name);
	return 0;
}

int import_look(struct import_job *job, struct err *e)
{
	uint64_t size = 0;
	int r = look_at_file(job, e);
	if (r == 0 && job->bmap_name)
		r = load_bmap(job, e);
	if (r == 0)
		r = survey(job, &size, e);
	if (r < 0)
		return r;
	struct import_message looked = {.type = IMPORT_LOOKED};
	STR_COPY(looked.codec, job->ops->name);
	import_tell(&looked, NULL, 0, true);
	if (job->bmap)
		return 0;
	job->image_size = size;
	return map_unguided(job, e);
}
