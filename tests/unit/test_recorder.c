// SPDX-License-Identifier: MIT
// Recorder and reader as the station uses them. `test_recorder drive STATE` is a recorder driven by JSON lines on
// stdin, for the integration tests: {"kind","body","plan"?}, {"head":REASON}, {"query","parameters"}; end of input
// closes it. What it hears goes to stdout, a line each.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ledger_rows.h"
#include "record/reader.h"
#include "record/recorder.h"

enum { DEADLINE_MS = 120000 };

struct bench {
	char state[PATH_MAX];
	struct loop *loop;
	struct recorder *recorder;
	struct reader *reader;
	json_t *resume;
	uint64_t last_ticket; // answers come in the order of the tickets
	unsigned durable, refused, answers;
	bool closed, died;
	char refusal[480], how[480];
	json_t *answer;
	struct err answer_error;
};

static void on_ready(void *context, const json_t *resume)
{
	struct bench *b = context;
	b->resume = json_deep_copy(resume);
}

static void on_durable(void *context, uint64_t ticket, uint64_t seq, const char *hash)
{
	struct bench *b = context;
	assert_true(ticket == b->last_ticket + 1 && seq > 0 && strlen(hash) == 64);
	b->last_ticket = ticket;
	b->durable++;
}

static void on_refused(void *context, uint64_t ticket, const struct err *e)
{
	struct bench *b = context;
	assert_int_equal(ticket, b->last_ticket + 1);
	b->last_ticket = ticket;
	b->refused++;
	STR_COPY(b->refusal, e->text);
}

static void on_failing(void *context, const struct err *e)
{
	(void)context;
	fail_msg("failing: %s", e->text);
}

static void on_recovered(void *context)
{
	(void)context;
}

static void on_died(void *context, const char *how)
{
	struct bench *b = context;
	b->died = true;
	STR_COPY(b->how, how);
}

static const struct recorder_events events = {
        on_ready, on_durable, on_refused, on_failing, on_recovered, on_died, NULL};

static void on_answer(void *context, const json_t *result, const struct err *e)
{
	struct bench *b = context;
	b->answers++;
	json_decref(b->answer);
	b->answer = json_deep_copy(result);
	if (e)
		b->answer_error = *e;
}

static void on_closed(void *context)
{
	struct bench *b = context;
	b->closed = true;
}

