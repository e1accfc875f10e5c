// SPDX-License-Identifier: MIT
// The recorder's process: takes rows from its socket, commits them in groups, says what is durable.
#include <errno.h>
#include <limits.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "record/delivered.h"
#include "record/head_policy.h"
#include "record/ledger.h"
#include "record/recorder.h"
#include "record/wire.h"

enum { ROLE_SOCKET = CHILD_FD_FIRST };
enum { HEAD_EVERY_ROWS = 1000 };
#define HEAD_AFTER_NS       (15 * 60 * NSEC_PER_SEC)
#define RETRY_FIRST_NS      (250 * NSEC_PER_MSEC)
#define RETRY_MAX_NS        (5 * NSEC_PER_SEC)
#define ATTACHMENT_MAX      (128 * MIB)
#define CLOSING_PATIENCE_NS (10 * NSEC_PER_SEC)

enum row_state { ROW_WAITING, ROW_WRITTEN, ROW_REFUSED };

// A row that was asked for and is not yet answered.
struct pending {
	json_t *message; // {"t","kind","body"} or {"t","head"}
	enum row_state state;
	struct ledger_row row;
	struct err refusal;
};

struct role {
	struct loop *loop;
	const char *state;
	const char *live;      // attempts the station still works on; NULL: none
	struct ledger *ledger; // NULL while it has to be opened (again)
	struct loop_source *socket, *retry, *head_timer;
	int clock;     // readable when somebody has set the clock
	int delivered; // ... when the courier has delivered
	struct head_policy heads;
	struct pending pending[RECORDER_QUEUE_MAX];
	unsigned count;
	unsigned
	        uncertain; // the first so many were in a commit that failed: it may have reached the disk all the same
	bool started; // `ready` was sent
	bool failing;
	bool closing; // the station hung up
	uint64_t backoff_ns, closing_since_ns;
};

static int say(struct role *role, json_t *message)
{
	int r = message ? wire_send_json(ROLE_SOCKET, message) : -ENOMEM;
	json_decref(message);
	// The station is gone or cannot be told: there is nobody left to work for.
	if (r < 0 && !role->closing) {
		role->closing = true;
		role->closing_since_ns = clock_mono_ns();
	}
	return r;
}

static int say_row(struct role *role, const struct pending *p)
{
	json_t *ticket = json_object_get(p->message, "t");
	if (p->state == ROW_REFUSED)
		return say(role,
		        json_pack("{s:s,s:O,s:s}", "event", "refused", "t", ticket, "text", p->refusal.text));
	return say(role, json_pack("{s:s,s:O,s:I,s:s}", "event", "durable", "t", ticket, "seq",
	                         (json_int_t)p->row.seq, "hash", p->row.hash));
}

static bool is_recorders_own(const char *kind)
{
	static const char *const own[] = {"ledger.open", "ledger.migrate", "key", "clock",
	        "attempt.interrupted", "head", "head.delivered"};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(kind, own[i]))
			return true;
	return false;
}

static int write_head(struct role *role, const char *reason, struct ledger_row *row, struct err *e)
{
	int r = ledger_append_head(role->ledger, reason, row, e);
	return r == LEDGER_REFUSED ? -EINVAL : r;
}

// A row that an earlier recorder was given (it has "since") may stand already.
static int append_once(struct ledger *ledger, struct pending *p, const char *kind, const json_t *body)
{
	const json_t *since = json_object_get(p->message, "since");
	int r = 0;
	if (since)
		r = ledger_find(
		        ledger, (uint64_t)json_integer_value(since), kind, body, &p->row, &p->refusal);
	if (r != 0)
		return r < 0 ? r : 0;
	return ledger_append(ledger, kind, body, &p->row, &p->refusal);
}

// 0 (written or refused), or the database's failure.
static int write_row(struct role *role, struct pending *p, struct err *e)
{
	const char *reason = json_string_value(json_object_get(p->message, "head"));
	const char *kind = json_string_value(json_object_get(p->message, "kind"));
	const json_t *body = json_object_get(p->message, "body");
	int r = LEDGER_REFUSED;
	p->state = ROW_WRITTEN;
	if (reason)
		r = write_head(role, reason, &p->row, e);
	else if (!kind || !json_is_object(body))
		err_set(&p->refusal, EINVAL, "a row without kind or body");
	else if (is_recorders_own(kind))
		err_set(&p->refusal, EINVAL, "rows of kind %.40s are the recorder's own", kind);
	else
		r = append_once(role->ledger, p, kind, body);
	if (r == LEDGER_REFUSED) {
		p->state = ROW_REFUSED;
		return 0;
	}
	if (r < 0) {
		if (!reason && e)
			*e = p->refusal;
		return r;
	}
	return kind && ledger_wants_head(kind) ? write_head(role, kind, NULL, e) : 0;
}

