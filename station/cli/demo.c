// SPDX-License-Identifier: MIT
// `gangway demo`: its options and its folder.
#include "cli/demo.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "board/board.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/state.h"
#include "daemon/station.h"

enum { DEMO_PORT = 8080 };

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
        "  --on-target BYTES_PER_S  the boards read themselves back, at this speed each, and not over the "
        "link; "
        "0: no limit\n"
        "  --image F                the image, compressed or not (its bmap is looked for); otherwise a small "
        "one is made\n"
        "  --fault SLOT=KIND@OFFSET a scripted fault: write-error read-error flip slow hang vanish "
        "flush-error;\n"
        "                           with --on-target: answer- and fail flip never none foreign stale "
        "truncated garbage serial slow\n"
        "  --state DIR              the station's folder, kept; otherwise a fresh one, named at the end\n"
        "  --listen ADDR:PORT       of the page (127.0.0.1:8080; with --once, or where that is taken, any "
        "free port)\n"
        "  --once                   ends after one batch; exit code 0 only if all boards passed\n";

#define DEMO_RATE      (1 * MIB)
#define DEMO_RATE_ONCE (16 * MIB)

enum {
	OPTION_BOARDS = 256,
	OPTION_RATE,
	OPTION_LINK_RATE,
	OPTION_ON_TARGET,
	OPTION_IMAGE,
	OPTION_FAULT,
	OPTION_STATE,
	OPTION_LISTEN,
	OPTION_ONCE,
};

static int take_bytes(const struct option *option, const char *text, uint64_t *out)
{
	if (board_bytes_parse(text, out))
		return 0;
	return options_wrong("demo", "--%s %s: not a number of bytes a second", option->name, text);
}

static int take_boards(struct demo_options *o, const char *text)
{
	uint64_t boards;
	if (!board_bytes_parse(text, &boards) || boards < 1 || boards > BOARD_SLOTS_MAX)
		return options_wrong("demo", "--boards %s: not a number from 1 to %d", text, BOARD_SLOTS_MAX);
	o->boards = (unsigned)boards;
	return 0;
}

static int take_fault(struct demo_options *o, const char *text)
{
	const char *equals = strchr(text, '=');
	struct board_fault fault;
	struct err e = {0};
	if (!equals)
		return options_wrong("demo", "--fault %s: not SLOT=KIND@OFFSET", text);
	if (board_fault_parse(equals + 1, &fault, &e) < 0)
		return options_wrong("demo", "--fault %s: %s", text, e.text);
	if (o->fault_count == DEMO_FAULTS_MAX)
		return options_wrong("demo", "too many of --fault");
	o->faults[o->fault_count++] = text;
	return 0;
}

static int take(void *context, const struct option *option, const char *value)
{
	struct demo_options *o = context;
	switch (option->val) {
	case OPTION_BOARDS: return take_boards(o, value);
	case OPTION_RATE: o->rate_given = true; return take_bytes(option, value, &o->rate);
	case OPTION_LINK_RATE: return take_bytes(option, value, &o->link_rate);
	case OPTION_ON_TARGET: o->on_target = true; return take_bytes(option, value, &o->self_rate);
	case OPTION_IMAGE: o->image = value; return 0;
	case OPTION_FAULT: return take_fault(o, value);
	case OPTION_STATE: STR_COPY(o->state, value); return 0;
	case OPTION_ONCE: o->once = true; return 0;
	default: break;
	}
	if (!station_listens_at(value))
		return options_wrong("demo", "--listen %s: not ADDR:PORT, as in 127.0.0.1:8080", value);
	STR_COPY(o->listen, value);
	return 0;
}

// Slots are named when all options are known.
static int check_faults(const struct demo_options *o)
{
	for (unsigned i = 0; i < o->fault_count; i++) {
		char *end;
		unsigned long slot = strtoul(o->faults[i], &end, 10);
		if (*end != '=' || slot < 1 || slot > o->boards)
			return options_wrong("demo", "--fault %s: its slot is not one of 1 to %u",
			        o->faults[i], o->boards);
		if (!o->on_target && !strncmp(end + 1, "answer-", 7))
			return options_wrong(
			        "demo", "--fault %s: boards are asked only with --on-target", o->faults[i]);
	}
	return 0;
}

// Whether somebody else listens at the page's usual place: a first look at Gangway must not fail for that.
static bool usual_port_is_taken(void)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_port = htons(DEMO_PORT),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 && errno == EADDRINUSE;
}

static int read_options(int argc, char **argv, struct demo_options *o)
{
	static const struct option longs[] = {{"boards", required_argument, NULL, OPTION_BOARDS},
	        {"rate", required_argument, NULL, OPTION_RATE},
	        {"link-rate", required_argument, NULL, OPTION_LINK_RATE},
	        {"on-target", required_argument, NULL, OPTION_ON_TARGET},
	        {"image", required_argument, NULL, OPTION_IMAGE},
	        {"fault", required_argument, NULL, OPTION_FAULT},
	        {"state", required_argument, NULL, OPTION_STATE},
	        {"listen", required_argument, NULL, OPTION_LISTEN}, {"once", no_argument, NULL, OPTION_ONCE},
	        {0}};
	const struct options options = {
	        .command = "demo", .help = usage, .longs = longs, .take = take, .context = o};
	int r = options_parse(&options, argc, argv);
	if (r == 0 && optind != argc)
		r = options_wrong("demo", "no argument is wanted, not '%s'", argv[optind]);
	if (r == 0)
		r = check_faults(o);
	if (!o->rate_given)
		o->rate = o->once ? DEMO_RATE_ONCE : DEMO_RATE;
	if (!o->listen[0])
		snprintf(o->listen, sizeof(o->listen), "127.0.0.1:%u",
		        o->once || usual_port_is_taken() ? 0U : (unsigned)DEMO_PORT);
	return r;
}

// Before a station is started for nothing.
static int check_image(const struct demo_options *o, struct err *e)
{
	if (!o->image || access(o->image, R_OK) == 0)
		return 0;
	return err_sys(e, errno, "%s: the image cannot be read", o->image);
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
	int r = read_options(argc, argv, &o);
	if (r != 0)
		return options_exit(r);
	if (check_image(&o, &e) < 0 || prepare_state(&o, &e) < 0) {
		cli_complain("demo", &e);
		return EXIT_FAILED;
	}
	return demo_run(&o);
}
