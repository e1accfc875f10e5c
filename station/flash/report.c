// SPDX-License-Identifier: MIT
// The words for what a worker reports.
#include "base/util.h"
#include "flash/worker.h"

const char *worker_result_name(enum worker_result result)
{
	static const char *const names[] = {"pass", "unverified", "fail", "asked"};
	return (unsigned)result < ARRAY_SIZE(names) ? names[result] : "fail";
}

const char *worker_method_name(enum worker_method method)
{
	static const char *const names[] = {"none", "host-readback", "host-readback-buffered", "host-compare",
	        "host-compare-buffered", "on-target"};
	return (unsigned)method < ARRAY_SIZE(names) ? names[method] : "none";
}

const char *worker_stage_name(enum worker_stage stage)
{
	static const char *const names[] = {"open", "claimed", "writing", "verifying", "committing", "done"};
	return (unsigned)stage < ARRAY_SIZE(names) ? names[stage] : "open";
}
