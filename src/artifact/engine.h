/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef TOWPATH_ARTIFACT_ENGINE_H
#define TOWPATH_ARTIFACT_ENGINE_H

#include "artifact/artifact.h"
#include "artifact/blob.h"
#include "artifact/checksum.h"
#include "store/bucket.h"
#include "store/object.h"
#include "store/upload.h"

struct artifact_engine {
	struct durable *durable;
	char *account, *region;
	char *registry_host, *endpoint; /* or NULL */
	int local_port;			/* or 0 */
	const struct artifact_tokens *tokens;
	const struct artifact_policies *policies; /* or NULL */
	struct blob_store blobs;
	struct image_sessions *sessions; /* uploads of images under way */
};

/* Sets the error with kind ERR_NOT_FOUND and the wire name. */
int artifact_not_found(struct err *err, const char *wire, const char *name);
int artifact_no_bucket(struct err *err);
int artifact_no_key(struct err *err);

/* Within a transaction; missing: NoSuchBucket. */
int artifact_need_bucket(struct db_tx *tx, const char *name, struct arena *a,
	struct store_bucket *ret, struct err *err);
/* The same in a transaction of its own. */
int artifact_load_bucket(struct artifact_engine *e, const char *name, struct arena *a,
	struct store_bucket *ret, struct err *err);

/* ---- writing ---- */

struct artifact_condition {
	const char *if_match, *if_none_match; /* of writes; NULL: none */
};

/* A new version of an object, to be committed with its event. */
struct artifact_commit {
	struct artifact_engine *e;
	struct store_object object; /* version_id, seq are filled in */
	struct artifact_condition condition;
	const char *upload_id; /* ended by the same step, or NULL */
	const char *actor;
	struct arena *arena;
	bool versioned; /* out: the bucket has (or had) versions */
};

/* Commits what w holds (synced) as the object. */
int artifact_commit(struct artifact_commit *c, struct blob_writer *w, struct err *err);
/* Reads the stream to its end into w, and verifies the claim. */
int artifact_receive(struct blob_writer *w, struct call_stream *stream,
	const struct checksum_claim *claim, struct arena *a, struct towpath_object_meta *meta,
	struct err *err);
/* Hex of the writer's MD5, in the arena. */
const char *artifact_etag(const struct blob_writer *w, struct arena *a);
/* Puts a file into the trash and makes sure that somebody empties it; "" is fine. */
int artifact_discard(
	struct artifact_engine *e, struct db_tx *tx, const char *blob, struct err *err);
int artifact_journal(struct artifact_engine *e, struct db_tx *tx, const struct store_object *o,
	const char *event, const char *actor, struct err *err);
/* A random version or upload id, in the arena. */
const char *artifact_new_id(struct arena *a);
/* 1..1024 bytes of UTF-8. */
int artifact_check_key(const char *key, struct err *err);

/* ---- reading ---- */

/* The version, or the latest; markers are not found. */
int artifact_load(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, struct arena *a, struct store_object *ret, struct err *err);
/* As artifact_load(), and opens its content. */
int artifact_load_open(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, struct arena *a, struct store_object *ret, int *ret_fd,
	struct err *err);

struct artifact_read_condition {
	const char *if_match, *if_none_match;
	struct wire_time if_modified_since, if_unmodified_since;
};
/* PreconditionFailed or NotModified. */
int artifact_check_read(
	const struct artifact_read_condition *c, const struct store_object *o, struct err *err);
/* Whether an etag (without quotes) is in a list such as "\"a\", \"b\"" or "*". */
bool artifact_etag_in(const char *list, const char *etag);

/* "\"etag\"" in the arena. */
const char *artifact_quote(struct arena *a, const char *etag);
/* Percent-encoded when the client asked for it (encoding-type=url). */
const char *artifact_listed(struct arena *a, const char *key, const char *encoding);
/* The first bytes above all that start with prefix; empty: there are none. In the arena. */
struct view artifact_prefix_end(struct arena *a, struct view prefix);

#endif
