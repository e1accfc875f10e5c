// SPDX-License-Identifier: MIT
// `gangway demo`: starts a station, plays its operator, shows what happens.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/demo.h"
#include "cli/slotview.h"
#include "cli/state.h"
#include "image/import.h"

#define STATION_LOG    "station.log"
#define DEMO_ELSEWHERE "elsewhere"

// A virtual board that hangs is given up sooner than a real one, which may be erasing.
enum { DEMO_STALL_MS = 8000 };
enum { MADE_IMAGE_BYTES = 24 * 1024 * 1024 };
// What a board has behind the image, the place for a request to read itself back among it.
enum { ROOM_MIB = 2 };

struct demo {
	const struct demo_options *options;
	struct child station;
	struct control_connection *connection;
	struct slotview view;
	char image[PATH_MAX], name[64];
	json_int_t add_id, open_id, close_id;
	bool open_later; // the job waits for the image
	bool failed;     // something other than a board
	bool finished;
	bool told_url;
};

// --- getting ready -----------------------------------------------------------------------------------------

// Without an image: numbers that look like data, the same each time (splitmix64, public domain by S. Vigna).
static int make_image(const char *path, struct err *e)
{
	_cleanup_free_ uint64_t *data = malloc(MADE_IMAGE_BYTES);
	if (!data)
		return err_sys(e, ENOMEM, "%s", path);
	uint64_t x = 1;
	for (size_t i = 0; i < MADE_IMAGE_BYTES / sizeof(*data); i++) {
		uint64_t z = x += UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		data[i] = z ^ (z >> 31);
	}
	return fd_write_file(path, data, MADE_IMAGE_BYTES, 0644, e);
}

static int choose_image(struct demo *demo, struct err *e)
{
	char copy[PATH_MAX];
	if (demo->options->image) {
		STR_COPY(demo->image, demo->options->image);
	} else {
		snprintf(demo->image, sizeof(demo->image), "%.4000s/demo.img", demo->options->state);
		int r = access(demo->image, R_OK) == 0 ? 0 : make_image(demo->image, e);
		if (r < 0)
			return r;
	}
	STR_COPY(copy, demo->image);
	snprintf(demo->name, sizeof(demo->name), "%.63s", basename(copy));
	return 0;
}

// How much room the boards need: the image's decoded size, which only the importer will know. A bmap tells, and a
// raw image; the rest get the most a demo is for.
static uint64_t board_size(const char *image)
{
	char found[PATH_MAX];
	_cleanup_close_ int fd = import_find_bmap(image, found, sizeof(found), NULL);
	_cleanup_free_ char *text = NULL;
	size_t size;
	if (fd >= 0 && fd_read_file(found, 64 * MIB, &text, &size, NULL) == 0) {
		const char *at = strstr(text, "<ImageSize>");
		if (at)
			return u64_up(strtoull(at + strlen("<ImageSize>"), NULL, 10), MIB) + ROOM_MIB * MIB;
	}
	return 8 * GIB; // sparse: it costs nothing
}

static uint64_t target_sector(const struct demo *demo)
{
	return (board_size(demo->image) - ROOM_MIB * MIB) / 512;
}

static void write_target(const struct demo *demo, FILE *out)
{
	if (demo->options->on_target)
		fprintf(out, "uboot = leaves\non_target_sector = %" PRIu64 "\non_target_rate = %" PRIu64 "\n",
		        target_sector(demo), demo->options->self_rate);
}

