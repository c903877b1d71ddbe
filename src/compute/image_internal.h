/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of images share. */
#ifndef TOWPATH_COMPUTE_IMAGE_INTERNAL_H
#define TOWPATH_COMPUTE_IMAGE_INTERNAL_H

#include "compute/image.h"

#define IMAGE_LAYER_DIGITS 32 /* of the digest, since all names must fit one mount's options */
#define IMAGE_PARTIAL "partial-"
#define MOUNTS_MAX (64 * MIB) /* the list of mounts */

/* A fresh path in the store for what is not whole. */
char *image_partial(const char *store) MUST_CHECK;
/* A lease on a layer, which need not be there yet; it ends when the descriptor is closed. Waits no
 * longer than a layer takes to be renamed. */
int image_lease(const struct image_store *store, const char *layer, int *ret, struct err *err);

#endif
