// SPDX-License-Identifier: MIT
// `gangway image script`
#include "image/script.h"

#include <errno.h>

#include "base/fd.h"
#include "board/board.h"
#include "cli/command.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
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
	bool withheld, text;
};

enum { OPTION_WITHHELD = 256, OPTION_TEXT };

static int take(void *context, const struct option *option, const char *value)
{
	struct script_options *o = context;
	switch (option->val) {
	case 'o': o->output = value; return 0;
	case OPTION_WITHHELD: o->withheld = true; return 0;
	case OPTION_TEXT: o->text = true; return 0;
	default: return load_option(&o->load, option, value);
	}
}

static int parse(int argc, char **argv, struct script_options *o)
{
	static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
	        {"withheld", no_argument, NULL, OPTION_WITHHELD}, {"text", no_argument, NULL, OPTION_TEXT},
	        LOAD_OPTIONS, {0}};
	const struct options options = {.command = "image script",
	        .help = help,
	        .shorts = "o:",
	        .longs = longs,
	        .take = take,
	        .context = o};
	*o = (struct script_options){.load = {.command = options.command, .window = 16 * MIB}};
	int r = options_parse(&options, argc, argv);
	if (r == 0 && argc - optind != 1)
		r = options_wrong(options.command, "one image is needed");
	if (r == 0)
		o->load.image = argv[optind];
	return r;
}

static int run(const struct script_options *o, struct err *e)
{
	_cleanup_load_ struct load load = {0};
	_cleanup_windows_ struct windows *windows = NULL;
	_cleanup_free_ char *text = NULL, *wrapped = NULL;
	const char *slash = strrchr(o->load.image, '/');
	struct script_spec spec = {.name = slash ? slash + 1 : o->load.image, .window = o->load.window};
	size_t size = 0, wrapped_size = 0;
	int r = output_look(o->output, o->load.image, e);
	if (r == 0)
		r = load_image(&o->load, &load, e);
	if (r < 0)
		return r;
	load_plan_digest(&load, spec.plan_sha256);
	r = windows_cut(load.image, o->withheld ? WINDOW_BODY : WINDOW_ALL, o->load.window, &windows, e);
	if (r == 0)
		r = script_verify(&spec, windows, &text, &size, e);
	if (r == 0 && o->text)
		return output_put(o->output, text, size, e);
	if (r == 0)
		r = legacy_script("gangway verify", text, size, &wrapped, &wrapped_size, e);
	return r == 0 ? output_put(o->output, wrapped, wrapped_size, e) : r;
}

int cmd_image_script(int argc, char **argv)
{
	struct script_options options;
	struct err e = {0};
	int r = parse(argc, argv, &options);
	if (r != 0)
		return options_exit(r);
	if (run(&options, &e) == 0)
		return EXIT_OK;
	fprintf(stderr, "gangway: %s\n", e.text);
	return EXIT_FAILED;
}
