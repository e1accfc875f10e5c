// SPDX-License-Identifier: MIT
// The closed list of failure codes.
#include "core/failure.h"

#include <string.h>

static const struct failure_info infos[FAILURE_COUNT] = {[FAILURE_NONE] = {"", BLAME_NONE, "", ""},
#define X(symbol, code, blame, reason, next) [FAILURE_##symbol] = {code, BLAME_##blame, reason, next},
        FAILURES(X)
#undef X
};

const struct failure_info *failure_info(enum failure failure)
{
	if ((unsigned)failure >= FAILURE_COUNT)
		failure = FAILURE_STATION_ERROR;
	return &infos[failure];
}

enum failure failure_from_code(const char *code)
{
	for (int i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++)
		if (!strcmp(code, infos[i].code))
			return (enum failure)i;
	return FAILURE_NONE;
}

const char *blame_name(enum blame blame)
{
	static const char *const names[] = {"", "device", "store", "import", "station", "operator"};
	return (unsigned)blame < sizeof(names) / sizeof(names[0]) ? names[blame] : "station";
}
