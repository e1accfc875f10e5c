// SPDX-License-Identifier: MIT
// The ledger's part of the API: questions to the station's reader, one at a time, as JSON or as a table to download.
#ifndef GANGWAY_WEBUI_ASKER_H
#define GANGWAY_WEBUI_ASKER_H

#include "webui/http.h"
#include "webui/link.h"

enum {
	ASKER_WAITING_MAX = 32,             // questions; 503 beyond
	ASKER_TEXT_MAX = 200,               // bytes of a serial, lot, ...
	ASKER_PAGE_MAX = 100000,            // of ?page=
	ASKER_ROWS = 100,                   // of a page, when ?limit= does not say
	ASKER_ROWS_MAX = 200,               // of ?limit=
	ASKER_TABLE_MAX = 64 * 1024 * 1024, // bytes of a download; 413 beyond
	// Of all downloads together that are made or not yet read by their browsers; 503 beyond. Room for the largest one
	// beside what slow readers hold.
	ASKER_TABLES_MAX = 96 * 1024 * 1024,
	ASKER_RETRY_S = 10, // Retry-After
};

struct asker;

int asker_new(struct link *link, struct asker **out, struct err *e);

// Answers a GET of one of the ledger's paths, now or later. False: the path is none of them.
bool asker_get(struct asker *asker, struct http_request *request);

// Answers all that wait; later questions are refused. Before the link is freed.
void asker_close(struct asker *asker);
struct asker *asker_free(struct asker *asker); // after the link and the server. Always NULL

#endif
