// SPDX-License-Identifier: MIT
// The command lines of `gangway write` and `gangway verify`.
#include <errno.h>

#include "cli/batch.h"
#include "cli/options.h"

static const char write_help[] =
        "usage: gangway write [OPTION...] IMAGE TARGET...\n"
        "       gangway write [OPTION...] [--all] IMAGE\n"
        "\n"
        "Writes IMAGE (raw, gz, xz, bz2, zst or lz4) to 1 to 64 TARGETs at once, block devices or regular "
        "files,\n"
        "and reads every written byte back past the page cache. A target that did not pass does not boot.\n"
        "Without a TARGET it takes the board in U-Boot's `ums` that is plugged in, or the next to come, and "
        "ejects\n"
        "it in the end.\n"
        "\n"
        "  --all                 without a TARGET: all boards that are there, not one\n"
        "  --bmap FILE           the image's bmap; without it one beside the image is looked for\n"
        "  --unmapped keep|zero  what is not mapped is left alone (keep), or zeroed to the target's end\n"
        "  --holes               a raw image without bmap: its holes are unmapped\n"
        "  --verify hash|compare each target's read-back is hashed (the default), or compared with the "
        "stored\n"
        "                        image, which is hashed once for all targets: for many targets or few cores\n"
        "  --no-verify           do not read back: the best result is then `unverified`\n"
        "  --json                one result line per target on stdout, all else on stderr\n"
        "  --hash-source         hash IMAGE again, even if its times say that it is what was hashed before\n"
        "  --store DIR           where decoded images are kept (or $GANGWAY_STORE)\n"
        "  --store-limit BYTES   how much the store may take; K, M, G are powers of 1024\n"
        "  --fault TARGET=KIND@OFFSET[=VALUE]\n"
        "                        for tests: fails as told; KIND is write-error, read-error, flip, slow, "
        "hang,\n"
        "                        vanish or flush-error\n"
        "\n"
        "Exit: 0 no target failed, 1 at least one did, 2 usage.\n";

static const char verify_help[] =
        "usage: gangway verify [OPTION...] IMAGE TARGET...\n"
        "\n"
        "Reads the mapped bytes of 1 to 64 TARGETs and compares their digests with IMAGE's. Writes nothing.\n"
        "\n"
        "  --bmap FILE           the image's bmap; without it one beside the image is looked for\n"
        "  --unmapped keep|zero  zero: what is not mapped has to be zeros, to the target's end\n"
        "  --holes               a raw image without bmap: its holes are unmapped\n"
        "  --verify hash|compare as in `gangway write`\n"
        "  --json                one result line per target on stdout, all else on stderr\n"
        "  --hash-source         hash IMAGE again, even if its times say that it is what was hashed before\n"
        "  --store DIR           where decoded images are kept (or $GANGWAY_STORE)\n"
        "  --store-limit BYTES   how much the store may take; K, M, G are powers of 1024\n"
        "  --fault TARGET=KIND@OFFSET[=VALUE]   for tests, as in `gangway write`\n"
        "\n"
        "Exit: 0 all targets are right, 1 at least one is not, 2 usage.\n";

enum {
	OPTION_BMAP = 256,
	OPTION_UNMAPPED,
	OPTION_HOLES,
	OPTION_VERIFY,
	OPTION_NO_VERIFY,
	OPTION_JSON,
	OPTION_STORE,
	OPTION_STORE_LIMIT,
	OPTION_FAULT,
	OPTION_ALL,
	OPTION_HASH_SOURCE,
};
static const struct option long_options[] = {
        {"all", no_argument, NULL, OPTION_ALL},
        {"bmap", required_argument, NULL, OPTION_BMAP},
        {"unmapped", required_argument, NULL, OPTION_UNMAPPED},
        {"hash-source", no_argument, NULL, OPTION_HASH_SOURCE},
        {"holes", no_argument, NULL, OPTION_HOLES},
        {"json", no_argument, NULL, OPTION_JSON},
        {"store", required_argument, NULL, OPTION_STORE},
        {"store-limit", required_argument, NULL, OPTION_STORE_LIMIT},
        {"fault", required_argument, NULL, OPTION_FAULT},
        {"verify", required_argument, NULL, OPTION_VERIFY},
        {"no-verify", no_argument, NULL, OPTION_NO_VERIFY},
        {NULL, 0, NULL, 0},
};

struct parsing {
	const char *command;
	struct batch_options *out;
	const char *faults[BATCH_TARGETS_MAX];
	unsigned fault_count;
};

static int parse_unmapped(const struct parsing *p, const char *word)
{
	if (!strcmp(word, "zero"))
		p->out->unmapped = WORKER_UNMAPPED_ZERO;
	else if (!strcmp(word, "keep"))
		p->out->unmapped = WORKER_UNMAPPED_KEEP;
	else
		return options_wrong(p->command, "--unmapped is keep or zero, not %s", word);
	return 0;
}

