// SPDX-License-Identifier: MIT
// The slot machine: what one slot of the fixture does, whatever happens in whatever order. Pure.
#ifndef GANGWAY_CORE_SLOT_H
#define GANGWAY_CORE_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/failure.h"
#include "core/match.h"

/*
 *   EMPTY -> PRESENT -> MATCHED -> CLAIMED -> WRITING -> VERIFYING -> COMMITTING -> RECORDING -> PASS
 *                                                                                         -> FAIL | UNVERIFIED
 * Beside it: REFUSED (not this job's board; 0 bytes written), HOLD (waits for a person), LOST (a worker that cannot
 * be reaped; the slot stays shut until it is), INTERRUPTED (the station died in the middle; never becomes PASS).
 * A verdict outlives the cable: PASS and UNVERIFIED stay until the next, different board; FAIL and INTERRUPTED until
 * somebody acknowledged them.
 *
 * Behind a verdict the board is let go (`leaving`): the worker ejects, the USB disconnect is the proof that U-Boot has
 * moved on. One that stays is power cycled where its port switches, once, and then a person is told. No wait is without
 * an end: SLOT_DO_TIMER always goes with it.
 *
 * A board that reads itself back (START's on_target) has one attempt, and one row, in two halves: its first worker writes
 * all but what makes it boot and asks; it leaves (AWAITING), checks itself, and its return in the same plug starts the
 * second worker, which judges the answer and writes the rest (COMMITTING). Nothing but that worker's word is a PASS. It
 * ends as device-gone when another board comes, as no-answer when none does in time, as cancelled by hand; also a board
 * that was stopped while it was away is held when it comes back.
 *
 * A transport failure may be tried again (RETRYING) as often as the job says, in the same plug or behind a power cycle
 * that this machine asked for itself, and no other way (law 7): each attempt has its own row. A unit that failed again
 * goes to quarantine.
 */
enum slot_state {
	SLOT_EMPTY,
	SLOT_PRESENT,
	SLOT_MATCHED,
	SLOT_CLAIMED,
	SLOT_WRITING,
	SLOT_VERIFYING,
	SLOT_COMMITTING,
	SLOT_RECORDING,
	SLOT_PASS,
	SLOT_FAIL,
	SLOT_UNVERIFIED,
	SLOT_REFUSED,
	SLOT_HOLD,
	SLOT_LOST,
	SLOT_INTERRUPTED,
	SLOT_RETRYING, // the attempt failed and its row is closed; another one follows by itself, or FAIL
	SLOT_AWAITING, // the board was asked to read itself back, and let go: it is to come back with its answer
	SLOT_STATE_COUNT
};

enum slot_leaving {
	SLOT_LEAVING_NONE,
	SLOT_LEAVING_WAIT,  // ejected: the disconnect is waited for. RETRYING: the worker's end is
	SLOT_LEAVING_OFF,   // its port is switched off
	SLOT_LEAVING_ON,    // ... and on again: does it come back?
	SLOT_LEAVING_LEFT,  // it has moved on
	SLOT_LEAVING_BACK,  // it was let go and shows itself again
	SLOT_LEAVING_STUCK, // it does not leave by itself: a person must unplug it
};

enum slot_worker {
	SLOT_WORKER_NONE,
	SLOT_WORKER_RUNNING,
	SLOT_WORKER_RELEASING, // told to close its device and end
	SLOT_WORKER_STUCK,     // does not end
	SLOT_WORKER_FOREIGN,   // a dead station's, which still holds its device
};

// Of an attempt whose board reads itself back.
enum slot_half {
	SLOT_HALF_NONE, // it does not
	SLOT_HALF_ASK,  // from START on, AWAITING included
	SLOT_HALF_COMMIT,
};

enum slot_row {
	SLOT_ROW_NONE,
	SLOT_ROW_OPENING, // attempt.open is queued
	SLOT_ROW_OPEN,    // ... and durable
	SLOT_ROW_CLOSING, // attempt.close is queued
};

