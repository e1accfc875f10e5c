// SPDX-License-Identifier: MIT
// `gangway bmap create|check`
#include "image/bmap.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "cli/command.h"
#include "image/sandbox.h"

static int usage(FILE *to)
{
	fprintf(to, "usage: gangway bmap create [-o OUT] IMAGE   writes a bmap 2.0 of a raw image (stdout "
	            "without -o)\n"
	            "       gangway bmap check BMAP [IMAGE]     is it valid, and is IMAGE (raw or "
	            "compressed) its image?\n");
	return to == stdout ? EXIT_OK : EXIT_USAGE;
}

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
	int r = fd < 0 ? fd : bmap_of_image(fd, image, &bmap, e);
	if (r == 0)
		r = bmap_text(bmap, &text, &size, e);
	if (r < 0)
		return r;
	if (out)
		return fd_write_file(out, text, size, 0644, e);
	r = fd_write_all(STDOUT_FILENO, text, size);
	return r < 0 ? err_sys(e, -r, "stdout") : 0;
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

int cmd_bmap(int argc, char **argv)
{
	static const struct option options[] = {
	        {"help", no_argument, NULL, 'h'}, {"output", required_argument, NULL, 'o'}, {0}};
	const char *out = NULL;
	struct err e = {0};
	int option, r;
	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) >= 0)
		if (option == 'h')
			return usage(stdout);
		else if (option == 'o')
			out = optarg;
		else
			return usage(stderr);
	argc -= optind;
	argv += optind;
	if (argc == 2 && !strcmp(argv[0], "create"))
		r = create(argv[1], out, &e);
	else if ((argc == 2 || argc == 3) && !strcmp(argv[0], "check") && !out)
		r = check(argv[1], argv[2], &e);
	else
		return usage(stderr);
	if (r < 0)
		fprintf(stderr, "gangway: %s\n", e.text);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}
