// SPDX-License-Identifier: MIT
// `gangway job signature`, and the file a board signature is kept in.
#ifndef GANGWAY_CLI_JOB_SIGNATURE_H
#define GANGWAY_CLI_JOB_SIGNATURE_H

#include <jansson.h>

// The signature in a file, as `gangway job signature show` printed it or edited since; the caller's. NULL: it was said
// on stderr why not.
json_t *job_signature_load(const char *path);

// argv[0] is "show", "approve" or "reject", or there is none: show. `args` (borrowed) may have the signature as
// "signature_approved" and a "reason". The exit code.
int job_signature_run(const char *state, const json_t *args, int argc, char **argv);

#endif
