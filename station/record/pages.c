// SPDX-License-Identifier: MIT
// What a page of the ledger shows: several queries of db/ answered together, from one state of the ledger.
#include "record/pages.h"

#include <errno.h>

#include "record/query.h"
#include "record/sql.h"

enum { SECTION_ROWS_MAX = 500 };

// How many rows a query may give: one (an object), all that are few by nature (an array), or a page of many.
enum section_kind { SECTION_NONE, SECTION_ONE, SECTION_FEW, SECTION_LONG };

struct section {
	const char *key, *folder, *name;
	enum section_kind kind;
	bool proves; // with no row here, the ledger does not know the subject
};

struct ledger_page {
	const char *name, *subject;
	const struct section *sections; // up to the first of kind SECTION_NONE
};

static const struct section search_page[] = {{"hits", "queries", "search", SECTION_FEW, false}, {0}};

static const struct section story_page[] = {{"unit", "queries", "unit", SECTION_ONE, false},
        {"events", "queries", "unit-timeline", SECTION_LONG, true},
        {"anchor", "queries", "anchor", SECTION_ONE, false}, {0}};

// A lot's, or a work order's: the queries take either.
static const struct section lot_page[] = {{"totals", "queries", "lot-totals", SECTION_ONE, false},
        {"jobs", "queries", "lot-jobs", SECTION_FEW, true},
        {"times", "queries", "lot-times", SECTION_FEW, false},
        {"slots", "queries", "lot-slots", SECTION_FEW, false},
        {"pareto", "queries", "lot-pareto", SECTION_FEW, false},
        {"anchor", "queries", "anchor", SECTION_ONE, false},
        {"units", "reports", "lot-units", SECTION_LONG, false}, {0}};

static const struct section image_page[] = {{"images", "reports", "image-history", SECTION_FEW, true},
        {"jobs", "queries", "lot-jobs", SECTION_FEW, false},
        {"lots", "queries", "image-lots", SECTION_FEW, false},
        {"units", "reports", "units-with-image", SECTION_LONG, false}, {0}};

static const struct section day_page[] = {{"totals", "queries", "day-totals", SECTION_ONE, false},
        {"times", "queries", "day-hours", SECTION_FEW, false},
        {"jobs", "queries", "lot-jobs", SECTION_FEW, false}, {"rows", "reports", "day", SECTION_LONG, true},
        {0}};

static const struct section certificate_page[] = {{"lot", "queries", "certificate-jobs", SECTION_ONE, true},
        {"images", "queries", "certificate-images", SECTION_FEW, false},
        {"others", "queries", "certificate-others", SECTION_FEW, false},
        {"anchor", "queries", "anchor", SECTION_ONE, false},
        {"units", "reports", "certificate", SECTION_LONG, false}, {0}};

static const struct ledger_page pages[] = {{"search", "q", search_page}, {"story", "serial", story_page},
        {"lot", "lot", lot_page}, {"order", "order", lot_page}, {"image", "image", image_page},
        {"day", "day", day_page}, {"certificate", "lot", certificate_page}};

static const struct ledger_page *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (!strcmp(pages[i].name, name))
			return &pages[i];
	return NULL;
}

// The parameters of a query that is not the long one: a page's offset is not of theirs. A new reference.
static json_t *without_offset(const json_t *parameters)
{
	json_t *rest = json_deep_copy(parameters);
	if (rest)
		(void)json_object_del(rest, "offset"); // there may be none
	return rest;
}

bool pages_has(const char *name)
{
	return find(name) != NULL;
}

// Runs one query into `answer`; *found is whether it gave a row.
static int add_section(sqlite3 *db, const struct section *s, const json_t *parameters, unsigned limit,
        json_t *answer, bool *found, struct err *e)
{
	bool more = false;
	unsigned most = s->kind == SECTION_ONE ? 1 : s->kind == SECTION_FEW ? SECTION_ROWS_MAX : limit;
	json_t *rows = json_array(), *own = s->kind == SECTION_LONG ? NULL : without_offset(parameters);
	int r = rows && (own || s->kind == SECTION_LONG)
	                ? query_rows(db, sql_find(s->folder, s->name), own ? own : parameters, most, rows,
	                          &more, e)
	                : err_sys(e, ENOMEM, "query");
	json_decref(own);
	*found = json_array_size(rows) > 0;
	if (r == 0 && s->kind == SECTION_ONE) {
		json_t *row = json_array_get(rows, 0);
		r = json_object_set(answer, s->key, row ? row : json_null());
	} else if (r == 0) {
		r = json_object_set(answer, s->key, rows);
	}
	json_int_t offset = json_integer_value(json_object_get(parameters, "offset"));
	if (r == 0 && s->kind == SECTION_LONG)
		r = json_object_set_new(
		        answer, "next", more ? json_integer(offset + (json_int_t)limit) : json_null());
	json_decref(rows);
	return r;
}

