// SPDX-License-Identifier: MIT
// Rows for tests of the ledger: bodies as a station would write them.
#ifndef GANGWAY_TESTS_LEDGER_ROWS_H
#define GANGWAY_TESTS_LEDGER_ROWS_H

#include <jansson.h>

#include "base/digest.h"
#include "check.h"

#define TEST_PLAN "0 4096 ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7\n"

static inline void rows_plan_sha256(char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	digest_sha256(TEST_PLAN, strlen(TEST_PLAN), digest);
	digest_hex(digest, sizeof(digest), hex);
}

static inline json_t *rows_parse(const char *text)
{
	json_error_t error;
	json_t *body = json_loads(text, 0, &error);
	if (!body)
		fail_msg("%s: %s", text, error.text);
	return body;
}

static inline json_t *rows_station_start(void)
{
	return rows_parse("{\"station\":\"t\",\"version\":\"1\",\"kernel\":\"k\",\"boot_id\":\"b\"}");
}

static inline json_t *rows_image(const char *name)
{
	char plan[SHA256_HEX_SIZE];
	rows_plan_sha256(plan);
	return json_pack("{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:s,s:s}", "name", name, "key", "key-of-image",
	        "codec", "xz", "size", 4096, "mapped", 4096, "block_size", 4096, "ranges", 1, "source_sha256",
	        "aa", "bmap_sha256", "", "plan_sha256", plan, "plan", TEST_PLAN);
}

static inline json_t *rows_job(const char *job)
{
	return json_pack("{s:s,s:s,s:s,s:b,s:s,s:i,s:n,s:s}", "job", job, "image", "demo", "start", "auto",
	        "verify", 1, "unmapped", "keep", "lun", 0, "wanted", "lot", "L1");
}

static inline json_t *rows_open(int attempt, const char *serial, const char *disposition, const char *reason)
{
	char slot[16];
	snprintf(slot, sizeof(slot), "%d", attempt % 4 + 1);
	return json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "attempt", attempt, "slot", slot, "port",
	        "1-2", "serial", serial, "serial_source", *serial ? "usb" : "", "boot_id", "b", "disposition",
	        disposition, "job", "J1", "reason", reason);
}

static inline json_t *rows_pass(int attempt)
{
	char plan[SHA256_HEX_SIZE];
	rows_plan_sha256(plan);
	return json_pack("{s:i,s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:f}", "attempt", attempt,
	        "result", "pass", "code", "", "blame", "", "text", "", "bytes_written", 4096,
	        "bytes_verified", 4096, "plan_sha256", plan, "readback_sha256", plan, "extras_sha256", "",
	        "extras_readback_sha256", "", "verify_method", "host-readback", "write_s", 0.5);
}

static inline json_t *rows_fail(int attempt, const char *code, const char *blame)
{
	json_t *body = rows_pass(attempt);
	json_object_set_new(body, "result", json_string("fail"));
	json_object_set_new(body, "code", json_string(code));
	json_object_set_new(body, "blame", json_string(blame));
	json_object_set_new(body, "readback_sha256", json_string(""));
	return body;
}

#endif
