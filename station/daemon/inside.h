// SPDX-License-Identifier: MIT
// What the daemon's files share: the station's parts. Nobody outside daemon/ includes this.
#ifndef GANGWAY_DAEMON_INSIDE_H
#define GANGWAY_DAEMON_INSIDE_H

#include <jansson.h>

#include "base/child.h"
#include "base/clock.h"
#include "control/server.h"
#include "core/estimate.h"
#include "core/job.h"
#include "core/slot.h"
#include "daemon/recipe.h"
#include "daemon/refusal_gate.h"
#include "daemon/sign_json.h"
#include "daemon/station.h"
#include "flash/gang.h"
#include "image/import.h"
#include "image/ontarget_kit.h"
#include "record/reader.h"
#include "record/recorder.h"

struct station;

// --- images -----------------------------------------------------------------------------------------------

// A decoded image that boards are or may be programmed from: an import under way or done, or a store entry.
struct picture {
	unsigned users; // the job, and every worker
	char name[64];
	char key[SHA256_HEX_SIZE];
	char plan_sha256[SHA256_HEX_SIZE]; // "" until it is confirmed
	struct import *import;             // owns the image when not NULL
	struct image stored;
	bool ready;              // workers can be started
	bool confirmed;          // in the ledger, or on its way there: attempts may be closed as PASS
	bool failed;             // the import came to nothing
	bool damaged;            // a worker found its store entry damaged
	struct ontarget_kit kit; // of a job whose boards read themselves back
	bool has_kit, kit_failed;
	unsigned kit_deaths; // of the process that makes it
};

// --- one slot's seat --------------------------------------------------------------------------------------

// What is shown of an attempt, and recorded of it.
// Where the serial of a board's next attempt comes from.
enum serial_allot {
	SERIAL_OWN,     // the board has one, was given one by a scanner, or goes without
	SERIAL_RANGE,   // the job's range
	SERIAL_COUNTER, // the station's name and a counter
};

struct seat_attempt {
	uint64_t id; // 0: none
	char job[16];
	char image[64];
	char serial[64], serial_source[16];
	char own_serial[64]; // what the board itself shows
	char port[96], boot_id[CLOCK_BOOT_ID_SIZE];
	uint64_t diskseq, size;
	unsigned lun;
	struct signature looks; // what its board says of itself
	char node[256], usb_id[16];
	char key[BOARD_KEY_SIZE]; // of its board, which may have left meanwhile
	char plan_sha256[SHA256_HEX_SIZE], readback_sha256[SHA256_HEX_SIZE];
	char method[32];
	char blank[192]; // what the blank check found
	char uboot[BOARD_UBOOT_SIZE];
	char text[480];
	char finished[CLOCK_UTC_SIZE];
	double write_s, verify_s;
	bool has_report;
	struct worker_report report; // the verdict, as the worker gave it
	char stage_utc[WORKER_STAGE_COUNT][CLOCK_UTC_SIZE];
	uint64_t judged_ns; // CLOCK_MONOTONIC of the verdict
	// Of a board that reads itself back, see ontarget.c:
	char nonce[ONTARGET_NONCE_SIZE];
	struct worker_report asked;     // the first half's
	uint64_t asked_ns, answered_ns; // CLOCK_MONOTONIC: it was asked, it was back
};

// The last attempt that has its verdict in the ledger: the next one of the same board belongs to the same unit.
struct seat_before {
	uint64_t attempt; // 0: none
	char key[BOARD_KEY_SIZE];
	char serial[64], serial_source[16];
	bool keeps; // the serial that it was given stays reserved for its retry
};

// What the ledger has of the slot's refusals, see refusals.c.
struct refusals {
	uint64_t
	        codes; // bit n: the plugged-in board's refusal with enum failure n has its row, or was counted
	char job[16];  // ... in this job
	struct refusal_gate gate;
	unsigned unrecorded; // since the slot's last such row
};

