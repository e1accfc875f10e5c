// SPDX-License-Identifier: MIT
// The station's answers as HTTP answers.
#include "webui/answer.h"

#include <string.h>

// The station's error codes as HTTP knows them.
static unsigned error_status(const char *code)
{
	static const struct {
		const char *prefix;
		unsigned status;
	} statuses[] = {{"no-such", 404}, {"not-found", 404}, {"unknown", 404}, {"bad-", 400}, {"usage", 400},
	        {"busy", 503}, {"not-permitted", 403}, {"too-slow", 503}, {"query", 500}};
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (!strncmp(code, statuses[i].prefix, strlen(statuses[i].prefix)))
			return statuses[i].status;
	return 409;
}

void answer_station(struct http_request *request, const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *text = json_string_value(json_object_get(error, "text"));
	if (!answer)
		http_answer_error(
		        request, MHD_HTTP_GATEWAY_TIMEOUT, "no-answer", "the station did not answer in time");
	else if (json_is_true(json_object_get(answer, "ok")))
		http_answer_json(request, MHD_HTTP_OK, json_deep_copy(json_object_get(answer, "result")));
	else
		http_answer_error(request, error_status(code ? code : ""), code ? code : "refused",
		        text ? text : "the station refused it");
}
