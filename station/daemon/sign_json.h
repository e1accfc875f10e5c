// SPDX-License-Identifier: MIT
// A board signature as JSON: for the ledger, the protocol, and the file that a person edits.
#ifndef GANGWAY_DAEMON_SIGN_JSON_H
#define GANGWAY_DAEMON_SIGN_JSON_H

#include <jansson.h>

#include "base/digest.h"
#include "base/err.h"
#include "core/signature.h"

/*
 * {"manufacturer":"Acme","product":"Gateway v2","usb_id":"0525:a4a5","bcd_device":"0200","serial":"SN[0-9]{4}",
 *  "sizes":[7818182656,[15000000000,16000000000]],"luns":1}
 * A field that is not there is not checked. NULL when memory is short.
 */
json_t *sign_to_json(const struct signature *signature);

// Also takes what `gangway job signature show` prints, with the signature inside. -EINVAL and the field.
int sign_from_json(const json_t *object, struct signature *out, struct err *e);

// SHA-256 of sign_to_json(), compact and its keys sorted: what a person has seen and approves is named by it.
void sign_sha256(const struct signature *signature, char hex[SHA256_HEX_SIZE]);

#endif
