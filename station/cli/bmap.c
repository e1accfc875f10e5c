// SPDX-License-Identifier: MIT
// `gangway bmap create|check`
#include "image/bmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "image/sandbox.h"

static const char help[] =
        "usage: gangway bmap create [-o OUT] IMAGE   writes a bmap 2.0 of a raw image (stdout without -o)\n"
        "       gangway bmap check BMAP [IMAGE]     is it valid, and is IMAGE (raw or compressed) its "
        "image?\n";

static int open_input(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? err_sys(e, errno, "%s: cannot be opened", path) : fd;
}

static int create(const char *image, const char *out, struct err *e)
{
	_cleanup_close_ int fd = open_input(image, e);
	_cleanup_bmap_ struct bmap *bmap = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = fd < 0 ? fd : output_look(out, image, e);
	if (r == 0)
		r = bmap_of_image(fd, image, &bmap, e);
	if (r == 0)
		r = bmap_text(bmap, &text, &size, e);
	return r == 0 ? output_put(out, text, size, e) : r;
}

static int check(const char *path, const char *image, struct err *e)
{
	_cleanup_close_ int fd = open_input(path, e);
	_cleanup_close_ int image_fd = image ? open_input(image, e) : -1;
	_cleanup_bmap_ struct bmap *bmap = NULL;
	uint8_t sha256[DIGEST_SHA256_SIZE];
	if (fd < 0 || (image && image_fd < 0))
		return -1;
	int r = sandbox_enter(-1, e); // neither file is trusted, and nothing else will be opened
	if (r == 0)
		r = bmap_load(fd, path, sha256, &bmap, e);
	if (r == 0 && image)
		r = bmap_check_image(bmap, path, image_fd, image, e);
	return r;
}

static int take(void *context, const struct option *option, const char *value)
{
	(void)option;
	*(const char **)context = value;
	return 0;
}

// 0, with *r what came of it, or -1 for wrong usage.
static int run(int argc, char **argv, const char *out, int *r, struct err *e)
{
	const char *verb = argc ? argv[0] : "";
	if (!strcmp(verb, "create")) {
		if (argc != 2)
			return options_wrong("bmap", "create wants one image");
		*r = create(argv[1], out, e);
	} else if (!strcmp(verb, "check")) {
		if (argc < 2 || argc > 3 || out)
			return options_wrong("bmap", "check wants a bmap, and its image or nothing");
		*r = check(argv[1], argv[2], e);
	} else {
		return options_wrong("bmap", "create or check is wanted%s%s", argc ? ", not " : "", verb);
	}
	return 0;
}

int cmd_bmap(int argc, char **argv)
{
	static const struct option longs[] = {{"output", required_argument, NULL, 'o'}, {0}};
	const char *out = NULL;
	struct err e = {0};
	const struct options options = {.command = "bmap",
	        .help = help,
	        .shorts = "o:",
	        .longs = longs,
	        .take = take,
	        .context = &out};
	int done = 0, r = options_parse(&options, argc, argv);
	if (r == 0)
		r = run(argc - optind, argv + optind, out, &done, &e);
	if (r != 0)
		return options_exit(r);
	if (done < 0)
		fprintf(stderr, "gangway: %s\n", e.text);
	return done < 0 ? EXIT_FAILED : EXIT_OK;
}
