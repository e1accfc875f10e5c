// SPDX-License-Identifier: MIT
// The walk over a board: one place decides for every byte who writes it and when.
#include "flash/walk.h"

static uint64_t key_end(const struct layout *l)
{
	return u64_min(2 * (uint64_t)l->lba, l->device_size);
}

static uint64_t last_lba(const struct layout *l)
{
	uint64_t end = u64_down(l->device_size, l->lba);
	return end > l->lba ? end - l->lba : 0;
}

uint64_t layout_tail(const struct layout *l)
{
	if (!l->holds_tail && l->image_size <= last_lba(l))
		return l->image_size;
	return u64_down(l->image_size - u64_min(l->image_size, PLAN_TAIL_BYTES), PLAN_TAIL_BYTES);
}

// The area a mapped byte is in, and where that area ends.
static enum walk_area area_of(const struct layout *l, uint64_t at, uint64_t *end)
{
	uint64_t tail = layout_tail(l);
	if (at < key_end(l)) {
		*end = key_end(l);
		return WALK_KEY;
	}
	if (at >= tail) {
		*end = l->device_size;
		return WALK_TAIL;
	}
	bool head = at < PLAN_COMMIT_BYTES;
	*end = head ? u64_min(PLAN_COMMIT_BYTES, tail) : tail;
	return head ? WALK_HEAD : WALK_BODY;
}

// The next ZERO run in the unmapped bytes [at, end), or none of length.
static struct walk_run zero_run(const struct layout *l, uint64_t at, uint64_t end)
{
	struct walk_run run = {.offset = at, .source = PLAN_ZERO};
	if (l->zero_all) {
		run.length = u64_min(end, u64_down(at, PLAN_RANGE_BYTES) + PLAN_RANGE_BYTES) - at;
	} else if (l->zero_headers && at < key_end(l)) {
		run.length = u64_min(end, key_end(l)) - at;
	} else if (l->zero_headers && end > last_lba(l)) {
		run.offset = u64_max(at, last_lba(l));
		run.length = u64_min(end, last_lba(l) + l->lba) - run.offset;
		if (run.offset >= last_lba(l) + l->lba)
			run.length = 0;
	}
	return run;
}

// Past the image's end an unmapped area begins at the next sector: the rest of the last one was padded.
static uint64_t gap_start(const struct layout *l, uint64_t at)
{
	return at == l->image_size ? u64_min(u64_up(at, l->sector), l->device_size) : at;
}

static bool next_run(struct walk *w)
{
	const struct layout *l = w->layout;
	for (;;) {
		const struct plan_range *range = w->next < l->count ? &l->ranges[w->next] : NULL;
		if (range && w->at >= range->offset) {
			w->run = (struct walk_run){range->offset, range->length, PLAN_STORE, w->next++};
			return true;
		}
		uint64_t end = range ? range->offset : l->device_size;
		uint64_t start = gap_start(l, w->at);
		struct walk_run run = {0};
		if (start < end)
			run = zero_run(l, start, end);
		w->at = run.length ? run.offset : end;
		if (run.length) {
			w->run = run;
			return true;
		}
		if (!range)
			return false;
	}
}

static bool next_blank(struct walk *w, struct walk_piece *piece)
{
	const struct layout *l = w->layout;
	if (w->at >= l->device_size)
		return false;
	bool first = w->at == 0;
	uint64_t offset = first ? 0 : u64_max(w->at, last_lba(l));
	uint64_t end = first ? key_end(l) : u64_min(last_lba(l) + l->lba, l->device_size);
	w->at = first ? end : l->device_size;
	if (offset >= end)
		return false;
	*piece =
	        (struct walk_piece){.offset = offset, .length = (uint32_t)(end - offset), .area = WALK_BLANK};
	piece->run = (struct walk_run){offset, end - offset, PLAN_ZERO, 0};
	return true;
}

static void cut_piece(struct walk *w, struct walk_piece *piece)
{
	uint64_t unit = WALK_PIECE_BYTES, end = w->run.offset + w->run.length;
	piece->area = w->layout->zero_all ? WALK_BODY : WALK_HEADERS;
	if (w->run.source == PLAN_STORE) {
		uint64_t area_end;
		piece->area = area_of(w->layout, w->at, &area_end);
		end = u64_min(end, area_end);
		if (piece->area == WALK_BODY)
			unit = u64_max(unit, w->piece);
	}
	end = u64_min(end, u64_down(w->at, unit) + unit);
	piece->offset = w->at;
	piece->length = (uint32_t)(end - w->at);
	piece->run = w->run;
	w->at = end;
}

bool walk_next(struct walk *walk, struct walk_piece *piece)
{
	if (walk->areas == WALK_BLANK)
		return next_blank(walk, piece);
	do {
		if (walk->at >= walk->run.offset + walk->run.length && !next_run(walk))
			return false;
		cut_piece(walk, piece);
	} while (!(piece->area & walk->areas));
	return true;
}

void walk_start(struct walk *walk, const struct layout *layout, unsigned areas)
{
	*walk = (struct walk){.layout = layout, .areas = areas};
}

void walk_start_at(struct walk *walk, const struct layout *layout, unsigned areas, const struct walk_run *run)
{
	walk_start(walk, layout, areas);
	walk->at = run->offset;
	walk->run = *run;
	walk->next = run->source == PLAN_STORE ? run->range + 1 : layout->count;
}

uint64_t layout_bytes(const struct layout *layout, unsigned areas)
{
	struct walk walk;
	struct walk_piece piece;
	uint64_t sum = 0;
	walk_start(&walk, layout, areas);
	while (walk_next(&walk, &piece))
		sum += piece.length;
	return sum;
}

bool layout_fits_sector(const struct layout *l)
{
	for (size_t i = 0; i < l->count; i++) {
		uint64_t end = l->ranges[i].offset + l->ranges[i].length;
		if (l->ranges[i].offset % l->sector || (end % l->sector && end != l->image_size))
			return false;
	}
	return true;
}
