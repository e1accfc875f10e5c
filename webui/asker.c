// SPDX-License-Identifier: MIT
// The ledger's part of the API: questions to the station's reader, one at a time, as JSON or as a table to download.
// One at a time, since the reader answers one after the other: so the control stream always has room for a hello and
// an acknowledgement, however many pages ask, and a slow question holds up nothing but other questions.
#include "webui/asker.h"

#include <errno.h>
#include <string.h>

#include "webui/answer.h"
#include "webui/question.h"

struct asker {
	struct link *link;
	struct question queue[ASKER_WAITING_MAX]; // the first is asked, the others wait
	unsigned first, count;
	bool asked, closed;
	size_t unread; // bytes of tables that are answered, and not yet taken by their browsers
};

static struct question *first_of(struct asker *asker)
{
	return &asker->queue[asker->first];
}

// Takes the first question off the queue. Its request, if somebody still waits, is the caller's to answer.
static struct http_request *drop_first(struct asker *asker)
{
	struct question *question = first_of(asker);
	struct http_request *request = question->request;
	if (request)
		request->ended = NULL;
	question_clear(question);
	asker->first = (asker->first + 1) % ASKER_WAITING_MAX;
	asker->count--;
	return request;
}

static void refuse_first(struct asker *asker, unsigned status, const char *code, const char *text)
{
	struct http_request *request = drop_first(asker);
	if (request)
		http_answer_error(request, status, code, text);
}

// A slow reader has its table, or has left.
static void on_read(void *context, struct http_request *request)
{
	struct asker *asker = context;
	asker->unread -= request->held;
}

static void refuse_busy(struct asker *asker, const char *text)
{
	struct http_request *request = drop_first(asker);
	if (request)
		http_answer_busy(request, ASKER_RETRY_S, "busy", text);
}

static void finish_table(struct asker *asker)
{
	static const char type[] = "text/csv; charset=utf-8; header=present";
	struct question *question = first_of(asker);
	char disposition[160];
	snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", question->file);
	char *text = question->csv;
	size_t size = question->csv_size;
	question->csv = NULL;
	struct http_request *request = drop_first(asker);
	request->held = size;
	request->ended = on_read;
	request->context = asker;
	asker->unread += size;
	http_answer_file(request, type, disposition, text, size);
}

// A long table goes on when the others have had their turn.
static void rotate(struct asker *asker)
{
	struct question question = *first_of(asker);
	asker->first = (asker->first + 1) % ASKER_WAITING_MAX;
	asker->queue[(asker->first + asker->count - 1) % ASKER_WAITING_MAX] = question;
}

// Takes a part of a table: the last one is its answer.
static void take_table(struct asker *asker, const json_t *result)
{
	struct question *question = first_of(asker);
	const json_t *part = json_object_get(result, "csv"), *next = json_object_get(result, "next");
	size_t size = json_string_length(part);
	if (question->csv_size + size > ASKER_TABLE_MAX) {
		refuse_first(asker, MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
		        "the table is over 64 MiB: narrow it, or use 'gangway record export' on the station");
		return;
	}
	if (asker->unread + question->csv_size + size > ASKER_TABLES_MAX) {
		refuse_busy(asker,
		        "downloads that nobody has read to their end fill the memory kept for them; "
		        "try again when they are done");
		return;
	}
	char *csv = realloc(question->csv, question->csv_size + size + 1);
	if (!csv || !json_is_string(part)) {
		question->csv = csv ? csv : question->csv;
		refuse_first(
		        asker, MHD_HTTP_INTERNAL_SERVER_ERROR, "no-memory", "the table is too large here");
		return;
	}
	memcpy(csv + question->csv_size, json_string_value(part), size);
	question->csv = csv;
	question->csv_size += size;
	if (!json_is_integer(next)) {
		finish_table(asker);
		return;
	}
	bool records = !json_object_get(question->parameters, "name");
	json_t *cursor = json_integer(json_integer_value(next));
	int r = json_object_set_new(question->parameters, records ? "before" : "offset", cursor);
	r |= json_object_set_new(question->parameters, "head", json_false());
	if (r)
		refuse_first(
		        asker, MHD_HTTP_INTERNAL_SERVER_ERROR, "no-memory", "the table is too large here");
	else
		rotate(asker);
}