struct seat {
	struct station *station;
	unsigned index;
	struct slot slot;
	struct board board; // the one plugged in; its fields are "" and 0 when none is
	// AWAITING: a board came that shows no serial, where one with a serial is waited for. Nobody has heard of it yet.
	struct board unnamed;
	bool has_unnamed;
	char key[BOARD_KEY_SIZE];
	// What the fixture says of the serial; board.serial is what the job makes of it (serials.c).
	char own_serial[64], own_source[16], scanned[64];
	enum serial_allot allot;
	bool came_failed; // a board that shows no serial is back by itself behind its FAIL
	bool twin_split;  // it shared its serial with another board, and is the one that goes without
	char verdict_key[BOARD_KEY_SIZE]; // of the board the standing verdict is about
	bool resumed;   // the verdict is from before the station's start and the fixture has not reported yet
	bool looked_up; // what the ledger says of the serial is known
	bool asked;     // ... or being asked for
	bool known;     // ... it has a verdict: RETURNED
	bool known_passed; // ... which is PASS: another attempt is rework
	bool known_here;   // ... it counts in the job at hand: PASS, or UNVERIFIED, was its last word there
	uint64_t known_attempt; // ... that of its last verdict; 0: none
	bool seen;              // ... or it had attempts at all
	bool start_granted;     // START was pressed, or the serial scanned
	bool recount;           // the attempt under way is of a unit the job has counted already
	bool row_refused;       // the ledger did not take the attempt under way: `refusal` says why
	char refusal[480];
	bool close_waits; // the verdict waits for the image's row
	char reason[160]; // a person's, for the next attempt
	bool rework;      // ... which is rework
	// What the ledger says is to become of its unit ("scrapped", "rework"), and why.
	char disposition[16], disposition_reason[160];
	char resumed_disposition[16], resumed_reason[160]; // ... of the resumed attempt's
	char person[32];                                   // who acknowledged or released it
	char starter[32]; // who pressed START, or scanned its serial; "": nobody has
	char stopper[32]; // who stopped the attempt under way; "": nobody has
	struct control_request
	        *asker; // says something of the slot just now, and is answered when that is recorded
	struct loop_source *leave_timer;
	uint64_t let_go;    // CLOCK_MONOTONIC: when it was ejected, or switched off
	uint64_t left;      // ... and when it left; 0: it has not
	uint64_t answer_by; // CLOCK_MONOTONIC: AWAITING ends
	bool ejected;       // the worker under way was told to eject
	bool cycled;        // it was let go by a power cycle
	struct seat_attempt attempt;
	struct seat_before before;
	struct refusals refusals;
	bool promised; // its close row says that a retry follows
	struct gang_member *member;
	struct picture *picture; // held for the worker
	struct child foreign;    // a dead station's worker: only pid and pidfd
	struct loop_source *foreign_source;
	uint64_t done, total; // of the stage
	uint64_t written;     // bytes of the write stage, for the whole progress
	struct estimate_track track;
	double rate; // bytes a second, of late
	bool dirty;
};

// --- the job ----------------------------------------------------------------------------------------------

enum { REJECTED_MAX = 8 };

// What the job's boards look like. A restart resumes what was approved, and learns anew what was not.
struct job_signature {
	bool is_proposed, is_approved;
	struct signature proposed, approved;
	char slot[16], serial[64];               // the board that the proposal was learned from
	struct signature rejected[REJECTED_MAX]; // the last ones
	unsigned rejected_count;
	bool asked; // an answer's row is on its way
};

struct station_job {
	struct job_counts counts;
	char id[16];
	char image[64];
	char image_key[SHA256_HEX_SIZE], plan_sha256[SHA256_HEX_SIZE];
	char opened[CLOCK_UTC_SIZE], closed[CLOCK_UTC_SIZE];
	char close_reason[32], close_operator[32]; // "" where nobody asked for it
	struct recipe recipe;                      // counts.wanted is its quantity
	struct job_signature signature;
	struct picture *picture; // NULL: the image cannot be had now
	struct key_set
	        known;    // keys of boards that this station has given a verdict since its start, or resumed
	uint64_t self_ns; // how long the last board took to read itself back and to return; 0: none has yet
	bool close_queued;
	struct control_request *closer; // waits for the job's end
};

// --- the ledger -------------------------------------------------------------------------------------------

// The row is durable (seq > 0), or refused by the ledger (e set). Called once.
typedef void (*row_done_fn)(void *context, uint64_t seq, const struct err *e);

// What somebody who waits for a row is told: with `e` NULL the result, a new reference (NULL: {}); else they are refused with
// *e, and it is only told of that. Called once.
typedef json_t *(*row_answer_fn)(void *context, const struct err *e);

struct row_queued {
	uint64_t ticket; // 0: not given to the recorder yet
	bool again;      // an earlier recorder was given it
	char kind[24];
	json_t *body;
	int attachment; // -1: none
	row_done_fn done;
	void *context;
	struct control_request *asker; // NULL: nobody waits for it
	row_answer_fn answer;          // for `asker`, with `context`; then there is no `done`
};

