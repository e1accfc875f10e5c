// SPDX-License-Identifier: MIT
// The courier: carries signed heads away from the station.
#include "record/courier.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "record/courier_http.h"
#include "record/courier_syslog.h"
#include "record/head.h"

#define RETRY_FIRST_NS NSEC_PER_SEC
#define RETRY_MAX_NS   (300 * NSEC_PER_SEC)

const char *const courier_kinds[COURIER_KINDS] = {"folder", "command", "http", "syslog"};

typedef int (*deliver_fn)(const char *target, const char *path, const char *name, struct err *e);

static int to_folder(const char *target, const char *path, const char *name, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char to[PATH_MAX];
	size_t size;
	int r = fd_read_file(path, HEAD_FILE_MAX, &text, &size, e);
	if (r < 0)
		return r;
	snprintf(to, sizeof(to), "%s/%s", target, name);
	// What is there is evidence. The same head again is a delivery whose marker was lost.
	_cleanup_free_ char *there = NULL;
	size_t there_size = 0;
	if (access(to, F_OK) < 0)
		return fd_write_file(to, text, size, 0444, e);
	r = fd_read_file(to, HEAD_FILE_MAX, &there, &there_size, e);
	if (r == 0 && (there_size != size || memcmp(there, text, size) != 0))
		r = err_set(e, EEXIST,
		        "%s: holds another head; give each station, and each ledger, a folder of its own",
		        to);
	return r;
}

static int to_command(const char *target, const char *path, const char *name, struct err *e)
{
	(void)name;
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "%s: cannot be started", target);
	if (pid == 0) {
		alarm(COURIER_COMMAND_S); // survives exec: a command that hangs is ended by SIGALRM
		execl("/bin/sh", "sh", "-c", target, "sh", path, NULL);
		_exit(127);
	}
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "%s", target);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return WIFSIGNALED(status) ? err_set(e, EIO, "command '%s': ended by signal %d (limit %d s)", target,
	                                     WTERMSIG(status), COURIER_COMMAND_S)
	                           : err_set(e, EIO, "command '%s': exit %d", target, WEXITSTATUS(status));
}

// --- what each destination has had: STATE/delivered/KIND.json

struct record {
	const char *kind, *target;
	deliver_fn deliver;
	char marker[PATH_MAX];
	struct head last; // delivered
};

// The row up to which a destination has had the heads of this ledger. What a restore put in the place of the one
// that was delivered is another ledger's past: all is delivered again.
static uint64_t row_delivered(const char *state, const json_t *marker)
{
	char path[PATH_MAX];
	struct head head;
	json_int_t row = json_integer_value(json_object_get(marker, "row"));
	const char *ledger = json_string_value(json_object_get(marker, "ledger"));
	const char *hash = json_string_value(json_object_get(marker, "row_hash"));
	if (row <= 0 || !ledger || !hash || !*hash) // written before these were kept
		return row > 0 ? (uint64_t)row : 0;
	snprintf(path, sizeof(path), "%s/heads/head-%012lld.json", state, (long long)row);
	bool same = head_read(path, &head, NULL) == 0 && !strcmp(head.ledger, ledger) &&
	            !strcmp(head.row_hash, hash);
	return same ? (uint64_t)row : 0;
}

static int load_marker(struct record *d, const char *state, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	snprintf(d->marker, sizeof(d->marker), "%s/delivered/%s.json", state, d->kind);
	if (access(d->marker, F_OK) < 0)
		return 0;
	int r = fd_read_file(d->marker, HEAD_FILE_MAX, &text, &size, e);
	if (r < 0)
		return r;
	json_t *object = json_loadb(text, size, 0, NULL);
	const char *target = json_string_value(json_object_get(object, "target"));
	// Another target has had nothing yet.
	if (target && !strcmp(target, d->target))
		d->last.seq = row_delivered(state, object);
	const char *ledger = json_string_value(json_object_get(object, "ledger"));
	const char *hash = json_string_value(json_object_get(object, "row_hash"));
	STR_COPY(d->last.ledger, d->last.seq && ledger ? ledger : "");
	STR_COPY(d->last.row_hash, d->last.seq && hash ? hash : "");
	json_decref(object);
	return 0;
}

static int save_marker(const struct record *d, const char *error, struct err *e)
{
	json_t *object = json_pack("{s:s,s:s,s:I,s:s,s:s,s:s}", "destination", d->kind, "target", d->target,
	        "row", (json_int_t)d->last.seq, "ledger", d->last.ledger, "row_hash", d->last.row_hash,
	        "error", error);
	_cleanup_free_ char *text = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
	json_decref(object);
	return text ? fd_write_file(d->marker, text, strlen(text), 0644, e) : err_sys(e, ENOMEM, "courier");
}

static int is_head(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "head-", 5) && strstr(entry->d_name, ".json") &&
	       !strstr(entry->d_name, ".new-");
}

static uint64_t row_of(const char *name)
{
	return strtoull(name + 5, NULL, 10);
}

// The heads of a state folder, oldest first; freed by names_free().
static int list_heads(const char *state, struct dirent ***names, struct err *e)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%s/heads", state);
	int n = scandir(folder, names, is_head, alphasort);
	return n < 0 ? err_sys(e, errno, "%s: heads cannot be read", folder) : n;
}

