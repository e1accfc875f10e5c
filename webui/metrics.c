// SPDX-License-Identifier: MIT
// The station in Prometheus' text format.
#include "webui/metrics.h"

#include <string.h>

#include "base/util.h"
#include "core/slot.h"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP gangway_%s %s\n# TYPE gangway_%s %s\n", name, help, name, type);
}

static void gauge(FILE *out, const char *name, const char *help, double value)
{
	head(out, name, "gauge", help);
	fprintf(out, "gangway_%s %.17g\n", name, value);
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; value && *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

static void boards(FILE *out, const json_t *slots)
{
	double rate = 0;
	head(out, "boards", "gauge", "Slots by state.");
	for (unsigned s = 0; s < SLOT_STATE_COUNT; s++) {
		const char *name = slot_state_name((enum slot_state)s);
		unsigned count = 0;
		for (size_t i = 0; i < json_array_size(slots); i++) {
			const char *state =
			        json_string_value(json_object_get(json_array_get(slots, i), "state"));
			count += state && !strcmp(state, name);
		}
		fprintf(out, "gangway_boards{state=\"%s\"} %u\n", name, count);
	}
	for (size_t i = 0; i < json_array_size(slots); i++)
		rate += number(json_array_get(slots, i), "rate");
	gauge(out, "bytes_per_second", "Bytes a second to and from all boards.", rate);
}

static void units(FILE *out, const json_t *counts)
{
	static const char *const results[] = {"pass", "fail", "unverified"};
	head(out, "units_total", "counter", "Finished units by result.");
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		fprintf(out, "gangway_units_total{result=\"%s\"} %.17g\n", results[i],
		        number(counts, results[i]));
	gauge(out, "units_inflight", "Units being programmed.", number(counts, "inflight"));
	if (json_is_number(json_object_get(counts, "yield")))
		gauge(out, "yield_ratio", "Passed of all that passed or failed.", number(counts, "yield"));
	if (json_is_number(json_object_get(counts, "uph")))
		gauge(out, "units_per_hour", "Passed units an hour.", number(counts, "uph"));
}

static void job(FILE *out, const json_t *job)
{
	static const char *const labels[] = {"id", "image", "plan_sha256", "state"};
	if (!json_is_object(job))
		return;
	head(out, "job_info", "gauge", "The job at hand.");
	fputs("gangway_job_info{", out);
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		fputs(i ? "," : "", out);
		label(out, labels[i], json_string_value(json_object_get(job, labels[i])));
	}
	fputs("} 1\n", out);
	if (json_is_number(json_object_get(job, "wanted")))
		gauge(out, "job_wanted", "Units the job wants.", number(job, "wanted"));
}

static void import(FILE *out, const json_t *import)
{
	const char *state = json_string_value(json_object_get(import, "state"));
	gauge(out, "import_running", "1 while an image is being imported.",
	        state && !strcmp(state, "running"));
	gauge(out, "import_failed", "1 when the last import failed.", state && !strcmp(state, "failed"));
	gauge(out, "import_done_bytes", "Decoded so far.", number(import, "done"));
	if (json_is_number(json_object_get(import, "total")))
		gauge(out, "import_total_bytes", "To be decoded.", number(import, "total"));
}

static void ledger(FILE *out, const json_t *state)
{
	const json_t *ledger = json_object_get(state, "ledger");
	const char *word = json_string_value(json_object_get(ledger, "state"));
	gauge(out, "ledger_seq", "The ledger's last row.", number(ledger, "seq"));
	gauge(out, "ledger_ok", "1 while the ledger takes rows.", word && !strcmp(word, "ok"));
	gauge(out, "alerts", "Alerts on the page.",
	        (double)json_array_size(json_object_get(state, "alerts")));
}

char *metrics_text(const json_t *state, const struct metrics_web *web)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	gauge(out, "up", "1 while the station answers.", web->station_up);
	gauge(out, "sse_clients", "Pages with an open event stream.", web->streams);
	head(out, "http_requests_total", "counter", "HTTP requests served.");
	fprintf(out, "gangway_http_requests_total %llu\n", (unsigned long long)web->requests);
	if (state) {
		boards(out, json_object_get(state, "slots"));
		units(out, json_object_get(state, "counts"));
		job(out, json_object_get(state, "job"));
		import(out, json_object_get(state, "import"));
		ledger(out, state);
	}
	bool failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}
