// SPDX-License-Identifier: MIT
// What each URL does.
#ifndef GANGWAY_WEBUI_API_H
#define GANGWAY_WEBUI_API_H

#include "webui/asker.h"
#include "webui/events.h"
#include "webui/guard.h"
#include "webui/http.h"
#include "webui/link.h"
#include "webui/mirror.h"

struct api {
	struct guard guard;
	struct mirror mirror;
	struct link *link;
	struct events *events;
	struct asker *asker;
	struct http *http;
};

// An http_handler_fn; `context` is a struct api.
void api_handle(void *context, struct http_request *request);

#endif
