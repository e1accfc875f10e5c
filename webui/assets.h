// SPDX-License-Identifier: MIT
// The page's files, embedded in the binary.
#ifndef GANGWAY_WEBUI_ASSETS_H
#define GANGWAY_WEBUI_ASSETS_H

#include <stddef.h>

struct asset {
	const char *path; // "/", "/style.css"
	const char *type;
	const unsigned char *start, *end; // read-only, for ever
};

// NULL: no such file.
const struct asset *asset_find(const char *path);

// The quoted entity tag of its content: 18 characters and NUL.
enum { ASSET_TAG_SIZE = 19 };
void asset_tag(const struct asset *asset, char tag[ASSET_TAG_SIZE]);

#endif
