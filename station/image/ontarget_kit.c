// SPDX-License-Identifier: MIT
// Making what boards need that read themselves back, in this process or in one of its own.
#include "image/ontarget_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/legacy.h"
#include "image/script.h"
#include "image/subset.h"

static void plan_hex(const struct image *image, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	plan_digest(image->front->ranges, image->front->range_count, digest);
	digest_hex(digest, sizeof(digest), hex);
}

static int make_script(const struct image *image, const struct ontarget_spec *spec,
        const struct windows *windows, char **out, size_t *size, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t text_size = 0;
	struct script_spec script = {.name = "image", .window = spec->window};
	plan_hex(image, script.plan_sha256);
	int r = script_verify(&script, windows, &text, &text_size, e);
	return r < 0 ? r : legacy_script("gangway verify", text, text_size, out, size, e);
}

static int check_place(const struct image *image, uint64_t sector, uint64_t script_size, struct err *e)
{
	const struct image_front *front = image->front;
	uint64_t from = sector * ONTARGET_BLOCK, to = from + ontarget_place_size(script_size);
	if (sector < ONTARGET_SECTOR_MIN)
		return err_set(e, EINVAL, "block %" PRIu64 ": blocks 0 to %d are the partition table's",
		        sector, ONTARGET_SECTOR_MIN - 1);
	if (script_size > ONTARGET_SCRIPT_MAX)
		return err_set(e, EFBIG,
		        "the verify script has %" PRIu64 " bytes and the board's place for it 1 MiB; use a "
		        "larger window",
		        script_size);
	for (uint32_t i = 0; i < front->range_count; i++) {
		const struct plan_range *range = &front->ranges[i];
		if (range->offset < to && from < range->offset + range->length)
			return err_set(e, EINVAL,
			        "block %" PRIu64 ": the image itself has bytes %" PRIu64 " to %" PRIu64
			        " there; reserve %" PRIu64 " blocks that it does not map",
			        sector, u64_max(from, range->offset),
			        u64_min(to, range->offset + range->length), (to - from) / ONTARGET_BLOCK);
	}
	return 0;
}

// A script that is too large by far is not made first: this many windows, and ranges of an image, have at least so many bytes
// in it (image/script.c).
#define BYTES_PER_WINDOW 160
#define BYTES_PER_RANGE  40

static int check_count(const struct image *image, const struct ontarget_spec *spec, struct err *e)
{
	uint64_t windows = image->front->mapped_bytes / spec->window;
	uint64_t size = windows * BYTES_PER_WINDOW + (uint64_t)image->front->range_count * BYTES_PER_RANGE;
	return size <= ONTARGET_SCRIPT_MAX
	               ? 0
	               : err_set(e, EFBIG,
	                         "windows of %" PRIu64
	                         " bytes make a verify script of more than 1 MiB, which is the board's place "
	                         "for it; use a larger window, or a bmap with fewer ranges",
	                         spec->window);
}

int ontarget_kit_check(const struct image *image, const struct ontarget_spec *spec, struct err *e)
{
	_cleanup_windows_ struct windows *windows = NULL;
	_cleanup_free_ char *script = NULL;
	size_t size = 0;
	// The digests' values are not known, but how long they are.
	int r = check_count(image, spec, e);
	if (r == 0)
		r = windows_lay(image, WINDOW_BODY, spec->window, &windows, e);
	if (r == 0)
		r = make_script(image, spec, windows, &script, &size, e);
	return r < 0 ? r : check_place(image, spec->sector, size, e);
}

// The digests that are made of the store vouch for boards, so the store is held against the plan.
static int check_store(const struct image *image, struct err *e)
{
	for (uint32_t i = 0; i < image->front->range_count; i++) {
		const struct plan_range *range = &image->front->ranges[i];
		bool matches = true;
		int r = image_check_range(image, range, &matches, e);
		if (r < 0)
			return r;
		if (!matches)
			return err_fail(e, EILSEQ, FAILURE_STORE_DAMAGED,
			        "the stored image is damaged at byte %" PRIu64 " or behind; import it again",
			        range->offset);
	}
	return 0;
}

