/* SPDX-License-Identifier: Apache-2.0 */
/* Image repositories: ECR's role. The operations of its API, what the registry's HTTP interface
 * (OCI distribution) is made of, and images for siblings that unpack them.
 *
 * A blob is a content file of the bucket store (artifact/blob.h), once a digest; repositories
 * hold links to blobs, manifests are rows. Invariants (cited as R1..R5):
 * R1 A blob's row stands only for a file that is complete, synced, and has the digest of its name.
 * R2 A manifest's row stands only while the repository holds every blob and manifest it names;
 *    both are checked and written in one step.
 * R3 A link goes only when no manifest of the repository names the blob, nobody relied on it for
 *    IMAGE_GRACE, and no upload into the repository is older than the last time somebody did. A
 *    file goes with its last link, in the same step, and under an id of its own: a push of the
 *    same digest at that moment makes another file.
 * R4 An upload's session is a row and a file of its own; what a client was told is received has
 *    been synced. Its digest is made while it is received, and anew from the file after a
 *    restart; a file that is not what it should be never becomes a blob.
 * R5 An image's event stands in the journal if and only if the image or its tag came or went. */
#ifndef TOWPATH_ARTIFACT_IMAGE_H
#define TOWPATH_ARTIFACT_IMAGE_H

#include "artifact/artifact.h"
#include "ecr.gen.h"

#define IMAGE_DIGEST_LENGTH 71 /* "sha256:" and 64 hex digits */

/* ---- for siblings that run images ---- */

struct artifact_descriptor {
	const char *digest;	/* sha256:<64 hex> */
	const char *media_type; /* tells the compression: "...tar", "...tar+gzip", "...tar+zstd" */
	int64_t size;		/* bytes of the blob */
	bool external;		/* has urls of its own: the registry need not hold it */
};

struct artifact_platform {
	const char *os, *architecture; /* "linux", "amd64" as Go names them */
	const char *variant;	       /* "v7", or NULL: any */
};

/* An image for one platform, ready to unpack: all texts live in the arena given. */
struct artifact_image {
	const char *repository;
	const char *digest;	/* of the manifest */
	const char *asked;	/* what the reference named: of the index, if it named one */
	const char *media_type; /* of the manifest */
	struct view manifest;	/* its bytes */
	struct artifact_descriptor config;
	struct artifact_descriptor *layers; /* lowest first */
	size_t n_layers;
};

/* Whether a reference ("host[:port]/name[:tag][@digest]") names an image of this registry: its
 * host is the configured one, the server's own address, any loopback address with the server's
 * port, or <account>.dkr.ecr.<region>.<suffix>; or it has none. */
bool artifact_image_is_ours(const struct artifact_engine *e, const char *reference);
/* Host (and port) that images are named by where no client's request says another. Borrowed. */
const char *artifact_image_registry(const struct artifact_engine *e);
/* Finds the image: tag "latest" when the reference names neither tag nor digest. An index is
 * followed to the platform (NULL: linux on this machine's processor). ERR_NOT_FOUND (wire names
 * RepositoryNotFoundException, ImageNotFoundException) names what is missing. */
int artifact_image_resolve(struct artifact_engine *e, const char *reference,
	const struct artifact_platform *platform, struct arena *a, struct artifact_image *ret,
	struct err *err);
/* Opens a blob (config or layer) that the repository holds; the fd is the caller's and stays good
 * whatever is deleted afterwards. Its digest was verified when it came in. ERR_NOT_FOUND. */
int artifact_image_blob_open(struct artifact_engine *e, const char *repository, const char *digest,
	int *ret_fd, int64_t *ret_size, struct err *err);

/* ---- for the registry's HTTP interface; texts live in the arena ---- */

struct artifact_manifest {
	const char *digest, *media_type, *artifact_type, *subject; /* "" when it has none */
	int64_t size, pushed_usec;				   /* of what it names */
	struct view body;
};

/* reference: a tag or a digest. pull: the time is noted as the image's last pull. */
int artifact_manifest_get(struct artifact_engine *e, const char *repository, const char *reference,
	bool pull, struct arena *a, struct artifact_manifest *ret, struct err *err);

/* What clients of a registry can ask for: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}. */
bool artifact_tag_valid(const char *tag);
#define ARTIFACT_TAG_FORM \
	"1 to 128 letters, digits, '_', '.', '-', the first a letter, digit or '_'"

struct artifact_manifest_put {
	const char *repository;
	const char *tag, *digest; /* either may be NULL; digest is what the client says it is */
	const char *media_type;	  /* of the request, for a manifest that has none */
	struct view body;
	const char *actor;
	bool again_is_error; /* the same image under the same tag (the API) */
	struct arena *arena;
	/* out */
	struct artifact_manifest manifest;
	const char *missing; /* what it names and the repository does not hold, on failure */
};
int artifact_manifest_put(
	struct artifact_engine *e, struct artifact_manifest_put *put, struct err *err);
/* By tag: the tag goes, the image with its last. By digest: the image with all tags. */
int artifact_manifest_delete(struct artifact_engine *e, const char *repository,
	const char *reference, const char *actor, struct err *err);

