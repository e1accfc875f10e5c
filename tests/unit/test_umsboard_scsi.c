// SPDX-License-Identifier: MIT
// The emulated board answers SCSI as U-Boot's mass-storage gadget does, down to its peculiarities.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "check.h"
#include "fixtures/line/umsboard/bot.h"
#include "fixtures/line/umsboard/wire.h"

enum { SECTORS = 8192 };

struct board {
	struct scsi_target target;
	struct faults faults;
	struct bot bot;
};

static struct board *board_of(unsigned luns, uint32_t block_size)
{
	struct board *b = test_calloc(1, sizeof(*b));
	for (unsigned i = 0; i < luns; i++) {
		struct scsi_lun *lun = &b->target.luns[i];
		lun->medium.fd = memfd_create("medium", MFD_CLOEXEC);
		lun->medium.size = (uint64_t)SECTORS * 512;
		lun->block_size = block_size;
		assert_int_equal(ftruncate(lun->medium.fd, (off_t)lun->medium.size), 0);
	}
	b->target.lun_count = luns;
	bot_init(&b->bot, &b->target, &b->faults);
	return b;
}

static void board_end(struct board *b)
{
	for (unsigned i = 0; i < b->target.lun_count; i++)
		close(b->target.luns[i].medium.fd);
	test_free(b);
}

static void fault(struct board *b, const char *text)
{
	struct err e = {0};
	if (faults_add(&b->faults, text, &e) < 0)
		fail_msg("%s", e.text);
}

static void send_cbw(
        struct board *b, unsigned lun, const uint8_t *cdb, unsigned cdb_size, bool in, uint32_t size)
{
	uint8_t cbw[31] = {'U', 'S', 'B', 'C', 0xde, 0xad, 0xbe, 0xef};
	put_le32(cbw + 8, size);
	cbw[12] = in ? 0x80 : 0;
	cbw[13] = (uint8_t)lun;
	cbw[14] = (uint8_t)cdb_size;
	memcpy(cbw + 15, cdb, cdb_size);
	assert_int_equal(bot_out(&b->bot, cbw, sizeof(cbw)), sizeof(cbw));
}

// Reads the CSW: its status; *residue when wanted.
static int csw(struct board *b, uint32_t *residue)
{
	uint8_t data[512];
	assert_int_equal(bot_in(&b->bot, data, sizeof(data)), 13);
	assert_memory_equal(data, "USBS\xde\xad\xbe\xef", 8);
	if (residue)
		*residue = get_le32(data + 8);
	return data[12];
}

// A command with data to the host; the data phase always has exactly `size` bytes.
static int command_in(
        struct board *b, const uint8_t *cdb, unsigned cdb_size, void *data, uint32_t size, uint32_t *residue)
{
	send_cbw(b, 0, cdb, cdb_size, true, size);
	if (size)
		assert_int_equal(bot_in(&b->bot, data, size), size);
	return csw(b, residue);
}

static int command_none(struct board *b, const uint8_t *cdb, unsigned cdb_size)
{
	send_cbw(b, 0, cdb, cdb_size, false, 0);
	return csw(b, NULL);
}

static void expect_sense(struct board *b, uint8_t key, uint8_t asc, uint8_t ascq)
{
	static const uint8_t cdb[6] = {0x03, 0, 0, 0, 18};
	uint8_t sense[18];
	assert_int_equal(command_in(b, cdb, 6, sense, 18, NULL), 0);
	assert_int_equal(sense[0] & 0x7f, 0x70);
	assert_int_equal(sense[2], key);
	assert_int_equal(sense[12], asc);
	assert_int_equal(sense[13], ascq);
}

static void rw10(uint8_t cdb[10], uint8_t opcode, uint32_t lba, uint16_t blocks)
{
	memset(cdb, 0, 10);
	cdb[0] = opcode;
	put_be32(cdb + 2, lba);
	put_be16(cdb + 7, blocks);
}

static int write10(struct board *b, uint32_t lba, const uint8_t *data, uint16_t blocks, uint32_t *residue)
{
	uint8_t cdb[10];
	rw10(cdb, 0x2a, lba, blocks);
	uint32_t size = blocks * b->target.luns[0].block_size;
	send_cbw(b, 0, cdb, 10, false, size);
	assert_int_equal(bot_out(&b->bot, data, size), size);
	return csw(b, residue);
}