static int write_config(const struct demo *demo, bool fresh, char *path, size_t size, struct err *e)
{
	const struct demo_options *o = demo->options;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return err_sys(e, errno, "demo");
	fprintf(out,
	        "# made by gangway demo\n[station]\nstate = %s\nname = demo\nlisten = %s\nstall_ms = "
	        "%d\n\n[fixture]\nkind "
	        "= virtual\n",
	        o->state, o->listen, DEMO_STALL_MS);
	fprintf(out,
	        "slots = %u\nrate = %" PRIu64 "\nlink_rate = %" PRIu64 "\nsize = %" PRIu64
	        "\narrive_ms = %d\n",
	        o->boards, o->rate, o->link_rate, board_size(demo->image), o->once ? 10 : 150);
	if (fresh)
		fprintf(out, "fresh = yes\n");
	write_target(demo, out);
	for (unsigned i = 0; i < o->fault_count; i++) {
		const char *equals = strchr(o->faults[i], '=');
		fprintf(out, "fault.%.*s = %s\n", (int)(equals - o->faults[i]), o->faults[i], equals + 1);
	}
	// Stands for another machine's disk: a certificate wants heads that have left the station.
	fprintf(out, "\n[heads]\nfolder = %s/" DEMO_ELSEWHERE "\n", o->state);
	int bad = ferror(out);
	bad |= fclose(out);
	snprintf(path, size, "%.4000s/" DEMO_ELSEWHERE, o->state);
	int r = fd_mkdir_all(path, 0755, e);
	snprintf(path, size, "%.4000s/demo.ini", o->state);
	r = r < 0 ? r : bad ? err_sys(e, ENOMEM, "%s", path) : fd_write_file(path, text, length, 0644, e);
	free(text);
	return r;
}

// The station's lines go to a file: among redrawn ones nobody could read them.
static int start_quiet(struct demo *demo, const struct child_spec *spec, struct err *e)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%.4000s/" STATION_LOG, demo->options->state);
	_cleanup_close_ int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	_cleanup_close_ int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (log < 0 || own < 0 || dup2(log, STDERR_FILENO) < 0)
		return err_sys(e, errno, "%s", path);
	int r = child_start(spec, &demo->station, e);
	if (dup2(own, STDERR_FILENO) < 0 && r == 0)
		r = err_sys(e, errno, "demo");
	return r;
}

static int start_station(struct demo *demo, const char *config, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "demo");
	struct child_spec spec = {.role = "station",
	        .args = {"--control-fd", "--config", config},
	        .fds = {pair[1]},
	        .fd_count = 1};
	int r = start_quiet(demo, &spec, e);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	return control_connect_fd(pair[0], &demo->connection, e);
}

// What the station said last, when it is why nothing works.
static void print_log_tail(const char *state)
{
	char path[PATH_MAX];
	_cleanup_free_ char *text = NULL;
	size_t size;
	snprintf(path, sizeof(path), "%.4000s/" STATION_LOG, state);
	if (fd_read_file(path, 16 * MIB, &text, &size, NULL) < 0)
		return;
	const char *from = text + size;
	for (unsigned lines = 0; from > text && lines <= 6; from--)
		lines += from[-1] == '\n';
	fputs(from > text ? from + 2 : from, stderr);
}

// --- playing the operator ----------------------------------------------------------------------------------

static int add_image(struct demo *demo, struct err *e)
{
	char found[PATH_MAX];
	_cleanup_close_ int image = open(demo->image, O_RDONLY | O_CLOEXEC);
	if (image < 0)
		return err_sys(e, errno, "%s: cannot be read", demo->image);
	int r = import_find_bmap(demo->image, found, sizeof(found), e);
	if (r < -1)
		return r;
	_cleanup_close_ int bmap = r;
	json_t *args = json_pack("{s:s}", "name", demo->name);
	if (bmap >= 0)
		json_object_set_new(args, "bmap_name", json_string(found));
	const int fds[] = {image, bmap};
	return control_send(demo->connection, "image.add", args, fds, bmap >= 0 ? 2 : 1, &demo->add_id, e);
}

static int send_job(struct demo *demo, struct err *e)
{
	json_t *recipe = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "image", demo->name, "order", "DEMO-1",
	        "customer", "demo customer", "product", "demo board", "revision", "A", "lot", "DEMO-LOT-1");
	if (demo->options->on_target) {
		json_object_set_new(recipe, "verify", json_string("on-target"));
		json_object_set_new(recipe, "target_sector", json_integer((json_int_t)target_sector(demo)));
	}
	return control_send(demo->connection, "job.open", recipe, NULL, 0, &demo->open_id, e);
}

