// SPDX-License-Identifier: MIT
// The reader: bounded, paged queries of the ledger, in a process of its own with a read-only connection.
#ifndef GANGWAY_RECORD_READER_H
#define GANGWAY_RECORD_READER_H

#include <jansson.h>

#include "base/loop.h"

struct reader;

// `result` (borrowed) or, when it is NULL, *e. Called once per query, from the loop.
typedef void (*reader_answer_fn)(void *context, const json_t *result, const struct err *e);

int reader_start(struct loop *loop, const char *state, struct reader **out, struct err *e);

// Queues a query; at most READER_QUEUE_MAX wait (-EBUSY beyond). Each is stopped after READER_TIME_LIMIT_S.
//   "records"   {"serial"?, "job"?, "result"?, "before"? (attempt id), "limit"? <= 200} -> {"records":[...],"next":id|null}
//   "unit"      {"serial"} -> the unit with all its attempts
//   "log"       {"from_seq","limit"} -> raw rows
//   "jobs"      {"limit"?,"before"?}
//   "images"    {}
//   "report"    {"name": of db/reports/, its own parameters..., "limit"?, "offset"?} -> {"rows":[...],"next":offset|null}
//   "reports"   {} -> {"reports":[{"name","about","takes"}]}
//   "table"     a report, or without "name" the records, as CSV: see record/table.h
//   "search", "story", "lot", "order", "image", "day", "certificate": see record/pages.h
//   "unit_status" {"serials":[... at most 64]} -> {"units":{SERIAL:{"result","attempt",...}}}: law 7's question when
//               a board arrives; serials never seen are not in the answer
enum { READER_QUEUE_MAX = 64, READER_TIME_LIMIT_S = 5, READER_ROWS_MAX = 200 };
int reader_query(struct reader *reader, const char *name, const json_t *parameters, reader_answer_fn answer,
        void *context, struct err *e);

struct reader *reader_free(struct reader *reader);

int reader_role(int argc, char **argv);

#endif
