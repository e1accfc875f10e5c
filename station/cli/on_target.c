// SPDX-License-Identifier: MIT
// `gangway on-target ask|commit`: boards read themselves back, between two visits of the host.
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "cli/command.h"
#include "cli/crew.h"
#include "cli/load.h"
#include "cli/options.h"
#include "core/failure.h"
#include "image/ontarget_kit.h"

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
	char nonces[TARGETS_MAX][ONTARGET_NONCE_SIZE]; // commit: as they were given
};

struct session {
	const struct ask *o;
	struct load load;
	struct ontarget_kit kit;
	struct crew_target targets[TARGETS_MAX];
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

// Who was asked is not verified yet.
static const char *result_of(const struct session *s, const struct crew_target *t)
{
	if (t->report.result == (s->o->commit ? WORKER_PASS : WORKER_ASKED))
		return s->o->commit ? "pass" : "unverified";
	return "fail";
}

static void print_line(const struct session *s, unsigned i)
{
	const struct crew_target *t = &s->targets[i];
	const struct worker_report *r = &t->report;
	const char *result = result_of(s, t), *nonce = t->job.target.nonce;
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
	        (json_int_t)r->bytes_verified, "verify_method", pass ? "on-target" : "none", "plan_sha256",
	        s->kit.plan_sha256, "nonce", failed ? "" : nonce);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(line);
}

static int prepare_job(struct session *s, unsigned i, struct err *e)
{
	const struct ask *o = s->o;
	struct worker_job *job = &s->targets[i].job;
	*job = (struct worker_job){.task = o->commit ? WORKER_COMMIT : WORKER_ASK,
	        .verify = o->commit ? WORKER_VERIFY_READBACK : WORKER_VERIFY_NONE,
	        .eject = o->eject,
	        .target = {.offset = o->sector * ONTARGET_BLOCK,
	                .script_size = s->kit.script_size,
	                .windows = s->kit.windows,
	                .window = o->load.window,
	                .mapped = s->load.image->front->mapped_bytes}};
	STR_COPY(job->expect.node, o->names[i]);
	STR_COPY(job->target.plan_sha256, s->kit.plan_sha256);
	if (!o->commit)
		return ontarget_nonce(job->target.nonce, e);
	STR_COPY(job->target.nonce, o->nonces[i]);
	return 0;
}

static int run_workers(struct session *s, struct err *e)
{
	struct image asked = *s->load.image; // its descriptors stay where they are
	int r = 0, failed = 0;
	asked.target_fd = s->kit.script_fd;
	for (unsigned i = 0; r == 0 && i < s->o->count; i++)
		r = prepare_job(s, i, e);
	if (r == 0)
		r = crew_run(s->o->commit ? &s->kit.withheld : &asked, s->targets, s->o->count, e);
	for (unsigned i = 0; r == 0 && i < s->o->count; i++) {
		failed += !strcmp(result_of(s, &s->targets[i]), "fail");
		print_line(s, i);
	}
	return r < 0 ? r : failed;
}

// 0, the number of failed targets, or -errno.
static int run(struct session *s, struct err *e)
{
	const struct ontarget_spec spec = {.sector = s->o->sector, .window = s->o->load.window};
	int r = load_image(&s->o->load, &s->load, e);
	if (r == 0)
		r = ontarget_kit_make(s->load.image, &spec, &s->kit, e);
	if (r < 0)
		return r;
	r = run_workers(s, e);
	ontarget_kit_close(&s->kit);
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
	if (r < 0)
		fprintf(stderr, "gangway: %s\n", e.text);
	return r == 0 ? EXIT_OK : EXIT_FAILED;
}
