/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket store: S3's role. One function an API operation in the handler form of wire/call.h,
 * and the same store for engines' providers without HTTP.
 *
 * Invariants (cited as A1..A4):
 * A1 No object is listed without its bytes: they are on disk and synced before the row commits.
 * A2 Bytes are immutable: an object's content is a file of its own; overwriting makes another.
 * A3 No file is left behind: what a crash leaves in objects/tmp is swept at start, what lost its
 *    row is in the trash table until it is gone.
 * A4 An object's event stands in the journal if and only if the object changed. */
#ifndef TOWPATH_ARTIFACT_ARTIFACT_H
#define TOWPATH_ARTIFACT_ARTIFACT_H

#include "durable/durable.h"
#include "s3.gen.h"
#include "wire/call.h"

struct artifact_engine;

struct artifact_config {
	struct durable *durable; /* borrowed */
	const char *account, *region;
	const char *data_dir; /* objects/ is made below it */
	/* What images are named by: [http[s]://]host[:port]. NULL: as the client addressed us. */
	const char *registry_host;
	const char *endpoint; /* http[s]://host:port, the server's own; NULL: none */
	int local_port;	      /* where the loopback reaches it as well; 0: no other port */
	/* Who may pull and push with a password, which identity knows: NULL: nobody. */
	const struct artifact_tokens *tokens; /* borrowed */
	/* NULL: policies are kept as they come. */
	const struct artifact_policies *policies; /* borrowed */
};

/* Passwords of the registry, made for whoever asks. */
struct artifact_tokens {
	void *arg;
	/* For the call's principal, good for duration_usec at most; scope: NULL, or the one
	 * thing ("blob repository digest") that may be read with it. Texts in the call's arena. */
	int (*make)(void *arg, struct call *call, const char *scope, int64_t duration_usec,
		const char **ret, int64_t *ret_expires_usec, struct err *err);
};

/* Policies of what is kept here, which identity understands. The errors say what is wrong. */
struct artifact_policies {
	void *arg;
	/* Whether the text is a policy that an image repository can have. */
	int (*check_repository)(void *arg, const char *text, struct err *err);
	/* The same of a bucket; *ret_public: it lets in everybody. */
	int (*check_bucket)(
		void *arg, const char *text, const char *bucket, bool *ret_public, struct err *err);
};

/* Sweeps what a crash left; registers tasks: call before durable_start(). */
int artifact_engine_new(
	const struct artifact_config *c, struct artifact_engine **ret, struct err *err);
struct artifact_engine *artifact_engine_free(struct artifact_engine *e);
DEFINE_FREEP(struct artifact_engine, artifact_engine_free)

/* ---- for providers ---- */

/* An object as it stands in the store; texts live in the arena given. */
struct artifact_object {
	const char *bucket, *key;
	const char *version_id; /* "null" when the bucket has no versions */
	const char *etag;	/* without quotes */
	const char *content_type;
	int64_t size;
	int64_t modified_usec;
};

struct artifact_put {
	const char *bucket, *key;
	const char *content_type;			 /* NULL: binary/octet-stream */
	const struct s3_metadata *metadata;		 /* NULL: none */
	const char *server_side_encryption, *kms_key_id; /* kept and told, or NULL */
};

/* Creates the bucket when it is missing. versioned: turns versioning on if it is off. */
int artifact_ensure_bucket(
	struct artifact_engine *e, const char *bucket, bool versioned, struct err *err);
/* Stores what can be read from fd up to its end (from its present position; a pipe will do).
 * Durable when it returns; twice makes two versions of the same content. ret may be NULL. */
int artifact_put_fd(struct artifact_engine *e, const struct artifact_put *put, int fd,
	struct arena *a, struct artifact_object *ret, struct err *err);
int artifact_put_path(struct artifact_engine *e, const struct artifact_put *put, const char *path,
	struct arena *a, struct artifact_object *ret, struct err *err);
