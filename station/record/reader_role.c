// SPDX-License-Identifier: MIT
// The reader's process: answers queries, one after the other, from a read-only connection.
#include <errno.h>
#include <limits.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "record/pages.h"
#include "record/query.h"
#include "record/reader.h"
#include "record/sql.h"
#include "record/table.h"
#include "record/wire.h"

enum { ROLE_SOCKET = CHILD_FD_FIRST, PROGRESS_STEPS = 10000 };

struct role {
	const char *state;
	sqlite3 *db;
	uint64_t deadline_ns;
};

// `limit` as asked for, within bounds.
static unsigned limit_of(const json_t *parameters)
{
	json_int_t limit = json_integer_value(json_object_get(parameters, "limit"));
	return limit <= 0 || limit > READER_ROWS_MAX ? READER_ROWS_MAX : (unsigned)limit;
}

// A page of rows under `key`, and in "next" the last row's `page` column when there are more.
static int answer_page(sqlite3 *db, const char *query, const char *key, const char *page,
        const json_t *parameters, json_t **out, struct err *e)
{
	json_t *rows = NULL;
	bool more = false;
	int r = query_named(db, query, parameters, limit_of(parameters), &rows, &more, e);
	if (r < 0)
		return r;
	const json_t *last = json_array_get(rows, json_array_size(rows) - 1);
	json_t *next = more ? json_incref(json_object_get(last, page)) : json_null();
	*out = json_pack("{s:o,s:o}", key, rows, "next", next);
	return *out ? 0 : err_sys(e, ENOMEM, "query");
}

// A word that no attempt can have is a mistake, not an empty answer.
static int check_result(const json_t *parameters, struct err *e)
{
	static const char known[] = " open pass fail unverified aborted interrupted ";
	const char *result = json_string_value(json_object_get(parameters, "result"));
	char word[40];
	snprintf(word, sizeof(word), " %.36s ", result ? result : "pass");
	return strstr(known, word) && !strchr(result ? result : "", ' ')
	               ? 0
	               : err_set(e, EINVAL,
	                         "result '%.36s': open, pass, fail, unverified, aborted or interrupted",
	                         result);
}

static int answer_records(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	int r = check_result(parameters, e);
	return r < 0 ? r : answer_page(db, "records", "records", "attempt", parameters, out, e);
}

static int answer_jobs(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	return answer_page(db, "jobs", "jobs", "seq", parameters, out, e);
}

static int answer_log(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	return answer_page(db, "log", "rows", "seq", parameters, out, e);
}

static int answer_images(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	return answer_page(db, "images", "images", "name", parameters, out, e);
}

static int answer_unit(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	json_t *unit = NULL, *attempts = NULL, *story = NULL;
	bool more = false, more_story = false;
	int r = query_one(db, "unit", parameters, &unit, e);
	if (r == 0)
		r = query_named(db, "records", parameters, READER_ROWS_MAX, &attempts, &more, e);
	if (r == 0)
		r = query_named(db, "unit-story", parameters, READER_ROWS_MAX, &story, &more_story, e);
	if (r == 0)
		*out = json_pack("{s:O,s:O,s:O,s:b}", "unit", unit, "attempts", attempts, "story", story,
		        "more", more || more_story);
	json_decref(unit);
	json_decref(attempts);
	json_decref(story);
	return r < 0 || *out ? r : err_sys(e, ENOMEM, "query");
}

static int answer_unit_status(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	json_t *rows = NULL, *row;
	const json_t *serials = json_object_get(parameters, "serials");
	bool more;
	size_t i;
	if (!json_is_array(serials) || json_array_size(serials) > 64)
		return err_set(e, EINVAL, "unit_status: 'serials' is not an array of at most 64");
	int r = query_named(db, "unit-status", parameters, 64, &rows, &more, e);
	if (r < 0)
		return r;
	json_t *units = json_object();
	json_array_foreach(rows, i, row)
	{
		json_object_set(units, json_string_value(json_object_get(row, "serial")), row);
	}
	json_decref(rows);
	*out = json_pack("{s:o}", "units", units);
	return *out ? 0 : err_sys(e, ENOMEM, "query");
}

static int find_report(sqlite3 *db, const json_t *parameters, const char **sql, struct err *e)
{
	const char *name = json_string_value(json_object_get(parameters, "name"));
	*sql = name ? sql_find("reports", name) : NULL;
	if (!*sql)
		return err_set(e, ENOENT, "report '%.40s': there is none of this name", name ? name : "");
	return pages_check_parameters(db, name, *sql, parameters, e);
}

