// SPDX-License-Identifier: MIT
// How long a board still takes.
#include "core/estimate.h"

#include <stdio.h>

void estimate_note(struct estimate_track *track, uint64_t now_ns, uint64_t wire_bytes)
{
	track->last.ns = now_ns;
	track->last.bytes = wire_bytes;
	if (track->from.ns == 0)
		track->from = track->next = track->last;
	if (now_ns - track->next.ns < ESTIMATE_WINDOW_NS)
		return;
	track->from = track->next;
	track->next = track->last;
}

double estimate_rate(const struct estimate_track *track)
{
	uint64_t ns = track->last.ns - track->from.ns;
	if (ns == 0 || track->last.bytes <= track->from.bytes)
		return 0;
	return (double)(track->last.bytes - track->from.bytes) * 1e9 / (double)ns;
}

double estimate_seconds(const struct estimate_board *boards, size_t count, size_t which)
{
	const struct estimate_board *board = &boards[which];
	if (!board->shared)
		return board->rate > 0 ? board->left / board->rate : -1;
	double bytes = 0, rate = 0;
	for (size_t i = 0; i < count; i++) {
		if (!boards[i].shared)
			continue;
		bytes += boards[i].left < board->left ? boards[i].left : board->left;
		rate += boards[i].rate;
	}
	return rate > 0 ? bytes / rate : -1;
}

void estimate_words(double seconds, char words[ESTIMATE_WORDS_SIZE])
{
	unsigned long long whole = seconds < 1     ? 1
	                           : seconds > 1e9 ? 1000000000
	                                           : (unsigned long long)(seconds + 0.5);
	if (whole < 60)
		snprintf(words, ESTIMATE_WORDS_SIZE, "%llu s", whole);
	else if (whole < 3600)
		snprintf(words, ESTIMATE_WORDS_SIZE, "%llu min %02llu s", whole / 60, whole % 60);
	else
		snprintf(words, ESTIMATE_WORDS_SIZE, "%llu h %02llu min", whole / 3600, whole / 60 % 60);
}
