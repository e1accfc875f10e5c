// SPDX-License-Identifier: MIT
// Counting a job.
#include "core/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool job_is_full(const struct job_counts *job)
{
	return job->wanted && job->made >= job->wanted;
}

bool job_may_start(const struct job_counts *job)
{
	return job->state == JOB_OPEN && (!job->wanted || job->made + job->inflight < job->wanted);
}

void job_started(struct job_counts *job)
{
	job->inflight++;
}

void job_unstarted(struct job_counts *job)
{
	if (job->inflight)
		job->inflight--;
}

void job_ended(struct job_counts *job, enum job_end end, enum failure failure, bool again)
{
	job_unstarted(job);
	switch (end) {
	case JOB_END_PASS:
		job->pass++;
		job->made += !again;
		break;
	case JOB_END_UNVERIFIED:
		job->unverified++;
		job->made += !again;
		break;
	case JOB_END_FAIL:
		job->made -= again && job->made;
		if (failure_counts(failure))
			job->fail++;
		else
			job->other++;
		break;
	case JOB_END_ABORTED:
		job->made -= again && job->made;
		job->other++;
		break;
	}
}

double job_yield(const struct job_counts *job)
{
	uint64_t judged = job->pass + job->fail;
	return judged ? (double)job->pass / (double)judged : -1.0;
}

const char *job_state_name(enum job_state state)
{
	static const char *const names[] = {"", "open", "closing", "closed"};
	return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "";
}

// FNV-1a, 64 bits (RFC draft-eastlake-fnv): spreads serials that differ in their last digit only.
static uint64_t key_hash(const char *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
	return hash;
}

// The place of the key, or the free one where it belongs. The table is never full.
static size_t key_place(char *const *keys, size_t room, const char *key)
{
	size_t at = (size_t)key_hash(key) & (room - 1);
	while (keys[at] && strcmp(keys[at], key) != 0)
		at = (at + 1) & (room - 1);
	return at;
}

bool key_set_has(const struct key_set *set, const char *key)
{
	return set->room && set->keys[key_place(set->keys, set->room, key)];
}

static int key_set_grow(struct key_set *set)
{
	size_t room = set->room ? set->room * 2 : 64;
	char **keys = calloc(room, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < set->room; i++)
		if (set->keys[i])
			keys[key_place(keys, room, set->keys[i])] = set->keys[i];
	free(set->keys);
	set->keys = keys;
	set->room = room;
	return 0;
}

int key_set_add(struct key_set *set, const char *key)
{
	if (set->used * 2 >= set->room && key_set_grow(set) < 0)
		return -ENOMEM;
	size_t at = key_place(set->keys, set->room, key);
	if (set->keys[at])
		return 0;
	set->keys[at] = strdup(key);
	if (!set->keys[at])
		return -ENOMEM;
	set->used++;
	return 0;
}

void key_set_clear(struct key_set *set)
{
	for (size_t i = 0; i < set->room; i++)
		free(set->keys[i]);
	free(set->keys);
	*set = (struct key_set){0};
}
