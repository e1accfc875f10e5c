// SPDX-License-Identifier: MIT
#include "check.h"
#include "flash/sweep.h"
#include "flash/walk.h"

enum { RANGES_MAX = 24, ROUNDS = 300 };

// A layout with ranges of all kinds of borders, from a seed: what fails once fails again.
static struct layout random_layout(unsigned seed, struct plan_range *ranges)
{
	srandom(seed);
	uint64_t block = 512u << (random() % 4), at = 0;
	struct layout l = {.ranges = ranges, .sector = 512, .lba = random() % 4 ? 512 : 4096};
	while (l.count < RANGES_MAX && (l.count == 0 || random() % 12)) {
		at += (uint64_t)(random() % 3 ? random() % 40 : random() % 3000) * block;
		uint64_t length = (1 + (uint64_t)(random() % 3 ? random() % 100 : random() % 4000)) * block;
		ranges[l.count++] = (struct plan_range){.offset = at, .length = length};
		at += length;
	}
	l.image_size = at + (random() % 3 ? 0 : 10 * MIB);
	if (random() % 2) { // the image ends with a block that is not whole
		uint64_t cut = (uint64_t)random() % block;
		ranges[l.count - 1].length -= cut;
		l.image_size = at - cut;
	}
	l.device_size = u64_up(l.image_size, 4096) + (random() % 2 ? 0 : (uint64_t)(random() % 3000) * 4096);
	l.zero_all = random() % 2;
	l.zero_headers = random() % 4;
	return l;
}

static bool is_mapped(const struct layout *l, uint64_t at)
{
	for (size_t i = 0; i < l->count; i++)
		if (at >= l->ranges[i].offset && at < l->ranges[i].offset + l->ranges[i].length)
			return true;
	return false;
}

static void check_piece(const struct layout *l, const struct walk_piece *p)
{
	assert_int_equal(p->offset % 512, 0);
	assert_in_range(p->length, 1, WALK_PIECE_BYTES);
	assert_int_equal(p->offset / WALK_PIECE_BYTES, (p->offset + p->length - 1) / WALK_PIECE_BYTES);
	assert_true(p->offset >= p->run.offset);
	assert_true(p->offset + p->length <= p->run.offset + p->run.length);
	assert_true(p->offset + p->length <= l->device_size);
	assert_int_equal(is_mapped(l, p->offset), p->run.source == PLAN_STORE);
	assert_int_equal(is_mapped(l, p->offset + p->length - 1), p->run.source == PLAN_STORE);
}

static void every_mapped_byte_is_walked_once_in_order_whatever_the_ranges(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= ROUNDS; seed++) {
		struct plan_range ranges[RANGES_MAX];
		const struct layout l = random_layout(seed, ranges);
		struct walk walk;
		struct walk_piece p;
		uint64_t end = 0, mapped = 0, all = 0, run_end = 0;
		walk_start(&walk, &l, WALK_PLAN | WALK_HEADERS);
		while (walk_next(&walk, &p)) {
			check_piece(&l, &p);
			assert_true(p.offset >= end);
			assert_int_equal(walk_begins_run(&p), p.offset >= run_end);
			run_end = p.run.offset + p.run.length;
			end = p.offset + p.length;
			mapped += p.run.source == PLAN_STORE ? p.length : 0;
			all += p.length;
		}
		assert_int_equal(end >= run_end, true); // no run is left unfinished
		assert_int_equal(mapped, plan_bytes(ranges, l.count));
		// Everything, but for the padding of the image's last sector, is written when nothing old may stay.
		if (l.zero_all)
			assert_in_range(all, l.device_size - 511, l.device_size);
	}
}

static void the_areas_split_the_plan_and_only_the_key_and_the_tail_touch_what_was_blanked(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= ROUNDS; seed++) {
		struct plan_range ranges[RANGES_MAX];
		const struct layout l = random_layout(seed, ranges);
		uint64_t sum = 0;
		for (unsigned area = WALK_BODY; area <= WALK_KEY; area <<= 1)
			sum += layout_bytes(&l, area);
		assert_int_equal(sum, layout_bytes(&l, WALK_PLAN));
		struct walk walk;
		struct walk_piece p;
		walk_start(&walk, &l, WALK_BODY | WALK_HEAD);
		while (walk_next(&walk, &p)) {
			if (p.run.source != PLAN_STORE)
				continue; // zeros may lie there
			assert_true(p.offset >= 2 * l.lba);
			assert_true(p.offset + p.length <= l.device_size - l.lba);
			assert_true((p.area == WALK_HEAD) == (p.offset < PLAN_COMMIT_BYTES));
		}
	}
}

// On a larger one no header is looked for there, and the KEY alone is the last write.
static void the_images_end_is_a_tail_only_where_it_is_the_devices_too(void **state)
{
	(void)state;
	const struct plan_range ranges[] = {{.offset = 0, .length = 4 * MIB}};
	struct layout l = {.ranges = ranges, .count = 1, .image_size = 4 * MIB, .lba = 512, .sector = 512};
	static const struct {
		uint64_t more;
		uint32_t lba;
		bool tail;
	} cases[] = {{0, 512, true}, {511, 512, true}, {512, 512, false}, {512, 4096, true},
	        {4096, 4096, false}, {GIB, 512, false}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		l.device_size = l.image_size + cases[i].more;
		l.lba = cases[i].lba;
		assert_int_equal(layout_bytes(&l, WALK_TAIL), cases[i].tail ? PLAN_TAIL_BYTES : 0);
		assert_int_equal(layout_tail(&l), l.image_size - (cases[i].tail ? PLAN_TAIL_BYTES : 0));
	}
}