static int read10(struct board *b, uint32_t lba, uint8_t *data, uint16_t blocks, uint32_t *residue)
{
	uint8_t cdb[10];
	rw10(cdb, 0x28, lba, blocks);
	return command_in(b, cdb, 10, data, blocks * b->target.luns[0].block_size, residue);
}

static void fill(uint8_t *data, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(seed = seed * 1103515245 + 12345, seed >> 16);
}

static void inquiry_says_linux_ums_disk_and_ffff(void **state)
{
	(void)state;
	static const uint8_t cdb[6] = {0x12, 0, 0, 0, 36};
	struct board *b = board_of(2, 512);
	uint8_t data[36];
	assert_int_equal(command_in(b, cdb, 6, data, 36, NULL), 0);
	assert_memory_equal(data, "\0\x80\2\2\37\0\0\0Linux   UMS disk 0      ffff", 36);
	send_cbw(b, 1, cdb, 6, true, 36);
	assert_int_equal(bot_in(&b->bot, data, 36), 36);
	assert_memory_equal(data + 8, "Linux   UMS disk 1      ffff", 28);
	board_end(b);
}

static void a_short_reply_is_padded_with_zeros_and_leaves_a_residue(void **state)
{
	(void)state;
	static const uint8_t cdb[6] = {0x12, 0, 0, 0, 255};
	struct board *b = board_of(1, 512);
	uint8_t data[255];
	memset(data, 0xaa, sizeof(data));
	uint32_t residue;
	assert_int_equal(command_in(b, cdb, 6, data, 255, &residue), 0);
	assert_int_equal(residue, 255 - 36);
	assert_int_equal(data[36], 0);
	assert_int_equal(data[254], 0);
	board_end(b);
}

static void what_is_written_is_read_back_and_larger_than_a_buffer_works(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	enum { BLOCKS = 800, SIZE = BLOCKS * 512 }; // more than three buffers
	uint8_t *out = test_malloc(SIZE), *in = test_malloc(SIZE);
	fill(out, SIZE, 1);
	uint32_t residue;
	assert_int_equal(write10(b, 3, out, BLOCKS, &residue), 0); // off a page boundary
	assert_int_equal(residue, 0);
	assert_int_equal(read10(b, 3, in, BLOCKS, &residue), 0);
	assert_int_equal(residue, 0);
	assert_memory_equal(in, out, SIZE);
	assert_int_equal(b->bot.bytes_written, SIZE);
	test_free(out);
	test_free(in);
	board_end(b);
}

static void a_failed_write_is_pass_with_residue_and_without_sense(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	enum { BLOCKS = 1024, SIZE = BLOCKS * 512 };
	uint8_t *data = test_malloc(SIZE);
	fill(data, SIZE, 2);
	fault(b, "write-error@200K");
	uint32_t residue;
	assert_int_equal(write10(b, 0, data, BLOCKS, &residue), 0);
	assert_int_equal(residue, SIZE - BOT_BUFFER_SIZE); // the first buffer went through
	expect_sense(b, 0, 0, 0);
	assert_int_equal(b->bot.bytes_written, BOT_BUFFER_SIZE);
	test_free(data);
	board_end(b);
}

// pad_with_zeros() sends as many stale bytes as the buffer's last transfer had before the zeros: the host
// gets its data phase full, and then something that is no CSW.
static void a_failed_read_sends_stale_bytes_and_spoils_the_status(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t cdb[10], data[4096];
	static const uint8_t ready[6] = {0};
	assert_int_equal(command_none(b, ready, 6), 0); // leaves a CSW of 13 bytes in one buffer
	assert_int_equal(command_none(b, ready, 6), 0); // and in the other
	fault(b, "read-error@8K");
	rw10(cdb, 0x28, 16, 8);
	send_cbw(b, 0, cdb, 10, true, 4096);
	assert_int_equal(bot_in(&b->bot, data, 4096), 4096);
	uint8_t status[512];
	assert_int_equal(bot_in(&b->bot, status, sizeof(status)), 13);
	assert_memory_not_equal(status, "USBS", 4);
	bot_reset(&b->bot);
	assert_int_equal(command_none(b, ready, 6), 0);
	board_end(b);
}

