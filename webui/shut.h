// SPDX-License-Identifier: MIT
// Shuts the role in: it faces the network, so it keeps nothing but the sockets it has.
#ifndef GANGWAY_WEBUI_SHUT_H
#define GANGWAY_WEBUI_SHUT_H

#include "base/err.h"

/*
 * From here on no file is opened, no program started and no connection made (seccomp(2)): the role answers on its
 * listening socket and speaks to the station over its stream. Called once everything is open, before a byte from the
 * network is read. Where the kernel lacks it: a warning, and an error when the environment has CI set.
 */
int shut_in(struct err *e);

#endif
