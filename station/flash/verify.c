// SPDX-License-Identifier: MIT
// Reading back: every run's digest over the device's own bytes, and what to say when it is wrong.
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "flash/program.h"

/*
 * Why the held-back bytes may be hashed before they are on the board
 *
 * Everything else is to be read back before the commit piece is written, but a range can lie in both: its digest
 * runs over bytes C (held back) and D (on the board). So C is read from the store into private memory, and the
 * range is hashed over copy(C) and read-back(D) in device order. If that is the plan's digest, then copy(C) and the
 * board's D are the image's bytes. Later C is written FROM this copy and read back, and compared with it byte by
 * byte. When that holds too, the board's C and D are the bytes that were hashed: the digest is the board's.
 * Nothing but this process can change the copy in between, which could not be said of the mapped store.
 */
#define COPY_BYTES (PLAN_COMMIT_BYTES + 2 * PLAN_TAIL_BYTES)

uint8_t *verify_copy(const struct program *p, uint64_t offset)
{
	if (offset < PLAN_COMMIT_BYTES)
		return p->copy + offset;
	return p->copy + PLAN_COMMIT_BYTES + (offset - layout_tail(&p->layout));
}

int verify_init(struct program *p, struct err *e)
{
	if (digest_new(&p->run_digest, "sha256", e) < 0 || digest_new(&p->readback, "sha256", e) < 0 ||
	        digest_new(&p->extras, "sha256", e) < 0)
		return e ? -e->num : -ENOMEM;
	// Zero-filled, so the part of a sector behind the image's end is padded. Touched only where bytes are held back.
	void *copy = mmap(NULL, COPY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return err_sys(e, errno, "commit piece");
	p->copy = copy;
	return 0;
}

void verify_deinit(struct program *p)
{
	if (p->copy)
		munmap(p->copy, COPY_BYTES);
	p->copy = NULL;
	p->run_digest = digest_free(p->run_digest);
	p->readback = digest_free(p->readback);
	p->extras = digest_free(p->extras);
}

void verify_expect(struct program *p)
{
	plan_digest(p->layout.ranges, p->layout.count, p->plan_sha256);
}

static bool is_held_back(const struct program *p, const struct walk_piece *piece)
{
	return worker_writes(p->spec.job) && (piece->area & WALK_COMMIT);
}

// A range's digest is in the plan once the front has passed its end.
static bool is_known(void *context, const struct walk_piece *piece)
{
	const struct program *p = context;
	const struct image_front *front = p->spec.image->front;
	return piece->run.source != PLAN_STORE ||
	       piece->run.offset + piece->run.length <= image_front_offset(front) ||
	       image_front_state(front) == IMAGE_CONFIRMED;
}

static const void *held_back_memory(void *context, const struct walk_piece *piece)
{
	struct program *p = context;
	if (!is_held_back(p, piece))
		return NULL;
	uint8_t *copy = verify_copy(p, piece->offset);
	ssize_t n = fd_pread_all(p->spec.image->data_fd, copy, piece->length, piece->offset);
	if (n != (ssize_t)piece->length)
		p->copy_error = n < 0 ? (int)n : -ENODATA;
	return copy;
}

static bool all_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && !memcmp(data, data + 1, size - 1));
}

// What a ZERO range must give; for one that was all zeros that is what it gave, so no zeros are hashed twice.
static void expected_digest(
        const struct program *p, const struct walk_run *run, const uint8_t *got, uint8_t *out)
{
	if (run->source == PLAN_STORE)
		memcpy(out, p->layout.ranges[run->range].sha256, DIGEST_SHA256_SIZE);
	else if (!p->run_nonzero)
		memcpy(out, got, DIGEST_SHA256_SIZE);
	else
		plan_zero_digest(run->length, out);
}

static bool is_compared(const struct program *p, const struct walk_run *run)
{
	return compare_wanted(p) && run->source == PLAN_STORE;
}

