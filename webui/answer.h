// SPDX-License-Identifier: MIT
// The station's answers as HTTP answers.
#ifndef GANGWAY_WEBUI_ANSWER_H
#define GANGWAY_WEBUI_ANSWER_H

#include "webui/http.h"

// `answer` is the station's whole answer: its result as JSON, its error with a fitting status; NULL: 504.
void answer_station(struct http_request *request, const json_t *answer);

#endif
