// SPDX-License-Identifier: MIT
// Requests and summaries.
#include "image/ontarget.h"

#include <ctype.h>
#include <errno.h>
#include <sys/random.h>

#include "base/util.h"
#include "core/failure.h"

int ontarget_nonce(char nonce[ONTARGET_NONCE_SIZE], struct err *e)
{
	uint8_t bytes[ONTARGET_NONCE_SIZE / 2];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_sys(e, errno, "no random numbers");
	digest_hex(bytes, sizeof(bytes), nonce);
	return 0;
}

#define REQUEST_HEAD "gw_rq=verify-1\ngw_rq_nonce=%s\n"

int ontarget_place(
        const char *nonce, const char *script, size_t script_size, char **out, size_t *size, struct err *e)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	size_t blocks = (script_size + ONTARGET_BLOCK - 1) / ONTARGET_BLOCK;
	if (script_size > ONTARGET_SCRIPT_MAX)
		return err_set(e, EFBIG,
		        "the verify script has %zu bytes and the board's place for it 1 MiB; use a larger "
		        "--window",
		        script_size);
	char *place = calloc(2 + blocks, ONTARGET_BLOCK);
	if (!place)
		return err_sys(e, ENOMEM, "verify request");
	digest_sha256(script, script_size, digest);
	digest_hex(digest, sizeof(digest), hex);
	snprintf(place, ONTARGET_BLOCK, REQUEST_HEAD "gw_rq_blocks=%zx\ngw_rq_bytes=%zx\ngw_rq_sha256=%s\n",
	        nonce, blocks, script_size, hex);
	memcpy(place + (size_t)2 * ONTARGET_BLOCK, script, script_size);
	*out = place;
	*size = (2 + blocks) * ONTARGET_BLOCK;
	return 0;
}

bool ontarget_is_request(const char block[ONTARGET_BLOCK], const char *nonce)
{
	char head[sizeof(REQUEST_HEAD) + ONTARGET_NONCE_SIZE];
	int size = snprintf(head, sizeof(head), REQUEST_HEAD, nonce);
	return size > 0 && (size_t)size < sizeof(head) && !memcmp(block, head, (size_t)size);
}

struct summary {
	char bad[32], checked[32], digest[SHA256_HEX_SIZE], nonce[ONTARGET_NONCE_SIZE], plan[SHA256_HEX_SIZE];
	char result[16], tries[8];
};

static void take(struct summary *s, const char *name, size_t name_length, const char *value, size_t length)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} fields[] = {
	        {"gw_sum_bad", s->bad, sizeof(s->bad)},
	        {"gw_sum_checked", s->checked, sizeof(s->checked)},
	        {"gw_sum_digest", s->digest, sizeof(s->digest)},
	        {"gw_sum_nonce", s->nonce, sizeof(s->nonce)},
	        {"gw_sum_plan", s->plan, sizeof(s->plan)},
	        {"gw_sum_result", s->result, sizeof(s->result)},
	        {"gw_sum_tries", s->tries, sizeof(s->tries)},
	};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i].name) == name_length && !memcmp(name, fields[i].name, name_length) &&
		        length < fields[i].size)
			snprintf(fields[i].to, fields[i].size, "%.*s", (int)length, value);
}

// The digest is over all other lines and the zeros behind them, as the block was before it had the digest.
static bool parse(const char *text, struct summary *s)
{
	char rest[ONTARGET_BLOCK] = {0}, hex[SHA256_HEX_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];
	size_t used = 0;
	for (const char *line = text; *line;) {
		const char *end = strchr(line, '\n'), *equals = strchr(line, '=');
		if (!end || !equals || equals > end)
			return false;
		take(s, line, (size_t)(equals - line), equals + 1, (size_t)(end - equals - 1));
		if (strncmp(line, "gw_sum_digest=", 14) != 0) {
			memcpy(rest + used, line, (size_t)(end + 1 - line));
			used += (size_t)(end + 1 - line);
		}
		line = end + 1;
	}
	digest_sha256(rest, sizeof(rest), digest);
	digest_hex(digest, sizeof(digest), hex);
	return used && !strcmp(hex, s->digest);
}

int ontarget_judge(const char block[ONTARGET_BLOCK], const struct ontarget_expect *expect, uint64_t *wrong_at,
        struct err *e)
{
	*wrong_at = UINT64_MAX;
	char text[ONTARGET_BLOCK + 1];
	struct summary s = {0};
	memcpy(text, block, ONTARGET_BLOCK);
	text[ONTARGET_BLOCK] = '\0';
	if (!text[0])
		return err_fail(e, ENODATA, FAILURE_NO_ANSWER,
		        "the board has left no summary: did it find the request? check gw_sector, then ask "
		        "again");
	bool whole = parse(text, &s);
	// All that it writes before it begins (uboot/station.cmd); a summary takes its place.
	if (!whole && s.tries[0] && !s.nonce[0] && !s.digest[0])
		return err_fail(e, ENODATA, FAILURE_NO_ANSWER,
		        "the board began to read itself back (0x%s times) and has left no summary: does its "
		        "power last, does a watchdog end it? ask again",
		        s.tries);
	if (!whole)
		return err_fail(
		        e, EBADMSG, FAILURE_WRONG_ANSWER, "the board's summary is damaged; ask again");
	if (strcmp(s.nonce, expect->nonce) != 0)
		return err_fail(e, ESTALE, FAILURE_WRONG_ANSWER,
		        "the board's summary answers another request, not this attempt's; ask again");
	if (strcmp(s.plan, expect->plan_sha256) != 0)
		return err_fail(e, ESTALE, FAILURE_WRONG_ANSWER,
		        "the board's summary is of another image; ask again");
	if (isdigit((unsigned char)s.bad[0]))
		*wrong_at = strtoull(s.bad, NULL, 10);
	if (strcmp(s.result, "pass") != 0)
		return err_fail(e, EILSEQ, FAILURE_VERIFY_MISMATCH,
		        "the board read something else back, first in the window at byte %s; red bin", s.bad);
	if (strtoull(s.checked, NULL, 16) != expect->windows)
		return err_fail(e, EBADMSG, FAILURE_WRONG_ANSWER,
		        "the board checked 0x%s windows of 0x%zx; ask again", s.checked, expect->windows);
	return 0;
}
