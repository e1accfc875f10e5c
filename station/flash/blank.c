// SPDX-License-Identifier: MIT
// The blank check.
#include "flash/blank.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"

#define HEAD_BYTES   (128 * KIB)
#define TAIL_BYTES   (32 * KIB)
#define SAMPLE_BYTES (8 * KIB)
#define TIME_NS      (15 * NSEC_PER_SEC)

enum { EVEN_SAMPLES = 48, RANGE_SAMPLES = 16, NAMED_PARTITIONS = 4 };

struct look {
	const struct claim *claim;
	const struct image *image;
	struct blank *out;
	uint64_t size;   // of the disk, whole sectors
	uint64_t end_ns; // CLOCK_MONOTONIC: when time is up
	uint8_t *head;   // HEAD_BYTES, as far as the disk goes
	size_t head_size;
	uint8_t *buffer; // HEAD_BYTES, for everything else
};

static void conclude(struct look *look, enum blank_verdict verdict, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void conclude(struct look *look, enum blank_verdict verdict, const char *format, ...)
{
	va_list ap;
	look->out->verdict = verdict;
	va_start(ap, format);
	vsnprintf(look->out->text, sizeof(look->out->text), format, ap);
	va_end(ap);
}

static void place_text(uint64_t at, char *text, size_t size)
{
	if (at && at % MIB == 0)
		snprintf(text, size, "%" PRIu64 " MiB", at / MIB);
	else if (at && at % KIB == 0)
		snprintf(text, size, "%" PRIu64 " KiB", at / KIB);
	else
		snprintf(text, size, "byte %" PRIu64, at);
}

// False: it has concluded.
static bool read_at(struct look *look, uint64_t at, void *to, size_t size)
{
	char place[32];
	place_text(at, place, sizeof(place));
	if (clock_mono_ns() > look->end_ns) {
		conclude(look, BLANK_TOO_SLOW, "after 15 s it had got to %s only", place);
		return false;
	}
	ssize_t n = fd_pread_all(look->claim->fd, to, size, at);
	if (n == (ssize_t)size)
		return true;
	conclude(look, BLANK_UNREADABLE, "it cannot be read at %s: %s", place,
	        strerror(n < 0 ? (int)-n : EIO));
	return false;
}

// --- what it is --------------------------------------------------------------------------------------------

// ", "-separated names of what the first partitions hold; "" when none is known.
static void name_partitions(struct look *look, const struct blank_table *table, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < table->count && i < NAMED_PARTITIONS && used < size; i++) {
		uint64_t at = table->start[i];
		const char *name = NULL;
		// What cannot be read has no name; that it is not blank is known already.
		if (at % look->claim->sector == 0 && at + HEAD_BYTES <= look->size &&
		        clock_mono_ns() < look->end_ns &&
		        fd_pread_all(look->claim->fd, look->buffer, HEAD_BYTES, at) == (ssize_t)HEAD_BYTES)
			name = blank_file_system(look->buffer, HEAD_BYTES);
		if (name)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
	}
}

static void conclude_table(struct look *look, const struct blank_table *table)
{
	char names[64];
	name_partitions(look, table, names, sizeof(names));
	conclude(look, BLANK_NO, "%s with %u partition%s%s%s%s", table->kind, table->count,
	        table->count == 1 ? "" : "s", names[0] ? " (" : "", names, names[0] ? ")" : "");
}

// Whether the disk has this image's bytes at the first of its places behind the commit piece that says something.
static bool has_our_body(struct look *look)
{
	const struct image_front *front = look->image->front;
	_cleanup_free_ uint8_t *ours = malloc(SAMPLE_BYTES);
	for (uint32_t i = 0; ours && i < front->range_count; i++) {
		const struct plan_range *range = &front->ranges[i];
		uint64_t at = u64_up(u64_max(range->offset, PLAN_COMMIT_BYTES), SAMPLE_BYTES);
		if (at + SAMPLE_BYTES > range->offset + range->length)
			continue;
		bool there = image_front_state(front) == IMAGE_CONFIRMED ||
		             image_front_offset(front) >= at + SAMPLE_BYTES;
		if (!there || at + SAMPLE_BYTES > look->size ||
		        fd_pread_all(look->image->data_fd, ours, SAMPLE_BYTES, at) != (ssize_t)SAMPLE_BYTES)
			return false;
		if (blank_is_empty(ours, SAMPLE_BYTES))
			continue;
		return fd_pread_all(look->claim->fd, look->buffer, SAMPLE_BYTES, at) ==
		               (ssize_t)SAMPLE_BYTES &&
		       !memcmp(ours, look->buffer, SAMPLE_BYTES);
	}
	return false;
}

