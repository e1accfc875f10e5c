// SPDX-License-Identifier: MIT
// `gangway demo`: its options and its folder.
#include "cli/demo.h"

#include <errno.h>
#include <getopt.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "board/board.h"
#include "cli/command.h"
#include "cli/state.h"

static const char usage[] =
        "usage: gangway demo [OPTION...]\n"
        "\n"
        "The whole station on a virtual fixture: boards that are files, programmed, read back, recorded, "
        "shown.\n"
        "\n"
        "  --boards N               how many (8; 64 at most)\n"
        "  --rate BYTES_PER_S       each board's own speed (a speed to watch by; 16M with --once); 0: no "
        "limit\n"
        "  --link-rate BYTES_PER_S  all boards share one link of this speed\n"
        "  --image F                the image, compressed or not (its bmap is looked for); otherwise a small "
        "one is made\n"
        "  --fault SLOT=KIND@OFFSET a scripted fault: write-error read-error flip slow hang vanish "
        "flush-error\n"
        "  --state DIR              the station's folder, kept; otherwise a fresh one, named at the end\n"
        "  --listen ADDR:PORT       of the page (127.0.0.1:8080; with --once any free port)\n"
        "  --once                   ends after one batch; exit code 0 only if all boards passed\n";

#define DEMO_RATE      (1 * MIB)
#define DEMO_RATE_ONCE (16 * MIB)

static bool take_bytes(const char *name, const char *text, uint64_t *out)
{
	if (board_bytes_parse(text, out))
		return true;
	fprintf(stderr, "gangway demo: --%s %s: not a number of bytes\n", name, text);
	return false;
}

static bool take_option(struct demo_options *o, const char *name)
{
	uint64_t boards;
	if (!strcmp(name, "boards")) {
		if (!take_bytes(name, optarg, &boards))
			return false;
		o->boards = (unsigned)boards;
		if (boards >= 1 && boards <= BOARD_SLOTS_MAX)
			return true;
		fprintf(stderr, "gangway demo: --boards %s: 1 to %d\n", optarg, BOARD_SLOTS_MAX);
		return false;
	}
	if (!strcmp(name, "rate")) {
		o->rate_given = true;
		return take_bytes(name, optarg, &o->rate);
	}
	if (!strcmp(name, "link-rate"))
		return take_bytes(name, optarg, &o->link_rate);
	if (!strcmp(name, "fault")) {
		if (o->fault_count < DEMO_FAULTS_MAX)
			o->faults[o->fault_count++] = optarg;
		return strchr(optarg, '=') != NULL;
	}
	if (!strcmp(name, "image"))
		o->image = optarg;
	else if (!strcmp(name, "state"))
		STR_COPY(o->state, optarg);
	else if (!strcmp(name, "listen"))
		STR_COPY(o->listen, optarg);
	else if (!strcmp(name, "once"))
		o->once = true;
	return true;
}

// EXIT_OK with `run` set, or the exit code.
static int read_options(int argc, char **argv, struct demo_options *o, bool *run)
{
	static const struct option options[] = {{"boards", required_argument, NULL, 1},
	        {"rate", required_argument, NULL, 1}, {"link-rate", required_argument, NULL, 1},
	        {"image", required_argument, NULL, 1}, {"fault", required_argument, NULL, 1},
	        {"state", required_argument, NULL, 1}, {"listen", required_argument, NULL, 1},
	        {"once", no_argument, NULL, 1}, {"help", no_argument, NULL, 'h'}, {0}};
	int option, which = 0;
	while ((option = getopt_long(argc, argv, "", options, &which)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (option != 1)
			return EXIT_USAGE;
		if (!take_option(o, options[which].name)) {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (!o->rate_given)
		o->rate = o->once ? DEMO_RATE_ONCE : DEMO_RATE;
	if (!o->listen[0])
		STR_COPY(o->listen, o->once ? "127.0.0.1:0" : "127.0.0.1:8080");
	*run = true;
	return EXIT_OK;
}

// /var/tmp rather than /tmp: a tmpfs takes direct I/O only since Linux 6.6.
static int prepare_state(struct demo_options *o, struct err *e)
{
	if (o->state[0]) {
		int r = fd_mkdir_all(o->state, 0755, e);
		char absolute[PATH_MAX];
		if (r == 0 && !realpath(o->state, absolute))
			r = err_sys(e, errno, "%s", o->state);
		if (r == 0)
			STR_COPY(o->state, absolute);
		return r;
	}
	const char *folder = getenv("TMPDIR");
	snprintf(o->state, sizeof(o->state), "%s/gangway-demo-XXXXXX",
	        folder && folder[0] ? folder : "/var/tmp");
	return mkdtemp(o->state) ? 0 : err_sys(e, errno, "%s", o->state);
}

int cmd_demo(int argc, char **argv)
{
	struct demo_options o = {.boards = 8};
	struct err e = {0};
	bool run = false;
	int code = read_options(argc, argv, &o, &run);
	if (!run)
		return code;
	if (prepare_state(&o, &e) < 0) {
		cli_complain("demo", &e);
		return EXIT_FAILED;
	}
	return demo_run(&o);
}
