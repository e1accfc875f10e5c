// SPDX-License-Identifier: MIT
// A virtual board reads itself back: U-Boot's start script and the verify script, played on a file.
#include "board/virtual_answer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/log.h"

/*
 * Written from the board's side of the contract (uboot/station.cmd, uboot/README.md) and without the host's code, so that one
 * is a check of the other; tests/uboot holds both against U-Boot itself.
 */
enum { BLOCK = 512, HEADER = 64 + 8, SCRIPT_MAX = 1024 * 1024, VALUE_SIZE = 64, TRIES_MAX = 3 };

// RAM that a window may take; `gangway` makes none above 64 MiB.
#define WINDOW_MAX (64 * MIB)
#define READ_PIECE (256 * KIB)

struct request {
	char nonce[VALUE_SIZE], answered[VALUE_SIZE]; // of the request; of the summary that is there
	uint64_t tries;                               // how often it was begun
	uint64_t bytes;
	char sha256[SHA256_HEX_SIZE];
};

struct player {
	const struct virtual_run *run;
	int fd;
	uint64_t free_at; // when the eMMC has read what it was asked for, CLOCK_MONOTONIC ns
	uint8_t *memory;  // what a window's extents have filled
	uint64_t used;
	uint64_t at; // the window's first byte, for gw_bad
	bool bad;
	uint64_t bad_at, checked, windows;
	char plan[SHA256_HEX_SIZE];
};

static const struct board_fault *fault_of(const struct virtual_run *run, enum board_fault_kind kind)
{
	for (unsigned i = 0; i < BOARD_FAULTS_MAX; i++)
		if (run->faults[i].kind == kind)
			return &run->faults[i];
	return NULL;
}

// `env import -t` of one variable: false, and an empty value, when it is not there.
static bool variable(const char *text, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);
	value[0] = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != '=')
			continue;
		size_t rest = strcspn(line + length + 1, "\n");
		if (rest >= size)
			return false;
		snprintf(value, size, "%.*s", (int)rest, line + length + 1);
		return true;
	}
	return false;
}

// What lies in the reserved place. False: no request.
static bool read_request(int fd, uint64_t sector, struct request *out)
{
	char blocks[2][BLOCK + 1] = {0}, version[VALUE_SIZE], bytes[VALUE_SIZE], tries[VALUE_SIZE];
	for (unsigned i = 0; i < 2; i++)
		if (fd_pread_all(fd, blocks[i], BLOCK, (sector + i) * BLOCK) != BLOCK)
			return false;
	variable(blocks[0], "gw_rq", version, sizeof(version));
	variable(blocks[0], "gw_rq_nonce", out->nonce, sizeof(out->nonce));
	variable(blocks[0], "gw_rq_bytes", bytes, sizeof(bytes));
	variable(blocks[0], "gw_rq_sha256", out->sha256, sizeof(out->sha256));
	variable(blocks[1], "gw_sum_nonce", out->answered, sizeof(out->answered));
	variable(blocks[1], "gw_sum_tries", tries, sizeof(tries));
	out->bytes = strtoull(bytes, NULL, 16);
	out->tries = strtoull(tries, NULL, 16);
	return !strcmp(version, "verify-1");
}

// The script's text, or NULL when it is not the request's.
static char *read_script(int fd, uint64_t sector, const struct request *request)
{
	char hex[SHA256_HEX_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];
	if (request->bytes <= HEADER || request->bytes > SCRIPT_MAX)
		return NULL;
	_cleanup_free_ char *whole = calloc(1, request->bytes + 1);
	if (!whole ||
	        fd_pread_all(fd, whole, request->bytes, (sector + 2) * BLOCK) != (ssize_t)request->bytes)
		return NULL;
	digest_sha256(whole, request->bytes, digest);
	digest_hex(digest, sizeof(digest), hex);
	return strcmp(hex, request->sha256) == 0 ? strdup(whole + HEADER) : NULL;
}

