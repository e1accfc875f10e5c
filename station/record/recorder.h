// SPDX-License-Identifier: MIT
// The recorder: the only writer of the ledger, a process of its own with group commit.
#ifndef GANGWAY_RECORD_RECORDER_H
#define GANGWAY_RECORD_RECORDER_H

#include <jansson.h>

#include "base/loop.h"

/*
 * The ledger is one append-only table, log(seq, utc, kind, body, prev, hash), in STATE/station.db. A row's body is
 * compact JSON with sorted keys; hash = SHA-256 over "seq\nutc\nkind\nprev\nbody" (prev and hash in hex; the first
 * row's prev is 64 zeros). Every other table is a projection of it. The kinds and what their bodies hold are listed
 * in docs/ledger.md; a row of an unknown kind or without its required fields is refused.
 */

struct recorder;
struct recorder_events {
	// Once, first: the database is open and migrated; rows left open by a dead station have become
	// attempt.interrupted rows. `resume` (borrowed) is what the station needs to carry on: see docs/ledger.md.
	void (*ready)(void *context, const json_t *resume);
	// The row is on disk (synchronous=FULL). Tickets come back in the order they were given.
	void (*durable)(void *context, uint64_t ticket, uint64_t seq, const char *hash);
	// The row broke a rule of docs/ledger.md and left no trace; in the same order as `durable`. For a station
	// this is a fault of its own: the attempt is FAIL (station-error), never green.
	void (*refused)(void *context, uint64_t ticket, const struct err *e);
	// The ledger takes no more rows: the station stops claiming. The recorder keeps trying (a full disk may be
	// cleared): `recovered` follows when it works again; rows already queued are kept and written then.
	void (*failing)(void *context, const struct err *e);
	void (*recovered)(void *context);
	// The process ended and nobody asked it to.
	void (*died)(void *context, const char *how);
	// The head of this row has left the station, and a row says so. May be NULL.
	void (*anchored)(void *context, uint64_t row);
};

// Starts the process on STATE (the folder exists; the caller holds its lock).
int recorder_start(struct loop *loop, const char *state, const struct recorder_events *events, void *context,
        struct recorder **out, struct err *e);

// As recorder_start(), for a station whose recorder has died: `live` are the numbers of the attempts it still works on,
// "12,13" (NULL: none); they are not closed as interrupted.
int recorder_start_again(struct loop *loop, const char *state, const char *live,
        const struct recorder_events *events, void *context, struct recorder **out, struct err *e);

// As recorder_append(), for a row that the recorder which died was given and did not report: when it is in the ledger
// behind row `since` already, that is what `durable` says.
int recorder_append_again(struct recorder *recorder, uint64_t since, const char *kind, const json_t *body,
        int attachment_fd, uint64_t *ticket, struct err *e);

// Queues a row. `body` is borrowed. `attachment_fd` (borrowed, -1: none): a file whose text becomes the body's
// "plan" field (an import's plan is too large for a packet). The queue is bounded (RECORDER_QUEUE_MAX rows not yet
// durable): -EBUSY beyond, which a station that waits for its rows never meets.
enum { RECORDER_QUEUE_MAX = 1024 };
int recorder_append(struct recorder *recorder, const char *kind, const json_t *body, int attachment_fd,
        uint64_t *ticket, struct err *e);

// When heads are signed beside those at a job's end: after so many rows, or so many seconds after a row that none
// covers. At once after the start; 1000 rows and 900 s otherwise.
int recorder_head_policy(struct recorder *recorder, unsigned rows, unsigned seconds, struct err *e);

// Asks for a signed head over all rows so far, written to STATE/heads/; itself a row ("head") afterwards.
int recorder_sign_head(struct recorder *recorder, const char *reason, uint64_t *ticket, struct err *e);

// Lets it finish what is queued, then ends it; `closed` is called from the loop when the process is reaped.
void recorder_close(struct recorder *recorder, void (*closed)(void *context), void *context);
struct recorder *recorder_free(struct recorder *recorder);

int recorder_role(int argc, char **argv);

#endif