static void commands_u_boot_lacks_are_refused_with_05_20_00(void **state)
{
	(void)state;
	static const uint8_t lacking[] = {0x9e /* READ CAPACITY(16) */, 0x88 /* READ(16) */, 0x42 /* UNMAP */,
	        0x41 /* WRITE SAME(10) */, 0x93 /* WRITE SAME(16) */, 0x91 /* SYNCHRONIZE CACHE(16) */,
	        0xa3 /* REPORT SUPPORTED OPERATION CODES */, 0x04 /* FORMAT UNIT */};
	struct board *b = board_of(1, 512);
	for (size_t i = 0; i < sizeof(lacking); i++) {
		uint8_t cdb[16] = {lacking[i]}, data[32];
		uint32_t residue;
		assert_int_equal(command_in(b, cdb, 16, data, 32, &residue), 1);
		assert_int_equal(residue, 32);
		expect_sense(b, 5, 0x20, 0);
	}
	board_end(b);
}

static void a_refused_write_has_its_data_thrown_away(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t cdb[16] = {0x8a /* WRITE(16) */}, data[1024] = {0};
	uint32_t residue;
	send_cbw(b, 0, cdb, 16, false, sizeof(data));
	assert_int_equal(bot_out(&b->bot, data, sizeof(data)), sizeof(data));
	assert_int_equal(csw(b, &residue), 1);
	assert_int_equal(residue, sizeof(data));
	expect_sense(b, 5, 0x20, 0);
	board_end(b);
}

static void writes_past_the_end_are_refused(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t data[1024] = {0};
	uint32_t residue;
	assert_int_equal(write10(b, SECTORS, data, 1, &residue), 1);
	expect_sense(b, 5, 0x21, 0);
	assert_int_equal(write10(b, SECTORS - 1, data, 2, &residue), 0); // U-Boot finds out from its driver
	assert_int_equal(residue, 512); // the first piece ends on a page boundary, and fits
	board_end(b);
}

static void the_caching_page_claims_a_cache_and_synchronize_does_nothing(void **state)
{
	(void)state;
	static const uint8_t sense6[6] = {0x1a, 0, 0x08, 0, 192}, sync[10] = {0x35};
	struct board *b = board_of(1, 512);
	uint8_t data[192];
	uint32_t residue;
	assert_int_equal(command_in(b, sense6, 6, data, 192, &residue), 0);
	assert_int_equal(residue, 192 - 16);
	assert_int_equal(data[0], 15);
	assert_int_equal(data[4], 0x08);
	assert_int_equal(data[6], 0x04); // WCE
	assert_int_equal(command_none(b, sync, 10), 0);
	assert_int_equal(b->target.sync_count, 1);
	board_end(b);
}

static void capacity_counts_the_sectors_it_was_given(void **state)
{
	(void)state;
	static const uint8_t cdb[10] = {0x25};
	uint8_t data[8];
	struct board *b = board_of(1, 4096);
	assert_int_equal(command_in(b, cdb, 10, data, 8, NULL), 0);
	assert_int_equal(get_be32(data), SECTORS / 8 - 1);
	assert_int_equal(get_be32(data + 4), 4096);
	board_end(b);
}

static void a_fake_capacity_wraps_around(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t out[512], in[512];
	fault(b, "wrap@1M");
	fill(out, sizeof(out), 3);
	assert_int_equal(write10(b, 2048 + 7, out, 1, NULL), 0);
	assert_int_equal(read10(b, 7, in, 1, NULL), 0);
	assert_memory_equal(in, out, 512);
	board_end(b);
}

static void a_flipped_bit_stays_on_the_disk(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t out[1024] = {0}, in[1024];
	fault(b, "flip@700x1");
	assert_int_equal(write10(b, 0, out, 2, NULL), 0);
	assert_int_equal(read10(b, 0, in, 2, NULL), 0);
	assert_int_equal(in[700], 0x10);
	assert_int_equal(write10(b, 0, out, 2, NULL), 0); // once only
	assert_int_equal(read10(b, 0, in, 2, NULL), 0);
	assert_memory_equal(in, out, sizeof(in));
	board_end(b);
}