enum slot_result {
	SLOT_RESULT_NONE,
	SLOT_RESULT_PASS,
	SLOT_RESULT_UNVERIFIED,
	SLOT_RESULT_FAIL,
	SLOT_RESULT_ABORTED, // nothing is said of the board: store, import or operator ended it
};

// A person's release of the board that is plugged in, and what was shown of it then: nobody has agreed to more.
enum slot_grant {
	SLOT_GRANT_NONE,
	SLOT_GRANT_OTHER,     // its serial, or that it was stopped; or it is tried again
	SLOT_GRANT_NOT_BLANK, // that something is on it
	SLOT_GRANT_RETURNED,  // that it has been here
};

struct slot {
	enum slot_state state;
	enum slot_worker worker;
	enum slot_row row;
	enum slot_result result; // of the attempt under way or standing
	enum failure failure;    // of the standing FAIL, REFUSED, HOLD or INTERRUPTED
	enum slot_state beneath; // LOST: the verdict to show again when the worker is gone
	bool present;            // a board is plugged in
	bool odd;                // REFUSED: what is plugged in is not a board
	bool waiting; // a board came under a standing FAIL or a living worker: looked at afterwards
	bool acknowledged;
	enum slot_grant granted;
	bool gone;      // the board left in the middle of its attempt
	bool stopping;  // the worker was told to cancel
	bool cancelled; // ... by a person: what it says of the board from then on says nothing
	bool returned;  // the worker found this plan on a board that has no serial
	bool sent_go;
	bool judged;                   // the worker under way has said its verdict, or died without
	struct match_result admission; // of the board that is plugged in
	enum slot_half half;
	bool away;    // AWAITING: it has left with the request, so that its next coming is the answer
	bool stopped; // its attempt was ended by hand while it was away: it is held when it comes back

	bool switches; // the port's power can be switched: set once by the owner, nothing here clears it
	enum slot_leaving leaving;
	bool let_go;           // `leaving` is about a board that was ejected behind its verdict
	bool left_early;       // it left between the verdict and its worker's end
	enum slot_state stage; // the last one that the attempt under way was in
	unsigned retries;      // how often each stage may be tried again, as START said for the first attempt
	unsigned tried[3];     // ... and how often each was: WRITING, VERIFYING, COMMITTING
	unsigned attempts;     // of this board by itself: 1, and one more for each retry
	bool same;             // what is plugged in is the board that START was about
	bool again;            // RETRYING: START may come now
	bool retrying;         // the attempt under way is a retry
	enum failure failed;   // RETRYING, retrying: what the last attempt failed with
	bool quarantined;      // the standing FAIL came after all its retries
};

enum slot_event_kind {
	SLOT_EV_ARRIVED, // admission; same_plug, same_board
	SLOT_EV_LEFT,
	SLOT_EV_ODD, // admission.reason: something that is not a board
	SLOT_EV_ODD_GONE,
	SLOT_EV_REMATCH, // admission: the job or the board's serial changed
	SLOT_EV_START,   // the station grants a start
	SLOT_EV_CLAIMED, // carries_plan
	SLOT_EV_OPENED,  // the attempt's row is durable
	SLOT_EV_STAGE,   // stage
	SLOT_EV_VERDICT, // asked, or result, failure, refused
	SLOT_EV_CLOSED,  // may_retry: the verdict's row is durable
	SLOT_EV_ENDED,   // the worker is reaped
	SLOT_EV_STUCK,
	SLOT_EV_ACK,
	SLOT_EV_RELEASE, // admission, made with granted
	SLOT_EV_CANCEL,
	SLOT_EV_DEADLINE, // the time of the last SLOT_DO_TIMER is over
	SLOT_EV_COUNT
};