static int write_batch(struct role *role, struct err *e)
{
	int r = ledger_begin(role->ledger, e);
	for (unsigned i = 0; r == 0 && i < role->count; i++)
		r = write_row(role, &role->pending[i], e);
	if (r == 0 && head_policy_is_full(&role->heads, ledger_unanchored(role->ledger)))
		r = write_head(role, "rows", NULL, e);
	if (r < 0)
		return r;
	role->uncertain = role->count;
	r = ledger_commit(role->ledger, e);
	if (r == 0)
		role->uncertain = 0;
	return r;
}

static void schedule_retry(struct role *role)
{
	role->backoff_ns = role->backoff_ns ? u64_min(2 * role->backoff_ns, RETRY_MAX_NS) : RETRY_FIRST_NS;
	loop_timer_after(role->retry, role->backoff_ns);
}

// Nothing is lost: the rows stay pending, and the ledger is opened afresh for the next try.
static void fail(struct role *role, const struct err *e)
{
	if (role->ledger)
		ledger_rollback(role->ledger);
	role->ledger = ledger_free(role->ledger);
	if (!role->failing) {
		log_error("%s", e->text);
		say(role, json_pack("{s:s,s:i,s:s}", "event", "failing", "num", e->num, "text", e->text));
	}
	role->failing = true;
	schedule_retry(role);
}

static void recover(struct role *role)
{
	if (role->failing) {
		log_info("the ledger takes rows again");
		say(role, json_pack("{s:s}", "event", "recovered"));
	}
	role->failing = false;
	role->backoff_ns = 0;
}

// A head file that cannot be written is tried again with the next rows or by the retry timer; the row stands.
static void publish(struct role *role)
{
	struct err e = {0};
	if (ledger_publish(role->ledger, &e) < 0) {
		log_warn("%s", e.text);
		loop_timer_after(role->retry, RETRY_MAX_NS);
	}
}

static void arm_head_timer(struct role *role)
{
	if (!role->ledger)
		return;
	head_policy_note(&role->heads, ledger_unanchored(role->ledger), clock_mono_ns());
	uint64_t due = head_policy_due_ns(&role->heads);
	int r = due ? loop_timer_set(role->head_timer, due, 0) : loop_timer_off(role->head_timer);
	if (r < 0)
		log_warn("no timer for the next head");
}

static int start(struct role *role, struct err *e)
{
	json_t *interrupted = NULL, *resume = NULL;
	ledger_keep(role->ledger, role->live);
	int r = ledger_start(role->ledger, &interrupted, e);
	if (r == 0)
		r = ledger_resume(role->ledger, interrupted, &resume, e);
	json_decref(interrupted);
	if (r < 0)
		return r;
	role->started = true;
	return say(role, json_pack("{s:s,s:o}", "event", "ready", "resume", resume));
}

static int open_ledger(struct role *role, struct err *e)
{
	int r = role->ledger ? 0 : ledger_open(role->state, NULL, &role->ledger, e);
	return r == 0 && !role->started ? start(role, e) : r;
}

// Answers the first `n` rows and forgets them.
static void answer_rows(struct role *role, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		say_row(role, &role->pending[i]);
		json_decref(role->pending[i].message);
	}
	role->count -= n;
	memmove(role->pending, role->pending + n, role->count * sizeof(role->pending[0]));
}

static void forget_batch(struct role *role)
{
	for (unsigned i = 0; i < role->count; i++)
		json_decref(role->pending[i].message);
	role->count = 0;
}

