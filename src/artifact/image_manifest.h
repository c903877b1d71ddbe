/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests of images as the OCI image specification and Docker's schema 2 have them: read, and
 * checked for what a registry must know. Pure. */
#ifndef TOWPATH_ARTIFACT_IMAGE_MANIFEST_H
#define TOWPATH_ARTIFACT_IMAGE_MANIFEST_H

#include "artifact/image.h"
#include "codec/json.h"

#define IMAGE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define IMAGE_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define IMAGE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define IMAGE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define IMAGE_MANIFEST_MAX (4 * MIB)

/* A manifest that an index names. */
struct image_member {
	struct artifact_descriptor what;
	struct artifact_platform platform; /* texts NULL where it does not say */
};

struct image_manifest {
	const char *media_type, *artifact_type; /* artifact_type: "" when nothing says it */
	const char *subject;			/* "" for none */
	bool is_index;
	struct artifact_descriptor config;  /* no index */
	struct artifact_descriptor *layers; /* no index */
	size_t n_layers;
	struct image_member *members; /* index */
	size_t n_members;
	const struct json_node *annotations; /* or NULL */
};

/* media_type: what the client says it is, or NULL; must not contradict the document.
 * InvalidParameterException names the member at fault. */
int image_manifest_parse(struct view body, const char *media_type, struct arena *a,
	struct image_manifest *ret, struct err *err);
/* The best member for a platform, or NULL. */
const struct image_member *image_manifest_select(
	const struct image_manifest *m, const struct artifact_platform *platform);

#endif