static int parse_verify(const struct parsing *p, const char *word)
{
	if (!strcmp(word, "hash"))
		p->out->verify = WORKER_VERIFY_READBACK;
	else if (!strcmp(word, "compare"))
		p->out->verify = WORKER_VERIFY_COMPARE;
	else
		return options_wrong(p->command, "--verify is hash or compare, not %s", word);
	p->out->verify_given = true;
	return 0;
}

static int take(void *context, const struct option *option, const char *value)
{
	struct parsing *p = context;
	struct batch_options *o = p->out;
	switch (option->val) {
	case OPTION_BMAP: o->bmap = value; return 0;
	case OPTION_UNMAPPED: return parse_unmapped(p, value);
	case OPTION_HASH_SOURCE: o->hash_source = true; return 0;
	case OPTION_HOLES: o->holes = true; return 0;
	case OPTION_VERIFY: return parse_verify(p, value);
	case OPTION_NO_VERIFY:
		if (o->task == WORKER_VERIFY)
			return options_wrong(p->command, "--no-verify is for 'gangway write'");
		o->verify = WORKER_VERIFY_NONE;
		return 0;
	case OPTION_JSON: o->json = true; return 0;
	case OPTION_ALL: o->all = true; return 0;
	case OPTION_STORE:
		if (!value[0])
			return options_wrong(p->command, "--store is a folder, and no name was given");
		o->store = value;
		return 0;
	case OPTION_STORE_LIMIT:
		if (!board_bytes_parse(value, &o->store_limit))
			return options_wrong(p->command, "--store-limit is a number of bytes, not %s", value);
		return 0;
	case OPTION_FAULT:
		if (p->fault_count == ARRAY_SIZE(p->faults))
			return options_wrong(p->command, "too many of --fault");
		p->faults[p->fault_count++] = value;
		return 0;
	default: return options_wrong(p->command, "unknown option");
	}
}

// Boards can be waited for where udev runs; elsewhere a missing target is a slip.
static bool can_find_boards(void)
{
	return access("/run/udev/control", F_OK) == 0;
}

static int parse_targets(struct parsing *p, int argc, char **argv)
{
	struct batch_options *o = p->out;
	bool desk = o->task == WORKER_WRITE && argc == 1 && can_find_boards();
	if (argc < 2 && !desk)
		return options_wrong(p->command, "an image and at least one target are needed");
	if (argc > 1 && o->all)
		return options_wrong(
		        p->command, "--all takes the boards that are there; a target is named: %s", argv[1]);
	if (argc - 1 > BATCH_TARGETS_MAX)
		return options_wrong(p->command, "64 targets at the most");
	o->image = argv[0];
	for (int i = 1; i < argc; i++) {
		if (!argv[i][0] || strlen(argv[i]) >= sizeof(((struct board_identity *)0)->node))
			return options_wrong(p->command, "a target's name is empty or too long: %s", argv[i]);
		o->targets[o->target_count++] = argv[i];
	}
	return 0;
}

static int plant(struct batch_options *o, unsigned target, const char *text, struct err *e)
{
	struct board_model *model = &o->models[target];
	unsigned i = 0;
	while (i < BOARD_FAULTS_MAX && model->faults[i].kind != BOARD_FAULT_NONE)
		i++;
	if (i == BOARD_FAULTS_MAX)
		return err_set(e, E2BIG, "too many faults for one target");
	int r = board_fault_parse(text, &model->faults[i], e);
	if (r == 0 && board_fault_answers(model->faults[i].kind))
		return err_set(e, EINVAL, "--fault %s: a target is asked nothing; see 'gangway demo'", text);
	return r;
}

static int parse_fault(struct parsing *p, const char *text)
{
	struct err e = {0};
	struct batch_options *o = p->out;
	for (unsigned i = 0; i < o->target_count; i++) {
		size_t length = strlen(o->targets[i]);
		if (strncmp(text, o->targets[i], length) != 0 || text[length] != '=')
			continue;
		return plant(o, i, text + length + 1, &e) < 0 ? options_wrong(p->command, "%s", e.text) : 0;
	}
	return options_wrong(p->command, "--fault names no target: %s", text);
}

int batch_parse(int argc, char **argv, enum worker_task task, struct batch_options *out)
{
	struct parsing p = {.command = task == WORKER_WRITE ? "write" : "verify", .out = out};
	const struct options options = {.command = p.command,
	        .help = task == WORKER_WRITE ? write_help : verify_help,
	        .longs = long_options,
	        .take = take,
	        .context = &p};
	*out = (struct batch_options){.task = task};
	int r = options_parse(&options, argc, argv);
	if (r != 0)
		return r;
	if (parse_targets(&p, argc - optind, argv + optind) < 0)
		return -1;
	for (unsigned i = 0; i < p.fault_count; i++)
		if (parse_fault(&p, p.faults[i]) < 0)
			return -1;
	return 0;
}
