// SPDX-License-Identifier: MIT
// `gangway on-target ask|commit`: boards read themselves back, between two visits of the host.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>

#include "base/fd.h"
#include "cli/command.h"
#include "cli/crew.h"
#include "cli/load.h"
#include "cli/options.h"
#include "core/failure.h"
#include "flash/claim.h"
#include "image/legacy.h"
#include "image/ontarget.h"
#include "image/script.h"
#include "image/subset.h"

static const char help[] =
        "usage: gangway on-target ask    --sector BLOCK [OPTION...] IMAGE TARGET...\n"
        "       gangway on-target commit --sector BLOCK [OPTION...] IMAGE TARGET=NONCE...\n"
        "\n"
        "ask writes all of IMAGE but what makes a board boot, and leaves a request with a nonce in the "
        "reserved place\n"
        "that begins at BLOCK (of 512 bytes; the board's gw_sector). After the eject the board reads itself "
        "back.\n"
        "commit writes the rest, reads that back, and passes with verify_method on-target, only when the "
        "board's\n"
        "summary carries that nonce and says pass. See uboot/README.md.\n"
        "\n"
        "  --window BYTES      RAM the board gives to it behind gw_buf (16M), the same for ask and commit\n"
        "  --eject             eject each target when it is done\n"
        "  --json              one line per target on stdout\n"
        "  --bmap FILE, --holes, --store DIR   as in 'gangway write'\n"
        "\n"
        "Exit: 0 no target failed, 1 at least one did, 2 usage.\n";

enum { TARGETS_MAX = 64 };

struct ask {
	struct load_options load;
	bool commit, eject, json, has_sector;
	uint64_t sector;
	unsigned count;
	char names[TARGETS_MAX][256];
	char nonces[TARGETS_MAX][ONTARGET_NONCE_SIZE];
};

struct session {
	const struct ask *o;
	struct load load;
	struct image part;
	struct crew_target targets[TARGETS_MAX];
	struct ontarget_expect expect;
	char *script; // as `source` takes it
	size_t script_size;
};

enum { OPTION_SECTOR = 256, OPTION_EJECT, OPTION_JSON };

static int take_sector(struct ask *o, const char *value)
{
	char *end = NULL;
	errno = 0;
	o->sector = strtoull(value, &end, 0);
	o->has_sector = !errno && end != value && !*end && value[0] != '-' && o->sector < UINT32_MAX;
	return o->has_sector ? 0 : options_wrong("on-target", "--sector is a block's number, not %s", value);
}

static int take(void *context, const struct option *option, const char *value)
{
	struct ask *o = context;
	switch (option->val) {
	case OPTION_SECTOR: return take_sector(o, value);
	case OPTION_EJECT: o->eject = true; return 0;
	case OPTION_JSON: o->json = true; return 0;
	default: return load_option(&o->load, option, value);
	}
}

// TARGET, or TARGET=NONCE.
static int parse_target(struct ask *o, const char *word)
{
	const char *equals = o->commit ? strrchr(word, '=') : NULL;
	size_t length = equals ? (size_t)(equals - word) : strlen(word);
	uint8_t nonce[ONTARGET_NONCE_SIZE / 2];
	if (o->count == TARGETS_MAX || !length || length >= sizeof(o->names[0]))
		return options_wrong("on-target", "1 to 64 targets with names of 1 to 255 characters");
	if (o->commit && (!equals || !digest_from_hex(equals + 1, nonce, sizeof(nonce))))
		return options_wrong("on-target", "commit wants TARGET=NONCE, with the nonce that ask gave");
	snprintf(o->names[o->count], sizeof(o->names[0]), "%.*s", (int)length, word);
	if (o->commit)
		digest_hex(nonce, sizeof(nonce), o->nonces[o->count]);
	o->count++;
	return 0;
}

