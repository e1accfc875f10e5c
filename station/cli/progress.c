// SPDX-License-Identifier: MIT
// A line per target with bar, percent, speed and time left, and one for all of them.
#include "cli/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/shown.h"

#define REDRAW_NS (NSEC_PER_SEC / 4)

// Longer than a healthy card's own housekeeping lasts.
enum { SILENT_SECONDS = 3 };

// Columns of a target's name.
enum { NAME = 20 };

struct progress {
	struct batch *batch;
	FILE *to;
	bool terminal;
	unsigned drawn; // lines of the block on the screen
	struct loop_source *timer;
	uint64_t started;
};

void progress_bytes(char text[PROGRESS_TEXT], double bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	size_t unit = 0;
	for (; bytes >= 999.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		bytes /= 1000;
	snprintf(text, PROGRESS_TEXT, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

// What a target has to move in all: written and read back, or one of them.
static double whole(const struct batch_target *t)
{
	const struct worker_job *job = &t->job;
	bool both = job->task == WORKER_WRITE && job->verify != WORKER_VERIFY_NONE;
	return (double)t->last.total * (both ? 2 : 1);
}

// How much of that is through. The commit piece is too short to show.
static double moved(const struct batch_target *t)
{
	const struct worker_report *r = &t->last;
	switch ((enum worker_stage)r->stage) {
	case WORKER_STAGE_WRITE: return (double)r->done;
	case WORKER_STAGE_VERIFY:
		return (double)r->done + (t->job.task == WORKER_WRITE ? (double)r->total : 0);
	case WORKER_STAGE_COMMIT:
	case WORKER_STAGE_DONE: return whole(t);
	default: return 0;
	}
}

static double fraction(const struct batch_target *t)
{
	if (t->judged)
		return t->result.result == WORKER_FAIL ? 0 : 1;
	double all = whole(t);
	return all > 0 ? moved(t) / all : 0;
}

static const char *state_word(const struct batch_target *t)
{
	static const char *const results[] = {"PASS", "UNVERIFIED", "FAIL"};
	if (t->judged)
		return results[t->result.result];
	return t->member ? worker_stage_name((enum worker_stage)t->last.stage) : "waiting";
}

static void time_text(char text[16], double seconds)
{
	if (seconds < 0 || seconds > 359999)
		STR_COPY(*(char(*)[16])text, "--:--");
	else if (seconds < 3600)
		snprintf(text, 16, "%02u:%02u", (unsigned)seconds / 60, (unsigned)seconds % 60);
	else
		snprintf(text, 16, "%u:%02u:%02u", (unsigned)seconds / 3600, (unsigned)seconds / 60 % 60,
		        (unsigned)seconds % 60);
}

static void make_bar(char bar[128], unsigned width, double part)
{
	unsigned full = (unsigned)(part * width + 0.5);
	for (unsigned i = 0; i < width; i++)
		bar[i] = i < full ? '#' : '.';
	bar[width] = '\0';
}

// The column behind the last stays free: some terminals wrap there.
static void draw_short(
        const struct progress *p, unsigned columns, const char *name, double part, const char *word)
{
	enum { PERCENT = 7 };
	int room = columns > PERCENT ? (int)columns - PERCENT : 0;
	int width = room < NAME ? room : NAME;
	int left = room - width - 1;
	fprintf(p->to, "\x1b[2K%-*.*s %3.0f %% %.*s\n", width, width, name, part * 100, left > 0 ? left : 0,
	        word);
}

// One line of the screen, or the next drawing does not find the first again. What the word is longer than usual the bar
// gives up; where there is no room for one, only percent and word are shown.
static void draw_line(const struct progress *p, unsigned columns, const char *name, double part, double rate,
        double left, const char *word)
{
	enum { REST = NAME + 32, WORD = 14, BAR = 8 };
	char bar[128], speed[PROGRESS_TEXT], eta[16], whole_name[SHOWN_SIZE];
	size_t length = strlen(shown_text(name, whole_name, sizeof(whole_name)));
	const char *shown =
	        length > NAME ? whole_name + length - NAME : whole_name; // its end tells paths apart
	while ((*shown & 0xc0) == 0x80)                                  // not in the middle of a character
		shown++;
	if (columns < REST + WORD + BAR) {
		draw_short(p, columns, shown, part, word);
		return;
	}
	unsigned room = (unsigned)u64_max(WORD, strlen(word));
	unsigned width = columns > REST + room + BAR ? columns - REST - room : BAR;
	width = (unsigned)u64_min(width, sizeof(bar) - 1);
	make_bar(bar, width, part);
	progress_bytes(speed, rate);
	time_text(eta, left);
	fprintf(p->to, "\x1b[2K%-*s [%s] %3.0f %% %9s/s %8s  %.*s\n", NAME, shown, bar, part * 100, speed,
	        eta, (int)(columns - REST - width), word);
}

// Seconds since the last byte moved; an old average would make a hung target look alive.
static unsigned silent_seconds(const struct batch_target *t)
{
	bool moving = t->last.stage == WORKER_STAGE_WRITE || t->last.stage == WORKER_STAGE_VERIFY;
	bool quiet = t->judged || !t->seen_at || !moving;
	return quiet ? 0 : (unsigned)((clock_mono_ns() - t->seen_at) / NSEC_PER_SEC);
}

static double rate_now(const struct batch_target *t)
{
	return t->judged || silent_seconds(t) >= SILENT_SECONDS ? 0 : t->rate;
}

static double seconds_left(const struct batch_target *t)
{
	double left = whole(t) - moved(t), rate = rate_now(t);
	return t->judged ? 0 : rate > 0 ? left / rate : -1;
}

static void draw_target(const struct progress *p, unsigned columns, const struct batch_target *t)
{
	char word[64];
	STR_COPY(word, state_word(t));
	if (silent_seconds(t) >= SILENT_SECONDS)
		snprintf(word, sizeof(word), "%s: silent for %u s", state_word(t), silent_seconds(t));
	draw_line(p, columns, t->name, fraction(t), rate_now(t), seconds_left(t), word);
}

static void total_word(const struct batch *b, char *text, size_t size)
{
	unsigned done = 0;
	for (unsigned i = 0; i < b->count; i++)
		done += b->targets[i].judged;
	int n = snprintf(text, size, "%u of %u done", done, b->count);
	if (!b->import_ended && b->decoded_total)
		snprintf(text + n, size - (size_t)n, ", image %.0f %%",
		        100.0 * (double)b->decoded / (double)b->decoded_total);
}

static void draw_total(const struct progress *p, unsigned columns)
{
	const struct batch *b = p->batch;
	double part = 0, rate = 0, left = 0;
	char word[64];
	for (unsigned i = 0; i < b->count; i++) {
		const struct batch_target *t = &b->targets[i];
		double target_left = seconds_left(t);
		part += t->judged ? 1 : fraction(t);
		rate += rate_now(t);
		left = target_left < 0 || left < 0 ? -1 : target_left > left ? target_left : left;
	}
	total_word(b, word, sizeof(word));
	draw_line(p, columns, "all", part / b->count, rate, left, word);
}

static void screen(const struct progress *p, unsigned *rows, unsigned *columns)
{
	struct winsize size;
	*rows = 24;
	*columns = 80;
	if (ioctl(fileno(p->to), TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
		*rows = size.ws_row;
		*columns = size.ws_col;
	}
}

static void erase(struct progress *p)
{
	if (p->drawn)
		fprintf(p->to, "\x1b[%uA\r\x1b[J", p->drawn);
	p->drawn = 0;
}

static void draw(struct progress *p)
{
	unsigned rows, columns;
	screen(p, &rows, &columns);
	erase(p);
	// Where they do not fit, those that still run are shown first.
	unsigned room = rows > 3 ? rows - 2 : 1;
	bool all_fit = p->batch->count <= room;
	for (unsigned i = 0; i < p->batch->count && p->drawn < room; i++) {
		const struct batch_target *t = &p->batch->targets[i];
		if (t->judged && !all_fit)
			continue;
		draw_target(p, columns, t);
		p->drawn++;
	}
	draw_total(p, columns);
	p->drawn++;
	fflush(p->to);
}

static void on_timer(void *context)
{
	draw(context);
}

int progress_new(struct progress **out, struct batch *batch, struct err *e)
{
	struct progress *p = calloc(1, sizeof(*p));
	if (!p)
		return err_sys(e, ENOMEM, "progress");
	p->batch = batch;
	p->to = batch->options->json ? stderr : stdout;
	const char *term = getenv("TERM");
	p->terminal = isatty(fileno(p->to)) && term && strcmp(term, "dumb") != 0;
	int r = p->terminal ? loop_add_timer(batch->loop, on_timer, p, &p->timer, e) : 0;
	if (r < 0) {
		free(p);
		return r;
	}
	p->started = clock_mono_ns();
	if (p->terminal)
		loop_timer_set(p->timer, p->started + REDRAW_NS, REDRAW_NS);
	*out = p;
	return 0;
}

struct progress *progress_free(struct progress *p)
{
	if (!p)
		return NULL;
	if (p->terminal)
		draw(p);
	loop_remove(p->timer);
	free(p);
	return NULL;
}

// A plain line for each stage and each ten percent of it.
static void plain_line(const struct progress *p, struct batch_target *t)
{
	const struct worker_report *r = &t->last;
	unsigned percent = r->total ? (unsigned)(r->done * 10 / r->total) * 10 : 0;
	if (r->stage == t->shown_stage && percent == t->shown_percent)
		return;
	t->shown_stage = r->stage;
	t->shown_percent = percent;
	char name[SHOWN_SIZE];
	fprintf(p->to, "%s: %s %u %%\n", shown_text(t->name, name, sizeof(name)),
	        worker_stage_name((enum worker_stage)r->stage), percent);
	fflush(p->to);
}

void progress_update(struct progress *p, struct batch_target *t, const struct worker_report *report)
{
	uint64_t now = clock_mono_ns();
	t->last = *report;
	uint64_t bytes = (uint64_t)moved(t);
	if (t->seen_at && bytes > t->seen_bytes && now > t->seen_at) {
		double rate = (double)(bytes - t->seen_bytes) * 1e9 / (double)(now - t->seen_at);
		t->rate = t->rate > 0 ? 0.8 * t->rate + 0.2 * rate : rate;
	}
	if (bytes != t->seen_bytes || !t->seen_at) {
		t->seen_bytes = bytes;
		t->seen_at = now;
	}
	if (p && !p->terminal && report->kind == WORKER_PROGRESS)
		plain_line(p, t);
}

void progress_say(struct progress *p, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	FILE *to = p ? p->to : stderr;
	if (p && p->terminal)
		erase(p);
	vfprintf(to, format, ap);
	fputc('\n', to);
	fflush(to);
	va_end(ap);
	if (p && p->terminal)
		draw(p);
}
