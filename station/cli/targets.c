// SPDX-License-Identifier: MIT
// Looking at the named targets before anything is started.
#include <errno.h>
#include <sys/stat.h>

#include "cli/batch.h"
#include "core/failure.h"
#include "flash/claim.h"
#include "flash/inuse.h"

// A target that was refused already has no mode: it shares nothing.
static bool overlap(const struct stat *a, const struct stat *b)
{
	return a->st_mode && b->st_mode && inuse_share("", a, b);
}

static void refuse_one(struct batch_target *t, const struct batch_target *other)
{
	struct err e = {0};
	err_fail(&e, EINVAL, FAILURE_TARGET_DUPLICATE,
	        "%s: the same target as %s, or a part of it; name each target once", t->name, other->name);
	batch_refuse(t, &e);
}

static void refuse_pair(struct batch_target *a, struct batch_target *b)
{
	refuse_one(a, b);
	refuse_one(b, a);
}

static void remember(struct batch_target *t, const struct stat *st)
{
	if (S_ISBLK(st->st_mode)) {
		t->job.expect.rdev = st->st_rdev;
		if (!t->job.expect.diskseq) // the import may take long, and names and numbers are reused
			t->job.expect.diskseq = inuse_diskseq("", st->st_rdev);
	} else {
		t->job.expect.dev = st->st_dev;
		t->job.expect.ino = st->st_ino;
	}
}

static void look_at(struct batch_target *t, const struct stat *image, struct stat *st)
{
	struct err e = {0};
	if (claim_look(&t->job, st, &e) < 0) {
		*st = (struct stat){0};
		batch_refuse(t, &e);
	} else if (overlap(st, image) && t->job.task == WORKER_WRITE) {
		err_fail(&e, EINVAL, FAILURE_TARGET_DUPLICATE,
		        "%s: this is the image itself; name another target", t->name);
		batch_refuse(t, &e);
	} else {
		remember(t, st);
	}
}

void targets_look(struct batch *batch, int image_fd)
{
	struct stat image = {0}, seen[BATCH_TARGETS_MAX];
	if (fstat(image_fd, &image) < 0)
		image = (struct stat){0};
	for (unsigned i = 0; i < batch->count; i++) {
		look_at(&batch->targets[i], &image, &seen[i]);
		for (unsigned j = 0; j < i; j++)
			if (overlap(&seen[i], &seen[j]))
				refuse_pair(&batch->targets[j], &batch->targets[i]);
	}
}
