// SPDX-License-Identifier: MIT
// A URL of the ledger's API as a question to the station's reader.
#include "webui/question.h"

#include <errno.h>
#include <string.h>

#include "webui/asker.h"

struct route {
	const char *path; // one that ends in '/' is followed by the subject
	const char *query, *subject,
	        *table;    // the reader's query, its parameter, the report that is its table
	const char *takes; // arguments
};

static const struct route routes[] = {
        {"/api/v1/records", "records", NULL, NULL,
                " serial job lot order image result from to before limit page format "},
        {"/api/v1/search", "search", NULL, NULL, " q "},
        {"/api/v1/reports", "reports", NULL, NULL, " "},
        {"/api/v1/reports/", "report", "name", NULL,
                " serial job lot order image customer day from to limit page format "},
        {"/api/v1/units/", "story", "serial", "serial-history", " limit page format "},
        {"/api/v1/lots/", "lot", "lot", "lot-units", " limit page format "},
        {"/api/v1/orders/", "order", "order", "lot-units", " limit page format "},
        {"/api/v1/images/", "image", "image", "units-with-image", " limit page format "},
        {"/api/v1/days/", "day", "day", "day", " limit page format "},
};
static const struct route certificate = {
        "/api/v1/lots/", "certificate", "lot", "certificate", " limit page format "};

struct reading {
	const struct route *route;
	struct question *question;
	struct err e;
};

// Control characters are in no serial, lot or name; they would only confuse whoever reads the answer.
static bool is_text(const char *text)
{
	if (strlen(text) > ASKER_TEXT_MAX)
		return false;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			return false;
	return true;
}

// A UTC time or any beginning of one, from the year on.
static bool is_time(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00.000000Z";
	size_t length = strlen(text);
	for (size_t i = 0; i < length && i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	return length >= 4 && length < sizeof(form);
}

static int take_text(struct reading *reading, const char *name, const char *value)
{
	bool time = !strcmp(name, "from") || !strcmp(name, "to") || !strcmp(name, "day");
	if (time && !is_time(value))
		return err_set(&reading->e, EINVAL,
		        "%s: not a UTC time or the beginning of one, as in 2026-11-21 or 2026-11-21T08",
		        name);
	json_t *text = is_text(value) ? json_string(value) : NULL;
	if (!text || json_object_set_new(reading->question->parameters, name, text) < 0)
		return err_set(&reading->e, EINVAL,
		        "%s: not UTF-8 text of at most %d bytes without control characters", name,
		        ASKER_TEXT_MAX);
	return 0;
}

static int take_number(
        struct reading *reading, const char *name, const char *value, json_int_t most, json_int_t *out)
{
	char *end;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (*end || errno || number < 0 || strspn(value, "0123456789") == 0)
		return err_set(&reading->e, EINVAL, "%s: not a whole number", name);
	if (most && (number < 1 || number > most))
		return err_set(&reading->e, EINVAL, "%s: 1 to %lld", name, (long long)most);
	*out = number;
	return 0;
}

static int take_format(struct reading *reading, const char *value)
{
	reading->question->table = !strcmp(value, "csv");
	bool known = reading->question->table || !strcmp(value, "json");
	return known ? 0 : err_set(&reading->e, EINVAL, "format: json or csv");
}

static int take_before(struct reading *reading, const char *value)
{
	json_int_t before = 0;
	int r = take_number(reading, "before", value, 0, &before);
	return r < 0 ? r : json_object_set_new(reading->question->parameters, "before", json_integer(before));
}

// For http_each_argument(): below 0 ends it.
static int take_argument(void *context, const char *name, const char *value)
{
	struct reading *reading = context;
	struct question *question = reading->question;
	char word[40];
	snprintf(word, sizeof(word), " %.36s ", name);
	if (!is_text(name) || strchr(name, ' ') || !strstr(reading->route->takes, word))
		return err_set(&reading->e, EINVAL, "'%.36s': no argument of %s; it takes%s",
		        is_text(name) ? name : "?", reading->route->path, reading->route->takes);
	if (!*value)
		return 0;
	if (!strcmp(name, "page"))
		return take_number(reading, name, value, ASKER_PAGE_MAX, &question->page);
	if (!strcmp(name, "limit"))
		return take_number(reading, name, value, 0, &question->limit);
	if (!strcmp(name, "before"))
		return take_before(reading, value);
	if (!strcmp(name, "format"))
		return take_format(reading, value);
	return take_text(reading, name, value);
}

static const struct route *find_route(const char *path, const char **subject, size_t *length)
{
	static const char tail[] = "/certificate";
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		size_t prefix = strlen(routes[i].path), whole = strlen(path);
		*subject = path + (whole < prefix ? whole : prefix);
		*length = strlen(*subject);
		if (!routes[i].subject && !strcmp(path, routes[i].path))
			return &routes[i];
		if (!routes[i].subject || strncmp(path, routes[i].path, prefix) != 0 || whole == prefix)
			continue;
		if (strcmp(routes[i].path, certificate.path) != 0 || *length < sizeof(tail) ||
		        strcmp(path + whole - (sizeof(tail) - 1), tail) != 0)
			return &routes[i];
		*length -= sizeof(tail) - 1;
		return &certificate;
	}
	return NULL;
}

