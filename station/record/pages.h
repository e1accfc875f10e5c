// SPDX-License-Identifier: MIT
// What a page of the ledger shows: several queries of db/ answered together, from one state of the ledger.
#ifndef GANGWAY_RECORD_PAGES_H
#define GANGWAY_RECORD_PAGES_H

#include <jansson.h>

#include "record/db.h"

// Whether there is a page of this name: "story", "lot", "order", "image", "day", "certificate", "search".
bool pages_has(const char *name);

/*
 * `parameters` has the page's subject ("serial", "lot", "order", "image", "day", "lot", "q") and "limit", "offset" of
 * its one long list. *out is an object with a member for each query, and "next" (offset or null) of the long list.
 * -EINVAL: the subject is missing; -ENOENT: the ledger knows nothing of it.
 */
int pages_answer(
        sqlite3 *db, const char *name, const json_t *parameters, unsigned limit, json_t **out, struct err *e);

// The reports of db/reports/: {"reports":[{"name","about","takes":[parameter...]}...]}.
int pages_reports(sqlite3 *db, json_t **out, struct err *e);

// -EINVAL with a line that names it when a parameter (but for limit, offset, name) is none of the statement's.
int pages_check_parameters(
        sqlite3 *db, const char *report, const char *sql, const json_t *parameters, struct err *e);

#endif
