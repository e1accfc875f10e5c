// SPDX-License-Identifier: MIT
// Commands that ask the ledger: queries, jobs of the past, a unit's disposition.
#include <errno.h>

#include "base/log.h"
#include "daemon/inside.h"
#include "daemon/job_counts.h"

// --- queries -----------------------------------------------------------------------------------------------

static const char *query_code(const struct err *e)
{
	switch (e->num) {
	case ENOENT: return "no-such-record";
	case EINVAL: return "bad-query";
	case ETIMEDOUT: return "too-slow";
	default: return "query";
	}
}

static void query_answered(void *context, const json_t *result, const struct err *e)
{
	struct control_request *request = context;
	union {
		const json_t *in;
		json_t *out;
	} shared = {.in = result}; // only its count of references changes: tables are large
	if (result)
		control_answer(request, json_incref(shared.out));
	else
		control_refuse_err(request, query_code(e), e);
}

void record_command_query(struct station *station, struct control_request *request)
{
	// Of all queries together; what one of them does not take is its own affair.
	static const char taken[] =
	        "limit:i offset:i before:i from_seq:i head:b serials:a name:s serial:s job:s lot:s order:s "
	        "customer:s image:s result:s day:s from:s to:s kind:s q:s";
	const char *query = json_string_value(json_object_get(request->args, "query"));
	struct err e;
	if (!query)
		control_refuse(request, "bad-args", "record.query wants a query's name");
	else if (args_check(json_object_get(request->args, "parameters"), taken, &e) < 0)
		control_refuse(request, "bad-args", "record.query: %s", e.text);
	else if (reader_query(station->answers, query, json_object_get(request->args, "parameters"),
	                 query_answered, request, &e) < 0)
		control_refuse_err(request, "busy", &e);
}

// A question on the way, for a request that is answered with what comes of it.
struct asking {
	struct station *station;
	struct control_request *request;
	char serial[64], disposition[16];
};

// Takes `parameters`. NULL, and the request refused, when the question could not be asked.
static struct asking *ask(struct station *station, struct control_request *request, const char *query,
        json_t *parameters, reader_answer_fn answered)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	struct err e;
	if (!asking) {
		json_decref(parameters);
		control_refuse(request, "busy", "memory is short");
		return NULL;
	}
	*asking = (struct asking){.station = station, .request = request};
	int r = reader_query(station->answers, query, parameters, answered, asking, &e);
	json_decref(parameters);
	if (r == 0)
		return asking;
	control_refuse_err(request, "busy", &e);
	free(asking);
	return NULL;
}

// --- job.show ----------------------------------------------------------------------------------------------

// A job of the past, as snapshot_job() shows the one at hand.
static json_t *past_job(const json_t *row)
{
	static const char *const same[] = {
	        "image", "plan_sha256", "pass", "fail", "unverified", "opened", "close_reason"};
	const char *closed = json_string_value(json_object_get(row, "closed"));
	struct recipe recipe;
	struct job_counts counts = {0};
	struct err e;
	if (recipe_read(json_object_get(row, "recipe"), &recipe, &e) < 0)
		log_warn("job.show: %s", e.text);
	job_counts_read(row, &counts);
	json_t *job = json_pack("{s:O,s:s,s:I,s:I,s:i,s:o}", "id", json_object_get(row, "job"), "state",
	        job_state_name(counts.state), "made", (json_int_t)counts.made, "other",
	        (json_int_t)counts.other, "inflight", 0, "closed",
	        closed && closed[0] ? json_string(closed) : json_null());
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		json_object_set(job, same[i], json_object_get(row, same[i]));
	recipe_write(&recipe, job);
	recipe_free(&recipe);
	return job;
}

static json_t *ratio(const json_t *row, const char *part, const char *whole)
{
	json_int_t of = json_integer_value(json_object_get(row, whole));
	return of ? json_real((double)json_integer_value(json_object_get(row, part)) / (double)of)
	          : json_null();
}

// What only the ledger knows of a job: its units, and both yields.
static void add_yields(json_t *job, const json_t *row)
{
	static const char *const counts[] = {"first_units", "first_pass", "units", "units_pass"};
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_object_set(job, counts[i], json_object_get(row, counts[i]));
	json_object_set_new(job, "first_pass_yield", ratio(row, "first_pass", "first_units"));
	json_object_set_new(job, "final_yield", ratio(row, "units_pass", "units"));
}