// Image and job are given together: boards start while the image is still being decoded. Only a job whose boards read
// themselves back wants all of it first. A station that carries on has its job open already.
static int open_job(struct demo *demo, struct err *e)
{
	json_t *state = NULL;
	int r = control_call(demo->connection, "state", NULL, NULL, 0, &state, e);
	if (r < 0)
		return r;
	bool open = !strcmp(slot_text(json_object_get(state, "job"), "state"), "open");
	json_decref(state);
	r = add_image(demo, e); // heals the store if need be; no work when it is there
	demo->open_later = !open && demo->options->on_target;
	return r < 0 || open || demo->open_later ? r : send_job(demo, e);
}

static void take_answer(struct demo *demo, const json_t *answer)
{
	json_int_t id = json_integer_value(json_object_get(answer, "id"));
	struct err e;
	if (id != demo->add_id && id != demo->open_id)
		return;
	bool ok = json_is_true(json_object_get(answer, "ok"));
	if (ok && (id != demo->add_id || !demo->open_later || send_job(demo, &e) == 0))
		return;
	fprintf(stderr, "gangway demo: %s\n",
	        ok ? e.text : slot_text(json_object_get(answer, "error"), "text"));
	demo->failed = demo->finished = true;
}

// What was interrupted is loaded again, as an operator would do after a power cut.
static int reload_interrupted(struct demo *demo, struct err *e)
{
	size_t i;
	const json_t *slot;
	json_array_foreach(slotview_slots(&demo->view), i, slot)
	{
		json_int_t id;
		if (strcmp(slot_text(slot, "state"), "interrupted") != 0 ||
		        !json_is_true(json_object_get(slot, "present")))
			continue;
		int r = control_send(demo->connection, "slot.release",
		        json_pack("{s:s,s:s}", "slot", slot_text(slot, "slot"), "reason",
		                "loaded again after an interruption"),
		        NULL, 0, &id, e);
		if (r < 0)
			return r;
	}
	return 0;
}

// A verdict of this job, or a board that waits for a person.
static bool is_final(const struct demo *demo, const json_t *slot)
{
	static const char *const verdicts[] = {"pass", "fail", "unverified"};
	static const char *const waits[] = {"refused", "hold", "lost"};
	const char *job = slot_text(json_object_get(demo->view.state, "job"), "id");
	for (size_t i = 0; i < 3; i++) {
		if (!strcmp(slot_text(slot, "state"), verdicts[i]))
			return !strcmp(slot_text(slot, "job"), job);
		if (!strcmp(slot_text(slot, "state"), waits[i]))
			return true;
	}
	return false;
}

static bool batch_is_done(const struct demo *demo)
{
	size_t i;
	const json_t *slot, *slots = slotview_slots(&demo->view);
	json_array_foreach(slots, i, slot)
	{
		if (!is_final(demo, slot))
			return false;
	}
	return json_array_size(slots) > 0;
}

// --- watching ----------------------------------------------------------------------------------------------

// On a terminal the head of the table shows it.
static void tell_url(struct demo *demo)
{
	const char *url = slot_text(json_object_get(demo->view.state, "station"), "url");
	if (demo->told_url || !url[0])
		return;
	demo->told_url = true;
	if (!demo->view.live)
		printf("page: %s\n", url);
}

static int watch(struct demo *demo, struct err *e)
{
	bool looked = false;
	while (!demo->finished) {
		json_t *event = NULL;
		int r = control_event(demo->connection, -1, &event, e);
		if (r < 0)
			return r == -EPIPE && !demo->options->once ? 0 : r;
		if (json_object_get(event, "event"))
			slotview_apply(&demo->view, event);
		else
			take_answer(demo, event);
		json_decref(event);
		tell_url(demo);
		slotview_draw(&demo->view);
		if (!looked && slotview_slots(&demo->view)) {
			looked = true;
			r = reload_interrupted(demo, e);
			if (r < 0)
				return r;
		}
		if (demo->options->once && looked && batch_is_done(demo))
			demo->finished = true;
	}
	return 0;
}

