// SPDX-License-Identifier: MIT
// A job's counters as the ledger has them.
#include "daemon/job_counts.h"

static uint64_t number(const json_t *job, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(job, key));
	return value > 0 ? (uint64_t)value : 0;
}

static bool has_text(const json_t *job, const char *key)
{
	return json_string_length(json_object_get(job, key)) > 0;
}

void job_counts_read(const json_t *job, struct job_counts *counts)
{
	*counts = (struct job_counts){.wanted = counts->wanted,
	        .made = number(job, "units_made"),
	        .pass = number(job, "pass"),
	        .unverified = number(job, "unverified"),
	        .fail = number(job, "fail"),
	        .other = number(job, "fail_other") + number(job, "aborted") + number(job, "interrupted")};
	counts->state = JOB_OPEN;
	if (has_text(job, "close_reason")) // somebody ended it: no board is started
		counts->state = has_text(job, "closed") ? JOB_CLOSED : JOB_CLOSING;
}
