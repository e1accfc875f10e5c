// SPDX-License-Identifier: MIT
// What the ledger writes by itself when a station starts, and what it hands to the station.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/fd.h"
#include "record/ledger_inside.h"
#include "record/query.h"

enum { LEDGER_FORMAT = 1 };

static int append_own(struct ledger *l, const char *kind, json_t *body, struct err *e)
{
	int r = body ? ledger_append(l, kind, body, NULL, e) : err_sys(e, ENOMEM, "ledger");
	json_decref(body);
	return r == LEDGER_REFUSED ? -EINVAL : r;
}

static int start_new(struct ledger *l, struct err *e)
{
	// Row 1 is ledger.open: the clock row that every start has comes behind it.
	struct ledger_time now;
	l->clock.now(l->clock.context, &now);
	if (fd_read_text(AT_FDCWD, "/proc/sys/kernel/random/uuid", l->id, sizeof(l->id)) != 36)
		return err_set(e, EIO, "/proc/sys/kernel/random/uuid: cannot be read");
	json_t *body = json_pack("{s:s,s:i}", "id", l->id, "format", LEDGER_FORMAT);
	int r = body ? ledger_insert(l, "ledger.open", body, now.utc_ns, NULL, e)
	             : err_sys(e, ENOMEM, "ledger");
	json_decref(body);
	return r;
}

// The text with which the key before vouches for the one after it.
static int endorse(const struct ledger *l, json_t *body, const char *before, struct err *e)
{
	char folder[PATH_MAX], text[256], signature[KEY_SIGNATURE_HEX_SIZE];
	_cleanup_key_ struct key *old = NULL;
	snprintf(folder, sizeof(folder), "%.*s/keys", (int)sizeof(l->state), l->state);
	if (key_open_old(folder, &old, NULL) < 0 || strcmp(key_fingerprint(old), before) != 0)
		return json_object_set_new(body, "reason", json_string("lost"));
	snprintf(text, sizeof(text), "gangway-key-1\n%s\n%s\n", l->id, key_fingerprint(l->key));
	int r = key_sign(old, text, signature, e);
	return r < 0 ? r : json_object_set_new(body, "endorsed", json_string(signature));
}

static int start_key(struct ledger *l, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	int r = db_prepare(l->db, "SELECT fingerprint FROM key ORDER BY seq DESC LIMIT 1", &s, e);
	if (r < 0)
		return r;
	bool first = sqlite3_step(s) != SQLITE_ROW;
	char before[SHA256_HEX_SIZE];
	STR_COPY(before, first ? "" : db_text(s, 0));
	if (!strcmp(before, key_fingerprint(l->key)))
		return 0;
	json_t *body = json_pack("{s:s,s:s,s:s}", "fingerprint", key_fingerprint(l->key), "public",
	        key_public_pem(l->key), "reason", first ? "first start" : "rotated");
	if (body && !first && endorse(l, body, before, e) < 0) {
		json_decref(body);
		return -EIO;
	}
	return append_own(l, "key", body, e);
}

void ledger_keep(struct ledger *l, const char *live)
{
	l->live = live;
}

// Whether the number is in the list of those the station still works on.
static bool is_live(const struct ledger *l, json_int_t attempt)
{
	const char *p = l->live;
	while (p && *p) {
		char *end;
		if (strtoll(p, &end, 10) == attempt)
			return true;
		p = *end == ',' ? end + 1 : NULL;
	}
	return false;
}

static void drop_live(const struct ledger *l, json_t *open)
{
	for (size_t i = json_array_size(open); i-- > 0;)
		if (is_live(l, json_integer_value(json_object_get(json_array_get(open, i), "attempt"))))
			json_array_remove(open, i);
}

static int start_interrupted(struct ledger *l, json_t *interrupted, struct err *e)
{
	size_t i;
	json_t *row;
	json_array_foreach(interrupted, i, row)
	{
		int r = append_own(l, "attempt.interrupted",
		        json_pack("{s:O,s:s}", "attempt", json_object_get(row, "attempt"), "text",
		                "the station stopped before this attempt had a verdict"),
		        e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int start_rows(struct ledger *l, json_t *interrupted, struct err *e)
{
	int r = l->tail.seq == 0 ? start_new(l, e) : 0;
	if (r == 0 && !l->change.created && (l->change.from != l->change.to || l->change.rebuilt))
		r = append_own(l, "ledger.migrate",
		        json_pack("{s:i,s:i,s:s}", "from", l->change.from, "to", l->change.to, "version",
		                GANGWAY_VERSION),
		        e);
	if (r == 0)
		r = start_key(l, e);
	return r < 0 ? r : start_interrupted(l, interrupted, e);
}

int ledger_start(struct ledger *l, json_t **interrupted, struct err *e)
{
	json_t *open = NULL;
	bool more;
	char folder[PATH_MAX];
	int r = query_named(l->db, "interrupted", NULL, 100000, &open, &more, e);
	if (r == 0) {
		drop_live(l, open);
		r = ledger_begin(l, e);
	}
	if (r == 0)
		r = start_rows(l, open, e);
	if (r == 0)
		r = ledger_commit(l, e);
	if (r < 0) {
		ledger_rollback(l);
		json_decref(open);
		return r;
	}
	// The old key has vouched for the new one, in a row that is on disk: it is not needed any more.
	snprintf(folder, sizeof(folder), "%.*s/keys", (int)sizeof(l->state), l->state);
	(void)key_drop_old(folder, NULL);
	l->before = key_free(l->before);
	*interrupted = open;
	return 0;
}

int ledger_resume(struct ledger *l, json_t *interrupted, json_t **out, struct err *e)
{
	static const struct {
		const char *key, *query;
		unsigned most;
	} lists[] = {{"jobs", "open-jobs", 1000}, {"images", "images", 1000}, {"slots", "slots", 1000},
	        {"pools", "pools", 1000}, {"failed_shown", "failed-shown", 100000}};
	json_t *resume = NULL;
	int r = query_one(l->db, "state", NULL, &resume, e);
	if (r == 0)
		json_object_set(resume, "interrupted", interrupted);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(lists); i++) {
		json_t *rows = NULL;
		bool more;
		r = query_named(l->db, lists[i].query, NULL, lists[i].most, &rows, &more, e);
		if (r == 0)
			json_object_set_new(resume, lists[i].key, rows);
	}
	if (r < 0) {
		json_decref(resume);
		return r;
	}
	json_t *job = json_array_get(json_object_get(resume, "jobs"), 0);
	json_object_set_new(resume, "job", job ? json_incref(job) : json_null());
	*out = resume;
	return 0;
}
