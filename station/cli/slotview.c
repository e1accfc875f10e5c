// SPDX-License-Identifier: MIT
// A station's slots in a terminal.
#include "cli/slotview.h"

#include <limits.h>
#include <sys/ioctl.h>

const char *slot_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

void slotview_init(struct slotview *view, bool quiet)
{
	const char *term = getenv("TERM");
	*view = (struct slotview){
	        .quiet = quiet, .live = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0};
}

void slotview_free(struct slotview *view)
{
	for (size_t i = 0; i < view->told_count; i++)
		free(view->told[i]);
	free(view->told);
	json_decref(view->state);
	*view = (struct slotview){0};
}

const json_t *slotview_slots(const struct slotview *view)
{
	return json_object_get(view->state, "slots");
}

void slotview_apply(struct slotview *view, const json_t *event)
{
	const char *name = slot_text(event, "event");
	if (!strcmp(name, "snapshot")) {
		json_decref(view->state);
		view->state = json_deep_copy(event);
		return;
	}
	json_t *part = json_object_get(event, name);
	if (!view->state || !part)
		return;
	if (strcmp(name, "slot") != 0) {
		json_object_set(view->state, name, part);
		return;
	}
	size_t index = (size_t)json_integer_value(json_object_get(part, "index"));
	json_array_set(json_object_get(view->state, "slots"), index, part);
}

static const char *colour(const char *tile)
{
	static const struct {
		const char *tile, *code;
	} colours[] = {{"PASS", "\033[32m"}, {"FAIL", "\033[31m"}, {"BUSY", "\033[36m"}, {"LOAD", "\033[2m"}};
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (!strcmp(colours[i].tile, tile))
			return colours[i].code;
	return "\033[33m";
}

static void bar(double progress, char *text, unsigned width)
{
	unsigned full = (unsigned)(progress * width);
	for (unsigned i = 0; i < width; i++)
		text[i] = i < full ? '#' : '.';
	text[width] = '\0';
}

static void describe(const json_t *slot, char *text, size_t size)
{
	const char *state = slot_text(slot, "state"), *reason = slot_text(slot, "reason");
	double progress = json_number_value(json_object_get(slot, "progress"));
	double rate = json_number_value(json_object_get(slot, "rate"));
	const json_t *eta = json_object_get(slot, "eta_s");
	if (!strcmp(slot_text(slot, "tile"), "BUSY")) {
		char bars[25], left[24] = "";
		bar(progress, bars, 24);
		if (json_is_integer(eta))
			snprintf(left, sizeof(left), "%s%3lld s",
			        json_is_true(json_object_get(slot, "eta_most")) ? "at most " : "",
			        (long long)json_integer_value(eta));
		if (!strcmp(state, "awaiting"))
			snprintf(text, size, "%s %3.0f %%  leave it in: it checks itself  %s", bars,
			        progress * 100, left);
		else
			snprintf(text, size, "%s %3.0f %%  %-10s %5.1f MB/s  %s", bars, progress * 100, state,
			        rate / 1e6, left);
	} else if (!strcmp(state, "pass") || !strcmp(state, "unverified")) {
		snprintf(text, size, "%.16s...  %s  write %.1f s  read back %.1f s",
		        slot_text(slot, "readback_sha256"), slot_text(slot, "verify_method"),
		        json_number_value(json_object_get(slot, "write_s")),
		        json_number_value(json_object_get(slot, "verify_s")));
	} else {
		snprintf(text, size, "%s%s%s%s%s", slot_text(slot, "code"),
		        reason[0] && slot_text(slot, "code")[0] ? ": " : "", reason,
		        slot_text(slot, "next")[0] ? "; " : "", slot_text(slot, "next"));
	}
}

struct screen {
	unsigned rows, columns;
};

static struct screen screen_now(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		return (struct screen){.rows = 24, .columns = 80};
	return (struct screen){.rows = size.ws_row, .columns = size.ws_col};
}

// How many of the text's bytes fit: a line that wraps would be drawn over the wrong ones. Never part of a character.
static int fitting(const char *text, unsigned columns)
{
	const char *c = text;
	for (unsigned used = 1; *c; c++)
		if (((unsigned char)*c & 0xc0) != 0x80 && used++ >= columns)
			break;
	return (int)(c - text);
}

// One line, with `length` bytes from `start` on in a colour.
static void draw_line(struct screen screen, const char *text, int start, int length, const char *colours)
{
	int end = fitting(text, screen.columns);
	start = start < end ? start : end;
	length = length < end - start ? length : end - start;
	printf("\033[2K%.*s%s%.*s\033[0m%.*s\n", start, text, colours, length, text + start,
	        end - start - length, text + start + length);
}

