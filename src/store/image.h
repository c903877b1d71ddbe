/* SPDX-License-Identifier: Apache-2.0 */
/* Image repositories: their documents, manifests, what manifests name, and tags. The bytes of
 * layers are store/image_blob.h's.
 * Finders answer 1 (found), 0 (none) or -1; what they return lives in the arena. */
#ifndef TOWPATH_STORE_IMAGE_H
#define TOWPATH_STORE_IMAGE_H

#include "store/document.h"

extern const struct db_migration store_image_migrations[];
extern const size_t store_image_migrations_n;

/* Documents by the repository's name. */
extern const struct store_document_kind STORE_IMAGE_REPOSITORY; /* ecr_repository */
extern const struct store_document_kind STORE_IMAGE_POLICY; /* ecr_get_repository_policy_response */
extern const struct store_document_kind
	STORE_IMAGE_LIFECYCLE; /* ecr_get_lifecycle_policy_response */
/* ecr_get_lifecycle_policy_preview_response */
extern const struct store_document_kind STORE_IMAGE_PREVIEW;

struct store_image {
	const char *repository, *digest;
	const char *media_type;	   /* of the manifest */
	const char *artifact_type; /* what it holds; "" when it does not say */
	const char *subject;	   /* digest of the manifest it speaks of; "" for none */
	int64_t size;		   /* of what it names, compressed; an index: its largest member */
	int64_t pushed_usec, pulled_usec; /* 0: never pulled */
	struct view body;		  /* the manifest's bytes, where the finder reads them */
};

int store_image_insert(struct db_tx *tx, const struct store_image *i, struct err *err);
/* With its body. */
int store_image_get(struct db_tx *tx, const char *repository, const char *digest, struct arena *a,
	struct store_image *ret, struct err *err);
/* With its tags and references. */
int store_image_delete(
	struct db_tx *tx, const char *repository, const char *digest, struct err *err);
int store_image_set_pulled(struct db_tx *tx, const char *repository, const char *digest,
	int64_t usec, struct err *err);
/* Digests after `after`, in order, at most max (0: all); without bodies. */
int store_image_list(struct db_tx *tx, const char *repository, const char *after, size_t max,
	struct arena *a, struct store_image **ret, size_t *ret_n, struct err *err);
/* Those whose subject it is, with bodies; digests after `after`, in order, at most max. */
int store_image_referrers(struct db_tx *tx, const char *repository, const char *subject,
	const char *after, size_t max, struct arena *a, struct store_image **ret, size_t *ret_n,
	struct err *err);
/* 1 when the repository holds an image. */
int store_image_any(struct db_tx *tx, const char *repository, struct err *err);
/* Everything of a repository that this file keeps. */
int store_image_delete_all(struct db_tx *tx, const char *repository, struct err *err);

/* What a manifest names: blobs, or other manifests. */
int store_image_reference_add(struct db_tx *tx, const char *repository, const char *manifest,
	const char *digest, bool is_manifest, struct err *err);
/* A manifest of the repository that names the digest (ret may be NULL). */
int store_image_named(struct db_tx *tx, const char *repository, const char *digest,
	bool is_manifest, struct arena *a, const char **ret, struct err *err);

/* Which manifest names which, all of a repository; both digests. */
struct store_image_pair {
	const char *manifest, *member;
};
int store_image_pairs(struct db_tx *tx, const char *repository, struct arena *a,
	struct store_image_pair **ret, size_t *ret_n, struct err *err);

struct store_image_tag {
	const char *tag, *digest;
	int64_t pushed_usec;
};

/* Inserts or moves. */
int store_image_tag_put(
	struct db_tx *tx, const char *repository, const struct store_image_tag *t, struct err *err);
int store_image_tag_get(struct db_tx *tx, const char *repository, const char *tag, struct arena *a,
	struct store_image_tag *ret, struct err *err);
int store_image_tag_delete(
	struct db_tx *tx, const char *repository, const char *tag, struct err *err);
/* In the order of tags; those of one image (digest NULL: of all), after `after`, at most max (0:
 * all). */
int store_image_tag_list(struct db_tx *tx, const char *repository, const char *digest,
	const char *after, size_t max, struct arena *a, struct store_image_tag **ret, size_t *ret_n,
	struct err *err);

#endif