static int parse_words(struct ask *o, int argc, char **argv)
{
	o->commit = argc > 0 && !strcmp(argv[0], "commit");
	if (argc < 3 || (!o->commit && strcmp(argv[0], "ask") != 0))
		return options_wrong(
		        "on-target", "ask or commit, an image and at least one target are needed");
	if (!o->has_sector)
		return options_wrong("on-target", "--sector is needed");
	o->load.image = argv[1];
	for (int i = 2; i < argc; i++)
		if (parse_target(o, argv[i]) < 0)
			return -1;
	return 0;
}

static int parse(int argc, char **argv, struct ask *o)
{
	static const struct option longs[] = {{"sector", required_argument, NULL, OPTION_SECTOR},
	        {"eject", no_argument, NULL, OPTION_EJECT}, {"json", no_argument, NULL, OPTION_JSON},
	        LOAD_OPTIONS, {0}};
	const struct options options = {
	        .command = "on-target", .help = help, .longs = longs, .take = take, .context = o};
	*o = (struct ask){.load = {.command = options.command, .window = 16 * MIB}};
	int r = options_parse(&options, argc, argv);
	return r == 0 ? parse_words(o, argc - optind, argv + optind) : r;
}

static int make_script(struct session *s, struct err *e)
{
	_cleanup_windows_ struct windows *windows = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	struct script_spec spec = {.name = "image", .window = s->o->load.window};
	STR_COPY(spec.plan_sha256, s->expect.plan_sha256);
	int r = windows_cut(s->load.image, WINDOW_BODY, s->o->load.window, &windows, e);
	if (r == 0)
		r = script_verify(&spec, windows, &text, &size, e);
	if (r == 0)
		r = legacy_script("gangway verify", text, size, &s->script, &s->script_size, e);
	if (r == 0)
		s->expect.windows = windows->count;
	return r;
}

// The place must be nobody else's: not the image's, not the table's.
static int check_place(const struct session *s, struct err *e)
{
	const struct image_front *front = s->load.image->front;
	uint64_t from = s->o->sector * ONTARGET_BLOCK;
	uint64_t to = from + u64_up(2 * ONTARGET_BLOCK + s->script_size, ONTARGET_BLOCK);
	if (s->o->sector < ONTARGET_SECTOR_MIN)
		return err_set(e, EINVAL, "--sector %" PRIu64 ": blocks 0 to %d are the partition table's",
		        s->o->sector, ONTARGET_SECTOR_MIN - 1);
	for (uint32_t i = 0; i < front->range_count; i++) {
		const struct plan_range *range = &front->ranges[i];
		if (range->offset < to && from < range->offset + range->length)
			return err_set(e, EINVAL,
			        "--sector %" PRIu64 ": the image itself has bytes %" PRIu64 " to %" PRIu64
			        " there; reserve %" PRIu64 " blocks that it does not map",
			        s->o->sector, u64_max(from, range->offset),
			        u64_min(to, range->offset + range->length), (to - from) / ONTARGET_BLOCK);
	}
	return 0;
}

static void fail(struct crew_target *t, const struct err *e)
{
	t->report.kind = WORKER_VERDICT;
	t->report.result = WORKER_FAIL;
	t->report.failure = e->failure ? (uint32_t)e->failure : FAILURE_STATION_ERROR;
	STR_COPY(t->report.text, e->text);
	t->judged = t->skip = true;
}

// Opens a target between two runs of workers: the same checks, and the same disk if one was seen already.
static int open_target(
        const struct session *s, unsigned i, enum worker_task task, struct claim *claim, struct err *e)
{
	const struct crew_target *t = &s->targets[i];
	struct worker_job job = {.task = task};
	if (t->report.found.node[0])
		job.expect = t->report.found;
	STR_COPY(job.expect.node, s->o->names[i]);
	return claim_open(&job, claim, e);
}