// A commit whose fsync failed may be found whole when the ledger is opened again: its rows are not written twice.
static int settle(struct role *role, struct err *e)
{
	unsigned n = role->uncertain, last = n;
	while (last > 0 && role->pending[last - 1].state != ROW_WRITTEN)
		last--;
	int r = last > 0 ? ledger_has(role->ledger, &role->pending[last - 1].row, e) : 0;
	if (r < 0)
		return r;
	role->uncertain = 0;
	if (r > 0)
		answer_rows(role, n);
	return 0;
}

// What time does not mend. The station is told, and starts no further work.
static bool is_fatal(const struct err *e)
{
	return e->num == EUCLEAN || e->num == EPROTO || e->num == EACCES || e->num == ENAMETOOLONG;
}

static void note_delivered(struct role *role);

static void process(struct role *role)
{
	struct err e = {0};
	bool anew = !role->ledger;
	int r = open_ledger(role, &e);
	if (r == 0 && role->uncertain)
		r = settle(role, &e);
	if (r == 0 && role->count)
		r = write_batch(role, &e);
	if (r < 0 && is_fatal(&e) && !role->started) {
		say(role, json_pack("{s:s,s:s}", "event", "fatal", "text", e.text));
		loop_stop(role->loop, 1);
		return;
	}
	if (r < 0) {
		fail(role, &e);
		return;
	}
	recover(role);
	publish(role);
	answer_rows(role, role->count);
	arm_head_timer(role);
	if (anew)
		note_delivered(role); // what was delivered while no recorder ran
}

static void close_if_done(struct role *role)
{
	if (role->closing && role->count == 0)
		loop_stop(role->loop, 0);
	else if (role->closing && clock_mono_ns() - role->closing_since_ns > CLOSING_PATIENCE_NS) {
		log_error("%u rows could not be written", role->count);
		loop_stop(role->loop, 1);
	}
}

// The attachment's text becomes the body's "plan".
static int attach(json_t *message, int fd)
{
	char path[64];
	_cleanup_free_ char *text = NULL;
	size_t size;
	struct err e = {0};
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int r = fd_read_file(path, ATTACHMENT_MAX, &text, &size, &e);
	if (r == 0)
		r = json_object_set_new(json_object_get(message, "body"), "plan", json_stringn(text, size));
	if (r < 0)
		log_error("an attachment cannot be read: %s", e.text);
	return r;
}

// Rows may wait for a head already: those of the start do.
static void take_policy(struct role *role, const json_t *message)
{
	uint64_t seconds = (uint64_t)json_integer_value(json_object_get(message, "head_seconds"));
	role->heads.rows = (uint64_t)json_integer_value(json_object_get(message, "head_rows"));
	role->heads.after_ns = seconds * NSEC_PER_SEC;
	log_debug("a head after %llu rows, or %llu s", (unsigned long long)role->heads.rows,
	        (unsigned long long)seconds);
	arm_head_timer(role);
}

// 1: took one; 0: nothing more for now.
static int take_one(struct role *role)
{
	json_t *message = NULL;
	int fd = -1;
	if (role->count == RECORDER_QUEUE_MAX)
		return 0;
	int r = wire_receive(ROLE_SOCKET, &message, &fd);
	if (r == -EAGAIN)
		return 0;
	if (r <= 0) {
		role->closing = true;
		role->closing_since_ns = clock_mono_ns();
		role->socket = loop_remove(role->socket);
		return 0;
	}
	const json_t *rows = json_object_get(message, "head_rows");
	if (rows) {
		take_policy(role, message);
		json_decref(message);
		return 1;
	}
	// Without its plan the row is refused by the ledger's own rules.
	if (fd >= 0) {
		(void)attach(message, fd);
		close(fd);
	}
	role->pending[role->count++] = (struct pending){.message = message};
	return 1;
}

static void on_socket(void *context, uint32_t events)
{
	struct role *role = context;
	(void)events;
	while (take_one(role) > 0)
		;
	// While failing, only the timer tries; a full queue stops the reading (and thereby the station's sending).
	if (role->count == RECORDER_QUEUE_MAX && role->failing)
		loop_modify(role->socket, 0);
	if (!role->failing && role->count)
		process(role);
	close_if_done(role);
}

static void on_retry(void *context)
{
	struct role *role = context;
	process(role);
	if (!role->failing && role->socket)
		loop_modify(role->socket, EPOLLIN);
	close_if_done(role);
}

static int write_time_head(struct role *role, struct err *e)
{
	return write_head(role, "time", NULL, e);
}

