// SPDX-License-Identifier: MIT
// The reserved place on a board that reads itself back: the station's request goes there, the answer comes from there.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "flash/program.h"
#include "image/ontarget_kit.h"

static bool has_place(const struct program *p)
{
	return p->spec.job->task == WORKER_ASK || p->spec.job->task == WORKER_COMMIT;
}

// The sectors that hold the place: around it lies what is not ours, and is put back as it was read.
static int map_sectors(struct program *p, struct err *e)
{
	const struct worker_target *t = &p->spec.job->target;
	uint64_t sector = p->spec.claim->sector, device = p->spec.claim->found.size;
	uint64_t end = t->offset + ontarget_place_size(t->script_size);
	if (t->script_size > ONTARGET_SCRIPT_MAX || t->offset % ONTARGET_BLOCK ||
	        t->offset < (uint64_t)ONTARGET_SECTOR_MIN * ONTARGET_BLOCK || end > device)
		return err_fail(e, ENOSPC, FAILURE_TARGET_TOO_SMALL,
		        "%s: the reserved place for the board's own check, bytes %" PRIu64 " to %" PRIu64
		        ", is not on it; reserve another place",
		        p->spec.claim->label, t->offset, end);
	p->place_at = u64_down(t->offset, sector);
	p->place_skew = (size_t)(t->offset - p->place_at);
	p->place_size = (size_t)(u64_min(u64_up(end, sector), device) - p->place_at);
	void *map = mmap(
	        NULL, p->place_size + sector, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return err_sys(e, errno, "%s: the reserved place", p->spec.claim->label);
	p->place = map;
	return 0;
}

int place_init(struct program *p, struct err *e)
{
	const struct worker_job *job = p->spec.job;
	if (!has_place(p))
		return 0;
	if (!job->has_target)
		return err_set(e, EINVAL, "%s: what the board reads itself back by is missing",
		        p->spec.claim->label);
	return map_sectors(p, e);
}

void place_deinit(struct program *p)
{
	if (p->place)
		munmap(p->place, p->place_size + p->spec.claim->sector);
	p->place = NULL;
}

static size_t first_sector(const struct program *p)
{
	return (size_t)u64_min(u64_up(p->place_skew + ONTARGET_BLOCK, p->spec.claim->sector), p->place_size);
}

uint64_t place_wire(const struct program *p)
{
	uint64_t request = p->spec.job->task == WORKER_ASK ? first_sector(p) : 0;
	return has_place(p) ? 2 * (uint64_t)p->place_size + request : 0;
}

void place_read(struct program *p)
{
	program_io(p, DISK_READ, p->place, p->place_size, p->place_at);
}

static int put_place(struct program *p, struct err *e)
{
	const struct worker_target *t = &p->spec.job->target;
	_cleanup_free_ char *script = malloc(t->script_size + 1), *place = NULL;
	size_t size = 0;
	if (!script)
		return err_sys(e, ENOMEM, "verify script");
	ssize_t n = fd_pread_all(p->spec.target_fd, script, t->script_size, 0);
	if (n != (ssize_t)t->script_size)
		return err_sys(e, n < 0 ? (int)-n : EIO, "the verify script cannot be read");
	int r = ontarget_place(t->nonce, script, t->script_size, &place, &size, e);
	if (r == 0)
		memcpy(p->place + p->place_skew, place, size);
	return r;
}

// Puts it there, and fails the program when it cannot.
static bool has_put_place(struct program *p)
{
	struct err e = {0};
	if (put_place(p, &e) == 0)
		return true;
	program_fail(p, FAILURE_STATION_ERROR, "%s: %s", p->spec.claim->label, e.text);
	return false;
}

void place_write(struct program *p)
{
	if (!has_put_place(p))
		return;
	memset(p->place + p->place_skew, 0, ONTARGET_BLOCK);
	program_io(p, DISK_WRITE, p->place, p->place_size, p->place_at);
}

void place_request(struct program *p)
{
	if (has_put_place(p))
		program_io(p, DISK_WRITE, p->place, first_sector(p), p->place_at);
}

/*
 * Law 2: what decides is the answer to the nonce that the station made for this attempt, read from the device. An answer
 * that says fail was this attempt's as well. Anything else may be another board's, and nothing is written to it; but where this
 * attempt's own request stands, that is taken back with it: the board's start script would find it again at each start.
 */
void place_judge(struct program *p)
{
	const struct worker_target *t = &p->spec.job->target;
	const char *block = p->place + p->place_skew + ONTARGET_BLOCK;
	struct ontarget_expect expect = {.windows = (size_t)t->windows};
	STR_COPY(expect.nonce, t->nonce);
	STR_COPY(expect.plan_sha256, t->plan_sha256);
	int r = ontarget_judge(block, &expect, &p->wrong_at, &p->answer);
	if (r != -ENODATA)
		digest_sha256(block, ONTARGET_BLOCK, p->summary_sha256);
	p->answered = r == 0 || r == -EILSEQ;
	bool ours = t->withdraw && ontarget_is_request(p->place + p->place_skew, t->nonce);
	if (p->answered || ours)
		program_next(p);
	else
		place_believe(p);
}

// A request is answered once, and no script stays on the board.
void place_clear(struct program *p)
{
	memset(p->place + p->place_skew, 0, (size_t)ontarget_place_size(p->spec.job->target.script_size));
	program_io(p, DISK_WRITE, p->place, p->place_size, p->place_at);
}

// Law 8: before the board is blamed, the store has to show that it has not given it wrong bytes: all that may be in the
// window that the board found different. `whole` is the image that the window was cut from.
static bool store_is_right(struct program *p, const struct image *whole)
{
	uint64_t left = p->spec.job->target.window;
	for (uint32_t i = 0; i < whole->front->range_count && left; i++) {
		const struct plan_range *range = &whole->front->ranges[i];
		uint64_t end = range->offset + range->length;
		bool matches = true;
		if (end <= p->wrong_at)
			continue;
		int r = image_check_range(whole, range, &matches, NULL);
		if (r < 0)
			verify_store_unreadable(p, range->offset, -r);
		else if (!matches)
			verify_store_damaged(p, range);
		if (r < 0 || !matches)
			return false;
		left -= u64_min(left, end - u64_max(range->offset, p->wrong_at));
	}
	return true;
}

static bool board_is_wrong(struct program *p)
{
	struct err e = {0};
	struct image whole = IMAGE_NONE;
	if (p->answer.num != EILSEQ || p->wrong_at == UINT64_MAX)
		return true;
	whole.data_fd = fcntl(p->spec.image->data_fd, F_DUPFD_CLOEXEC, 0);
	whole.front_fd = fcntl(p->spec.target_fd, F_DUPFD_CLOEXEC, 0);
	bool mapped = whole.data_fd >= 0 && whole.front_fd >= 0 && image_map(&whole, &e) == 0;
	bool right = mapped && store_is_right(p, &whole);
	if (!mapped)
		program_fail(p, FAILURE_STATION_ERROR, "%s: the image cannot be looked at: %s",
		        p->spec.claim->label, e.text);
	image_close(&whole);
	return right;
}

void place_believe(struct program *p)
{
	if (p->answer.num && !board_is_wrong(p))
		return;
	if (p->answer.num)
		program_fail(
		        p, (enum failure)p->answer.failure, "%s: %s", p->spec.claim->label, p->answer.text);
	else
		program_next(p);
}