static unsigned print_results(const struct demo *demo)
{
	size_t i;
	const json_t *slot;
	unsigned passed = 0;
	json_array_foreach(slotview_slots(&demo->view), i, slot)
	{
		if (!strcmp(slot_text(slot, "state"), "pass")) {
			passed++;
			printf("PASS  slot %s  serial %s  attempt %lld  read back sha256 %s  (%s, %.1f MB)\n",
			        slot_text(slot, "slot"), slot_text(slot, "serial"),
			        (long long)json_integer_value(json_object_get(slot, "attempt")),
			        slot_text(slot, "readback_sha256"), slot_text(slot, "verify_method"),
			        json_number_value(json_object_get(slot, "bytes_verified")) / 1e6);
			continue;
		}
		const char *text = slot_text(slot, "text");
		printf("%-4s  slot %s  serial %s  %s: %s\n", slot_text(slot, "tile"), slot_text(slot, "slot"),
		        slot_text(slot, "serial"), slot_text(slot, "code"),
		        text[0] ? text : slot_text(slot, "reason"));
	}
	return passed;
}

static void print_last_head(const char *state)
{
	char path[PATH_MAX], last[256] = "";
	snprintf(path, sizeof(path), "%.4000s/heads", state);
	DIR *folder = opendir(path);
	const struct dirent *entry;
	while (folder && (entry = readdir(folder)))
		if (!strncmp(entry->d_name, "head-", 5) && strcmp(entry->d_name, last) > 0)
			STR_COPY(last, entry->d_name);
	if (folder)
		closedir(folder);
	if (last[0])
		printf("signed head: %s/%s\n", path, last);
}

static int wait_for_end(struct demo *demo)
{
	struct pollfd p = {.fd = demo->station.pidfd, .events = POLLIN};
	int status = 0;
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return child_reap(&demo->station, &status) == 0 && status == 0 ? 0 : -1;
}

static int finish(struct demo *demo, struct err *e)
{
	int r = control_call(demo->connection, "job.close", NULL, NULL, 0, NULL, e);
	if (r == 0)
		r = control_call(demo->connection, "stop", NULL, NULL, 0, NULL, e);
	if (r == 0 && wait_for_end(demo) < 0)
		r = err_set(e, EIO, "the station did not stop cleanly; see its lines above");
	return r;
}

// Ctrl-C goes to the station as well, which finishes its boards; here it only must not kill.
static void on_interrupt(int signal)
{
	(void)signal;
}

// Boards of a batch that was closed are done with: the next run gets new ones.
static bool carries_on(const char *state)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%.4000s/demo.closed", state);
	return access(path, F_OK) < 0;
}

static void mark_closed(const char *state, bool closed)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%.4000s/demo.closed", state);
	if (closed)
		(void)fd_write_file(path, "", 0, 0644, NULL);
	else if (unlink(path) < 0 && errno != ENOENT)
		log_warn("%s cannot be removed", path);
}

static int run(struct demo *demo, struct err *e)
{
	char config[PATH_MAX];
	const char *state = demo->options->state;
	int r = choose_image(demo, e);
	if (r == 0)
		r = write_config(demo, !carries_on(state), config, sizeof(config), e);
	if (r == 0) {
		mark_closed(state, false);
		r = start_station(demo, config, e);
	}
	if (r == 0)
		r = open_job(demo, e);
	if (r == 0)
		r = control_call(demo->connection, "subscribe", NULL, NULL, 0, NULL, e);
	if (r == 0)
		r = watch(demo, e);
	slotview_settle(&demo->view);
	if (r == 0 && !demo->failed && demo->options->once) {
		r = finish(demo, e);
		mark_closed(state, r == 0);
	}
	return r;
}

int demo_run(const struct demo_options *options)
{
	struct demo demo = {.options = options};
	struct err e = {0};
	struct sigaction action = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &action, NULL);
	slotview_init(&demo.view, false);
	int r = run(&demo, &e);
	unsigned passed = options->once && r == 0 && !demo.failed ? print_results(&demo) : 0;
	if (r < 0) {
		print_log_tail(options->state);
		cli_complain("demo", &e);
	}
	if (r == 0 && !options->once)
		printf("the station has stopped\n");
	if (r == 0)
		print_last_head(options->state);
	printf("state: %s (boards/N.img are the boards; 'gangway record verify --state' checks the ledger)\n",
	        options->state);
	slotview_free(&demo.view);
	control_disconnect(demo.connection);
	if (r == 0 && !demo.failed && (!options->once || passed == options->boards))
		return EXIT_OK;
	return EXIT_FAILED;
}
