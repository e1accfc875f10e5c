// SPDX-License-Identifier: MIT
// A URL of the ledger's API as a question to the station's reader.
#ifndef GANGWAY_WEBUI_QUESTION_H
#define GANGWAY_WEBUI_QUESTION_H

#include "webui/http.h"

struct question {
	struct http_request *request; // NULL: nobody waits for the answer any more
	const char *query;            // of station/record/reader.h
	json_t *parameters;
	json_int_t page, limit; // limit 0: the answer's "next" is not a page's number
	bool table;             // as CSV
	char file[96];          // its name
	char *csv;              // what came so far
	size_t csv_size;
};

// Whether the path is one of the ledger's. True with `question` filled in, or with the request refused (400, 404) and
// question->query NULL.
bool question_read(struct http_request *request, struct question *question);

void question_clear(struct question *question);

#endif