#define run_until(b, condition)                                                  \
	do {                                                                     \
		uint64_t until = clock_mono_ns() + DEADLINE_MS * NSEC_PER_MSEC;  \
		while (!(condition)) {                                           \
			if (clock_mono_ns() > until)                             \
				fail_msg("nothing came: %s", #condition);        \
			assert_int_equal(loop_round((b)->loop, DEADLINE_MS), 0); \
		}                                                                \
	} while (0)

static void start_recorder(struct bench *b)
{
	assert_int_equal(recorder_start(b->loop, b->state, &events, b, &b->recorder, NULL), 0);
	run_until(b, b->resume || b->died);
}

static void close_recorder(struct bench *b)
{
	b->closed = false;
	recorder_close(b->recorder, on_closed, b);
	run_until(b, b->closed);
	b->recorder = recorder_free(b->recorder);
	json_decref(b->resume);
	b->resume = NULL;
	b->last_ticket = 0;
}

static int make_bench(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	snprintf(b->state, sizeof(b->state), "recorder-XXXXXX");
	assert_non_null(mkdtemp(b->state));
	assert_int_equal(loop_new(&b->loop, NULL), 0);
	start_recorder(b);
	*state = b;
	return 0;
}

static int drop_bench(void **state)
{
	struct bench *b = *state;
	char command[PATH_MAX + 16];
	recorder_free(b->recorder);
	reader_free(b->reader);
	loop_free(b->loop);
	json_decref(b->resume);
	json_decref(b->answer);
	snprintf(command, sizeof(command), "rm -rf '%s'", b->state);
	int r = system(command);
	free(b);
	return r;
}

static void append(struct bench *b, const char *kind, json_t *body)
{
	uint64_t ticket;
	struct err e = {0};
	if (recorder_append(b->recorder, kind, body, -1, &ticket, &e) < 0)
		fail_msg("%s", e.text);
	json_decref(body);
}

static void append_image(struct bench *b, const char *text)
{
	uint64_t ticket;
	json_t *body = rows_image("demo");
	json_object_del(body, "plan");
	int fd = memfd_create("plan", MFD_CLOEXEC);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(recorder_append(b->recorder, "image.add", body, fd, &ticket, NULL), 0);
	close(fd);
	json_decref(body);
}

static void ask(struct bench *b, const char *query, json_t *parameters)
{
	unsigned before = b->answers;
	struct err e = {0};
	if (!b->reader)
		assert_int_equal(reader_start(b->loop, b->state, &b->reader, NULL), 0);
	if (reader_query(b->reader, query, parameters, on_answer, b, &e) < 0)
		fail_msg("%s", e.text);
	json_decref(parameters);
	run_until(b, b->answers > before);
}

static void rows_become_durable_in_the_order_they_were_given(void **state)
{
	struct bench *b = *state;
	append(b, "station.start", rows_station_start());
	append_image(b, TEST_PLAN);
	append(b, "job.open", rows_job("J1"));
	for (int i = 1; i <= 200; i++)
		append(b, "attempt.open", rows_open(i, "", "first", ""));
	for (int i = 1; i <= 200; i++)
		append(b, "attempt.close", rows_pass(i));
	run_until(b, b->durable == 403);
	assert_int_equal(b->refused, 0);
}

static void a_row_that_cannot_be_handed_over_is_not_waited_for_for_ever(void **state)
{
	struct bench *b = *state;
	char *text = malloc(200000); // too large for a packet: it needs a descriptor
	memset(text, 'x', 199999);
	text[199999] = '\0';
	json_t *body = json_pack("{s:s}", "text", text);
	free(text);
	struct rlimit before, none;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(lowest_free);
	none.rlim_cur = (rlim_t)lowest_free;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	append(b, "note", body);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	run_until(b, b->died); // the owner starts another, and gives it what is not durable
	assert_int_equal(b->durable, 0);
}

static void a_refused_row_is_answered_in_its_turn_and_stops_no_other(void **state)
{
	struct bench *b = *state;
	append(b, "note", rows_parse("{\"text\":\"one\"}"));
	append(b, "attempt.close", rows_pass(1));
	append(b, "head", rows_parse("{}"));
	append_image(b, "not the plan\n");
	append(b, "note", rows_parse("{\"text\":\"two\"}"));
	run_until(b, b->last_ticket == 5);
	assert_int_equal(b->durable, 2);
	assert_int_equal(b->refused, 3);
	assert_non_null(strstr(b->refusal, "plan's digest"));
}

static void closing_commits_what_was_queued(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < 500; i++)
		append(b, "note", rows_parse("{\"text\":\"x\"}"));
	close_recorder(b);
	assert_int_equal(b->durable, 500);
	start_recorder(b);
	assert_true(json_integer_value(json_object_get(b->resume, "seq")) >= 503);
}

static void the_queue_is_bounded(void **state)
{
	struct bench *b = *state;
	uint64_t ticket;
	json_t *body = rows_parse("{\"text\":\"x\"}");
	for (int i = 0; i < RECORDER_QUEUE_MAX; i++)
		assert_int_equal(recorder_append(b->recorder, "note", body, -1, &ticket, NULL), 0);
	assert_int_equal(recorder_append(b->recorder, "note", body, -1, &ticket, NULL), -EBUSY);
	json_decref(body);
	run_until(b, b->durable == RECORDER_QUEUE_MAX);
}

static void a_clean_stop_is_told_from_a_dead_station(void **state)
{
	struct bench *b = *state;
	assert_true(json_is_true(json_object_get(b->resume, "clean")));
	append(b, "station.start", rows_station_start());
	close_recorder(b);
	start_recorder(b);
	assert_true(json_is_false(json_object_get(b->resume, "clean")));
	append(b, "station.start", rows_station_start());
	append(b, "station.stop", rows_parse("{\"reason\":\"asked\"}"));
	close_recorder(b);
	start_recorder(b);
	assert_true(json_is_true(json_object_get(b->resume, "clean")));
}