enum { ROWS_MAX = 512, UPH_TIMES = 512 };

struct row_queue {
	struct recorder *recorder;
	bool up;      // ready came
	bool failing; // takes no rows
	bool closing;
	char error[480];
	char ended[200];   // how the last recorder ended; "": it has not, or that is recorded
	uint64_t seq;      // the last row known
	uint64_t reported; // the last row of ours that was reported durable: what came later may stand or not
	uint64_t anchored; // the newest head's row that has left the station
	char hash[SHA256_HEX_SIZE];
	struct row_queued rows[ROWS_MAX]; // a ring, oldest first
	unsigned first, count;
	struct loop_source *restart;
	unsigned restarts;
};

// --- the station ------------------------------------------------------------------------------------------

struct alert {
	char topic[24]; // one alert a topic
	char level[8];  // "warn", "error"
	char text[480];
};
enum { ALERTS_MAX = 16, IMAGES_MAX = 1000 };

enum station_phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING, PHASE_CLOSING, PHASE_STOPPED };

struct station {
	struct loop *loop;
	struct station_config config;
	enum station_phase phase;
	int exit_code;
	char stop_reason[24], stop_person[32]; // of station.stop: who or what asked for it first
	int lock_fd;
	int control_fd; // the starter's end, adopted when the station is ready
	char boot_id[CLOCK_BOOT_ID_SIZE];
	char started[CLOCK_UTC_SIZE];
	uint64_t hash_rate; // SHA-256 bytes a second of one core, measured at the start
	bool compare_suits; // ... which all slots together would outrun: verify=compare is suggested
	char ledger_id[64];
	char url[128]; // of the page, when it listens

	struct row_queue ledger;
	struct reader *reader; // the station's own questions: no slow one of a person's keeps a board waiting
	struct reader *answers; // those of page and command line
	bool asking;            // a unit_status question is under way
	struct loop_source *ask_again;
	unsigned ask_failures;
	uint64_t next_attempt, next_job;
	json_t *pools; // serial numbers: pool -> the next number

	struct control_server *server;
	struct fixture *fixture;
	struct seat seats[BOARD_SLOTS_MAX];
	unsigned seat_count;
	bool starting_boards; // guards try_start() against itself

	json_t *images; // array of image objects, as the protocol shows them
	struct picture *importing;
	struct control_request *importer; // waits for the import's end
	char import_name[64], import_error[480], import_note[240];
	uint64_t import_done, import_total;
	struct {
		struct child child;
		int sock;
		struct loop_source *source;
		struct picture *picture;   // it is made for; NULL: none is being made
		struct loop_source *again; // the timer behind one that died
		bool rests;                // until then
	} kit;
	struct child check; // storecheck
	struct loop_source *check_source;
	char check_key[SHA256_HEX_SIZE],
	        check_name[64]; // the entry that is looked at or to be looked at, and its image

	struct station_job job;

	struct child web;
	struct loop_source *web_source, *web_restart;
	unsigned web_failures;

	struct child heads; // the courier
	int heads_fd;       // its socket
	struct loop_source *heads_source, *heads_ended, *heads_restart;
	unsigned heads_failures;
	json_t *heads_status; // what it says of each destination; NULL: nothing yet

	struct loop_source *refusals_timer;
	bool refusals_armed;

	struct alert alerts[ALERTS_MAX];
	unsigned alert_count;

	uint64_t pass_times[UPH_TIMES]; // CLOCK_MONOTONIC, a ring
	uint64_t passes;                // since the start

	struct loop_source *publish_timer, *stop_timer;
	uint64_t published;    // CLOCK_MONOTONIC of the last publishing
	uint64_t counted_down; // ... and of the last one of boards that are waited for
	bool publish_armed;
	bool dirty_job, dirty_counts, dirty_import, dirty_ledger, dirty_alerts, dirty_station;
};