static unsigned draw_head(const struct slotview *view, struct screen screen)
{
	const json_t *job = json_object_get(view->state, "job"),
	             *counts = json_object_get(view->state, "counts");
	const json_t *import = json_object_get(view->state, "import");
	unsigned lines = 1;
	char head[400];
	snprintf(head, sizeof(head), "%s  %s  job %s  image %s  pass %lld  fail %lld  in flight %lld",
	        slot_text(json_object_get(view->state, "station"), "name"),
	        slot_text(json_object_get(view->state, "station"), "url"), slot_text(job, "id"),
	        slot_text(job, "image"), (long long)json_integer_value(json_object_get(counts, "pass")),
	        (long long)json_integer_value(json_object_get(counts, "fail")),
	        (long long)json_integer_value(json_object_get(counts, "inflight")));
	draw_line(screen, head, 0, 0, "");
	if (!strcmp(slot_text(import, "state"), "running")) {
		snprintf(head, sizeof(head), "decoding %s: %.1f of %.1f MB", slot_text(import, "name"),
		        json_number_value(json_object_get(import, "done")) / 1e6,
		        json_number_value(json_object_get(import, "total")) / 1e6);
		draw_line(screen, head, 0, 0, "");
		lines++;
	}
	size_t i;
	const json_t *alert;
	json_array_foreach(json_object_get(view->state, "alerts"), i, alert)
	{
		const char *text = slot_text(alert, "text");
		draw_line(screen, text, 0, (int)strlen(text), "\033[33m");
		lines++;
	}
	return lines;
}

static void draw_slot(struct screen screen, const json_t *slot)
{
	char text[600], line[800];
	const char *label = slot_text(slot, "slot"), *tile = slot_text(slot, "tile");
	describe(slot, text, sizeof(text));
	int label_width = strlen(label) < 4 ? 4 : (int)strlen(label);
	snprintf(line, sizeof(line), "%4s  %-11s %-14s %s", label, tile, slot_text(slot, "serial"), text);
	draw_line(screen, line, label_width + 2, (int)strlen(tile), colour(tile));
}

// What is seen first where not all slots fit: who waits for a person, then who works.
static unsigned rank(const json_t *slot)
{
	const char *tile = slot_text(slot, "tile");
	return !strcmp(tile, "LOAD") ? 3 : !strcmp(tile, "PASS") ? 2 : !strcmp(tile, "BUSY") ? 1 : 0;
}

// Slots in their order, at most `room` lines of them and of the one that counts the others. How many lines.
static unsigned draw_slots(const json_t *slots, struct screen screen, unsigned room)
{
	size_t i, count = json_array_size(slots), shown = count <= room ? count : room - 1, of_rank[4] = {0};
	const json_t *slot;
	unsigned lines = 0;
	for (size_t r = 0, taken = 0; r < 4; taken += of_rank[r++]) {
		json_array_foreach(slots, i, slot)
		{
			if (rank(slot) == r && taken + of_rank[r] < shown)
				of_rank[r]++;
		}
	}
	json_array_foreach(slots, i, slot)
	{
		unsigned r = rank(slot);
		if (!of_rank[r])
			continue;
		of_rank[r]--;
		draw_slot(screen, slot);
		lines++;
	}
	if (shown < count) {
		char text[80];
		snprintf(text, sizeof(text), "%zu more slots; a taller window shows them", count - shown);
		draw_line(screen, text, 0, 0, "");
		lines++;
	}
	return lines;
}

static void draw_live(struct slotview *view)
{
	struct screen screen = screen_now();
	if (view->lines)
		printf("\033[%uA\r", view->lines);
	unsigned lines = draw_head(view, screen);
	// The cursor's own line, too; what has scrolled away can never be drawn over.
	unsigned room = screen.rows > lines + 2 ? screen.rows - lines - 1 : 1;
	lines += draw_slots(slotview_slots(view), screen, view->whole ? UINT_MAX : room);
	// The last drawing may have been longer (an alert that is gone).
	printf("\033[J");
	view->lines = lines;
	fflush(stdout);
}

static void tell_alerts(const struct slotview *view)
{
	size_t i;
	const json_t *alert;
	json_array_foreach(json_object_get(view->state, "alerts"), i, alert) puts(slot_text(alert, "text"));
}

// A plain line when the slot's word, state or reason changed; progress alone is not worth one.
static void draw_plain(struct slotview *view)
{
	size_t i;
	const json_t *slot;
	size_t count = json_array_size(slotview_slots(view));
	if (view->whole)
		tell_alerts(view);
	if (view->told_count != count) {
		char **told = realloc(view->told, count * sizeof(*told));
		if (!told)
			return;
		view->told = told;
		for (; view->told_count < count; view->told_count++)
			view->told[view->told_count] = strdup("");
	}
	json_array_foreach(slotview_slots(view), i, slot)
	{
		char line[700], text[600] = "";
		const char *tile = slot_text(slot, "tile");
		if (strcmp(tile, "BUSY") != 0)
			describe(slot, text, sizeof(text));
		snprintf(line, sizeof(line), "slot %s: %s %s %s %s", slot_text(slot, "slot"), tile,
		        slot_text(slot, "state"), slot_text(slot, "serial"), text);
		if (!view->told[i] || !strcmp(line, view->told[i]))
			continue;
		free(view->told[i]);
		view->told[i] = strdup(line);
		if (view->whole || strcmp(tile, "LOAD") != 0)
			puts(line);
	}
	fflush(stdout);
}

void slotview_draw(struct slotview *view)
{
	if (view->quiet || !view->state)
		return;
	if (view->live)
		draw_live(view);
	else
		draw_plain(view);
}

void slotview_settle(struct slotview *view)
{
	view->lines = 0;
}