/* ERR_NOT_FOUND with wire name NoSuchBucket, NoSuchKey or NoSuchVersion. version NULL: newest. */
int artifact_head(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, struct arena *a, struct artifact_object *ret, struct err *err);
/* As artifact_head(), and opens the content for reading; the fd is the caller's. */
int artifact_open(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, struct arena *a, struct artifact_object *ret, int *ret_fd,
	struct err *err);
/* Copies the content to a new file (replacing one that stands there). ret may be NULL. */
int artifact_get_path(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, const char *path, struct arena *a, struct artifact_object *ret,
	struct err *err);
/* Missing is fine. */
int artifact_delete(
	struct artifact_engine *e, const char *bucket, const char *key, struct err *err);
/* 1 versioning is on, 0 it is not, -1. */
int artifact_is_versioned(struct artifact_engine *e, const char *bucket, struct err *err);

/* ---- for authorisation ---- */

/* The source of a copy, "/bucket/key?versionId=v" percent-encoded, into its parts; version NULL:
 * the current one. InvalidArgument. */
struct artifact_source {
	const char *bucket, *key, *version;
};
int artifact_parse_source(
	const char *text, struct arena *a, struct artifact_source *ret, struct err *err);

/* The policy that the bucket has of its own, or NULL; anybody: as it counts for somebody unknown,
 * whom a block of public access keeps out. A bucket that is not there has none. */
int artifact_bucket_policy(struct artifact_engine *e, const char *bucket, bool anybody,
	struct arena *a, const char **ret, struct err *err);
/* How the object of an upload under way will be encrypted, as its start said; NULL: it said
 * nothing, or there is no such upload. */
int artifact_upload_encryption(struct artifact_engine *e, const char *upload_id, struct arena *a,
	const char **ret_algorithm, const char **ret_key, struct err *err);

/* ---- for HTTP ---- */

struct artifact_range {
	int64_t offset, size;
	bool partial;
};
/* "bytes=a-b", "bytes=a-", "bytes=-n"; NULL or of another form: all. InvalidRange. */
int artifact_parse_range(
	const char *text, int64_t size, struct artifact_range *ret, struct err *err);

/* ---- S3 operations ---- */

#define ARTIFACT_OPERATION(name)                                                          \
	int artifact_##name(struct artifact_engine *e, struct call *call,                 \
		const struct s3_##name##_request *req, struct s3_##name##_response *resp, \
		struct err *err)

ARTIFACT_OPERATION(abort_multipart_upload);
ARTIFACT_OPERATION(complete_multipart_upload);
ARTIFACT_OPERATION(copy_object);
ARTIFACT_OPERATION(create_bucket);
ARTIFACT_OPERATION(create_multipart_upload);
ARTIFACT_OPERATION(delete_bucket);
ARTIFACT_OPERATION(delete_bucket_policy);
ARTIFACT_OPERATION(delete_object);
ARTIFACT_OPERATION(delete_objects);
ARTIFACT_OPERATION(delete_public_access_block);
ARTIFACT_OPERATION(get_bucket_location);
ARTIFACT_OPERATION(get_bucket_policy);
ARTIFACT_OPERATION(get_bucket_policy_status);
ARTIFACT_OPERATION(get_bucket_versioning);
ARTIFACT_OPERATION(get_object);
ARTIFACT_OPERATION(get_public_access_block);
ARTIFACT_OPERATION(head_bucket);
ARTIFACT_OPERATION(head_object);
ARTIFACT_OPERATION(list_buckets);
ARTIFACT_OPERATION(list_multipart_uploads);
ARTIFACT_OPERATION(list_object_versions);
ARTIFACT_OPERATION(list_objects);
ARTIFACT_OPERATION(list_objects_v2);
ARTIFACT_OPERATION(list_parts);
ARTIFACT_OPERATION(put_bucket_policy);
ARTIFACT_OPERATION(put_bucket_versioning);
ARTIFACT_OPERATION(put_object);
ARTIFACT_OPERATION(put_public_access_block);
ARTIFACT_OPERATION(upload_part);
ARTIFACT_OPERATION(upload_part_copy);

#undef ARTIFACT_OPERATION

#endif