// boards.c: what the fixture reports to slot_step()
extern const struct fixture_events seat_fixture_events;
void seat_rematch(struct seat *seat);
void seat_rematch_all(struct station *station);
// A serial that came or went may have made a twin of another slot's board, or ended that.
void seat_rematch_twins(const struct seat *seat, const char *serial);
// ... and what the ledger said of it is not true any more.
void seat_ask_twins(const struct seat *seat, const char *serial);
// What the job makes of the plugged-in board. `granted`: as if a person had released it.
void seat_judge(const struct seat *seat, bool granted, struct match_result *out);
// The plugged-in board as match and signature see it.
void seat_describe(const struct seat *seat, struct match_board *out);
// Whether this board can be the one of the slot's last attempt, which had no serial or the same: its disk is of the same
// size, and, without a serial, it says the same of itself. A disk that has not come yet may be of any size.
bool seat_may_be_same(const struct seat *seat, const struct board *board);
// Its disk that the job programs becomes its identity.
void seat_choose_lun(struct seat *seat);
// Whether the plugged-in board has passed already, or was sent to be reworked: the next attempt is rework.
bool seat_is_rework(const struct seat *seat);
// Nothing is known of the board that left, or of the one that comes.
void seat_forget_board(struct seat *seat);
// Nobody waits for its serial any more: it is a board like any other.
void seat_let_unnamed_in(struct seat *seat);

// seats.c: the gang to slot_step(), its actions to gang, ledger and job
void seat_event(struct seat *seat, const struct slot_event *event);
// As seat_event(); whether a person's event had something to act on.
bool seat_person(struct seat *seat, const struct slot_event *event);
// Starts every board that may be started now.
void seat_start_boards(struct station *station);
struct seat *seat_find(struct station *station, const char *label);
bool seats_idle(const struct station *station);
void seats_cancel_all(struct station *station);
const char *seat_label(const struct seat *seat);
// The image's row is on its way: verdicts that waited for it go on. `e`: there will be none, for the import has failed;
// then what was a PASS is aborted.
void seat_close_waiting(struct station *station, const struct picture *picture, const struct err *e);
void seats_free(struct station *station);

// leave.c: boards are let go, and tried again
int leave_open(struct seat *seat, struct err *e);
void leave_free(struct seat *seat);
void leave_act(struct seat *seat, const struct slot_actions *out);
// The worker may let its device go.
void leave_release(struct seat *seat);
// What arrives is the board of the slot's last attempt, as far as its serial and seat_may_be_same() can tell, and its slot
// waits for it.
bool leave_awaits(const struct seat *seat, const struct board *board);
// ... and is in seat->board now.
void leave_take_back(struct seat *seat);
// It left so short a time ago that nobody can have plugged it in.
bool leave_is_soon(const struct seat *seat);
void leave_note_left(struct seat *seat);
// Nothing is tried again when the station stops, or the job ends.
void leave_stop(struct station *station);

// ontarget.c: boards that read themselves back
// Whether this station can do it with this image, as far as it is there; the store is not read. Nothing to say of a recipe
// without it.
int ontarget_allowed(
        const struct station *station, const struct recipe *recipe, struct picture *picture, struct err *e);
// Makes what the job's boards need, unless it is there or being made. Boards start when it is there.
void ontarget_prepare(struct station *station);
bool ontarget_ready(const struct station_job *job);
// What boards wait for that are not started because it is not. In one line.
const char *ontarget_waits(const struct station_job *job);
void ontarget_free(struct station *station);
// Makes of a worker's job the first half, when the recipe says so; `image` is the caller's copy.
int ontarget_ask(struct seat *seat, struct worker_job *work, struct image *image, struct err *e);
// ... or the second half, of the board that is back.
void ontarget_commit(struct seat *seat, struct worker_job *work);
// The first half has ended; or the attempt has, while its board was away.
void ontarget_asked(struct seat *seat);
void ontarget_given_up(struct seat *seat);
// What is to be shown and recorded of a report: in the second half, of both. Returns `report` or `whole`.
const struct worker_report *ontarget_whole(
        const struct seat *seat, const struct worker_report *report, struct worker_report *whole);

// attempts.c: an attempt's rows
void attempt_open_row(struct seat *seat);
void attempt_close_row(struct seat *seat);
void attempt_ack_row(struct seat *seat);
void attempt_release_row(struct seat *seat);
void attempt_returned_row(struct seat *seat, const char *how);
void attempt_leaving_row(struct seat *seat, enum slot_leaving leaving, uint64_t after_ms);
void attempt_quarantine_row(struct seat *seat);

