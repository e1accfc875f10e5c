// SPDX-License-Identifier: MIT
// Exports of the ledger: CSV, JSON, and a bundle that proves itself to an auditor.
#ifndef GANGWAY_RECORD_EXPORT_H
#define GANGWAY_RECORD_EXPORT_H

#include <jansson.h>
#include <stdio.h>

#include "record/db.h"

// `parameters`: "job", "serial", "image" (key, plan or source digest), "from", "to" (UTC, or a day); what is missing
// does not narrow. *count is how many attempts were written. CSV is for spreadsheets (record/csv.h: formulas are
// disarmed); JSON and the bundle keep every byte.
int export_csv(sqlite3 *db, const json_t *parameters, FILE *to, uint64_t *count, struct err *e);
int export_json(sqlite3 *db, const json_t *parameters, FILE *to, uint64_t *count, struct err *e);

// Makes `folder` (which must not be there) with records.csv, rows.jsonl (the chain from the first row that the
// records rest on up to the head that covers the last), heads/, station.pub, the plans, verify-ledger and README.txt.
int export_bundle(sqlite3 *db, const json_t *parameters, const char *folder, uint64_t *count, struct err *e);

#endif
