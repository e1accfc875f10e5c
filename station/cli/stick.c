// SPDX-License-Identifier: MIT
// `gangway stick`
#include "image/stick.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "board/board.h"
#include "cli/command.h"
#include "cli/load.h"
#include "cli/options.h"
#include "flash/claim.h"
#include "image/fat.h"

static const char help[] =
        "usage: gangway stick [OPTION...] IMAGE DEVICE|FOLDER\n"
        "\n"
        "Makes a USB stick that programs a board by itself: U-Boot finds boot.scr on it, takes the image "
        "window\n"
        "by window, reads every one back, and writes what makes the board boot last. All that is on DEVICE "
        "is lost.\n"
        "A FOLDER gets the same files, to be served by tftp or http. See uboot/README.md.\n"
        "\n"
        "  --window BYTES   the board needs twice this and 3 MiB of RAM behind loadaddr (4M); K and M\n"
        "  --bmap FILE      the image's bmap; without it one beside the image is looked for\n"
        "  --holes          a raw image without bmap: its holes are unmapped\n"
        "  --store DIR      where decoded images are kept (or $GANGWAY_STORE)\n"
        "\n"
        "Exit: 0 made, 1 not, 2 usage.\n";

struct stick_options {
	struct load_options load;
	const char *target;
};

static int take(void *context, const struct option *option, const char *value)
{
	struct stick_options *o = context;
	return load_option(&o->load, option, value);
}

static int parse(int argc, char **argv, struct stick_options *o)
{
	static const struct option longs[] = {LOAD_OPTIONS, {0}};
	const struct options options = {
	        .command = "stick", .help = help, .longs = longs, .take = take, .context = o};
	*o = (struct stick_options){.load = {.command = options.command, .window = 4 * MIB}};
	int r = options_parse(&options, argc, argv);
	if (r == 0 && argc - optind != 2)
		r = options_wrong(options.command, "an image and a device or folder are needed");
	if (r != 0)
		return r;
	o->load.image = argv[optind];
	o->target = argv[optind + 1];
	return 0;
}

struct in_folder {
	char root[PATH_MAX];
	bool made;      // the windows' folder is ours
	size_t windows; // that were begun
};

static int add_to_folder(
        void *context, const char *folder, const char *name, const void *data, size_t size, struct err *e)
{
	struct in_folder *to = context;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", to->root, folder ? folder : ".");
	if (n < 0 || (size_t)n + strlen(name) + 2 > sizeof(path))
		return err_sys(e, ENAMETOOLONG, "%s", to->root);
	if (folder && !to->windows++)
		to->made = mkdir(path, 0755) == 0;
	int r = fd_mkdir_all(path, 0755, e);
	snprintf(path + n, sizeof(path) - (size_t)n, "/%s", name);
	return r < 0 ? r : fd_write_file(path, data, size, 0644, e);
}

static void remove_file(int folder, const char *name, int flags)
{
	if (unlinkat(folder, name, flags) < 0 && errno != ENOENT)
		fprintf(stderr, "gangway: %s: what is half done cannot be removed: %s\n", name,
		        strerror(errno));
}

// A board must not begin with windows of two images: an older stick's script goes, too, when one of its windows may have.
static void take_back(const struct in_folder *to)
{
	_cleanup_close_ int root = open(to->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || !to->windows)
		return;
	remove_file(root, "boot.scr", 0);
	for (size_t i = 0; i < to->windows; i++) {
		char name[SCRIPT_FILE_SIZE], path[sizeof(STICK_FOLDER) + SCRIPT_FILE_SIZE];
		script_file_name(i, name);
		snprintf(path, sizeof(path), STICK_FOLDER "/%s", name);
		remove_file(root, path, 0);
	}
	if (to->made)
		remove_file(root, STICK_FOLDER, AT_REMOVEDIR);
}

static int add_to_fat(
        void *context, const char *folder, const char *name, const void *data, size_t size, struct err *e)
{
	return fat_add(context, folder, name, data, size, e);
}

