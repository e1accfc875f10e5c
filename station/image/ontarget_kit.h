// SPDX-License-Identifier: MIT
// What a job needs for boards that read themselves back: made once, for all of them.
#ifndef GANGWAY_IMAGE_ONTARGET_KIT_H
#define GANGWAY_IMAGE_ONTARGET_KIT_H

#include "base/child.h"
#include "image/image.h"
#include "image/ontarget.h"

struct ontarget_spec {
	uint64_t sector; // the reserved place's first block (of ONTARGET_BLOCK)
	uint64_t window; // bytes of RAM that the board gives to it
};

struct ontarget_kit {
	struct image withheld; // what makes a board boot: written when its answer was judged
	int script_fd;         // the verify script, as `source` takes it, in a memory file
	uint64_t script_size;
	uint64_t windows; // that the script compares
	char plan_sha256[SHA256_HEX_SIZE];
};
#define ONTARGET_KIT_NONE               \
	((struct ontarget_kit){         \
	        .withheld = IMAGE_NONE, \
	        .script_fd = -1,        \
	})

// Bytes of the reserved place for a script of this size.
static inline uint64_t ontarget_place_size(uint64_t script_size)
{
	return u64_up(2 * ONTARGET_BLOCK + script_size, ONTARGET_BLOCK);
}

// Whether the place is nobody else's: not the partition table's, not the image's. The image is complete; the store is
// not read. -EINVAL and why.
int ontarget_kit_check(const struct image *image, const struct ontarget_spec *spec, struct err *e);

// Holds the store against the plan, then cuts script and withheld part from it. Reads the whole image twice: not for
// an event loop. e->failure is store-damaged or store-error where the store is to blame. The caller closes *out.
int ontarget_kit_make(
        const struct image *image, const struct ontarget_spec *spec, struct ontarget_kit *out, struct err *e);
void ontarget_kit_close(struct ontarget_kit *kit);

// The same in a process of its own: the caller collects the child and closes *sock.
int ontarget_kit_start(const struct image *image, const struct ontarget_spec *spec, struct child *child,
        int *sock, struct err *e);
// What it has sent by its end; -ECHILD: it died before. `image` is the one it was started with.
int ontarget_kit_receive(int sock, const struct image *image, struct ontarget_kit *out, struct err *e);
int ontarget_kit_role(int argc, char **argv);

#endif