// The reader's "next" is an offset; a page has a number.
static void finish_page(struct asker *asker, const json_t *result)
{
	const struct question *question = first_of(asker);
	json_int_t limit = question->limit, page = question->page;
	json_t *copy = json_deep_copy(result);
	int r = 0;
	if (limit && json_object_get(copy, "next")) {
		bool more = json_is_integer(json_object_get(copy, "next")) && page < ASKER_PAGE_MAX;
		r = json_object_set_new(copy, "next", more ? json_integer(page + 1) : json_null());
		r |= json_object_set_new(copy, "page", json_integer(page));
	}
	if (r) {
		json_decref(copy);
		copy = NULL;
	}
	http_answer_json(drop_first(asker), MHD_HTTP_OK, copy);
}

static void ask_next(struct asker *asker);

static void on_answer(void *context, const json_t *answer)
{
	struct asker *asker = context;
	asker->asked = false;
	if (asker->closed)
		return;
	const struct question *question = first_of(asker);
	const json_t *result =
	        json_is_true(json_object_get(answer, "ok")) ? json_object_get(answer, "result") : NULL;
	if (!question->request)
		(void)drop_first(asker);
	else if (result && question->table)
		take_table(asker, result);
	else if (result)
		finish_page(asker, result);
	else
		answer_station(drop_first(asker), answer);
	// A station that is stalled would leave each of the others to wait as long.
	while (!answer && asker->count)
		refuse_first(
		        asker, MHD_HTTP_GATEWAY_TIMEOUT, "no-answer", "the station did not answer in time");
	ask_next(asker);
}

// One table grows at a time: what it may take of memory, it takes once.
static bool must_wait(const struct asker *asker)
{
	const struct question *question = &asker->queue[asker->first];
	bool another = false;
	for (unsigned i = 1; i < asker->count; i++)
		another |= asker->queue[(asker->first + i) % ASKER_WAITING_MAX].csv != NULL;
	return question->table && !question->csv && another;
}

static void ask_next(struct asker *asker)
{
	while (asker->count && !asker->asked) {
		const struct question *question = first_of(asker);
		struct err e = {0};
		if (!question->request) {
			(void)drop_first(asker);
			continue;
		}
		if (must_wait(asker)) {
			rotate(asker);
			continue;
		}
		json_t *args =
		        json_pack("{s:s,s:O}", "query", question->query, "parameters", question->parameters);
		if (link_request(asker->link, "record.query", args, on_answer, asker, &e) == 0)
			asker->asked = true;
		else
			refuse_first(asker, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", e.text);
	}
}

// The browser has gone. What is asked already is answered to nobody.
static void on_ended(void *context, struct http_request *request)
{
	struct asker *asker = context;
	for (unsigned i = 0; i < asker->count; i++) {
		struct question *question = &asker->queue[(asker->first + i) % ASKER_WAITING_MAX];
		if (question->request == request)
			question->request = NULL;
	}
}

bool asker_get(struct asker *asker, struct http_request *request)
{
	struct question question;
	if (!question_read(request, &question))
		return false;
	if (!question.query)
		return true;
	if (asker->count == ASKER_WAITING_MAX || asker->closed) {
		question_clear(&question);
		http_answer_busy(request, ASKER_RETRY_S, "busy",
		        "the ledger is being asked too much at once; try again");
		return true;
	}
	asker->queue[(asker->first + asker->count++) % ASKER_WAITING_MAX] = question;
	request->ended = on_ended;
	request->context = asker;
	ask_next(asker);
	return true;
}

int asker_new(struct link *link, struct asker **out, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_sys(e, ENOMEM, "ledger");
	(*out)->link = link;
	return 0;
}

void asker_close(struct asker *asker)
{
	asker->closed = true;
	while (asker->count)
		refuse_first(asker, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping", "the station stops");
}

struct asker *asker_free(struct asker *asker)
{
	free(asker);
	return NULL;
}
