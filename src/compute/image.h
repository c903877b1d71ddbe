/* SPDX-License-Identifier: Apache-2.0 */
/* Images (OCI image specification 1.1, Docker image manifest version 2 schema 2): from the blobs of
 * a registry to unpacked layers that a root is stacked of.
 *
 * Each layer is unpacked once, under its digest, in a folder that all images share; what stands
 * there is whole, since layers are unpacked beside it and renamed. Every blob is read against its
 * digest. */
#ifndef TOWPATH_COMPUTE_IMAGE_H
#define TOWPATH_COMPUTE_IMAGE_H

#include "base/interrupt.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

/* Where the blobs of an image come from. */
struct image_source {
	/* Opens the blob (manifest, configuration or layer) for reading from its start; the
	 * caller closes. ERR_NOT_FOUND when it is not there. */
	int (*open)(void *arg, const char *digest, int *ret_fd, struct err *err);
	void *arg;
};

/* A folder of unpacked layers. */
struct image_store {
	const char *dir;
	int64_t now_usec; /* the time at which layers are used, on the one clock */
};

struct image {
	const char *digest;	   /* of the manifest for this machine, sha256:... */
	const char *const *layers; /* unpacked folders, the topmost first */
	size_t n_layers;
	/* The configuration; NULL or none where the image says nothing. */
	const char *const *env, *const *entrypoint, *const *cmd; /* end with NULL */
	const char *user, *working_dir, *stop_signal;
	/* As long as these are open the layers stay. A mounted root needs them no more. */
	int *leases;
	size_t n_leases;
};
/* Ends the leases. The rest is the arena's. */
void image_release(struct image *image);

/* Finds the manifest (manifest.p NULL: by its digest; of an index: the one for this machine),
 * unpacks the layers that `store` has not got, and answers in the arena. ERR_NOT_FOUND,
 * ERR_MALFORMED and ERR_TOO_LARGE name the blob or the entry of the layer. The caller releases the
 * image once its root is mounted. */
int image_prepare(const struct image_store *store, const char *digest, struct view manifest,
	const struct image_source *source, struct arena *a, struct image *ret, struct err *err);
/* Removes what an interrupted unpacking left in the store. Before anything is prepared. */
int image_store_clean(const char *store, struct err *err);
/* Removes the layers that nobody has a lease on, that no mounted root is stacked of, and that were
 * last used more than idle_usec ago. */
int image_store_collect(const struct image_store *store, int64_t idle_usec, struct err *err);

/* A folder in OCI image layout as a source: arg is its path. */
int image_layout_open(void *arg, const char *digest, int *ret_fd, struct err *err);
/* The digest that the layout's index names (the only one, or that of the tag). */
int image_layout_digest(
	const char *dir, const char *tag, struct arena *a, const char **ret, struct err *err);

/* Copies an image of any registry with skopeo(1) into a layout in `dir`, which must not exist.
 * ERR_IO carries what skopeo said; ERR_CANCELLED. */
int image_fetch(
	const char *reference, const char *dir, const struct interrupt *interrupt, struct err *err);

#endif