static int run_ended(struct program *p, const struct walk_run *run)
{
	uint8_t full[DIGEST_MAX_SIZE];
	if (is_compared(p, run)) // equal to the store, which compare_wait() wants proven to be the plan
		memcpy(full, p->layout.ranges[run->range].sha256, DIGEST_SHA256_SIZE);
	else
		digest_final(p->run_digest, full);
	memcpy(p->wrong_got, full, DIGEST_SHA256_SIZE);
	expected_digest(p, run, p->wrong_got, p->wrong_expected);
	if (memcmp(p->wrong_got, p->wrong_expected, DIGEST_SHA256_SIZE) != 0)
		return -EILSEQ;
	bool store = run->source == PLAN_STORE;
	plan_digest_line(store ? p->readback : p->extras, run->offset, run->length, p->wrong_got);
	p->has_extras = p->has_extras || !store;
	p->bytes_verified += p->run_read;
	return 0;
}

static int verify_take(void *context, const struct walk_piece *piece, const uint8_t *data)
{
	struct program *p = context;
	if (walk_begins_run(piece)) {
		digest_reset(p->run_digest);
		p->run_read = 0;
		p->run_nonzero = false;
	}
	if (p->copy_error)
		return p->copy_error;
	int r = 0;
	if (is_compared(p, &piece->run))
		r = compare_piece(p, piece, data);
	else
		digest_update(p->run_digest, data, piece->length);
	if (r == -EILSEQ && is_held_back(p, piece)) // the copy was read from the store a moment ago
		r = p->copy_error = -EIO;
	if (r < 0)
		return r;
	if ((piece->area & WALK_PLAN) && !is_held_back(p, piece))
		p->run_read += piece->length;
	if (piece->run.source != PLAN_STORE && !all_zero(data, piece->length))
		p->run_nonzero = true;
	return walk_ends_run(piece) ? run_ended(p, &piece->run) : 0;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t i = 0;
	while (i < size && a[i] == b[i])
		i++;
	return i;
}

static int commit_take(void *context, const struct walk_piece *piece, const uint8_t *data)
{
	struct program *p = context;
	const uint8_t *copy = verify_copy(p, piece->offset);
	uint64_t at = first_difference(copy, data, piece->length);
	if (at == piece->length) {
		p->bytes_verified += piece->length;
		return 0;
	}
	digest_sha256(copy, piece->length, p->wrong_expected);
	digest_sha256(data, piece->length, p->wrong_got);
	p->wrong_at = piece->offset + at;
	return -EILSEQ;
}

// The second read of a wrong run: up to the first byte that is not the store's.
static int compare_take(void *context, const struct walk_piece *piece, const uint8_t *data)
{
	struct program *p = context;
	if (is_held_back(p, piece))
		return 0;
	for (uint32_t done = 0; done < piece->length;) {
		uint8_t want[16 * KIB] = {0};
		uint32_t n = (uint32_t)u64_min(piece->length - done, sizeof(want));
		if (piece->run.source == PLAN_STORE &&
		        fd_pread_all(p->spec.image->data_fd, want, n, piece->offset + done) != (ssize_t)n)
			return -EFAULT;
		uint64_t at = first_difference(want, data + done, n);
		if (at < n) {
			p->wrong_at = piece->offset + done + at;
			return -EILSEQ;
		}
		done += n;
	}
	return 0;
}

static void fail_mismatch(struct program *p, const struct walk_run *run)
{
	char expected[SHA256_HEX_SIZE], got[SHA256_HEX_SIZE], where[96];
	digest_hex(p->wrong_expected, DIGEST_SHA256_SIZE, expected);
	digest_hex(p->wrong_got, DIGEST_SHA256_SIZE, got);
	if (p->wrong_at == UINT64_MAX)
		snprintf(where, sizeof(where), "a second read was right: the disk is unstable");
	else
		snprintf(where, sizeof(where), "first wrong byte at %" PRIu64, p->wrong_at);
	program_fail(p, FAILURE_VERIFY_MISMATCH,
	        "%s: read-back differs in range %" PRIu64 "+%" PRIu64 ", %s; expected sha256 %s, read %s; "
	        "replace this board or card",
	        p->spec.claim->label, run->offset, run->length, where, expected, got);
}