static void wait_until(uint64_t at_ns)
{
	const struct timespec at = {
	        .tv_sec = (time_t)(at_ns / NSEC_PER_SEC), .tv_nsec = (long)(at_ns % NSEC_PER_SEC)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

// The eMMC's own speed: no other board's wire is used.
static void take_time(struct player *p, uint64_t bytes)
{
	const struct board_fault *slow = fault_of(p->run, BOARD_FAULT_ANSWER_SLOW);
	uint64_t rate = slow && slow->value ? slow->value : p->run->rate;
	if (!rate)
		return;
	p->free_at = u64_max(p->free_at, clock_mono_ns()) +
	             (uint64_t)((double)bytes / (double)rate * (double)NSEC_PER_SEC);
	wait_until(p->free_at);
}

static void set_bad(struct player *p)
{
	if (!p->bad)
		p->bad_at = p->at;
	p->bad = true;
}

// gw_r: `mmc read`, unless something was wrong before.
static void play_read(struct player *p, uint64_t block, uint64_t count)
{
	const struct board_fault *fail = fault_of(p->run, BOARD_FAULT_ANSWER_FAIL);
	if (p->bad)
		return;
	if (block > INT64_MAX / BLOCK || count > (WINDOW_MAX - p->used) / BLOCK) {
		set_bad(p);
		return;
	}
	uint64_t offset = block * BLOCK, left = count * BLOCK;
	if (fail && fail->offset >= offset && fail->offset - offset < left)
		set_bad(p);
	while (left && !p->bad) {
		uint64_t piece = u64_min(left, READ_PIECE);
		if (fd_pread_all(p->fd, p->memory + p->used, piece, offset) != (ssize_t)piece)
			set_bad(p);
		take_time(p, piece);
		p->used += piece;
		offset += piece;
		left -= piece;
	}
}

// gw_v: `hash -v sha256`.
static void play_compare(struct player *p, uint64_t length, const char *wanted)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	if (p->bad)
		return;
	if (length <= p->used) {
		digest_sha256(p->memory, length, digest);
		digest_hex(digest, sizeof(digest), hex);
	}
	if (length <= p->used && !strcmp(hex, wanted))
		p->checked++;
	else
		set_bad(p);
}

// The lines of image/script.c that say what is read and compared; all others are the same in every script.
static void play_line(struct player *p, const char *line)
{
	uint64_t a, b;
	char hex[SHA256_HEX_SIZE];
	if (sscanf(line, "setenv gw_p ${gw_buf}; setenv gw_at %" SCNu64, &a) == 1) {
		p->used = 0;
		p->at = a;
	} else if (sscanf(line, "setenv gw_b %" SCNx64 "; setenv gw_n %" SCNx64 "; run gw_r", &a, &b) == 2) {
		play_read(p, a, b);
	} else if (sscanf(line,
	                   "setenv gw_at %" SCNu64 "; setenv gw_l %" SCNx64
	                   "; setenv gw_h %64[0-9a-f]; run gw_v",
	                   &a, &b, hex) == 3) {
		p->at = a;
		play_compare(p, b, hex);
	} else if (sscanf(line, "if test -z \"${gw_bad}\" && itest ${gw_checked} -eq %" SCNx64, &a) == 1) {
		p->windows = a;
	} else if (sscanf(line, "setenv gw_sum_plan %64[0-9a-f]", hex) == 1) {
		STR_COPY(p->plan, hex);
	}
}

static int play(struct player *p, char *script, struct err *e)
{
	char *save = NULL;
	for (char *line = strtok_r(script, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		play_line(p, line);
	if (!p->windows || !p->plan[0])
		return err_set(e, ENOTSUP, "%s: its verify script is none that a virtual board can play",
		        p->run->path);
	return 0;
}

// `env export -t`: sorted by name, a line each; the digest is over the block without it.
static void make_summary(const struct player *p, const char *nonce, char block[BLOCK])
{
	char bad[24] = "none", text[BLOCK] = {0}, hex[SHA256_HEX_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];
	const char *result = !p->bad && p->checked == p->windows ? "pass" : "fail";
	if (p->bad)
		snprintf(bad, sizeof(bad), "%" PRIu64, p->bad_at);
	snprintf(text, sizeof(text),
	        "gw_sum_bad=%s\ngw_sum_checked=%" PRIx64
	        "\ngw_sum_nonce=%s\ngw_sum_plan=%s\ngw_sum_result=%s\n",
	        bad, p->checked, nonce, p->plan, result);
	digest_sha256(text, sizeof(text), digest);
	digest_hex(digest, sizeof(digest), hex);
	memset(block, 0, BLOCK);
	snprintf(block, BLOCK,
	        "gw_sum_bad=%s\ngw_sum_checked=%" PRIx64
	        "\ngw_sum_digest=%s\ngw_sum_nonce=%s\ngw_sum_plan=%s\ngw_sum_result=%s\n",
	        bad, p->checked, hex, nonce, p->plan, result);
}

// What the scripted faults make of the summary. False: none is written.
static bool spoil(const struct player *p, const char *answered, char block[BLOCK])
{
	const struct virtual_run *run = p->run;
	const struct board_fault *truncated = fault_of(run, BOARD_FAULT_ANSWER_TRUNCATED);
	if (fault_of(run, BOARD_FAULT_ANSWER_FOREIGN))
		make_summary(p, "0123456789abcdef0123456789abcdef", block);
	if (fault_of(run, BOARD_FAULT_ANSWER_STALE)) {
		_cleanup_close_ int fd = open(answered, O_RDONLY | O_CLOEXEC);
		return fd >= 0 && fd_pread_all(fd, block, BLOCK, 0) == BLOCK;
	}
	if (fault_of(run, BOARD_FAULT_ANSWER_GARBAGE))
		memset(block, 0xa5, BLOCK);
	if (truncated && truncated->offset < BLOCK)
		memset(block + truncated->offset, 0, BLOCK - truncated->offset);
	return !fault_of(run, BOARD_FAULT_ANSWER_NONE);
}

static int write_summary(const struct player *p, const char *nonce, struct err *e)
{
	char path[sizeof(((struct board_identity *)0)->node) + 16], good[BLOCK], block[BLOCK];
	snprintf(path, sizeof(path), "%s.answered", p->run->path);
	make_summary(p, nonce, good);
	memcpy(block, good, sizeof(block));
	bool any = spoil(p, path, block);
	if (any && fd_pwrite_all(p->fd, block, BLOCK, (p->run->sector + 1) * BLOCK) < 0)
		return err_sys(e, EIO, "%s: the summary cannot be written", p->run->path);
	return fd_write_file(path, good, sizeof(good), 0644, e);
}

// Before it begins: a request that takes the board down does not do so for ever. Not done by a board that finds none.
static int count_try(const struct virtual_run *run, int fd, const struct request *request, struct err *e)
{
	char block[BLOCK] = {0};
	snprintf(block, sizeof(block), "gw_sum_tries=%" PRIx64 "\n", request->tries + 1);
	int r = fd_pwrite_all(fd, block, BLOCK, (run->sector + 1) * BLOCK);
	return r < 0 ? err_set(e, -r, "%s: the summary cannot be written", run->path) : 0;
}

static int flip(int fd, uint64_t offset)
{
	uint8_t byte;
	if (fd_pread_all(fd, &byte, 1, offset) != 1)
		return -EIO;
	byte ^= 1;
	return fd_pwrite_all(fd, &byte, 1, offset);
}

static int answer(
        const struct virtual_run *run, int fd, const struct request *request, char *script, struct err *e)
{
	const struct board_fault *wrong = fault_of(run, BOARD_FAULT_ANSWER_FLIP);
	_cleanup_free_ uint8_t *memory = malloc(WINDOW_MAX);
	struct player player = {.run = run, .fd = fd, .memory = memory};
	if (!memory)
		return err_sys(e, ENOMEM, "%s: a window", run->path);
	if (wrong && flip(fd, wrong->offset) < 0)
		return err_set(
		        e, EIO, "%s: the byte at %" PRIu64 " cannot be flipped", run->path, wrong->offset);
	int r = play(&player, script, e);
	return r == 0 ? write_summary(&player, request->nonce, e) : r;
}

// A table is what is not zero there: the station takes both blocks away before all else (law 6).
static int has_table(int fd, const char *path, struct err *e)
{
	static const char none[2 * BLOCK];
	char head[sizeof(none)];
	if (fd_pread_all(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return err_set(e, EIO, "%s: the board's disk cannot be read", path);
	return memcmp(head, none, sizeof(none)) != 0;
}

int virtual_run(const struct virtual_run *run, struct err *e)
{
	struct request request;
	const int nothing_to_do = run->ejected ? VIRTUAL_DECISION_PROMPT : VIRTUAL_DECISION_UMS;
	_cleanup_close_ int fd = open(run->path, O_RDWR | O_CLOEXEC);
	int r = fd < 0 ? err_sys(e, errno, "%s: the board's disk", run->path) : has_table(fd, run->path, e);
	if (r != 0)
		return r < 0 ? r : VIRTUAL_DECISION_BOOTS;
	if (!read_request(fd, run->sector, &request))
		return nothing_to_do;
	if (!strcmp(request.nonce, request.answered) || request.tries >= TRIES_MAX)
		return nothing_to_do;
	if (fault_of(run, BOARD_FAULT_ANSWER_NEVER))
		return VIRTUAL_DECISION_PROMPT;
	if (!fault_of(run, BOARD_FAULT_ANSWER_NONE)) {
		r = count_try(run, fd, &request, e);
		if (r < 0)
			return r;
	}
	_cleanup_free_ char *script = read_script(fd, run->sector, &request);
	if (!script)
		log_warn("%s: the verify script on it is damaged: not run", run->path);
	r = script ? answer(run, fd, &request, script, e) : 0;
	return r < 0 ? r : VIRTUAL_DECISION_UMS;
}

static int parse_faults(char *words, struct board_fault *faults, struct err *e)
{
	char *save = NULL;
	unsigned count = 0;
	for (char *word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (count == BOARD_FAULTS_MAX)
			return err_set(e, E2BIG, "more than %d faults", BOARD_FAULTS_MAX);
		int r = board_fault_parse(word, &faults[count++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int virtual_board_role(int argc, char **argv)
{
	struct virtual_run run = {0};
	struct err e = {0};
	if (argc != 6 || !board_bytes_parse(argv[3], &run.sector) || !board_bytes_parse(argv[4], &run.rate)) {
		fprintf(stderr, "usage: gangway virtual-board PATH eject|power SECTOR RATE FAULT,...\n");
		return 2;
	}
	log_name("virtual-board");
	run.path = argv[1];
	run.ejected = !strcmp(argv[2], "eject");
	int r = child_enter(0, &e);
	if (r == 0)
		r = parse_faults(argv[5], run.faults, &e);
	if (r == 0)
		r = virtual_run(&run, &e);
	if (r < 0)
		log_error("%s", e.text);
	return r < 0 ? 1 : r;
}