static void blank_is_the_first_two_sectors_and_the_last_and_no_more(void **state)
{
	(void)state;
	static const struct {
		uint64_t size;
		uint32_t lba;
	} cases[] = {{64 * MIB, 512}, {64 * MIB, 4096}, {64 * MIB + 100, 512}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct layout l = {
		        .image_size = MIB, .device_size = cases[i].size, .lba = cases[i].lba, .sector = 512};
		struct walk walk;
		struct walk_piece p;
		walk_start(&walk, &l, WALK_BLANK);
		assert_true(walk_next(&walk, &p));
		assert_int_equal(p.offset, 0);
		assert_int_equal(p.length, 2 * cases[i].lba);
		assert_true(walk_next(&walk, &p));
		assert_int_equal(p.offset, u64_down(cases[i].size, cases[i].lba) - cases[i].lba);
		assert_int_equal(p.length, cases[i].lba);
		assert_false(walk_next(&walk, &p));
	}
}

static void a_walk_can_start_at_any_run(void **state)
{
	(void)state;
	struct plan_range ranges[RANGES_MAX];
	const struct layout l = random_layout(7, ranges);
	struct walk walk, again;
	struct walk_piece p, q;
	walk_start(&walk, &l, WALK_PLAN);
	while (walk_next(&walk, &p)) {
		if (!walk_begins_run(&p))
			continue;
		walk_start_at(&again, &l, WALK_PLAN, &p.run);
		assert_true(walk_next(&again, &q));
		assert_int_equal(q.offset, p.offset);
		assert_int_equal(q.length, p.length);
	}
}

// Only what is written from the store, and only the body: all else has buffers of WALK_PIECE_BYTES.
static void pieces_of_any_size_leave_nothing_out(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= ROUNDS; seed++) {
		struct plan_range ranges[RANGES_MAX];
		const struct layout l = random_layout(seed, ranges);
		struct walk walk;
		struct walk_piece p;
		uint64_t end = 0, mapped = 0;
		walk_start(&walk, &l, WALK_PLAN);
		while (walk_next(&walk, &p)) {
			bool grown = p.run.source == PLAN_STORE && p.area == WALK_BODY;
			assert_in_range(
			        p.length, 1, grown ? walk.piece + WALK_PIECE_BYTES : WALK_PIECE_BYTES);
			assert_true(p.offset >= end);
			end = p.offset + p.length;
			mapped += p.run.source == PLAN_STORE ? p.length : 0;
			walk.piece = WALK_PIECE_BYTES
			             << (random() % 4); // as the disk becomes faster and slower
		}
		assert_int_equal(mapped, plan_bytes(ranges, l.count));
	}
}

// Notes `count` pieces that land at a speed, three in flight.
static uint32_t pace_after(struct sweep_pace *pace, int count, uint64_t bytes_per_s)
{
	for (int i = 0; i < count; i++)
		sweep_pace_note(pace, 3 * (uint64_t)pace->piece * UINT64_C(1000000000) / bytes_per_s);
	return pace->piece;
}

static void pieces_grow_until_what_is_in_flight_lasts_the_disk_a_while(void **state)
{
	(void)state;
	struct sweep_pace pace = SWEEP_PACE_START;
	assert_int_equal(pace_after(&pace, 1000, 5 * 1000 * 1000), WALK_PIECE_BYTES);
	assert_int_equal(pace_after(&pace, 7, 2000 * 1000 * 1000), WALK_PIECE_BYTES); // a buffer that fills
	assert_int_equal(pace_after(&pace, 1000, 5 * 1000 * 1000), WALK_PIECE_BYTES);
	assert_int_equal(
	        pace_after(&pace, 1000, 40 * 1000 * 1000), 2 * WALK_PIECE_BYTES); // a high-speed link
	assert_int_equal(pace_after(&pace, 1000, 2000 * 1000 * 1000), SWEEP_PIECE_MAX);
	assert_int_equal(pace_after(&pace, 1000, 150 * 1000 * 1000), SWEEP_PIECE_MAX); // in between: as it is
	assert_int_equal(pace_after(&pace, 1000, 15 * 1000 * 1000), WALK_PIECE_BYTES);
}

static void ranges_that_do_not_fit_the_sectors_are_seen(void **state)
{
	(void)state;
	const struct plan_range ranges[] = {{.offset = 0, .length = 4096}, {.offset = 8192, .length = 5000}};
	struct layout l = {.ranges = ranges, .count = 2, .image_size = 8192 + 5000, .sector = 4096};
	assert_true(layout_fits_sector(&l)); // only the image's end may lie inside a sector
	l.image_size++;
	assert_false(layout_fits_sector(&l));
	const struct plan_range odd[] = {{.offset = 1024, .length = 4096}};
	l = (struct layout){.ranges = odd, .count = 1, .image_size = MIB, .sector = 4096};
	assert_false(layout_fits_sector(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_mapped_byte_is_walked_once_in_order_whatever_the_ranges),
	        cmocka_unit_test(
	                the_areas_split_the_plan_and_only_the_key_and_the_tail_touch_what_was_blanked),
	        cmocka_unit_test(the_images_end_is_a_tail_only_where_it_is_the_devices_too),
	        cmocka_unit_test(blank_is_the_first_two_sectors_and_the_last_and_no_more),
	        cmocka_unit_test(a_walk_can_start_at_any_run),
	        cmocka_unit_test(pieces_of_any_size_leave_nothing_out),
	        cmocka_unit_test(pieces_grow_until_what_is_in_flight_lasts_the_disk_a_while),
	        cmocka_unit_test(ranges_that_do_not_fit_the_sectors_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
