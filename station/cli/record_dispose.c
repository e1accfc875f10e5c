// SPDX-License-Identifier: MIT
// `gangway record dispose`: what is to become of a unit, as a row. The station writes it.
#include "cli/record.h"
#include "cli/state.h"

int record_dispose(const struct record_options *o, const char *serial, const char *disposition)
{
	json_t *row = NULL;
	json_t *args = json_pack("{s:s,s:s,s:s}", "serial", serial, "disposition", disposition, "reason",
	        o->reason ? o->reason : "");
	int code = cli_call("record", o->state, "unit.dispose", args, NULL, 0, &row);
	if (code == EXIT_OK && o->json)
		cli_print_json(row);
	else if (code == EXIT_OK)
		printf("%s: %s (row %lld)\n", serial, disposition,
		        (long long)json_integer_value(json_object_get(row, "row")));
	json_decref(row);
	return code;
}