// The auditor's questions (db/reports/). "next" is the offset to go on with.
static int answer_report(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	const char *sql;
	unsigned limit = limit_of(parameters);
	bool more = false;
	int r = find_report(db, parameters, &sql, e);
	if (r < 0)
		return r;
	json_t *rows = json_array();
	r = query_rows(db, sql, parameters, limit, rows, &more, e);
	if (r < 0) {
		json_decref(rows);
		return r;
	}
	json_int_t offset = json_integer_value(json_object_get(parameters, "offset"));
	*out = json_pack(
	        "{s:o,s:o}", "rows", rows, "next", more ? json_integer(offset + limit) : json_null());
	return *out ? 0 : err_sys(e, ENOMEM, "query");
}

static int answer_reports(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	(void)parameters;
	return pages_reports(db, out, e);
}

// A report, or the records when no name is given, as CSV.
static int answer_table(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e)
{
	const char *sql = sql_find("queries", "records");
	bool records = !json_object_get(parameters, "name");
	int r = records ? check_result(parameters, e) : find_report(db, parameters, &sql, e);
	return r < 0 ? r : table_answer(db, sql, parameters, records ? "attempt" : NULL, out, e);
}

static const struct {
	const char *name;
	int (*answer)(sqlite3 *db, const json_t *parameters, json_t **out, struct err *e);
} queries[] = {
        {"records", answer_records},
        {"unit", answer_unit},
        {"unit_status", answer_unit_status},
        {"log", answer_log},
        {"jobs", answer_jobs},
        {"images", answer_images},
        {"report", answer_report},
        {"reports", answer_reports},
        {"table", answer_table},
};

// sqlite3_progress_handler(): non-zero stops the query, which then fails with SQLITE_INTERRUPT.
static int past_deadline(void *context)
{
	const struct role *role = context;
	return clock_mono_ns() > role->deadline_ns;
}

static int open_ledger(struct role *role, struct err *e)
{
	char path[PATH_MAX];
	if (role->db)
		return 0;
	snprintf(path, sizeof(path), "%s/station.db", role->state);
	int r = db_open_read(path, &role->db, e);
	if (r == 0)
		sqlite3_progress_handler(role->db, PROGRESS_STEPS, past_deadline, role);
	return r;
}

static int answer(struct role *role, const json_t *message, json_t **out, struct err *e)
{
	const char *name = json_string_value(json_object_get(message, "query"));
	int r = open_ledger(role, e);
	if (r < 0)
		return r;
	role->deadline_ns = clock_mono_ns() + READER_TIME_LIMIT_S * NSEC_PER_SEC;
	const json_t *parameters = json_object_get(message, "parameters");
	r = name && pages_has(name)
	            ? pages_answer(role->db, name, parameters, limit_of(parameters), out, e)
	            : err_set(e, ENOENT, "query '%.40s': there is none of this name", name ? name : "");
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		if (name && !strcmp(name, queries[i].name))
			r = queries[i].answer(role->db, parameters, out, e);
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "query '%s': took longer than %d s; ask for less", name,
		        READER_TIME_LIMIT_S);
	// After a failure of the file itself the next query opens it anew.
	if (r == -EIO || r == -EUCLEAN || r == -EROFS)
		db_closep(&role->db);
	return r;
}

static void serve(struct role *role)
{
	json_t *message = NULL;
	while (wire_receive(ROLE_SOCKET, &message, NULL) > 0) {
		struct err e = {0};
		json_t *result = NULL;
		json_t *reply = json_object();
		if (answer(role, message, &result, &e) == 0)
			json_object_set_new(reply, "result", result);
		else
			json_object_set_new(
			        reply, "error", json_pack("{s:i,s:s}", "num", e.num, "text", e.text));
		int r = wire_send_json(ROLE_SOCKET, reply);
		json_decref(reply);
		json_decref(message);
		if (r < 0)
			return;
	}
}

int reader_role(int argc, char **argv)
{
	struct err e = {0};
	log_name("reader");
	int r = child_enter(1, &e);
	if (r == 0 && argc != 2)
		r = err_set(&e, EINVAL, "reader: usage: reader STATE");
	if (r == 0)
		r = fd_set_nonblocking(ROLE_SOCKET, false); // there is nothing else to wait for
	if (r < 0) {
		log_error("%s", e.text);
		return 1;
	}
	struct role role = {.state = argv[1]};
	serve(&role);
	db_closep(&role.db);
	return 0;
}