static int write_place(
        const struct session *s, const struct claim *claim, const char *place, size_t size, struct err *e)
{
	char path[32];
	uint64_t at = s->o->sector * ONTARGET_BLOCK;
	if (at + size > claim->found.size)
		return err_set(e, ENOSPC, "%s: the reserved place is behind its end", claim->found.node);
	// Through the page cache: the place need not fit what direct I/O wants.
	snprintf(path, sizeof(path), "/proc/self/fd/%d", claim->fd);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	int r = fd < 0 ? -errno
	               : fd_pwrite_all(
	                         fd, place + ONTARGET_BLOCK, size - ONTARGET_BLOCK, at + ONTARGET_BLOCK);
	// The request comes last: it is what makes the rest mean something.
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		r = fd_pwrite_all(fd, place, ONTARGET_BLOCK, at);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? err_fail(e, -r, FAILURE_WRITE_ERROR, "%s: the request cannot be written: %s",
	                       claim->found.node, strerror(-r))
	             : 0;
}

static void leave_request(struct session *s, unsigned i, char nonce[ONTARGET_NONCE_SIZE])
{
	struct crew_target *t = &s->targets[i];
	_cleanup_free_ char *place = NULL;
	size_t size = 0;
	struct claim claim;
	struct err e = {0};
	int r = ontarget_nonce(nonce, &e);
	if (r == 0)
		r = ontarget_place(nonce, s->script, s->script_size, &place, &size, &e);
	if (r == 0)
		r = open_target(s, i, WORKER_WRITE, &claim, &e);
	if (r == 0) {
		r = write_place(s, &claim, place, size, &e);
		if (r == 0 && s->o->eject)
			r = claim_eject(&claim, &e);
		claim_close(&claim);
	}
	if (r < 0)
		fail(t, &e);
}

// Past the page cache: what is judged is what the board has.
static int read_summary(
        const struct session *s, const struct claim *claim, char block[ONTARGET_BLOCK], struct err *e)
{
	uint64_t at = (s->o->sector + 1) * ONTARGET_BLOCK, from = u64_down(at, 4 * KIB);
	char *buffer = aligned_alloc(4 * KIB, 4 * KIB);
	if (!buffer)
		return err_sys(e, ENOMEM, "summary");
	ssize_t n = fd_pread_all(claim->fd, buffer, 4 * KIB, from);
	if (n >= 0 && (uint64_t)n < at - from + ONTARGET_BLOCK)
		n = -ENODATA;
	if (n >= 0)
		memcpy(block, buffer + (at - from), ONTARGET_BLOCK);
	free(buffer);
	return n < 0 ? err_fail(e, (int)-n, FAILURE_READ_ERROR, "%s: the summary cannot be read: %s",
	                       claim->found.node, strerror((int)-n))
	             : 0;
}

// Reads the answer, then clears the place: a request is answered once, and no script stays on the board.
static void judge_summary(struct session *s, unsigned i)
{
	struct crew_target *t = &s->targets[i];
	struct ontarget_expect expect = s->expect;
	size_t size = u64_up(2 * ONTARGET_BLOCK + s->script_size, ONTARGET_BLOCK);
	char block[ONTARGET_BLOCK];
	_cleanup_free_ char *zeros = calloc(1, size);
	struct claim claim;
	struct err e = {0};
	STR_COPY(expect.nonce, s->o->nonces[i]);
	int r = zeros ? open_target(s, i, WORKER_WRITE, &claim, &e) : err_sys(&e, ENOMEM, "summary");
	if (r == 0) {
		r = read_summary(s, &claim, block, &e);
		if (r == 0) {
			r = ontarget_judge(block, &expect, &e);
			if (r < 0)
				err_prefix(&e, "%s", s->o->names[i]);
		}
		if (r == 0)
			r = write_place(s, &claim, zeros, size, &e);
		t->report.found = claim.found;
		claim_close(&claim);
	}
	if (r < 0)
		fail(t, &e);
}

static const char *result_of(const struct session *s, const struct crew_target *t)
{
	if (t->report.result == WORKER_FAIL)
		return "fail";
	return s->o->commit ? "pass" : "unverified";
}

