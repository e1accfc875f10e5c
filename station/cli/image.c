// SPDX-License-Identifier: MIT
// `gangway image`
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/state.h"
#include "image/import.h"

static const char usage[] =
        "usage: gangway image add [--bmap FILE] [--name NAME] [--holes-unmapped] FILE\n"
        "       gangway image list\n"
        "       gangway image show NAME\n"
        "       gangway image remove NAME\n"
        "       gangway image script [OPTION...] FILE     (needs no station; has its own --help)\n"
        "\n"
        "Options: --state DIR (the station's folder), --json. A bmap beside the image is found\n"
        "by itself. The station is given open files, so it needs no right to read them.\n";

struct image_options {
	const char *state, *bmap, *name;
	bool holes, json;
};

// Opens the bmap: the named one, or the one beside the image; -1 without one.
static int open_bmap(
        const struct image_options *o, const char *path, char *found, size_t size, int *fd, struct err *e)
{
	*fd = -1;
	if (!o->bmap) {
		int r = import_find_bmap(path, found, size, e);
		if (r >= 0)
			*fd = r;
		return r < -1 ? r : 0;
	}
	str_copy(found, size, o->bmap);
	*fd = open(o->bmap, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_sys(e, errno, "%s: cannot be read", o->bmap) : 0;
}

static void print_image(const json_t *image)
{
	printf("%s: %s, %lld bytes, %lld mapped in %lld ranges, plan %s\n",
	        json_string_value(json_object_get(image, "name")),
	        json_string_value(json_object_get(image, "codec")),
	        (long long)json_integer_value(json_object_get(image, "size")),
	        (long long)json_integer_value(json_object_get(image, "mapped")),
	        (long long)json_integer_value(json_object_get(image, "ranges")),
	        json_string_value(json_object_get(image, "plan_sha256")));
}

static int image_call(
        const struct image_options *o, const char *cmd, json_t *args, const int *fds, size_t count)
{
	json_t *result = NULL;
	int code = cli_call("image", o->state, cmd, args, fds, count, &result);
	const json_t *list = json_object_get(result, "images"), *image;
	size_t i;
	if (code == EXIT_OK && o->json)
		cli_print_json(result);
	else if (code == EXIT_OK && list)
		json_array_foreach(list, i, image) print_image(image);
	else if (code == EXIT_OK && json_object_get(result, "name"))
		print_image(result);
	json_decref(result);
	return code;
}

static int add(const struct image_options *o, const char *path)
{
	struct err e = {0};
	char found[PATH_MAX] = "", copy[PATH_MAX];
	_cleanup_close_ int image_fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int bmap_fd = -1;
	int r = image_fd < 0 ? err_sys(&e, errno, "%s: cannot be read", path) : 0;
	if (r == 0)
		r = open_bmap(o, path, found, sizeof(found), &bmap_fd, &e);
	if (r < 0) {
		cli_complain("image", &e);
		return EXIT_FAILED;
	}
	STR_COPY(copy, path);
	json_t *args = json_pack(
	        "{s:s,s:b}", "name", o->name ? o->name : basename(copy), "holes_unmapped", o->holes);
	if (bmap_fd >= 0)
		json_object_set_new(args, "bmap_name", json_string(found));
	const int fds[] = {image_fd, bmap_fd};
	return image_call(o, "image.add", args, fds, bmap_fd >= 0 ? 2 : 1);
}

static int run(const struct image_options *o, int argc, char **argv)
{
	const char *verb = argc ? argv[0] : "";
	if (!strcmp(verb, "add") && argc == 2)
		return add(o, argv[1]);
	if (!strcmp(verb, "list") && argc == 1)
		return image_call(o, "image.list", NULL, NULL, 0);
	if ((!strcmp(verb, "show") || !strcmp(verb, "remove")) && argc == 2)
		return image_call(o, verb[0] == 's' ? "image.show" : "image.remove",
		        json_pack("{s:s}", "name", argv[1]), NULL, 0);
	bool known = !strcmp(verb, "add") || !strcmp(verb, "list") || !strcmp(verb, "show") ||
	             !strcmp(verb, "remove");
	if (known)
		options_wrong("image", "%s wants %s", verb,
		        verb[0] == 'l'   ? "nothing more"
		        : verb[0] == 'a' ? "one file"
		                         : "one image's name");
	else
		options_wrong("image", "add, list, show, remove or script is wanted%s%s",
		        argc ? ", not " : "", verb);
	return EXIT_USAGE;
}

static int take(void *context, const struct option *option, const char *value)
{
	struct image_options *o = context;
	switch (option->val) {
	case 's': o->state = value; return 0;
	case 'b': o->bmap = value; return 0;
	case 'n': o->name = value; return 0;
	case 'o': o->holes = true; return 0;
	default: o->json = true; return 0;
	}
}

int cmd_image(int argc, char **argv)
{
	static const struct option longs[] = {{"state", required_argument, NULL, 's'},
	        {"bmap", required_argument, NULL, 'b'}, {"name", required_argument, NULL, 'n'},
	        {"holes-unmapped", no_argument, NULL, 'o'}, {"json", no_argument, NULL, 'j'}, {0}};
	struct image_options o = {.state = cli_state_default()};
	const struct options options = {
	        .command = "image", .help = usage, .longs = longs, .take = take, .context = &o};
	if (argc > 1 && !strcmp(argv[1], "script"))
		return cmd_image_script(argc - 1, argv + 1);
	int r = options_parse(&options, argc, argv);
	return r == 0 ? run(&o, argc - optind, argv + optind) : options_exit(r);
}