struct artifact_names {
	const char **v;
	size_t n;
	bool more;
};
/* In order, after `after` ("": from the start), at most max. */
int artifact_image_tags(struct artifact_engine *e, const char *repository, const char *after,
	size_t max, struct arena *a, struct artifact_names *ret, struct err *err);
int artifact_image_repositories(struct artifact_engine *e, const char *after, size_t max,
	struct arena *a, struct artifact_names *ret, struct err *err);
/* The manifests whose subject is the digest, of an artifact type unless NULL, as an OCI index
 * (JSON); *ret_last is the last digest of a page that has more behind it, else NULL. */
int artifact_image_referrers(struct artifact_engine *e, const char *repository, const char *subject,
	const char *artifact_type, const char *after, struct arena *a, struct str *out,
	const char **ret_last, struct err *err);
/* The repository's policy (JSON) in the arena; NULL when there is none or no such repository. */
int artifact_image_policy(struct artifact_engine *e, const char *repository, struct arena *a,
	const char **ret, struct err *err);

/* Says how large; the client relies on the blob from now on (R3). LayersNotFoundException. */
int artifact_image_blob_stat(struct artifact_engine *e, const char *repository, const char *digest,
	int64_t *ret_size, struct err *err);
/* Makes a blob of another repository one of this as well: 1, or 0 when that does not hold it. */
int artifact_image_blob_mount(struct artifact_engine *e, const char *repository, const char *from,
	const char *digest, struct err *err);
/* Fails with ERR_CONFLICT while a manifest names it. */
int artifact_image_blob_delete(
	struct artifact_engine *e, const char *repository, const char *digest, struct err *err);

/* Begins an upload; *ret_id is its UUID, in the arena. */
int artifact_image_upload_begin(struct artifact_engine *e, const char *repository, struct arena *a,
	const char **ret_id, struct err *err);
/* An upload, locked for this caller; UploadNotFoundException. Waits a while for another request
 * that has it, then fails with ERR_BUSY. */
struct image_upload;
int artifact_image_upload_open(struct artifact_engine *e, const char *repository, const char *id,
	struct image_upload **ret, struct err *err);
void artifact_image_upload_close(struct image_upload *u);
static inline void artifact_image_upload_closep(struct image_upload **u)
{
	artifact_image_upload_close(*u);
	*u = NULL;
}
/* Bytes received so far. */
int64_t artifact_image_upload_size(const struct image_upload *u);
int artifact_image_upload_write(
	struct image_upload *u, const void *bytes, size_t n, struct err *err);
/* What was written is on disk from now on (R4). */
int artifact_image_upload_sync(struct image_upload *u, struct err *err);
/* Becomes a blob of the repository if it has the digest; else the upload is gone
 * (InvalidLayerException). *ret_existed (may be NULL): the repository held it already. */
int artifact_image_upload_finish(
	struct image_upload *u, const char *digest, bool *ret_existed, struct err *err);
int artifact_image_upload_cancel(struct image_upload *u, struct err *err);

/* Checks a digest's form; InvalidParameterException. Only sha256. */
bool artifact_digest_valid(const char *digest);

/* ---- ECR operations ---- */

#define IMAGE_OPERATION(name)                                                               \
	int artifact_ecr_##name(struct artifact_engine *e, struct call *call,               \
		const struct ecr_##name##_request *req, struct ecr_##name##_response *resp, \
		struct err *err)

IMAGE_OPERATION(batch_check_layer_availability);
IMAGE_OPERATION(batch_delete_image);
IMAGE_OPERATION(batch_get_image);
IMAGE_OPERATION(batch_get_repository_scanning_configuration);
IMAGE_OPERATION(complete_layer_upload);
IMAGE_OPERATION(create_repository);
IMAGE_OPERATION(delete_lifecycle_policy);
IMAGE_OPERATION(delete_repository);
IMAGE_OPERATION(delete_repository_policy);
IMAGE_OPERATION(describe_images);
IMAGE_OPERATION(describe_registry);
IMAGE_OPERATION(describe_repositories);
IMAGE_OPERATION(get_authorization_token);
IMAGE_OPERATION(get_download_url_for_layer);
IMAGE_OPERATION(get_lifecycle_policy);
IMAGE_OPERATION(get_lifecycle_policy_preview);
IMAGE_OPERATION(get_repository_policy);
IMAGE_OPERATION(initiate_layer_upload);
IMAGE_OPERATION(list_image_referrers);
IMAGE_OPERATION(list_images);
IMAGE_OPERATION(list_tags_for_resource);
IMAGE_OPERATION(put_image);
IMAGE_OPERATION(put_image_scanning_configuration);
IMAGE_OPERATION(put_image_tag_mutability);
IMAGE_OPERATION(put_lifecycle_policy);
IMAGE_OPERATION(set_repository_policy);
IMAGE_OPERATION(start_lifecycle_policy_preview);
IMAGE_OPERATION(tag_resource);
IMAGE_OPERATION(untag_resource);
IMAGE_OPERATION(upload_layer_part);

#undef IMAGE_OPERATION

#endif