static void job_found(void *context, const json_t *result, const struct err *e)
{
	_cleanup_free_ struct asking *asking = context;
	const json_t *row = json_array_get(json_object_get(result, "jobs"), 0);
	const char *id = json_string_value(json_object_get(row, "job"));
	if (!result) {
		control_refuse_err(asking->request, "query", e);
		return;
	}
	if (!id) {
		if (asking->serial[0])
			control_refuse(asking->request, "no-such-job",
			        "job %s: the ledger knows none of this name", asking->serial);
		else
			control_refuse(asking->request, "no-such-job", "no job has been opened");
		return;
	}
	bool at_hand = !strcmp(id, asking->station->job.id);
	json_t *job = at_hand ? snapshot_job(asking->station) : past_job(row);
	add_yields(job, row);
	control_answer(asking->request, job);
}

void record_command_job_show(struct station *station, struct control_request *request)
{
	const char *id = json_string_value(json_object_get(request->args, "job"));
	if (!id && station->job.counts.state != JOB_NONE)
		id = station->job.id;
	json_t *parameters = json_pack("{s:s?,s:i}", "job", id, "limit", 1); // without a name: the newest
	struct asking *asking = ask(station, request, "jobs", parameters, job_found);
	if (asking)
		STR_COPY(asking->serial, id ? id : "");
}

// --- unit.dispose ------------------------------------------------------------------------------------------

static void disposed(void *context, uint64_t seq, const struct err *e)
{
	_cleanup_free_ struct asking *asking = context;
	struct station *station = asking->station;
	if (e) {
		control_refuse_err(asking->request, "ledger", e);
		return;
	}
	// A board that is plugged in is looked at anew.
	for (unsigned i = 0; i < station->seat_count; i++) {
		struct seat *seat = &station->seats[i];
		if (strcmp(seat->board.serial, asking->serial) != 0)
			continue;
		STR_COPY(seat->disposition,
		        strcmp(asking->disposition, "released") ? asking->disposition : "");
		STR_COPY(seat->disposition_reason,
		        json_string_value(json_object_get(asking->request->args, "reason")));
		seat->asked = false; // an answer that is on its way is older: it is asked again
	}
	seat_rematch_all(station);
	control_answer(asking->request, json_pack("{s:I,s:s,s:s}", "row", (json_int_t)seq, "serial",
	                                        asking->serial, "disposition", asking->disposition));
}

static void unit_found(void *context, const json_t *result, const struct err *e)
{
	struct asking *asking = context;
	const json_t *unit = json_object_get(json_object_get(result, "units"), asking->serial);
	if (!unit) {
		if (result)
			control_refuse(asking->request, "no-such-unit",
			        "unit %s: the ledger has no attempt on it", asking->serial);
		else
			control_refuse_err(asking->request, "query", e);
		free(asking);
		return;
	}
	json_t *body = json_pack("{s:s,s:s,s:O,s:s}", "serial", asking->serial, "disposition",
	        asking->disposition, "reason", json_object_get(asking->request->args, "reason"), "operator",
	        asking->request->operator_);
	// What it speaks of: the verdict's attempt and row.
	if (json_is_integer(json_object_get(unit, "attempt")))
		json_object_set(body, "attempt", json_object_get(unit, "attempt"));
	if (json_is_integer(json_object_get(unit, "row")))
		json_object_set(body, "row", json_object_get(unit, "row"));
	rows_append(asking->station, "unit.disposition", body, -1, disposed, asking);
}

void record_command_dispose(struct station *station, struct control_request *request)
{
	static const char *const words[] = {"scrapped", "quarantine", "released", "retest", "rework"};
	const char *serial = json_string_value(json_object_get(request->args, "serial"));
	const char *word = json_string_value(json_object_get(request->args, "disposition"));
	const char *reason = json_string_value(json_object_get(request->args, "reason"));
	bool known = false;
	for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
		known = known || !strcmp(word, words[i]);
	if (!known || !serial || !serial[0] || strlen(serial) >= sizeof(station->seats[0].board.serial) ||
	        !reason || !reason[0]) {
		control_refuse(request, "bad-args",
		        "unit.dispose wants a serial, a disposition (scrapped, quarantine, released, retest "
		        "or rework) and a reason");
		return;
	}
	struct asking *asking =
	        ask(station, request, "unit_status", json_pack("{s:[s]}", "serials", serial), unit_found);
	if (!asking)
		return;
	STR_COPY(asking->serial, serial);
	STR_COPY(asking->disposition, word);
}