static int keep_script(struct ontarget_kit *kit, const char *script, size_t size, struct err *e)
{
	kit->script_fd = memfd_create("gangway-verify", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = kit->script_fd < 0 ? -errno : fd_pwrite_all(kit->script_fd, script, size, 0);
	if (r == 0 && fcntl(kit->script_fd, F_ADD_SEALS,
	                      F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		r = -errno;
	kit->script_size = size;
	return r < 0 ? err_sys(e, -r, "the verify script") : 0;
}

// Whoever judges an answer must be able to tell a wrong board from a wrong store.
static int keep_whole(struct ontarget_kit *kit, const struct image *image, struct err *e)
{
	kit->withheld.target_fd = fcntl(image->front_fd, F_DUPFD_CLOEXEC, 0);
	return kit->withheld.target_fd < 0 ? err_sys(e, errno, "the image's front") : 0;
}

int ontarget_kit_make(
        const struct image *image, const struct ontarget_spec *spec, struct ontarget_kit *out, struct err *e)
{
	_cleanup_windows_ struct windows *windows = NULL;
	_cleanup_free_ char *script = NULL;
	size_t size = 0;
	*out = ONTARGET_KIT_NONE;
	int r = check_count(image, spec, e);
	if (r == 0)
		r = windows_cut(image, WINDOW_BODY, spec->window, &windows, e);
	if (r == 0)
		r = check_store(image, e);
	if (r == 0)
		r = make_script(image, spec, windows, &script, &size, e);
	if (r == 0)
		r = check_place(image, spec->sector, size, e);
	if (r == 0)
		r = image_withheld(image, &out->withheld, e);
	if (r == 0)
		r = keep_script(out, script, size, e);
	if (r == 0)
		r = keep_whole(out, image, e);
	if (r < 0) {
		ontarget_kit_close(out);
		return r;
	}
	out->windows = windows->count;
	plan_hex(image, out->plan_sha256);
	return 0;
}

void ontarget_kit_close(struct ontarget_kit *kit)
{
	image_close(&kit->withheld);
	fd_close(&kit->script_fd);
	*kit = ONTARGET_KIT_NONE;
}

// --- in a process of its own -------------------------------------------------------------------------------

enum { FD_SOCKET = CHILD_FD_FIRST, FD_DATA, FD_FRONT, FD_WAKE, FD_COUNT = 4 };

// One packet; with the withheld part's front and the script when `error` is 0.
struct kit_packet {
	int32_t error, failure;
	uint64_t script_size, windows;
	char plan_sha256[SHA256_HEX_SIZE];
	char text[480];
};

int ontarget_kit_start(const struct image *image, const struct ontarget_spec *spec, struct child *child,
        int *sock, struct err *e)
{
	char sector[24], window[24];
	int pair[2];
	snprintf(sector, sizeof(sector), "%" PRIu64, spec->sector);
	snprintf(window, sizeof(window), "%" PRIu64, spec->window);
	int r = fd_packet_pair(pair, e);
	if (r < 0)
		return r;
	struct child_spec wanted = {.role = "ontarget-kit",
	        .args = {sector, window},
	        .fds = {pair[1], image->data_fd, image->front_fd, image->wake_fd},
	        .fd_count = FD_COUNT,
	        .stdout_fd = -1};
	r = child_start(&wanted, child, e);
	close(pair[1]);
	if (r < 0)
		close(pair[0]);
	else
		*sock = pair[0];
	return r;
}

static int take_front(const struct image *image, int front_fd, struct image *out, struct err *e)
{
	*out = (struct image){.data_fd = fcntl(image->data_fd, F_DUPFD_CLOEXEC, 0),
	        .wake_fd = fcntl(image->wake_fd, F_DUPFD_CLOEXEC, 0),
	        .front_fd = front_fd,
	        .lock_fd = -1};
	if (out->data_fd < 0 || out->wake_fd < 0)
		return err_sys(e, errno, "the withheld part of the image");
	memcpy(out->source_sha256, image->source_sha256, sizeof(out->source_sha256));
	return image_map(out, e);
}

int ontarget_kit_receive(int sock, const struct image *image, struct ontarget_kit *out, struct err *e)
{
	struct kit_packet packet = {0};
	int fds[2] = {-1, -1};
	size_t count = 2;
	*out = ONTARGET_KIT_NONE;
	ssize_t n = fd_receive_packet(sock, &packet, sizeof(packet), fds, &count);
	packet.text[sizeof(packet.text) - 1] = packet.plan_sha256[SHA256_HEX_SIZE - 1] = '\0';
	int r = 0;
	if (n != (ssize_t)sizeof(packet))
		r = err_fail(e, ECHILD, FAILURE_STATION_ERROR,
		        "the process that makes the verify script died; see the station's log");
	else if (packet.error)
		r = err_fail(e, packet.error, (enum failure)packet.failure, "%s", packet.text);
	else if (count != 2)
		r = err_fail(e, EPROTO, FAILURE_STATION_ERROR, "the verify script did not come");
	if (r == 0) {
		out->script_fd = steal_fd(&fds[1]);
		out->script_size = packet.script_size;
		out->windows = packet.windows;
		memcpy(out->plan_sha256, packet.plan_sha256, sizeof(out->plan_sha256));
		r = take_front(image, steal_fd(&fds[0]), &out->withheld, e);
	}
	if (r == 0)
		r = keep_whole(out, image, e);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(&fds[i]);
	if (r < 0)
		ontarget_kit_close(out);
	return r;
}

static int make_and_send(char **argv, struct err *e)
{
	struct image image = {.data_fd = FD_DATA, .front_fd = FD_FRONT, .wake_fd = FD_WAKE, .lock_fd = -1};
	struct ontarget_spec spec = {
	        .sector = strtoull(argv[1], NULL, 10), .window = strtoull(argv[2], NULL, 10)};
	struct ontarget_kit kit = ONTARGET_KIT_NONE;
	struct kit_packet packet = {0};
	int r = image_map(&image, e);
	if (r == 0)
		r = ontarget_kit_make(&image, &spec, &kit, e);
	packet.error = -r;
	packet.failure = r < 0 ? e->failure : 0;
	if (r < 0)
		STR_COPY(packet.text, e->text);
	packet.script_size = kit.script_size;
	packet.windows = kit.windows;
	memcpy(packet.plan_sha256, kit.plan_sha256, sizeof(packet.plan_sha256));
	const int fds[] = {kit.withheld.front_fd, kit.script_fd};
	r = fd_send_packet(FD_SOCKET, &packet, sizeof(packet), fds, r < 0 ? 0 : ARRAY_SIZE(fds));
	ontarget_kit_close(&kit);
	image_close(&image);
	return r;
}

int ontarget_kit_role(int argc, char **argv)
{
	struct err e = {0};
	if (argc != 3)
		return 2;
	if (child_enter(FD_COUNT, &e) < 0 || make_and_send(argv, &e) < 0) {
		fprintf(stderr, "gangway ontarget-kit: %s\n", e.text);
		return 1;
	}
	return 0;
}