// refusals.c: boards that are refused
int refusals_start(struct station *station, struct err *e);
// The slot may be REFUSED: that has its row if it still stands behind the event that is under way. What a fixture reports at
// once (a board that moved from one slot to another) is refused for a moment in between.
void refusal_note(struct seat *seat);
// Refusals that stand get their rows, unless they have them.
void refusals_settle(struct station *station);
// A worker has refused the board: likewise, at once and in the worker's words.
void refusal_by_worker(struct seat *seat);
void refusal_forget_board(struct seat *seat);

// sign.c: the job's board signature
void sign_rules(const struct station_job *job, struct match_rules *rules);
void sign_work(const struct station_job *job, struct worker_job *work);
// A board waits for the approval: the first one is what is proposed.
void sign_note(struct seat *seat);
// From the recipe: given when the job was opened. -EINVAL and why.
int sign_given(const struct recipe *recipe, struct job_signature *out, struct err *e);
// From the ledger: the last job.signature row, or NULL.
void sign_resume(struct station_job *job, const json_t *row);
// {"state","slot","serial","signature"}, as `job.signature.show` answers and the job object has it.
json_t *sign_show(const struct station_job *job);
void sign_command_show(struct station *station, struct control_request *request);
void sign_command_approve(struct station *station, struct control_request *request);
void sign_command_reject(struct station *station, struct control_request *request);

// serials.c: a unit's serial number, as the job's recipe says
void serials_resume(struct station *station, const json_t *resume);
// Boards that failed in the open job are known by what they show, behind a restart, too.
void serials_resume_failed(struct station *station, const json_t *resume);
void serial_arrived(struct seat *seat);                  // a board came: seat->board is the fixture's
void serial_give(struct seat *seat, const char *serial); // a person's word for the board that is plugged in
// The attempt's board failed: it is known by the serial that it shows, for the one it was given is void. -ENOMEM.
int serial_note_failed(const struct seat *seat);
// ... and is the one that is plugged in. Not where the job says that boards share their serials.
bool serial_is_known(const struct seat *seat);
// A board that is to be tried again is back, and without an attempt just now: the scanner's word stays its own.
void serial_take_back(struct seat *seat, const char *serial);
// The job or the scanner's word changed: seat->board's serial is chosen again, unless an attempt has it.
void serial_settle(struct seat *seat);
// The worker has ended: what was scanned meanwhile is the board's serial from now on.
void serial_catch_up(struct seat *seat);
// The fixture knows another serial now. False: it does not.
bool serial_changed(struct seat *seat, const struct board *board);
// Another slot has a board with this serial.
bool serial_has_twin(const struct seat *seat);
// Another slot has an attempt on it whose verdict is not in the ledger yet: it was pulled out there, or reads itself back.
bool serial_is_under_way(const struct seat *seat);
// The range has a number for this board, or it needs none.
bool serial_may_start(const struct seat *seat);
// At the attempt's row: hands out its serial, with a row before the attempt's. Does nothing when the board has one.
int serial_take(struct seat *seat, struct err *e);
// Behind slot_step(): no retry follows after all, and the serial that was kept for it is void.
void serial_let_go(struct seat *seat);
// The attempt's row is durable: the kept serial is the attempt's, or void.
void serial_taken(struct seat *seat);
bool serial_is_boards_own(const char *source);
// The serial of its attempt shows again when the board comes back: the board's own, or on its label.
bool serial_is_seen_again(const struct seat_attempt *attempt);
void serial_command_scan(struct station *station, struct control_request *request);

// preflight.c: what a cycle of the job costs on this fixture, an array of lines
json_t *preflight_lines(struct station *station);

// lookup.c: what the ledger says of the boards' serials
void lookup_ask(struct station *station);
int lookup_start(struct station *station, struct err *e);

// foreign.c: who holds which device beyond the station's life
void foreign_note(const struct seat *seat);
void foreign_forget(const struct seat *seat);
// A dead station's worker that still lives makes its slot LOST until it ends.
void foreign_find(struct seat *seat);
void foreign_free(struct seat *seat);

// rows.c
int rows_start(struct station *station, struct err *e);
// Queues a row; `body` is taken, `attachment` too. done may be NULL.
void rows_append(struct station *station, const char *kind, json_t *body, int attachment, row_done_fn done,
        void *context);
// As rows_append(), and `asker`, which is taken, is answered behind the row.
void rows_append_answered(struct station *station, const char *kind, json_t *body,
        struct control_request *asker, row_answer_fn answer, void *context);
