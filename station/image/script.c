// SPDX-License-Identifier: MIT
// The text of the scripts.
#include "image/script.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

// Commands that the lines of both scripts run. Once gw_bad is set they do nothing, so a failure skips the rest.
static const char common_text[] =
        "setenv gw_result fail; setenv gw_bad; setenv gw_checked 0\n"
        "test -n \"${gw_mmc}\" || setenv gw_mmc 0\n"
        "test -n \"${gw_buf}\" || setexpr gw_buf ${loadaddr} + 100000\n"
        "setenv gw_next 'setexpr gw_y ${gw_n} * 200; setexpr gw_p ${gw_p} + ${gw_y}'\n"
        "setenv gw_r 'if test -z \"${gw_bad}\"; then mmc read ${gw_p} ${gw_b} ${gw_n} || setenv gw_bad "
        "${gw_at}; "
        "run gw_next; fi'\n"
        "setenv gw_v 'if test -z \"${gw_bad}\"; then if hash -v sha256 ${gw_buf} ${gw_l} ${gw_h}; "
        "then setexpr gw_checked ${gw_checked} + 1; else setenv gw_bad ${gw_at}; fi; fi'\n"
        // The rescan also empties the block cache, which answers reads of up to 8 blocks.
        "setenv gw_look 'setenv gw_table; mmc dev ${gw_mmc} && mmc rescan && mmc dev ${gw_mmc} && "
        "part list mmc ${gw_mmc} gw_table'\n";

static const char summary_text[] =
        "if test -n \"${gw_sector}\"; then\n"
        "\tsetenv gw_sum_nonce none; test -n \"${gw_rq_nonce}\" && setenv gw_sum_nonce ${gw_rq_nonce}\n"
        "\tsetenv gw_sum_bad none; test -n \"${gw_bad}\" && setenv gw_sum_bad ${gw_bad}\n"
        "\tsetenv gw_sum_result ${gw_result}; setenv gw_sum_checked ${gw_checked}\n"
        // The digest is over the whole block, zeros included: what `filesize` counts is not the same everywhere.
        "\tmw.b ${gw_buf} 0 200\n"
        "\tenv export -t ${gw_buf} gw_sum_bad gw_sum_checked gw_sum_nonce gw_sum_plan gw_sum_result\n"
        "\thash sha256 ${gw_buf} 200 gw_sum_digest\n"
        "\tmw.b ${gw_buf} 0 200\n"
        "\tenv export -t ${gw_buf} gw_sum_bad gw_sum_checked gw_sum_digest gw_sum_nonce gw_sum_plan "
        "gw_sum_result\n"
        "\tsetexpr gw_y ${gw_sector} + 1\n"
        "\tmmc write ${gw_buf} ${gw_y} 1 || echo \"gangway: the summary could not be written\"\n"
        "fi\n";

