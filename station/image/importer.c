// SPDX-License-Identifier: MIT
// The importer role: one thread listens to the parent, the other one imports.
#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/failure.h"
#include "image/import.h"
#include "image/import_job.h"

struct importer {
	struct import_job job;
	int finished; // eventfd: the import has ended, well or not
};

static void *import_main(void *context)
{
	struct importer *importer = context;
	import_job_run(&importer->job);
	front_wake(importer->finished);
	return NULL;
}

static int parse_arguments(int argc, char **argv, struct import_job *job, struct err *e)
{
	if (argc < 6)
		return err_set(e, EINVAL, "importer: STORE LIMIT all|holes hash|times IMAGE [BMAP]");
	job->store_path = argv[1];
	job->store_limit = strtoull(argv[2], NULL, 10);
	job->holes_unmapped = !strcmp(argv[3], "holes");
	job->trust_times = !strcmp(argv[4], "times");
	job->image_name = argv[5];
	job->bmap_name = argc > 6 ? argv[6] : NULL;
	return 0;
}

static int wait_for_either(const struct importer *importer)
{
	struct pollfd fds[] = {
	        {.fd = IMPORTER_FD_SOCKET, .events = POLLIN}, {.fd = importer->finished, .events = POLLIN}};
	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			return 0;
		if (fds[0].revents) // the parent never sends: it has closed
			return -ECANCELED;
	}
}

static int run_importer(struct importer *importer, struct err *e)
{
	pthread_t thread;
	importer->finished = eventfd(0, EFD_CLOEXEC);
	if (importer->finished < 0)
		return err_sys(e, errno, "eventfd");
	int r = import_job_prepare(&importer->job, e);
	if (r < 0)
		return r;
	r = pthread_create(&thread, NULL, import_main, importer);
	if (r)
		return err_sys(e, r, "the importer's thread");
	if (wait_for_either(importer) == -ECANCELED) {
		// Threads may be anywhere, in flock(2) or in a decoder: what they have made goes, and they with us.
		import_job_abandon(&importer->job);
		_exit(1);
	}
	pthread_join(thread, NULL);
	return 0;
}

int import_role(int argc, char **argv)
{
	struct importer importer = {.finished = -1};
	struct err e = {0};
	log_name("importer");
	int r = child_enter(argc > 6 ? 4 : 3, &e);
	if (r < 0) {
		log_error("%s", e.text);
		return 2;
	}
	import_job_init(&importer.job);
	r = parse_arguments(argc, argv, &importer.job, &e);
	if (r == 0)
		r = run_importer(&importer, &e);
	if (r < 0)
		import_job_tell_failure(&importer.job, &e);
	import_job_close(&importer.job);
	fd_close(&importer.finished);
	xmlCleanupParser();
	return 0;
}