static void resume_brings_back_jobs_slots_and_acknowledgements(void **state)
{
	struct bench *b = *state;
	append(b, "station.start", rows_station_start());
	append_image(b, TEST_PLAN);
	append(b, "job.open", rows_job("J1"));
	append(b, "attempt.open", rows_open(1, "A", "first", "")); // slot 2
	append(b, "attempt.open", rows_open(2, "B", "first", "")); // slot 3
	append(b, "attempt.close", rows_pass(1));
	append(b, "attempt.close", rows_fail(2, "verify-mismatch", "device"));
	append(b, "slot.ack", rows_parse("{\"slot\":\"3\",\"attempt\":2}"));
	close_recorder(b);
	start_recorder(b);
	json_t *first = json_array_get(json_object_get(b->resume, "slots"), 0);
	json_t *second = json_array_get(json_object_get(b->resume, "slots"), 1);
	assert_string_equal(json_string_value(json_object_get(first, "result")), "pass");
	assert_string_equal(json_string_value(json_object_get(first, "serial")), "A");
	assert_true(json_is_false(json_object_get(first, "acknowledged")));
	assert_string_equal(json_string_value(json_object_get(second, "code")), "verify-mismatch");
	assert_true(json_is_true(json_object_get(second, "acknowledged")));
	json_t *job = json_object_get(b->resume, "job");
	assert_int_equal(json_integer_value(json_object_get(job, "pass")), 1);
	assert_int_equal(json_integer_value(json_object_get(job, "units_pass")), 1);
	assert_int_equal(json_integer_value(json_object_get(job, "fail")), 1);
	assert_true(json_is_true(json_object_get(job, "verify")));
}

static void a_second_recorder_that_cannot_open_the_ledger_says_why(void **state)
{
	struct bench *b = *state;
	char path[PATH_MAX + 16];
	close_recorder(b);
	snprintf(path, sizeof(path), "%s/station.db", b->state);
	assert_int_equal(fd_write_file(path, "this is no database at all", 26, 0644, NULL), 0);
	start_recorder(b);
	assert_true(b->died);
	assert_non_null(strstr(b->how, "not a database"));
}

static void the_reader_pages_through_records(void **state)
{
	struct bench *b = *state;
	append(b, "station.start", rows_station_start());
	append_image(b, TEST_PLAN);
	append(b, "job.open", rows_job("J1"));
	for (int i = 1; i <= 25; i++) {
		append(b, "attempt.open", rows_open(i, i % 2 ? "odd" : "", i == 1 ? "first" : "retest", ""));
		append(b, "attempt.close", rows_fail(i, "device-gone", "device"));
	}
	run_until(b, b->durable == 53);
	ask(b, "records", rows_parse("{\"limit\":10}"));
	assert_int_equal(json_array_size(json_object_get(b->answer, "records")), 10);
	assert_int_equal(json_integer_value(json_object_get(b->answer, "next")), 16);
	ask(b, "records", rows_parse("{\"limit\":20,\"before\":16}"));
	assert_int_equal(json_array_size(json_object_get(b->answer, "records")), 15);
	assert_true(json_is_null(json_object_get(b->answer, "next")));
	ask(b, "unit", rows_parse("{\"serial\":\"odd\"}"));
	assert_int_equal(json_array_size(json_object_get(b->answer, "attempts")), 13);
	ask(b, "unit_status", rows_parse("{\"serials\":[\"odd\",\"even\"]}"));
	json_t *units = json_object_get(b->answer, "units");
	assert_int_equal(json_object_size(units), 1);
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(units, "odd"), "result")), "fail");
	ask(b, "jobs", NULL);
	assert_int_equal(json_array_size(json_object_get(b->answer, "jobs")), 1);
	ask(b, "images", NULL);
	assert_int_equal(json_array_size(json_object_get(b->answer, "images")), 1);
	ask(b, "report", rows_parse("{\"name\":\"rework\",\"limit\":20}"));
	assert_int_equal(json_array_size(json_object_get(b->answer, "rows")), 20);
	assert_int_equal(json_integer_value(json_object_get(b->answer, "next")), 20);
	ask(b, "report", rows_parse("{\"name\":\"rework\",\"limit\":20,\"offset\":20}"));
	assert_int_equal(json_array_size(json_object_get(b->answer, "rows")), 4);
	ask(b, "log", rows_parse("{\"from_seq\":2,\"limit\":3}"));
	assert_int_equal(json_array_size(json_object_get(b->answer, "rows")), 3);
}

