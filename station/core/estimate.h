// SPDX-License-Identifier: MIT
// How long a board still takes: its bytes on the wire, its recent speed, and who shares its link.
#ifndef GANGWAY_CORE_ESTIMATE_H
#define GANGWAY_CORE_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A speed is the mean over the last one to two of these: long enough for boards of a shared link to have had their
// turns, short enough to follow boards that join or end.
#define ESTIMATE_WINDOW_NS (4 * UINT64_C(1000000000))

// The bytes of one board that have passed its wire, as told now and then. All zero: nothing yet.
struct estimate_track {
	struct {
		uint64_t ns, bytes;
	} from, next, last;
};

// now_ns: CLOCK_MONOTONIC; wire_bytes never shrink.
void estimate_note(struct estimate_track *track, uint64_t now_ns, uint64_t wire_bytes);

// Bytes a second; 0 while it cannot be told.
double estimate_rate(const struct estimate_track *track);

struct estimate_board {
	double left; // bytes for the wire
	double rate; // bytes a second now
	bool shared; // on the link that all `shared` boards use; else it has a wire of its own
};

// Seconds until boards[which] is through; negative: cannot be told yet. On a shared link with fair turns a board is
// held up by each other one for as many bytes as the smaller of the two still has to move.
double estimate_seconds(const struct estimate_board *boards, size_t count, size_t which);

// "4 min 40 s", "35 s", "1 h 05 min".
enum { ESTIMATE_WORDS_SIZE = 32 };
void estimate_words(double seconds, char words[ESTIMATE_WORDS_SIZE]);

#endif