struct slot_event {
	enum slot_event_kind kind;
	struct match_result admission;
	bool same_plug;    // ARRIVED at the station's start: never unplugged since the standing verdict
	bool same_board;   // ARRIVED: the board of the standing verdict, or of the attempt that waits for it
	bool soon;         // ARRIVED: so soon after it was let go that nobody can have plugged it in
	bool ejected;      // ENDED, RELEASE: the board was told to leave (whether it took that shows)
	bool may_retry;    // CLOSED: another attempt would be let start
	unsigned retries;  // START: how often each stage may be tried again
	bool on_target;    // START: the board is to read itself back
	bool asked;        // VERDICT: none on the board, which was asked to read itself back
	bool carries_plan; // CLAIMED: a board without a serial that holds this plan already
	bool refused;      // VERDICT: fail before the first byte
	bool asks;         // ... but a person may have it programmed all the same: HOLD
	const char *why;   // ... in one line; NULL: the failure's reason
	enum slot_state stage; // STAGE: WRITING, VERIFYING or COMMITTING
	enum slot_result result;
	enum failure failure;
};

enum slot_action {
	SLOT_DO_START_WORKER = 1 << 0,
	SLOT_DO_OPEN_ROW = 1 << 1,  // append attempt.open; answer with OPENED
	SLOT_DO_GO = 1 << 2,        // the worker may write
	SLOT_DO_CLOSE_ROW = 1 << 3, // append attempt.close with result and failure; answer with CLOSED
	SLOT_DO_FREE_WORKER = 1 << 4,
	SLOT_DO_CANCEL = 1 << 5,
	SLOT_DO_COUNT_START = 1 << 6, // one more in flight
	SLOT_DO_COUNT_END = 1 << 7,   // slot->result has been counted
	SLOT_DO_COUNT_UNDO = 1 << 8,  // the start came to nothing
	SLOT_DO_RECORD_REFUSED = 1 << 9,
	SLOT_DO_RECORD_ACK = 1 << 10,
	SLOT_DO_RECORD_RELEASE = 1 << 11,
	SLOT_DO_TIMER = 1 << 12, // answer with DEADLINE; one at a time, a new one replaces the last
	SLOT_DO_POWER_OFF = 1 << 13,
	SLOT_DO_POWER_ON = 1 << 14,
	SLOT_DO_RECORD_LEAVING = 1 << 15, // slot_actions.leaving is known: LEFT, BACK or STUCK
	SLOT_DO_QUARANTINE = 1 << 16,     // slot->attempts attempts failed
};

struct slot_actions {
	unsigned set;  // enum slot_action
	bool accepted; // a person's event (ACK, RELEASE, CANCEL) had something to act on
	enum slot_leaving leaving;
};

// Takes one event. Every event is legal in every state; one that makes no sense there changes nothing.
void slot_step(struct slot *slot, const struct slot_event *event, struct slot_actions *out);

// At the station's start, before the fixture reports: what the ledger says of this slot.
void slot_resume(struct slot *slot, enum slot_state verdict, enum failure failure, bool acknowledged);
// As well: a dead station's worker still lives. ENDED follows when it is gone.
void slot_resume_lost(struct slot *slot);

// Whether a START would start a worker now.
bool slot_is_ready(const struct slot *slot);
// Whether its FAIL, once durable, is tried again, as far as the slot itself can tell (SLOT_EV_CLOSED may_retry).
bool slot_may_retry(const struct slot *slot);
// From START to CLOSED, over all retries and both halves.
bool slot_is_busy(const struct slot *slot);

const char *slot_state_name(enum slot_state state); // "empty", "present", ...
const char *slot_leaving_name(
        enum slot_leaving leaving); // "", "waiting", "power-off", "power-on", "left", "back", "stuck"
// The trade's word: LOAD BUSY PASS FAIL HOLD REFUSED INTERRUPTED UNVERIFIED.
const char *slot_tile(const struct slot *slot);
const char *slot_result_name(enum slot_result result); // "pass", "unverified", "fail", "aborted"; "" for none

#endif