// The claim is what checks that nobody uses the stick, and keeps it ours; FAT's odd sizes go through the page cache.
static int make_device(const struct stick_options *o, const struct image *image,
        const struct script_spec *spec, uint64_t *bytes, struct err *e)
{
	struct worker_job job = {.task = WORKER_WRITE};
	struct claim claim;
	char path[32];
	_cleanup_fat_ struct fat *fat = NULL;
	_cleanup_close_ int fd = -1;
	STR_COPY(job.expect.node, o->target);
	int r = claim_open(&job, &claim, e);
	if (r < 0)
		return r;
	if (claim.block && claim.sector != FAT_SECTOR)
		r = err_set(e, EINVAL,
		        "its sectors have %" PRIu32 " bytes; take a stick whose sectors have %u",
		        claim.sector, FAT_SECTOR);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", claim.fd);
	fd = r == 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (r == 0 && fd < 0)
		r = err_sys(e, errno, "%s: cannot be opened again", o->target);
	if (r == 0)
		r = fat_new(fd, claim.found.size, &fat, e);
	const struct stick_sink sink = {.add = add_to_fat, .context = fat};
	if (r == 0)
		r = stick_make(image, spec, &sink, bytes, e);
	if (r == 0)
		r = fat_finish(fat, e);
	claim_close(&claim);
	return r < 0 ? err_prefix(e, "%s", o->target) : 0;
}

static int make_folder(const struct stick_options *o, const struct image *image,
        const struct script_spec *spec, uint64_t *bytes, struct err *e)
{
	struct in_folder to = {0};
	STR_COPY(to.root, o->target);
	const struct stick_sink sink = {.add = add_to_folder, .context = &to};
	int r = stick_make(image, spec, &sink, bytes, e);
	if (r < 0)
		take_back(&to);
	return r;
}

static bool is_one(const struct stat *target, const char *image)
{
	struct stat st;
	if (stat(image, &st) < 0)
		return false;
	if (S_ISBLK(st.st_mode))
		return S_ISBLK(target->st_mode) && st.st_rdev == target->st_rdev;
	return st.st_dev == target->st_dev && st.st_ino == target->st_ino;
}

// Refused before an import is started for nothing; claim_open() looks again.
static int look(const struct stick_options *o, bool *folder, struct err *e)
{
	struct worker_job job = {.task = WORKER_WRITE};
	struct stat st;
	*folder = stat(o->target, &st) == 0 && S_ISDIR(st.st_mode);
	if (strlen(o->target) >= sizeof(job.expect.node))
		return err_sys(e, ENAMETOOLONG, "%s", o->target);
	STR_COPY(job.expect.node, o->target);
	int r = *folder ? 0 : claim_look(&job, &st, e);
	if (r == 0 && !*folder && is_one(&st, o->load.image))
		return err_set(e, EINVAL, "%s: this is the image itself; name another target", o->target);
	return r;
}

static int run(const struct stick_options *o, struct err *e)
{
	_cleanup_load_ struct load load = {0};
	const char *slash = strrchr(o->load.image, '/');
	struct script_spec spec = {.name = slash ? slash + 1 : o->load.image, .window = o->load.window};
	uint64_t bytes = 0;
	bool folder = false;
	int r = look(o, &folder, e);
	if (r == 0)
		r = load_image(&o->load, &load, e);
	if (r < 0)
		return r;
	load_plan_digest(&load, spec.plan_sha256);
	r = (folder ? make_folder : make_device)(o, load.image, &spec, &bytes, e);
	if (r == 0)
		printf("%s: %" PRIu64 " bytes for an image of %" PRIu64 " mapped bytes, plan %s\n", o->target,
		        bytes, load.image->front->mapped_bytes, spec.plan_sha256);
	return r;
}

int cmd_stick(int argc, char **argv)
{
	struct stick_options options;
	struct err e = {0};
	int r = parse(argc, argv, &options);
	if (r != 0)
		return options_exit(r);
	if (run(&options, &e) == 0)
		return EXIT_OK;
	fprintf(stderr, "gangway: %s\n", e.text);
	return EXIT_FAILED;
}
