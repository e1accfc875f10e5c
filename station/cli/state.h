// SPDX-License-Identifier: MIT
// What the commands that talk to a station share.
#ifndef GANGWAY_CLI_STATE_H
#define GANGWAY_CLI_STATE_H

#include "control/client.h"

// --state's value when it is not given: $GANGWAY_STATE, else /var/lib/gangway.
const char *cli_state_default(void);

// One line on stderr, "gangway COMMAND: text".
void cli_complain(const char *command, const struct err *e);

// Connects, calls, and hands over the result (NULL pointer: not wanted). EXIT_OK or EXIT_FAILED, complained about.
int cli_call(const char *command, const char *state, const char *cmd, json_t *args, const int *fds,
        size_t fd_count, json_t **result);

// Indented JSON on stdout.
void cli_print_json(const json_t *object);

#endif