void verify_store_unreadable(struct program *p, uint64_t offset, int error)
{
	program_fail(p, FAILURE_STORE_ERROR,
	        "%s: the stored image cannot be read at %" PRIu64 ": %s; check the disk it is on",
	        p->spec.claim->label, offset, strerror(error));
}

static void compare_finished(void *context, int result)
{
	struct program *p = context;
	if (p->failure == FAILURE_NONE && result < 0 && p->sweep.failed_io)
		program_io_failed(p, DISK_READ, result, &p->sweep.failed);
	else if (p->failure == FAILURE_NONE && result == -EFAULT)
		verify_store_unreadable(p, p->sweep.failed.offset, EIO);
	else if (p->failure == FAILURE_NONE)
		fail_mismatch(p, &p->wrong_run);
	else
		program_sweep_ended(p, result);
}

static const struct sweep_ops compare_ops = {
        .op = DISK_READ, .memory = held_back_memory, .take = compare_take, .finished = compare_finished};

void verify_store_damaged(struct program *p, const struct plan_range *range)
{
	program_fail(p, FAILURE_STORE_DAMAGED,
	        "%s: the stored image is damaged in range %" PRIu64 "+%" PRIu64
	        "; the board is not to blame; import the image again",
	        p->spec.claim->label, range->offset, range->length);
}

// Law 8: before the board is blamed, the store has to show that its own bytes are right.
static bool store_is_right(struct program *p, const struct walk_run *run)
{
	bool matches = false;
	const struct plan_range *range = &p->layout.ranges[run->range];
	int r = image_check_range(p->spec.image, range, &matches, NULL);
	if (r == 0 && matches)
		return true;
	if (r < 0)
		verify_store_unreadable(p, run->offset, -r);
	else
		verify_store_damaged(p, range);
	return false;
}

void verify_diagnose(struct program *p)
{
	const struct walk_run run = p->wrong_run = p->sweep.failed.run;
	if (p->sweep.ops == &verify_commit_ops) {
		fail_mismatch(p, &(struct walk_run){
		                         .offset = p->sweep.failed.offset, .length = p->sweep.failed.length});
		return;
	}
	if (p->copy_error) {
		verify_store_unreadable(p, p->sweep.failed.offset, -p->copy_error);
		return;
	}
	if (run.source == PLAN_STORE && !store_is_right(p, &run))
		return;
	if (is_compared(p, &run)) {
		fail_mismatch(p, &(struct walk_run){
		                         .offset = p->sweep.failed.offset, .length = p->sweep.failed.length});
		return;
	}
	struct walk walk;
	p->wrong_at = UINT64_MAX;
	walk_start_at(&walk, &p->layout, WALK_PLAN | WALK_HEADERS, &run);
	sweep_start(&p->sweep, &compare_ops, p, &walk, run.offset + run.length);
}

bool verify_conclude(struct program *p)
{
	uint8_t full[DIGEST_MAX_SIZE];
	digest_final(p->readback, full);
	memcpy(p->readback_sha256, full, DIGEST_SHA256_SIZE);
	digest_final(p->extras, full);
	if (p->has_extras)
		memcpy(p->extras_sha256, full, DIGEST_SHA256_SIZE);
	return memcmp(p->readback_sha256, p->plan_sha256, DIGEST_SHA256_SIZE) == 0 &&
	       p->bytes_verified == layout_bytes(&p->layout, WALK_PLAN);
}

const struct sweep_ops verify_ops = {.op = DISK_READ,
        .ready = is_known,
        .memory = held_back_memory,
        .take = verify_take,
        .finished = program_sweep_ended};
const struct sweep_ops verify_commit_ops = {
        .op = DISK_READ, .take = commit_take, .finished = program_sweep_ended};