static int write_clock(struct role *role, struct err *e)
{
	return ledger_note_clock(role->ledger, e);
}

// A row of the recorder's own, between the station's.
static void write_own(struct role *role, int (*write)(struct role *role, struct err *e))
{
	if (role->failing || !role->started || role->count == RECORDER_QUEUE_MAX)
		return;
	struct err e = {0};
	int r = ledger_begin(role->ledger, &e);
	if (r == 0)
		r = write(role, &e);
	if (r == 0)
		r = ledger_commit(role->ledger, &e);
	if (r < 0)
		fail(role, &e);
	else
		publish(role);
}

static int write_delivered(struct role *role, struct err *e)
{
	return delivered_note(role->ledger, role->state, e);
}

static void note_delivered(struct role *role)
{
	struct err e;
	int r = role->ledger && !role->failing ? delivered_is_new(role->ledger, role->state, &e) : 0;
	if (r > 0) {
		write_own(role, write_delivered);
		int64_t row = role->ledger && !role->failing ? delivered_to_row(role->ledger, &e) : 0;
		if (row > 0)
			say(role, json_pack("{s:s,s:I}", "event", "anchored", "row", (json_int_t)row));
	} else if (r < 0) {
		log_warn("%s", e.text);
	}
}

static void on_delivered(void *context, uint32_t events)
{
	struct role *role = context;
	(void)events;
	delivered_seen(role->delivered);
	note_delivered(role);
}

static void on_head_timer(void *context)
{
	struct role *role = context;
	write_own(role, write_time_head);
	arm_head_timer(role);
}

static void on_clock_set(void *context, uint32_t events)
{
	struct role *role = context;
	(void)events;
	if (clock_watch_again(role->clock) < 0)
		log_warn("the clock cannot be watched any more");
	write_own(role, write_clock);
	arm_head_timer(role);
	log_info("the clock was set");
}

static int watch_clock(struct role *role, struct err *e)
{
	role->clock = clock_watch_new();
	if (role->clock < 0)
		return err_sys(e, -role->clock, "the clock cannot be watched");
	return loop_add_fd(role->loop, role->clock, EPOLLIN, on_clock_set, role, NULL, e);
}

static int watch_delivered(struct role *role, struct err *e)
{
	role->delivered = delivered_watch(role->state, e);
	if (role->delivered < 0)
		return role->delivered;
	return loop_add_fd(role->loop, role->delivered, EPOLLIN, on_delivered, role, NULL, e);
}

static int role_run(struct role *role, struct err *e)
{
	int r = loop_add_fd(role->loop, ROLE_SOCKET, EPOLLIN, on_socket, role, &role->socket, e);
	if (r == 0)
		r = loop_add_timer(role->loop, on_retry, role, &role->retry, e);
	if (r == 0)
		r = loop_add_timer(role->loop, on_head_timer, role, &role->head_timer, e);
	if (r == 0)
		r = watch_clock(role, e);
	if (r == 0)
		r = watch_delivered(role, e);
	if (r < 0)
		return r;
	loop_timer_set(role->retry, 1, 0); // at once: opens the ledger
	return loop_run(role->loop);
}

int recorder_role(int argc, char **argv)
{
	struct err e = {0};
	_cleanup_loop_ struct loop *loop = NULL;
	log_name("recorder");
	int r = child_enter(1, &e);
	if (r == 0 && argc != 2 && argc != 3)
		r = err_set(&e, EINVAL, "recorder: usage: recorder STATE [LIVE-ATTEMPT,...]");
	if (r == 0)
		r = fd_set_nonblocking(ROLE_SOCKET, true);
	if (r == 0)
		r = loop_new(&loop, &e);
	_cleanup_free_ struct role *role = r == 0 ? calloc(1, sizeof(*role)) : NULL;
	if (role) {
		role->loop = loop;
		role->state = argv[1];
		role->heads = (struct head_policy){.rows = HEAD_EVERY_ROWS, .after_ns = HEAD_AFTER_NS};
		role->live = argc == 3 ? argv[2] : NULL;
		r = role_run(role, &e);
		role->ledger = ledger_free(role->ledger);
		forget_batch(role);
	}
	if (e.text[0])
		log_error("%s", e.text);
	return r == 0 && role ? 0 : 1;
}
