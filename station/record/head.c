// SPDX-License-Identifier: MIT
// Heads: signed statements that row N of a ledger has a certain hash.
#include "record/head.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "base/fd.h"

void head_text(const struct head *head, char text[HEAD_TEXT_SIZE])
{
	snprintf(text, HEAD_TEXT_SIZE, "gangway-head-1\n%s\n%llu\n%s\n%s\n%s\n%s\n", head->ledger,
	        (unsigned long long)head->seq, head->row_hash, head->signed_utc, head->reason, head->key);
}

int head_sign(struct head *head, const struct key *key, struct err *e)
{
	char text[HEAD_TEXT_SIZE];
	// One line a field: a reason that had a line of its own would read as another field.
	for (char *p = head->reason; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	STR_COPY(head->key, key_fingerprint(key));
	head_text(head, text);
	return key_sign(key, text, head->signature, e);
}

bool head_verify(const struct head *head, const struct key *key)
{
	char text[HEAD_TEXT_SIZE];
	head_text(head, text);
	return !strcmp(head->key, key_fingerprint(key)) && key_verify(key, text, head->signature);
}

json_t *head_body(const struct head *head)
{
	return json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "seq", (json_int_t)head->seq, "row_hash",
	        head->row_hash, "signed", head->signed_utc, "reason", head->reason, "key", head->key,
	        "signature", head->signature);
}

json_t *head_json(const struct head *head)
{
	json_t *object = head_body(head);
	if (object && (json_object_set_new(object, "ledger", json_string(head->ledger)) < 0 ||
	                      json_object_set_new(object, "format", json_string("gangway-head-1")) < 0)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

int head_from_json(const json_t *object, struct head *head, struct err *e)
{
	json_int_t seq = 0;
	const char *hash = "", *when = "", *reason = "", *key = "", *signature = "", *ledger = NULL;
	json_error_t error;
	union {
		const json_t *in;
		json_t *out;
	} unpacked = {.in = object}; // json_unpack_ex() only reads
	if (json_unpack_ex(unpacked.out, &error, 0, "{s:I,s:s,s:s,s:s,s:s,s:s,s?s}", "seq", &seq, "row_hash",
	            &hash, "signed", &when, "reason", &reason, "key", &key, "signature", &signature, "ledger",
	            &ledger) < 0 ||
	        seq <= 0)
		return err_set(e, EINVAL, "is not a head: %s", error.text);
	head->seq = (uint64_t)seq;
	if (ledger)
		STR_COPY(head->ledger, ledger);
	STR_COPY(head->row_hash, hash);
	STR_COPY(head->signed_utc, when);
	STR_COPY(head->reason, reason);
	STR_COPY(head->key, key);
	STR_COPY(head->signature, signature);
	return 0;
}

int head_write(const struct head *head, const char *folder, struct err *e)
{
	char path[PATH_MAX];
	json_t *object = head_json(head);
	_cleanup_free_ char *text = object ? json_dumps(object, JSON_SORT_KEYS | JSON_INDENT(1)) : NULL;
	json_decref(object);
	if (!text)
		return err_sys(e, ENOMEM, "%s", folder);
	size_t size = strlen(text);
	text[size++] = '\n'; // in the NUL's place
	snprintf(path, sizeof(path), "%s/head-%012llu.json", folder, (unsigned long long)head->seq);
	return fd_write_file(path, text, size, 0644, e);
}

int head_read(const char *path, struct head *head, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	json_error_t error;
	int r = fd_read_file(path, HEAD_FILE_MAX, &text, &size, e);
	if (r < 0)
		return r;
	json_t *object = json_loadb(text, size, 0, &error);
	if (!object)
		return err_set(e, EINVAL, "%s: is not a head: %s", path, error.text);
	*head = (struct head){0};
	r = head_from_json(object, head, e);
	json_decref(object);
	return r < 0 ? err_prefix(e, "%s", path) : 0;
}
