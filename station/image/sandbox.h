// SPDX-License-Identifier: MIT
// Shuts a process that reads untrusted bytes in: no new files but the store's, no network, no other programs.
#ifndef GANGWAY_IMAGE_SANDBOX_H
#define GANGWAY_IMAGE_SANDBOX_H

#include "base/err.h"

/*
 * From here on, for all threads: files can be opened below `folder_fd` only (landlock, ABI 2 or newer; -1: none at
 * all), and only the system calls that decoding and storing need are there (seccomp). Descriptors that are open stay
 * usable. Called before the first thread is started.
 *
 * Where the kernel lacks one of them it is a warning in the log, and an error when the environment has CI set: there
 * it must not go unnoticed.
 */
int sandbox_enter(int folder_fd, struct err *e);

/*
 * Adds to a seccomp filter (libseccomp's context) what every role needs and none may have in full: tgkill(2) within the
 * process, for abort(3), and the commands of fcntl(2) that send no signal to anybody. 0 or -errno.
 */
int sandbox_allow_own(void *filter);

#endif