static const char program_text[] =
        "setexpr gw_zip ${gw_buf} + ${gw_win}; setexpr gw_zip ${gw_zip} + 100000\n"
        "test -n \"${devtype}\" || setenv devtype usb\n"
        "test -n \"${devnum}\" || setenv devnum 0\n"
        "test -n \"${distro_bootpart}\" || setenv distro_bootpart 1\n"
        "test -n \"${gw_get}\" || setenv gw_get 'load ${devtype} ${devnum}:${distro_bootpart} ${gw_zip} "
        "gw/${gw_file}'\n"
        "setenv gw_g 'if test -z \"${gw_bad}\"; then if run gw_get && unzip ${gw_zip} ${gw_buf} ${gw_win} && "
        "hash -v sha256 ${gw_buf} ${gw_l} ${gw_h}; then setenv gw_p ${gw_buf}; else setenv gw_bad "
        "${gw_file}; fi; fi'\n"
        "setenv gw_w 'if test -z \"${gw_bad}\"; then mmc write ${gw_p} ${gw_b} ${gw_n} || setenv gw_bad "
        "${gw_at}; "
        "run gw_next; fi'\n"
        "setenv gw_blank 'mw.b ${gw_buf} 0 400; mmc write ${gw_buf} 0 2'\n"
        "setenv gw_touched\n"
        "\n"
        "# Is there a board to program, is it large enough, and does nobody need what is on it?\n"
        "if run gw_look; then true; else setenv gw_bad eMMC; fi\n"
        "if test -z \"${gw_bad}\"; then mmc read ${gw_buf} ${gw_end} 1 || setenv gw_bad too-small; fi\n"
        "if test -n \"${gw_table}\" && test \"${gw_force}\" != yes; then\n"
        "\tsetenv gw_bad not-blank\n"
        "\techo \"gangway: this board has a partition table and is left alone; setenv gw_force yes programs "
        "it\"\n"
        "fi\n"
        "\n"
        "# Neither the old nor the new image may boot from here on. An old backup GPT is on the last block: "
        "look for it.\n"
        "if test -z \"${gw_bad}\"; then\n"
        "\trun gw_blank || setenv gw_bad 0\n"
        "\trun gw_look\n"
        "fi\n"
        "setenv gw_seek; if test -n \"${gw_table}\" || test \"${gw_force}\" = yes; then setenv gw_seek 1; "
        "fi\n"
        "if test -n \"${gw_seek}\" && test -z \"${gw_bad}\"; then\n"
        "\tsetenv gw_lo 0; setenv gw_hi 40000000; setenv gw_n 40000000\n"
        "\techo \"gangway: looking for the last block (read errors follow, as they should)\"\n"
        "\twhile itest ${gw_n} -gt 1; do\n"
        "\t\tsetexpr gw_x ${gw_n} / 2; setexpr gw_x ${gw_lo} + ${gw_x}\n"
        "\t\tif mmc read ${gw_buf} ${gw_x} 1; then setenv gw_lo ${gw_x}; else setenv gw_hi ${gw_x}; fi\n"
        "\t\tsetexpr gw_n ${gw_hi} - ${gw_lo}\n"
        "\tdone\n"
        "\tmw.b ${gw_buf} 0 200; mmc write ${gw_buf} ${gw_lo} 1 || setenv gw_bad last-block\n"
        "\trun gw_look\n"
        "\ttest -z \"${gw_table}\" || setenv gw_bad old-table\n"
        "fi\n";

static const char program_end[] =
        "else\n"
        "\techo \"gangway: FAIL at ${gw_bad}\"\n"
        "\t# It must not boot.\n"
        "\tif test -n \"${gw_touched}\"; then run gw_blank; mmc write ${gw_buf} ${gw_end} 1; fi\n"
        "fi\n"
        "echo \"gangway: on-board programming: ${gw_result}\"\n"
        "if test \"${gw_result}\" = pass; then\n"
        "\tif env exists gw_done; then run gw_done || echo \"gangway: gw_done failed\"; fi\n"
        "\ttest \"${gw_reset}\" = no || reset\n"
        "fi\n"
        "true\n";

struct writer {
	FILE *to;
	char *text;
	size_t size;
};

static int writer_open(struct writer *w, struct err *e)
{
	*w = (struct writer){0};
	w->to = open_memstream(&w->text, &w->size);
	return w->to ? 0 : err_sys(e, errno, "a script");
}

static int writer_close(struct writer *w, char **out, size_t *size, struct err *e)
{
	bool failed = ferror(w->to);
	if (fclose(w->to) != 0 || failed) {
		free(w->text);
		return err_sys(e, ENOMEM, "a script");
	}
	*out = w->text;
	*size = w->size;
	return 0;
}

// A name of a file may hold anything; in a comment and in "..." it must not.
static void print_name(FILE *to, const char *name)
{
	for (const char *p = name; *p; p++)
		fputc(isalnum((unsigned char)*p) || strchr("._-+", *p) ? *p : '_', to);
}

static void print_head(FILE *to, const struct script_spec *spec, const char *what, size_t windows)
{
	fprintf(to, "# Gangway: %s ", what);
	print_name(to, spec->name);
	fprintf(to, "\n# plan %s; %zu windows of at most %" PRIu64 " bytes\n", spec->plan_sha256, windows,
	        spec->window);
	fputs(common_text, to);
}

