// SPDX-License-Identifier: MIT
// What came of each target: a line for people, and one for programs.
#include <inttypes.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/shown.h"
#include "cli/batch.h"
#include "cli/command.h"
#include "cli/progress.h"

static json_t *json_digest(const uint8_t digest[DIGEST_SHA256_SIZE])
{
	static const uint8_t none[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	if (!memcmp(digest, none, sizeof(none)))
		return json_null();
	digest_hex(digest, DIGEST_SHA256_SIZE, hex);
	return json_string(hex);
}

// A file name need not be UTF-8, and two that are not must be told apart.
static json_t *json_text(const char *text)
{
	char shown[SHOWN_SIZE];
	json_t *value = text[0] ? json_string(text) : json_null();
	return value ? value : json_string(shown_text(text, shown, sizeof(shown)));
}

static bool print_json(const struct batch_target *t)
{
	const struct worker_report *r = &t->result;
	json_t *line = json_pack("{s:s, s:o, s:s, s:o, s:o, s:I, s:I, s:f, s:f, s:s, s:o, s:o}", "event",
	        "result", "target", json_text(t->name), "result",
	        worker_result_name((enum worker_result)r->result), "code",
	        json_text(failure_info((enum failure)r->failure)->code), "error", json_text(r->text),
	        "bytes_written", (json_int_t)r->bytes_written, "bytes_verified",
	        (json_int_t)r->bytes_verified, "write_seconds", (double)r->write_ns / (double)NSEC_PER_SEC,
	        "verify_seconds", (double)r->verify_ns / (double)NSEC_PER_SEC, "verify_method",
	        worker_method_name((enum worker_method)r->method), "plan_sha256", json_digest(r->plan_sha256),
	        "readback_sha256", json_digest(r->readback_sha256));
	if (!line)
		return false;
	bool ok = json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 &&
	          fputc('\n', stdout) != EOF;
	json_decref(line);
	return ok;
}

static void print_part(FILE *to, const char *what, uint64_t bytes, uint64_t ns)
{
	char size[PROGRESS_TEXT], speed[PROGRESS_TEXT];
	double seconds = (double)ns / (double)NSEC_PER_SEC;
	progress_bytes(size, (double)bytes);
	progress_bytes(speed, seconds > 0 ? (double)bytes / seconds : 0);
	fprintf(to, ", %s %s in %.1f s (%s/s)", what, size, seconds, speed);
}

static void print_good(FILE *to, const struct batch_target *t)
{
	const struct worker_report *r = &t->result;
	char hex[SHA256_HEX_SIZE], name[SHOWN_SIZE];
	digest_hex(r->plan_sha256, DIGEST_SHA256_SIZE, hex);
	fprintf(to, "%-10s %s: sha256 %.16s...", r->result == WORKER_PASS ? "PASS" : "UNVERIFIED",
	        shown_text(t->name, name, sizeof(name)), hex);
	if (r->bytes_written)
		print_part(to, "wrote", r->bytes_written, r->write_ns);
	if (r->result == WORKER_PASS)
		print_part(to, "read back", r->bytes_verified, r->verify_ns);
	else
		fprintf(to, ", not read back");
	if (r->method == WORKER_METHOD_BUFFERED || r->method == WORKER_METHOD_COMPARE_BUFFERED)
		fprintf(to, ", through the page cache (no direct I/O here)");
	if (t->job.verify == WORKER_VERIFY_COMPARE &&
	        (r->method == WORKER_METHOD_DIRECT || r->method == WORKER_METHOD_BUFFERED))
		fprintf(to, ", hashed (an image larger than memory is not compared)");
	fputc('\n', to);
}

// Of a target whose writing began there is always this to say; unless the old headers did not take it.
static bool is_half_done(const struct batch_target *t)
{
	return t->job.task == WORKER_WRITE && t->result.result == WORKER_FAIL && !t->untouched &&
	       !strstr(t->result.text, "may still boot");
}

static void print_bad(const struct batch_target *t)
{
	// The worker says so itself, or says that it could not see to it; of a dead one nobody knows.
	bool says_so = strstr(t->result.text, "does not boot") || strstr(t->result.text, "blanked again") ||
	               t->result.failure == FAILURE_WORKER_DIED;
	char text[SHOWN_SIZE];
	fprintf(stderr, "%-10s %s%s\n", "FAIL", shown_text(t->result.text, text, sizeof(text)),
	        is_half_done(t) && !says_so ? " (it does not boot now)" : "");
}

// An import that failed is one error, not one a target.
static void print_import_error(const struct batch *b)
{
	char name[SHOWN_SIZE];
	fprintf(stderr, "gangway: %s", shown_text(b->import_error.text, name, sizeof(name)));
	const char *separator = "; not bootable now, write again: ";
	for (unsigned i = 0; i < b->count; i++) {
		if (!is_half_done(&b->targets[i]))
			continue;
		fprintf(stderr, "%s%s", separator, shown_text(b->targets[i].name, name, sizeof(name)));
		separator = ", ";
	}
	fputc('\n', stderr);
}

static bool is_imports(const struct batch *b, const struct batch_target *t)
{
	return b->import_error.num && !strcmp(t->result.text, b->import_error.text);
}

int result_print(const struct batch *b)
{
	int code = EXIT_OK;
	if (b->import_error.num)
		print_import_error(b);
	for (unsigned i = 0; i < b->count; i++) {
		const struct batch_target *t = &b->targets[i];
		if (t->result.result == WORKER_FAIL) {
			code = EXIT_FAILED;
			if (!is_imports(b, t))
				print_bad(t);
		} else {
			print_good(b->options->json ? stderr : stdout, t);
		}
	}
	for (unsigned i = 0; b->options->json && i < b->count; i++)
		if (!print_json(&b->targets[i]))
			code = EXIT_FAILED;
	return code;
}
