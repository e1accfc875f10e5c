// SPDX-License-Identifier: MIT
// The courier as the station's child: delivers while the station lives, tells it what waits, and once more at the end.
#include <errno.h>

#include "base/child.h"
#include "base/log.h"
#include "base/util.h"
#include "record/courier.h"
#include "record/wire.h"

enum { ROLE_SOCKET = CHILD_FD_FIRST };

static void tell(void *context, const json_t *status)
{
	(void)context;
	json_t *message = json_pack("{s:O}", "heads", status);
	if (message && wire_send_json(ROLE_SOCKET, message) < 0)
		log_warn("the station does not hear what is delivered");
	json_decref(message);
}

// "folder=DIR", "command=CMD", "http=URL", "syslog="
static int take(struct courier_destinations *to, const char *word, struct err *e)
{
	const char *target = strchr(word, '=');
	size_t length = target ? (size_t)(target - word) : 0;
	const struct {
		const char *kind;
		const char **target;
	} kinds[] = {{"folder", &to->folder}, {"command", &to->command}, {"http", &to->http}};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i].kind) != length || strncmp(kinds[i].kind, word, length) != 0)
			continue;
		*kinds[i].target = target + 1;
		return 0;
	}
	if (strcmp(word, "syslog=") != 0)
		return err_set(e, EINVAL, "courier: '%s' is no destination", word);
	to->syslog = true;
	return 0;
}

int courier_role(int argc, char **argv)
{
	struct err e = {0};
	struct courier_destinations to = {0};
	const struct courier_watch watch = {.fd = ROLE_SOCKET, .told = tell};
	log_name("courier");
	int r = child_enter(1, &e);
	if (r == 0 && argc < 3)
		r = err_set(&e, EINVAL, "courier: usage: courier STATE KIND=TARGET...");
	for (int i = 2; r == 0 && i < argc; i++)
		r = take(&to, argv[i], &e);
	if (r == 0)
		r = courier_run(argv[1], &to, &watch, &e);
	if (r < 0)
		log_error("%s", e.text);
	return r < 0 ? 1 : 0;
}