// Data without a partition table. What law 6 leaves has zeros in LBA 0 and 1, and its body is ours.
static void conclude_data(struct look *look, uint64_t at, const char *name)
{
	char place[32];
	place_text(at, place, sizeof(place));
	uint64_t headers = u64_min(2 * (uint64_t)look->claim->sector, look->head_size);
	bool headless = blank_is_empty(look->head, headers) && look->head[0] == 0;
	if (headless && has_our_body(look))
		conclude(look, BLANK_UNFINISHED, "a programming of this image that did not come to its end");
	else if (name && at == 0)
		conclude(look, BLANK_NO, "%s on the whole disk", name);
	else if (name)
		conclude(look, BLANK_NO, "%s at %s", name, place);
	else if (headless)
		conclude(look, BLANK_NO, "no partition table, but data at %s", place);
	else
		conclude(look, BLANK_NO, "data at %s", place);
}

// --- where to look -----------------------------------------------------------------------------------------

// The first sector of a piece that is not empty.
static uint64_t first_data(const struct look *look, const uint8_t *data, size_t size)
{
	size_t at = 0;
	while (at + look->claim->sector < size && blank_is_empty(data + at, look->claim->sector))
		at += look->claim->sector;
	return at;
}

// True: it is empty. False: it has concluded.
static bool look_at_head(struct look *look)
{
	struct blank_table table;
	look->head_size = (size_t)u64_min(HEAD_BYTES, look->size);
	if (!read_at(look, 0, look->head, look->head_size))
		return false;
	blank_find_table(look->head, look->head_size, &table);
	if (table.kind && claim_carries(look->claim, look->image))
		conclude(look, BLANK_NO, "this image");
	else if (table.kind)
		conclude_table(look, &table);
	else if (!blank_is_empty(look->head, look->head_size)) {
		const char *name = blank_file_system(look->head, look->head_size);
		conclude_data(look, name ? 0 : first_data(look, look->head, look->head_size), name);
	} else
		return true;
	return false;
}

static bool look_at_tail(struct look *look)
{
	uint64_t size = u64_min(TAIL_BYTES, look->size), at = look->size - size;
	if (!read_at(look, at, look->buffer, (size_t)size))
		return false;
	if (blank_is_empty(look->buffer, (size_t)size))
		return true;
	const uint8_t *last = look->buffer + size - look->claim->sector;
	if (size >= look->claim->sector && !memcmp(last, "EFI PART", 8))
		conclude(look, BLANK_NO, "a backup GPT on its last sector");
	else
		conclude_data(look, at + first_data(look, look->buffer, (size_t)size), NULL);
	return false;
}

static bool look_at(struct look *look, uint64_t at)
{
	at = u64_down(at, u64_max(look->claim->sector, 4 * KIB));
	if (at + SAMPLE_BYTES > look->size)
		return true;
	if (!read_at(look, at, look->buffer, SAMPLE_BYTES))
		return false;
	if (blank_is_empty(look->buffer, SAMPLE_BYTES))
		return true;
	const char *name = blank_file_system(look->buffer, SAMPLE_BYTES);
	conclude_data(look, name ? at : at + first_data(look, look->buffer, SAMPLE_BYTES), name);
	return false;
}

static bool look_at_samples(struct look *look)
{
	const struct image_front *front = look->image->front;
	uint32_t step = front->range_count / RANGE_SAMPLES + 1;
	for (uint64_t at = HEAD_BYTES; at < look->size; at *= 2)
		if (!look_at(look, at))
			return false;
	for (uint32_t i = 0; i < front->range_count; i += step)
		if (!look_at(look, front->ranges[i].offset))
			return false;
	for (unsigned i = 1; i <= EVEN_SAMPLES; i++)
		if (!look_at(look, look->size / (EVEN_SAMPLES + 1) * i))
			return false;
	return true;
}

void blank_look(const struct claim *claim, const struct image *image, struct blank *out)
{
	struct look look = {.claim = claim,
	        .image = image,
	        .out = out,
	        .size = u64_down(claim->found.size, claim->sector),
	        .end_ns = clock_mono_ns() + TIME_NS};
	_cleanup_free_ uint8_t *head = NULL;
	_cleanup_free_ uint8_t *buffer = NULL;
	*out = (struct blank){0};
	if (posix_memalign((void **)&head, 4 * KIB, HEAD_BYTES) != 0 ||
	        posix_memalign((void **)&buffer, 4 * KIB, HEAD_BYTES) != 0) {
		conclude(&look, BLANK_UNREADABLE, "memory is short");
		return;
	}
	look.head = head;
	look.buffer = buffer;
	if (look_at_head(&look) && look_at_tail(&look) && look_at_samples(&look))
		conclude(&look, BLANK_YES, "blank");
}

void blank_text(const struct blank *blank, char *text, size_t size)
{
	switch ((enum blank_verdict)blank->verdict) {
	case BLANK_NOT_LOOKED: text[0] = '\0'; break;
	case BLANK_YES: snprintf(text, size, "blank"); break;
	case BLANK_NO:
	case BLANK_UNFINISHED: snprintf(text, size, "not blank: %s", blank->text); break;
	default: snprintf(text, size, "not known: %s", blank->text);
	}
}