static void vanishing_leaves_what_came_before_the_offset(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t cdb[10], out[8192], in[8192];
	memset(out, 0x5a, sizeof(out));
	fault(b, "vanish@5000");
	rw10(cdb, 0x2a, 0, 16);
	send_cbw(b, 0, cdb, 10, false, sizeof(out));
	assert_int_equal(bot_out(&b->bot, out, sizeof(out)), -EAGAIN);
	assert_int_equal(b->bot.state, BOT_GONE);
	assert_int_equal(fd_pread_all(b->target.luns[0].medium.fd, in, sizeof(in), 0), sizeof(in));
	assert_int_equal(in[4999], 0x5a);
	assert_int_equal(in[5000], 0);
	board_end(b);
}

static void a_hung_board_answers_again_after_a_reset(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t cdb[10], out[4096] = {0};
	static const uint8_t ready[6] = {0};
	fault(b, "hang@0x1");
	rw10(cdb, 0x2a, 0, 8);
	send_cbw(b, 0, cdb, 10, false, sizeof(out));
	assert_int_equal(bot_out(&b->bot, out, sizeof(out)), -EAGAIN);
	uint8_t status[13];
	assert_int_equal(bot_in(&b->bot, status, sizeof(status)), -EAGAIN);
	bot_reset(&b->bot);
	assert_int_equal(command_none(b, ready, 6), 0);
	board_end(b);
}

static void a_cbw_that_is_none_ends_ums(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t junk[31] = "not a command block wrapper";
	bot_out(&b->bot, junk, sizeof(junk));
	assert_int_equal(b->bot.state, BOT_LEFT);
	board_end(b);
}

static void a_host_that_expects_less_than_the_command_moves_gets_a_phase_error(void **state)
{
	(void)state;
	struct board *b = board_of(1, 512);
	uint8_t cdb[10], data[512];
	rw10(cdb, 0x28, 0, 2);
	assert_int_equal(command_in(b, cdb, 10, data, 512, NULL), 2);
	board_end(b);
}

static void faults_are_parsed_or_refused(void **state)
{
	(void)state;
	struct faults f = {0};
	assert_int_equal(faults_add(&f, "write-error@64Mx2", NULL), 0);
	assert_int_equal(f.list[0].kind, FAULT_WRITE_ERROR);
	assert_int_equal(f.list[0].offset, 64 << 20);
	assert_int_equal(f.list[0].times, 2);
	assert_int_equal(faults_add(&f, "stuck-eject", NULL), 0);
	static const char *const bad[] = {"", "broken", "flip@", "flip@x", "slow", "wrap@0", "flip@1Q",
	        "hang@1x", "flip@99999999999999999999"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(faults_add(&f, bad[i], NULL) < 0);
	assert_int_equal(f.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(inquiry_says_linux_ums_disk_and_ffff),
	        cmocka_unit_test(a_short_reply_is_padded_with_zeros_and_leaves_a_residue),
	        cmocka_unit_test(what_is_written_is_read_back_and_larger_than_a_buffer_works),
	        cmocka_unit_test(a_failed_write_is_pass_with_residue_and_without_sense),
	        cmocka_unit_test(a_failed_read_sends_stale_bytes_and_spoils_the_status),
	        cmocka_unit_test(commands_u_boot_lacks_are_refused_with_05_20_00),
	        cmocka_unit_test(a_refused_write_has_its_data_thrown_away),
	        cmocka_unit_test(writes_past_the_end_are_refused),
	        cmocka_unit_test(the_caching_page_claims_a_cache_and_synchronize_does_nothing),
	        cmocka_unit_test(capacity_counts_the_sectors_it_was_given),
	        cmocka_unit_test(a_fake_capacity_wraps_around),
	        cmocka_unit_test(a_flipped_bit_stays_on_the_disk),
	        cmocka_unit_test(vanishing_leaves_what_came_before_the_offset),
	        cmocka_unit_test(a_hung_board_answers_again_after_a_reset),
	        cmocka_unit_test(a_cbw_that_is_none_ends_ums),
	        cmocka_unit_test(a_host_that_expects_less_than_the_command_moves_gets_a_phase_error),
	        cmocka_unit_test(faults_are_parsed_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