static void a_query_that_makes_no_sense_is_answered_with_an_error(void **state)
{
	struct bench *b = *state;
	ask(b, "nonsense", NULL);
	assert_null(b->answer);
	assert_non_null(strstr(b->answer_error.text, "nonsense"));
	ask(b, "unit_status", rows_parse("{\"serials\":\"x\"}"));
	assert_null(b->answer);
	ask(b, "images", NULL);
	assert_non_null(b->answer);
}

// Rows that outgrow a packet travel in a memfd, both ways.
static void a_large_plan_and_a_large_answer_get_through(void **state)
{
	struct bench *b = *state;
	uint8_t digest[32];
	char hex[SHA256_HEX_SIZE];
	enum { SIZE = 3000000 };
	char *plan = malloc(SIZE + 1);
	memset(plan, 'x', SIZE);
	plan[SIZE] = '\0';
	digest_sha256(plan, SIZE, digest);
	digest_hex(digest, 32, hex);
	uint64_t ticket;
	json_t *body = rows_image("large");
	json_object_set_new(body, "plan_sha256", json_string(hex));
	json_object_set_new(body, "plan", json_string(plan));
	assert_int_equal(recorder_append(b->recorder, "image.add", body, -1, &ticket, NULL), 0);
	run_until(b, b->durable == 1);
	ask(b, "log", rows_parse("{\"kind\":\"image.add\"}"));
	json_t *row = json_array_get(json_object_get(b->answer, "rows"), 0);
	assert_int_equal(json_string_length(json_object_get(json_object_get(row, "body"), "plan")), SIZE);
	json_decref(body);
	free(plan);
}

// --- the driven recorder

struct drive {
	struct loop *loop;
	struct recorder *recorder;
	struct reader *reader;
	struct loop_source *input;
	const char *state;
	char text[1 << 20];
	size_t used;
};

static void put(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t size = strlen(text);
	text[size++] = '\n';
	if (fd_write_all(STDOUT_FILENO, text, size) < 0)
		abort();
	free(text);
	json_decref(line);
}

static void drive_ready(void *context, const json_t *resume)
{
	(void)context;
	put(json_pack("{s:s,s:o}", "event", "ready", "resume", json_deep_copy(resume)));
}

static void drive_durable(void *context, uint64_t ticket, uint64_t seq, const char *hash)
{
	(void)context;
	put(json_pack("{s:s,s:I,s:I,s:s}", "event", "durable", "t", (json_int_t)ticket, "seq",
	        (json_int_t)seq, "hash", hash));
}

static void drive_refused(void *context, uint64_t ticket, const struct err *e)
{
	(void)context;
	put(json_pack("{s:s,s:I,s:s}", "event", "refused", "t", (json_int_t)ticket, "text", e->text));
}

static void drive_failing(void *context, const struct err *e)
{
	(void)context;
	put(json_pack("{s:s,s:s}", "event", "failing", "text", e->text));
}

static void drive_recovered(void *context)
{
	(void)context;
	put(json_pack("{s:s}", "event", "recovered"));
}

static void drive_anchored(void *context, uint64_t row)
{
	(void)context;
	put(json_pack("{s:s,s:I}", "event", "anchored", "row", (json_int_t)row));
}

static void drive_died(void *context, const char *how)
{
	struct drive *d = context;
	put(json_pack("{s:s,s:s}", "event", "died", "how", how));
	loop_stop(d->loop, 1);
}

static void drive_closed(void *context)
{
	struct drive *d = context;
	put(json_pack("{s:s}", "event", "closed"));
	loop_stop(d->loop, 0);
}