static void names_free(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static int deliver_to(struct record *d, const char *state, struct dirent **names, int n, struct err *e)
{
	char path[PATH_MAX];
	int r = load_marker(d, state, e);
	uint64_t before = d->last.seq;
	for (int i = 0; r == 0 && i < n; i++) {
		if (row_of(names[i]->d_name) <= d->last.seq)
			continue;
		snprintf(path, sizeof(path), "%s/heads/%s", state, names[i]->d_name);
		r = d->deliver(d->target, path, names[i]->d_name, e);
		if (r == 0 && head_read(path, &d->last, NULL) < 0)
			d->last = (struct head){0}; // was carried as it is
		if (r == 0)
			d->last.seq = row_of(names[i]->d_name);
	}
	if (r == 0 && d->last.seq == before)
		return 0;
	struct err own;
	int saved = save_marker(d, r < 0 ? e->text : "", &own);
	if (r == 0 && saved < 0)
		*e = own;
	return r < 0 ? r : saved;
}

int courier_deliver(const char *state, const struct courier_destinations *to, struct err *e)
{
	struct record all[] = {
	        {.kind = "folder", .target = to->folder, .deliver = to_folder},
	        {.kind = "command", .target = to->command, .deliver = to_command},
	        {.kind = "http", .target = to->http, .deliver = courier_http_post},
	        {.kind = "syslog", .target = to->syslog ? "syslog" : NULL, .deliver = courier_syslog_send},
	};
	char folder[PATH_MAX];
	struct dirent **names = NULL;
	struct err own = {0};
	snprintf(folder, sizeof(folder), "%s/delivered", state);
	int n = fd_mkdir_all(folder, 0755, &own);
	n = n < 0 ? n : list_heads(state, &names, &own);
	int result = n < 0 ? n : 0;
	for (size_t i = 0; n >= 0 && i < ARRAY_SIZE(all); i++) {
		int r = all[i].target ? deliver_to(&all[i], state, names, n, &own) : 0;
		if (r < 0) {
			log_warn("head not delivered: %s", own.text);
			result = r;
		}
	}
	names_free(names, n > 0 ? n : 0);
	if (result < 0 && e)
		*e = own;
	return result;
}

static json_t *status_of(const char *state, const char *kind, struct dirent **names, int n)
{
	char path[PATH_MAX];
	json_int_t waiting = 0;
	snprintf(path, sizeof(path), "%s/delivered/%s.json", state, kind);
	json_t *object = json_load_file(path, 0, NULL);
	uint64_t row = row_delivered(state, object);
	struct head oldest = {0};
	for (int i = n; i-- > 0;) {
		if (row_of(names[i]->d_name) <= row)
			break;
		waiting++;
		snprintf(path, sizeof(path), "%s/heads/%s", state, names[i]->d_name);
	}
	if (waiting && head_read(path, &oldest, NULL) < 0)
		oldest.signed_utc[0] = '\0';
	if (object) {
		json_object_set_new(object, "waiting", json_integer(waiting));
		json_object_set_new(object, "since", json_string(oldest.signed_utc));
	}
	return object;
}

int courier_status(const char *state, json_t **out, struct err *e)
{
	struct dirent **names = NULL;
	int n = list_heads(state, &names, e);
	if (n < 0)
		return n;
	*out = json_array();
	for (size_t i = 0; i < COURIER_KINDS; i++) {
		json_t *object = status_of(state, courier_kinds[i], names, n);
		if (object)
			json_array_append_new(*out, object);
	}
	names_free(names, n);
	return 0;
}

struct run {
	const char *state;
	const struct courier_destinations *to;
	const struct courier_watch *watcher;
	struct loop *loop;
	struct loop_source *timer;
	int watch;
	uint64_t backoff_ns;
};

static void deliver_now(struct run *run)
{
	bool failed = courier_deliver(run->state, run->to, NULL) < 0;
	run->backoff_ns = !failed           ? 0
	                  : run->backoff_ns ? u64_min(2 * run->backoff_ns, RETRY_MAX_NS)
	                                    : RETRY_FIRST_NS;
	json_t *status = NULL;
	if (run->watcher && courier_status(run->state, &status, NULL) == 0)
		run->watcher->told(run->watcher->context, status);
	json_decref(status);
	if (failed)
		loop_timer_after(run->timer, run->backoff_ns);
	else
		loop_timer_off(run->timer);
}

static void on_timer(void *context)
{
	deliver_now(context);
}

static void on_change(void *context, uint32_t events)
{
	struct run *run = context;
	char buffer[4096];
	(void)events;
	while (read(run->watch, buffer, sizeof(buffer)) > 0)
		;
	deliver_now(run);
}

// Nobody says anything there: it is the end.
static void on_watcher_gone(void *context, uint32_t events)
{
	struct run *run = context;
	(void)events;
	run->watcher = NULL;
	deliver_now(run);
	loop_stop(run->loop, 0);
}

int courier_run(const char *state, const struct courier_destinations *to, const struct courier_watch *watcher,
        struct err *e)
{
	_cleanup_loop_ struct loop *loop = NULL;
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct run run = {.state = state, .to = to, .watcher = watcher, .watch = watch};
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%s/heads", state);
	int r = fd_mkdir_all(folder, 0755, e);
	if (r == 0 && (watch < 0 || inotify_add_watch(watch, folder, IN_MOVED_TO | IN_CLOSE_WRITE) < 0))
		r = err_sys(e, errno, "%s: cannot be watched", folder);
	if (r == 0)
		r = loop_new(&loop, e);
	if (r == 0)
		r = loop_add_timer(loop, on_timer, &run, &run.timer, e);
	if (r == 0)
		r = loop_add_fd(loop, watch, EPOLLIN, on_change, &run, NULL, e);
	if (r == 0 && watcher)
		r = loop_add_fd(loop, watcher->fd, EPOLLIN, on_watcher_gone, &run, NULL, e);
	if (r < 0)
		return r;
	run.loop = loop;
	deliver_now(&run);
	return loop_run(loop);
}
