// SPDX-License-Identifier: MIT
// An image against its bmap.
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/failure.h"
#include "image/pipeline.h"

static void no_progress(void *context, uint64_t done)
{
	(void)context, (void)done;
}

static int run_check(struct sink *sink, struct pipeline *pipeline, struct err *e)
{
	uint8_t source[DIGEST_SHA256_SIZE];
	int r = sink_open(sink, e);
	if (r == 0)
		r = pipeline_run(pipeline, source, e);
	sink_close(sink);
	return r;
}

int bmap_check_image(
        const struct bmap *bmap, const char *bmap_name, int fd, const char *image_name, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s: cannot be read", image_name);
	_cleanup_free_ struct plan_range *ranges = NULL;
	const struct decode_ops *ops;
	int r = decode_choose(image_name, fd, &ops, e);
	if (r == 0)
		r = bmap_plan(bmap, &ranges, e);
	if (r < 0)
		return r;
	struct sink sink = {.image_name = image_name,
	        .bmap_name = bmap_name,
	        .bmap = bmap,
	        .data_fd = -1,
	        .wake_fd = -1,
	        .size_known = true,
	        .size_limit = bmap->image_size,
	        .ranges = ranges,
	        .count = bmap->count};
	struct decode_survey survey = {0};
	if (ops->survey(fd, (uint64_t)st.st_size, bmap->image_size, &survey, NULL) < 0)
		survey.parts = false; // what is wrong with it is told when it is decoded
	struct pipeline pipeline = {.image_name = image_name,
	        .image_fd = fd,
	        .file_size = (uint64_t)st.st_size,
	        .ops = ops,
	        .sink = &sink,
	        .threads = survey.parts ? decode_lanes(ops, decode_threads()) : 0,
	        .progress = no_progress};
	return run_check(&sink, &pipeline, e);
}