static int take_subject(struct reading *reading, const char *subject, size_t length)
{
	char text[ASKER_TEXT_MAX + 2];
	snprintf(text, sizeof(text), "%.*s", length > ASKER_TEXT_MAX ? ASKER_TEXT_MAX + 1 : (int)length,
	        subject);
	if (!strcmp(reading->route->subject, "day") && length != strlen("2026-11-21"))
		return err_set(&reading->e, EINVAL, "day: not a date, as in 2026-11-21");
	return take_text(reading, reading->route->subject, text);
}

// "gangway-lot-units-L1.csv": what is neither letter nor digit becomes '_', so that it needs no quoting anywhere.
static void name_file(struct question *question, const char *table, const char *subject)
{
	snprintf(question->file, sizeof(question->file), "gangway-%.30s%s%.48s.csv", table,
	        *subject ? "-" : "", subject);
	for (char *c = question->file; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *c))
			*c = '_';
}

// A table's question is another one: for the report that is this page's table.
static int as_table(struct question *question, const struct route *route)
{
	const char *subject =
	        route->subject ? json_string_value(json_object_get(question->parameters, route->subject))
	                       : "";
	name_file(question, route->table ? route->table : route->query, subject ? subject : "");
	question->query = "table";
	int r = json_object_set_new(question->parameters, "head", json_true());
	if (r == 0 && route->table)
		r = json_object_set_new(question->parameters, "name", json_string(route->table));
	return r;
}

static int as_page(struct question *question, bool paged)
{
	if (!question->limit || question->limit > ASKER_ROWS_MAX)
		question->limit = question->limit ? ASKER_ROWS_MAX : ASKER_ROWS;
	int r = json_object_set_new(question->parameters, "limit", json_integer(question->limit));
	if (r == 0 && question->page > 1)
		r = json_object_set_new(
		        question->parameters, "offset", json_integer((question->page - 1) * question->limit));
	if (!paged)
		question->limit = 0;
	return r;
}

static int read_all(struct reading *reading, const char *subject, size_t length)
{
	const struct route *route = reading->route;
	struct question *question = reading->question;
	question->parameters = json_object();
	int r = question->parameters ? 0 : err_sys(&reading->e, ENOMEM, "question");
	if (r == 0 && route->subject)
		r = take_subject(reading, subject, length);
	if (r == 0)
		r = http_each_argument(question->request, take_argument, reading);
	if (r == 0)
		r = question->table ? as_table(question, route)
		                    : as_page(question, strcmp(route->query, "records") != 0);
	return r;
}

bool question_read(struct http_request *request, struct question *question)
{
	const char *subject;
	size_t length;
	const struct route *route = find_route(request->path, &subject, &length);
	if (!route)
		return false;
	struct reading reading = {.route = route, .question = question};
	*question = (struct question){.request = request, .query = route->query, .page = 1};
	if (read_all(&reading, subject, length) == 0)
		return true;
	question_clear(question);
	http_answer_error(request, MHD_HTTP_BAD_REQUEST, "bad-query",
	        reading.e.text[0] ? reading.e.text : "the question cannot be put");
	return true;
}

void question_clear(struct question *question)
{
	json_decref(question->parameters);
	free(question->csv);
	*question = (struct question){0};
}