static int add_sections(sqlite3 *db, const struct ledger_page *page, const json_t *parameters, unsigned limit,
        json_t *answer, struct err *e)
{
	const char *subject = json_string_value(json_object_get(parameters, page->subject));
	bool known = true;
	for (const struct section *s = page->sections; s->kind != SECTION_NONE; s++) {
		bool found = false;
		int r = add_section(db, s, parameters, limit, answer, &found, e);
		if (r < 0)
			return r;
		known &= found || !s->proves;
	}
	// Far pages of a list that ends before are empty, and no proof.
	if (!known && json_integer_value(json_object_get(parameters, "offset")) == 0)
		return err_set(
		        e, ENOENT, "%s '%s': the ledger knows none of this name", page->subject, subject);
	return 0;
}

int pages_answer(
        sqlite3 *db, const char *name, const json_t *parameters, unsigned limit, json_t **out, struct err *e)
{
	const struct ledger_page *page = find(name);
	const char *subject = page ? json_string_value(json_object_get(parameters, page->subject)) : NULL;
	if (!subject || !*subject)
		return err_set(e, EINVAL, "%s: wants a text '%s'", name, page ? page->subject : "?");
	json_t *answer = json_object();
	// One transaction: all figures of a page are of the same moment.
	int r = answer ? db_exec(db, "BEGIN", e) : err_sys(e, ENOMEM, "query");
	if (r == 0) {
		r = add_sections(db, page, parameters, limit, answer, e);
		int ended = db_exec(db, "ROLLBACK", r < 0 ? NULL : e);
		r = r < 0 ? r : ended;
	}
	if (r < 0)
		json_decref(answer);
	else
		*out = answer;
	return r;
}

static bool is_own(const char *name)
{
	return !strcmp(name, "limit") || !strcmp(name, "offset") || !strcmp(name, "name") ||
	       !strcmp(name, "head");
}

// Whether a report answers nothing without one of what it takes: its first line calls what may be left out optional.
static bool needs_subject(sqlite3_stmt *s, const char *sql)
{
	int own = 0, count = sqlite3_bind_parameter_count(s);
	for (int i = 1; i <= count; i++)
		own += is_own(sqlite3_bind_parameter_name(s, i) + 1);
	const char *optional = strstr(sql, "optional");
	return count > own && (!optional || optional > sql + strcspn(sql, "\n"));
}

static int add_report(sqlite3 *db, const struct sql_file *file, json_t *reports, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	const char *name = strchr(file->path, '/') + 1;
	const char *about = file->text + strspn(file->text, "- ");
	json_t *takes = json_array();
	int r = takes ? db_prepare(db, file->text, &s, e) : err_sys(e, ENOMEM, "reports");
	for (int i = 1; r == 0 && i <= sqlite3_bind_parameter_count(s); i++) {
		const char *parameter = sqlite3_bind_parameter_name(s, i);
		if (parameter && !is_own(parameter + 1))
			r = json_array_append_new(takes, json_string(parameter + 1));
	}
	json_t *report = json_pack("{s:s#,s:s#,s:O,s:b}", "name", name, (int)strcspn(name, "."), "about",
	        about, (int)strcspn(about, "\n"), "takes", takes, "needs_one",
	        r == 0 && needs_subject(s, file->text));
	json_decref(takes);
	if (r == 0 && json_array_append_new(reports, report) < 0)
		return err_sys(e, ENOMEM, "reports");
	if (r < 0)
		json_decref(report);
	return r;
}

int pages_reports(sqlite3 *db, json_t **out, struct err *e)
{
	json_t *reports = json_array();
	int r = reports ? 0 : err_sys(e, ENOMEM, "reports");
	for (const struct sql_file *file = sql_next("reports", NULL); r == 0 && file;
	        file = sql_next("reports", file))
		r = add_report(db, file, reports, e);
	*out = r == 0 ? json_pack("{s:O}", "reports", reports) : NULL;
	json_decref(reports);
	return r < 0 || *out ? r : err_sys(e, ENOMEM, "reports");
}

static int refuse_without(sqlite3_stmt *s, const char *report, struct err *e)
{
	char list[120] = "";
	for (int i = 1; i <= sqlite3_bind_parameter_count(s); i++) {
		const char *name = sqlite3_bind_parameter_name(s, i) + 1;
		size_t used = strlen(list);
		if (!is_own(name))
			snprintf(list + used, sizeof(list) - used, "%s%s=", used ? " or " : "", name);
	}
	return err_set(e, EINVAL, "report '%s': say of what: %s", report, list);
}

int pages_check_parameters(
        sqlite3 *db, const char *report, const char *sql, const json_t *parameters, struct err *e)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	union {
		const json_t *in;
		json_t *out;
	} object = {.in = parameters}; // the macro only reads
	const char *key;
	json_t *value;
	int given = 0, r = db_prepare(db, sql, &s, e);
	if (r < 0)
		return r;
	json_object_foreach(object.out, key, value)
	{
		char name[64];
		snprintf(name, sizeof(name), ":%s", key);
		if (!is_own(key) && !sqlite3_bind_parameter_index(s, name))
			return err_set(e, EINVAL, "report '%s': takes no '%s'", report, key);
		given += !is_own(key);
	}
	return given || !needs_subject(s, sql) ? 0 : refuse_without(s, report, e);
}
