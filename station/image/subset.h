// SPDX-License-Identifier: MIT
// Part of an image, in the form of an image: what makes a board boot.
#ifndef GANGWAY_IMAGE_SUBSET_H
#define GANGWAY_IMAGE_SUBSET_H

#include "image/image.h"

/*
 * The commit piece and the tail: what a station holds back until all else is verified. *out has its own front with only
 * that part's ranges, cut at its borders, and shares the data (its descriptors are its own: image_close()). `image` is
 * complete. Every range that is cut is hashed whole from the store first: -EILSEQ with failure store-damaged when it is
 * not the plan's.
 */
int image_withheld(const struct image *image, struct image *out, struct err *e);

#endif