// Fields of a row's body that are left out when there is nothing to say: NULL or an empty text, 0.
void row_set_text(json_t *body, const char *key, const char *text);
void row_set_number(json_t *body, const char *key, uint64_t number);
bool rows_are_taken(const struct station *station);
void rows_free(struct station *station);

// resume.c
void resume_take(struct station *station, const json_t *resume);
void resume_seats(struct station *station, const json_t *resume);
// The rows that a kill came before: of units that failed their last retry.
void resume_quarantine(struct station *station, const json_t *resume);

// jobs.c
bool job_may_start_board(const struct station *station, const struct seat *seat);
void job_count_start(struct station *station, struct seat *seat);
void job_count_undo(struct station *station, struct seat *seat);
void job_count_end(struct station *station, struct seat *seat);
// Gets the job's image again, unless it is there already or cannot be had.
void job_take_picture(struct station *station);
// Closes a job that is full, or that was told to close, when its last board has finished.
void job_settle(struct station *station);
void job_resume(struct station *station, const json_t *job);
void job_command_open(struct station *station, struct control_request *request);
void job_command_close(struct station *station, struct control_request *request);
void job_command_start(struct station *station, struct control_request *request);
void job_free(struct station *station);

// images.c
void image_command_add(struct station *station, struct control_request *request);
void image_command_list(struct station *station, struct control_request *request);
void image_command_show(struct station *station, struct control_request *request);
void image_command_remove(struct station *station, struct control_request *request);
const json_t *image_find(const struct station *station, const char *name);
// The picture of a name: the running import's, or the store's. NULL and *e when it cannot be had; EUCLEAN: not before
// heal_touched() has looked at it.
struct picture *picture_get(struct station *station, const char *name, struct err *e);
struct picture *picture_unref(struct picture *picture);
struct image *picture_image(struct picture *picture);
void images_free(struct station *station);

// heal.c: a damaged store entry
void heal_suspect(struct station *station, struct picture *picture);
// The image of this name, with this key, was touched: the job waits until its entry was hashed.
void heal_touched(struct station *station, const char *name, const char *key);
void heal_try(struct station *station);
void heal_free(struct station *station);

// commands.c
extern const struct control_handlers station_handlers;

// args.c
// Whether args, where they are there, have no names but those that `wanted` tells, and are of its types: "name:s other:i ...",
// s (text), b (true or false), i (a whole number), a (an array), o (an object); a '*' at its end leaves other names to the
// command. NULL: it takes none. null counts as left out, a wrong type never does: -EINVAL, and *e names it.
int args_check(const json_t *args, const char *wanted, struct err *e);

// records.c
void record_command_query(struct station *station, struct control_request *request);
void record_command_job_show(struct station *station, struct control_request *request);
void record_command_dispose(struct station *station, struct control_request *request);

// snapshot.c
json_t *snapshot_make(void *station);
json_t *snapshot_slot(const struct seat *seat);
json_t *snapshot_job(const struct station *station);
json_t *snapshot_import(const struct station *station);
json_t *snapshot_counts(const struct station *station);
json_t *snapshot_ledger(const struct station *station);
json_t *snapshot_alerts(const struct station *station);
json_t *snapshot_station(const struct station *station);

// publish.c
void publish_soon(struct station *station);
void publish_seat(struct seat *seat);
void publish_now(void *station);
int publish_start(struct station *station, struct err *e);
void alert_set(struct station *station, const char *topic, const char *level, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void alert_clear(struct station *station, const char *topic);

// page.c: the web role
int page_start(struct station *station, struct err *e);
// The role has said where (station->url): a port that was chosen freely is kept, so that a role started again comes
// back where browsers look for it.
void page_listens(struct station *station);
void page_free(struct station *station);

// heads.c: signed heads leave the station
// Where they are to go, "folder http"; "": nowhere.
void heads_words(const struct station_heads *heads, char *text, size_t size);
int heads_start(struct station *station, struct err *e);
// The last head is signed: the courier delivers and ends, and then the loop does. False: there is none to wait for.
bool heads_finish(struct station *station);
void heads_free(struct station *station);

// station.c
void station_ready(struct station *station, const json_t *resume);
// The ledger cannot be opened now: the page and the control socket say so, and take nothing else yet.
void station_waits(struct station *station);
// `person`: who asked for it; "": a signal did.
void station_stop(struct station *station, const char *reason, const char *person);
// Goes on with stopping when the last board has finished.
void station_settle(struct station *station);
void station_fatal(struct station *station, const struct err *e);

#endif