static void drive_answer(void *context, const json_t *result, const struct err *e)
{
	(void)context;
	if (result)
		put(json_pack("{s:s,s:o}", "event", "answer", "result", json_deep_copy(result)));
	else
		put(json_pack("{s:s,s:s}", "event", "answer", "error", e->text));
}

static void drive_line(struct drive *d, const json_t *line)
{
	uint64_t ticket;
	struct err e = {0};
	const char *kind = json_string_value(json_object_get(line, "kind"));
	const char *head = json_string_value(json_object_get(line, "head"));
	const char *query = json_string_value(json_object_get(line, "query"));
	const json_t *rows = json_object_get(line, "head_rows");
	int r = -EINVAL;
	if (kind)
		r = recorder_append(d->recorder, kind, json_object_get(line, "body"), -1, &ticket, &e);
	else if (head)
		r = recorder_sign_head(d->recorder, head, &ticket, &e);
	else if (rows)
		r = recorder_head_policy(d->recorder, (unsigned)json_integer_value(rows),
		        (unsigned)json_integer_value(json_object_get(line, "head_seconds")), &e);
	else if (query && (d->reader || reader_start(d->loop, d->state, &d->reader, &e) == 0))
		r = reader_query(d->reader, query, json_object_get(line, "parameters"), drive_answer, d, &e);
	if (r < 0)
		put(json_pack("{s:s,s:s}", "event", "error", "text", e.text));
}

static void drive_input(void *context, uint32_t events_seen)
{
	struct drive *d = context;
	(void)events_seen;
	ssize_t n = read(STDIN_FILENO, d->text + d->used, sizeof(d->text) - d->used);
	if (n <= 0) {
		d->input = loop_remove(d->input);
		recorder_close(d->recorder, drive_closed, d);
		return;
	}
	d->used += (size_t)n;
	char *start = d->text, *end;
	while ((end = memchr(start, '\n', d->used - (size_t)(start - d->text)))) {
		json_t *line = json_loadb(start, (size_t)(end - start), 0, NULL);
		drive_line(d, line);
		json_decref(line);
		start = end + 1;
	}
	d->used -= (size_t)(start - d->text);
	memmove(d->text, start, d->used);
}

static int drive(const char *state)
{
	static const struct recorder_events drive_events = {drive_ready, drive_durable, drive_refused,
	        drive_failing, drive_recovered, drive_died, drive_anchored};
	static struct drive d;
	struct err e = {0};
	d.state = state;
	if (loop_new(&d.loop, &e) < 0 ||
	        recorder_start(d.loop, state, &drive_events, &d, &d.recorder, &e) < 0 ||
	        loop_add_fd(d.loop, STDIN_FILENO, EPOLLIN, drive_input, &d, &d.input, &e) < 0) {
		fprintf(stderr, "drive: %s\n", e.text);
		return 1;
	}
	int r = loop_run(d.loop);
	recorder_free(d.recorder);
	reader_free(d.reader);
	loop_free(d.loop);
	return r;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "recorder"))
		return recorder_role(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "reader"))
		return reader_role(argc - 1, argv + 1);
	if (argc > 2 && !strcmp(argv[1], "drive"))
		return drive(argv[2]);
#define bench_test(f) cmocka_unit_test_setup_teardown(f, make_bench, drop_bench)
	const struct CMUnitTest tests[] = {
	        bench_test(rows_become_durable_in_the_order_they_were_given),
	        bench_test(a_row_that_cannot_be_handed_over_is_not_waited_for_for_ever),
	        bench_test(a_refused_row_is_answered_in_its_turn_and_stops_no_other),
	        bench_test(closing_commits_what_was_queued),
	        bench_test(the_queue_is_bounded),
	        bench_test(a_clean_stop_is_told_from_a_dead_station),
	        bench_test(resume_brings_back_jobs_slots_and_acknowledgements),
	        bench_test(a_second_recorder_that_cannot_open_the_ledger_says_why),
	        bench_test(the_reader_pages_through_records),
	        bench_test(a_query_that_makes_no_sense_is_answered_with_an_error),
	        bench_test(a_large_plan_and_a_large_answer_get_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
