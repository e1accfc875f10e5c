// SPDX-License-Identifier: MIT
// `gangway image script`
#include "image/script.h"

#include <errno.h>
#include <getopt.h>

#include "base/fd.h"
#include "board/board.h"
#include "cli/command.h"
#include "cli/load.h"
#include "image/legacy.h"

static const char help[] =
        "usage: gangway image script [OPTION...] IMAGE\n"
        "\n"
        "Writes a U-Boot script that reads IMAGE's mapped ranges back from the eMMC and compares their "
        "SHA-256,\n"
        "so that every board of a gang verifies itself, off the shared USB link. See uboot/README.md.\n"
        "\n"
        "  -o, --output FILE   where to (stdout otherwise)\n"
        "  --window BYTES      RAM the board gives to it behind gw_buf (16M); K and M are powers of 1024\n"
        "  --withheld          leave out what the station holds back until the board has answered\n"
        "  --text              the plain text, not the image that `source` takes (mkimage's script type)\n"
        "  --bmap FILE         the image's bmap; without it one beside the image is looked for\n"
        "  --holes             a raw image without bmap: its holes are unmapped\n"
        "  --store DIR         where decoded images are kept (or $GANGWAY_STORE)\n"
        "\n"
        "Exit: 0 written, 1 not, 2 usage.\n";

struct script_options {
	struct load_options load;
	const char *output;
	uint64_t window;
	bool withheld, text;
};

enum { OPTION_WINDOW = 256, OPTION_WITHHELD, OPTION_TEXT, OPTION_BMAP, OPTION_HOLES, OPTION_STORE };
static const struct option long_options[] = {
        {"output", required_argument, NULL, 'o'},
        {"window", required_argument, NULL, OPTION_WINDOW},
        {"withheld", no_argument, NULL, OPTION_WITHHELD},
        {"text", no_argument, NULL, OPTION_TEXT},
        {"bmap", required_argument, NULL, OPTION_BMAP},
        {"holes", no_argument, NULL, OPTION_HOLES},
        {"store", required_argument, NULL, OPTION_STORE},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
};

static int usage(const char *what)
{
	fprintf(stderr, "gangway image script: %s; see 'gangway image script --help'\n", what);
	return -1;
}

static int parse_option(struct script_options *o, int option)
{
	switch (option) {
	case 'o': o->output = optarg; return 0;
	case OPTION_WITHHELD: o->withheld = true; return 0;
	case OPTION_TEXT: o->text = true; return 0;
	case OPTION_BMAP: o->load.bmap = optarg; return 0;
	case OPTION_HOLES: o->load.holes = true; return 0;
	case OPTION_STORE: o->load.store = optarg; return 0;
	case OPTION_WINDOW:
		if (!board_bytes_parse(optarg, &o->window) || o->window < WINDOW_BYTES_MIN ||
		        o->window > WINDOW_BYTES_MAX || o->window % WINDOW_BLOCK)
			return usage("--window is 4K to 64M, in whole blocks of 512 bytes");
		return 0;
	default: return usage("unknown option, or one without its value");
	}
}

static int parse(int argc, char **argv, struct script_options *o)
{
	*o = (struct script_options){.window = 16 * MIB};
	optind = 1;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "ho:", long_options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (parse_option(o, c) < 0)
			return -1;
	}
	if (argc - optind != 1)
		return usage("one image is needed");
	o->load.image = argv[optind];
	return 0;
}

static int put_out(const struct script_options *o, const char *data, size_t size, struct err *e)
{
	if (o->output)
		return fd_write_file(o->output, data, size, 0644, e);
	int r = fd_write_all(STDOUT_FILENO, data, size);
	return r < 0 ? err_sys(e, -r, "stdout") : 0;
}

static int run(const struct script_options *o, struct err *e)
{
	_cleanup_load_ struct load load = {0};
	_cleanup_windows_ struct windows *windows = NULL;
	_cleanup_free_ char *text = NULL, *wrapped = NULL;
	const char *slash = strrchr(o->load.image, '/');
	struct script_spec spec = {.name = slash ? slash + 1 : o->load.image, .window = o->window};
	size_t size = 0, wrapped_size = 0;
	int r = load_image(&o->load, &load, e);
	if (r < 0)
		return r;
	load_plan_digest(&load, spec.plan_sha256);
	r = windows_cut(load.image, o->withheld ? WINDOW_BODY : WINDOW_ALL, o->window, &windows, e);
	if (r == 0)
		r = script_verify(&spec, windows, &text, &size, e);
	if (r == 0 && o->text)
		return put_out(o, text, size, e);
	if (r == 0)
		r = legacy_script("gangway verify", text, size, &wrapped, &wrapped_size, e);
	return r == 0 ? put_out(o, wrapped, wrapped_size, e) : r;
}

int cmd_image_script(int argc, char **argv)
{
	struct script_options options;
	struct err e = {0};
	int r = parse(argc, argv, &options);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	if (run(&options, &e) == 0)
		return EXIT_OK;
	fprintf(stderr, "gangway: %s\n", e.text);
	return EXIT_FAILED;
}