static void print_line(const struct session *s, unsigned i, const char *nonce)
{
	const struct crew_target *t = &s->targets[i];
	const struct worker_report *r = &t->report;
	const char *result = result_of(s, t);
	bool pass = !strcmp(result, "pass"), failed = !strcmp(result, "fail");
	const char *code = failure_info((enum failure)r->failure)->code;
	if (!s->o->json) {
		printf("%s: %s%s%s%s%s\n", s->o->names[i], result, failed ? ": " : "", failed ? r->text : "",
		        !failed && !pass ? ", nonce " : "", !failed && !pass ? nonce : "");
		return;
	}
	json_t *line = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:s,s:s}", "event", "result", "target",
	        s->o->names[i], "result", result, "code", code, "error", failed ? r->text : "",
	        "bytes_written", (json_int_t)r->bytes_written, "bytes_verified",
	        pass ? (json_int_t)s->load.image->front->mapped_bytes : (json_int_t)0, "verify_method",
	        pass ? "on-target" : "none", "plan_sha256", s->expect.plan_sha256, "nonce",
	        failed ? "" : nonce);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(line);
}

static int run_workers(struct session *s, struct err *e)
{
	for (unsigned i = 0; i < s->o->count; i++) {
		struct crew_target *t = &s->targets[i];
		t->job = (struct worker_job){.task = WORKER_WRITE,
		        .verify = s->o->commit ? WORKER_VERIFY_READBACK : WORKER_VERIFY_NONE,
		        .eject = s->o->commit && s->o->eject};
		if (t->report.found.node[0])
			t->job.expect = t->report.found;
		STR_COPY(t->job.expect.node, s->o->names[i]);
	}
	return crew_run(&s->part, s->targets, s->o->count, e);
}

static int ask(struct session *s, struct err *e)
{
	int failed = 0, r = run_workers(s, e);
	for (unsigned i = 0; r == 0 && i < s->o->count; i++) {
		char nonce[ONTARGET_NONCE_SIZE] = "";
		if (s->targets[i].report.result != WORKER_FAIL)
			leave_request(s, i, nonce);
		failed += s->targets[i].report.result == WORKER_FAIL;
		print_line(s, i, nonce);
	}
	return r < 0 ? r : failed;
}

static int commit(struct session *s, struct err *e)
{
	int failed = 0;
	for (unsigned i = 0; i < s->o->count; i++)
		judge_summary(s, i);
	int r = run_workers(s, e);
	for (unsigned i = 0; r == 0 && i < s->o->count; i++) {
		failed += s->targets[i].report.result != WORKER_PASS;
		print_line(s, i, s->o->nonces[i]);
	}
	return r < 0 ? r : failed;
}

// 0, the number of failed targets, or -errno.
static int run(struct session *s, struct err *e)
{
	int r = load_image(&s->o->load, &s->load, e);
	if (r < 0)
		return r;
	load_plan_digest(&s->load, s->expect.plan_sha256);
	r = make_script(s, e);
	if (r == 0)
		r = check_place(s, e);
	if (r == 0)
		r = image_subset(s->load.image, s->o->commit ? SUBSET_WITHHELD : SUBSET_REST, &s->part, e);
	if (r < 0)
		return r;
	r = s->o->commit ? commit(s, e) : ask(s, e);
	image_close(&s->part);
	return r;
}

int cmd_on_target(int argc, char **argv)
{
	_cleanup_free_ struct ask *o = calloc(1, sizeof(*o));
	_cleanup_free_ struct session *s = calloc(1, sizeof(*s));
	struct err e = {0};
	if (!o || !s)
		return EXIT_FAILED;
	int r = parse(argc, argv, o);
	if (r != 0)
		return options_exit(r);
	s->o = o;
	r = run(s, &e);
	load_close(&s->load);
	free(s->script);
	if (r < 0)
		fprintf(stderr, "gangway: %s\n", e.text);
	return r == 0 ? EXIT_OK : EXIT_FAILED;
}
