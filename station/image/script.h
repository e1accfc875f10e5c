// SPDX-License-Identifier: MIT
// U-Boot scripts made from an image: reading it back on the board, and programming it there.
#ifndef GANGWAY_IMAGE_SCRIPT_H
#define GANGWAY_IMAGE_SCRIPT_H

#include <stdbool.h>

#include "image/windows.h"

/*
 * Both scripts keep to the old hush parser (U-Boot 2023.01) and to one line per step, so that a board's memory for
 * parsing does not grow with the image. They take from the environment: gw_mmc (0), gw_buf (loadaddr + 1 MiB), and
 * leave gw_result (pass or fail), gw_bad (the byte offset of the window that was wrong) and gw_checked (windows that
 * were right).
 */
struct script_spec {
	const char *name; // the image's, for a comment and the console
	uint64_t window;  // bytes of RAM a window takes
	char plan_sha256[SHA256_HEX_SIZE];
};

/*
 * Reads `windows` back and compares each with `hash -v`. Where gw_sector names a reserved place, the result goes to
 * its second block as text, with the nonce of the request in its first one: see summary.h.
 */
int script_verify(const struct script_spec *spec, const struct windows *windows, char **out, size_t *size,
        struct err *e);

// The areas of an image, cut apart (law 6), and the files that hold the windows of each one.
struct script_parts {
	struct windows *body, *head, *tail, *key;
	uint64_t image_size;
};

/*
 * Programs the board from files, one a window, named by script_file_name() in the order body, head, tail, key: each is
 * fetched by gw_get to gw_zip, unzipped, compared, written; what was written is read back and compared; what makes
 * the board boot comes last. A board that has a partition table is left alone unless gw_force is yes.
 */
int script_program(const struct script_spec *spec, const struct script_parts *parts, char **out, size_t *size,
        struct err *e);

#define SCRIPT_FILE_SIZE 16
void script_file_name(size_t index, char name[SCRIPT_FILE_SIZE]); // "0000002a.gz": 8.3, for FAT

#endif