static void print_extents(FILE *to, const struct windows *w, const struct window *window, const char *run)
{
	for (size_t i = 0; i < window->count; i++) {
		const struct window_extent *x = &w->extents[window->first + i];
		fprintf(to, "setenv gw_b %" PRIx64 "; setenv gw_n %" PRIx64 "; run %s\n",
		        x->offset / WINDOW_BLOCK, window_blocks(x->length), run);
	}
}

static void print_digest(FILE *to, const struct windows *w, const struct window *window, const char *run)
{
	char hex[SHA256_HEX_SIZE];
	digest_hex(window->sha256, sizeof(window->sha256), hex);
	fprintf(to, "setenv gw_at %" PRIu64 "; setenv gw_l %" PRIx64 "; setenv gw_h %s; run %s\n",
	        w->extents[window->first].offset, window->length, hex, run);
}

static void print_read_back(FILE *to, const struct windows *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct window *window = &w->list[i];
		fprintf(to, "setenv gw_p ${gw_buf}; setenv gw_at %" PRIu64 "\n",
		        w->extents[window->first].offset);
		print_extents(to, w, window, "gw_r");
		print_digest(to, w, window, "gw_v");
	}
}

int script_verify(const struct script_spec *spec, const struct windows *windows, char **out, size_t *size,
        struct err *e)
{
	struct writer w;
	int r = writer_open(&w, e);
	if (r < 0)
		return r;
	print_head(w.to, spec, "reads back", windows->count);
	fputs("run gw_look || setenv gw_bad eMMC\n", w.to);
	print_read_back(w.to, windows);
	fprintf(w.to,
	        "if test -z \"${gw_bad}\" && itest ${gw_checked} -eq %zx; then setenv gw_result pass; fi\n"
	        "echo \"gangway: on-target verify: ${gw_result}, ${gw_checked} of %zx windows ${gw_bad}\"\n"
	        "setenv gw_sum_plan %s\n",
	        windows->count, windows->count, spec->plan_sha256);
	fputs(summary_text, w.to);
	return writer_close(&w, out, size, e);
}

void script_file_name(size_t index, char name[SCRIPT_FILE_SIZE])
{
	snprintf(name, SCRIPT_FILE_SIZE, "%08x.gz", (unsigned)index);
}

// Fetches and writes the windows of one area; *index goes on over all areas.
static void print_write(FILE *to, const struct windows *w, size_t *index)
{
	for (size_t i = 0; i < w->count; i++) {
		char name[SCRIPT_FILE_SIZE];
		script_file_name((*index)++, name);
		fprintf(to, "setenv gw_file %s; ", name);
		print_digest(to, w, &w->list[i], "gw_g");
		print_extents(to, w, &w->list[i], "gw_w");
	}
}

int script_program(
        const struct script_spec *spec, const struct script_parts *p, char **out, size_t *size, struct err *e)
{
	size_t index = 0, total = p->body->count + p->head->count + p->tail->count + p->key->count;
	struct writer w;
	int r = writer_open(&w, e);
	if (r < 0)
		return r;
	print_head(w.to, spec, "programs", total);
	fprintf(w.to, "setenv gw_win %" PRIx64 "; setenv gw_end %" PRIx64 "\n", spec->window,
	        window_blocks(p->image_size) - 1);
	fputs(program_text, w.to);
	fputs("\n# All but what makes the board boot, then the same read back.\n", w.to);
	print_write(w.to, p->body, &index);
	print_read_back(w.to, p->body);
	fputs("\n# What makes it boot, the first two blocks last.\n", w.to);
	print_write(w.to, p->head, &index);
	print_read_back(w.to, p->head);
	fputs("test -n \"${gw_bad}\" || setenv gw_touched yes\n", w.to);
	print_write(w.to, p->tail, &index);
	print_write(w.to, p->key, &index);
	print_read_back(w.to, p->tail);
	print_read_back(w.to, p->key);
	fprintf(w.to,
	        "\nif test -z \"${gw_bad}\" && itest ${gw_checked} -eq %zx; then setenv gw_result pass\n",
	        total);
	fputs(program_end, w.to);
	return writer_close(&w, out, size, e);
}
