/* SPDX-License-Identifier: Apache-2.0 */
/* The blobs of images: each digest once, whichever repositories hold it; which repository holds
 * which; and uploads under way.
 * Finders answer 1 (found), 0 (none) or -1; what they return lives in the arena. */
#ifndef TOWPATH_STORE_IMAGE_BLOB_H
#define TOWPATH_STORE_IMAGE_BLOB_H

#include "db/db.h"

extern const struct db_migration store_image_blob_migrations[];
extern const size_t store_image_blob_migrations_n;

struct store_image_blob {
	const char *digest, *file; /* file: a content file's id */
	int64_t size;
	int64_t touched_usec; /* of a link: when a client last relied on it */
};

int store_image_blob_insert(struct db_tx *tx, const struct store_image_blob *b, struct err *err);
int store_image_blob_get(struct db_tx *tx, const char *digest, struct arena *a,
	struct store_image_blob *ret, struct err *err);
int store_image_blob_delete(struct db_tx *tx, const char *digest, struct err *err);
/* 1 when a blob's or an upload's content is this file. */
int store_image_has_file(struct db_tx *tx, const char *file, struct err *err);

/* A repository holds a blob: inserts the link, or sets when it was touched. */
int store_image_link_put(struct db_tx *tx, const char *repository, const char *digest,
	int64_t touched_usec, struct err *err);
/* The blob, as the repository holds it. */
int store_image_link_get(struct db_tx *tx, const char *repository, const char *digest,
	struct arena *a, struct store_image_blob *ret, struct err *err);
int store_image_link_delete(
	struct db_tx *tx, const char *repository, const char *digest, struct err *err);
/* 1 when any repository holds the digest. */
int store_image_link_any(struct db_tx *tx, const char *digest, struct err *err);
/* Links that no manifest of the repository names, the least recently touched first, at most max. */
int store_image_link_loose(struct db_tx *tx, const char *repository, size_t max, struct arena *a,
	struct store_image_blob **ret, size_t *ret_n, struct err *err);
/* All links of a repository, digests after `after`, at most max. */
int store_image_link_list(struct db_tx *tx, const char *repository, const char *after, size_t max,
	struct arena *a, struct store_image_blob **ret, size_t *ret_n, struct err *err);

struct store_image_upload {
	const char *id, *repository, *file;
	int64_t created_usec, updated_usec;
	int short_parts; /* of the API: 1 the last part was short, 2 one before it as well */
};

int store_image_upload_insert(
	struct db_tx *tx, const struct store_image_upload *u, struct err *err);
int store_image_upload_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_image_upload *ret, struct err *err);
/* Sets updated_usec and short_parts; 0 when it is gone. */
int store_image_upload_touch(struct db_tx *tx, const struct store_image_upload *u, struct err *err);
int store_image_upload_delete(struct db_tx *tx, const char *id, struct err *err);
int store_image_upload_list(struct db_tx *tx, const char *repository, struct arena *a,
	struct store_image_upload **ret, size_t *ret_n, struct err *err);
/* When the oldest upload of the repository began; 0: there is none. */
int store_image_upload_oldest(
	struct db_tx *tx, const char *repository, int64_t *ret_usec, struct err *err);

#endif
