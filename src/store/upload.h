/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart uploads under way, and their parts.
 * Finders answer 1 (found), 0 (none) or -1; what they return lives in the arena. */
#ifndef TOWPATH_STORE_UPLOAD_H
#define TOWPATH_STORE_UPLOAD_H

#include "db/db.h"
#include "towpath.gen.h"

extern const struct db_migration store_upload_migrations[];
extern const size_t store_upload_migrations_n;

struct store_upload {
	const char *id, *bucket, *key;
	int64_t created_usec;
	const struct towpath_object_meta *meta; /* of the object to be */
};

struct store_part {
	int number;
	int64_t size;
	const char *etag, *blob; /* etag without quotes */
	int64_t modified_usec;
	const struct towpath_object_meta *meta; /* checksums */
};

int store_upload_insert(struct db_tx *tx, const struct store_upload *u, struct err *err);
int store_upload_get(struct db_tx *tx, const char *id, struct arena *a, struct store_upload *ret,
	struct err *err);
/* With its parts. */
int store_upload_delete(struct db_tx *tx, const char *id, struct err *err);
/* Those of a bucket whose (key, id) come after the given, whose keys start with prefix (its end
 * given by `end`, empty: none), in that order, at most max. */
int store_upload_list(struct db_tx *tx, const char *bucket, struct view after_key,
	const char *after_id, struct view prefix, struct view end, int64_t max, struct arena *a,
	struct store_upload **ret, size_t *ret_n, struct err *err);
/* Inserts or replaces. */
int store_part_put(
	struct db_tx *tx, const char *upload_id, const struct store_part *p, struct err *err);
int store_part_get(struct db_tx *tx, const char *upload_id, int number, struct arena *a,
	struct store_part *ret, struct err *err);
/* Parts with numbers above `after`, in order, at most max. */
int store_part_list(struct db_tx *tx, const char *upload_id, int after, int64_t max,
	struct arena *a, struct store_part **ret, size_t *ret_n, struct err *err);
/* 1 when a part's content is this file. */
int store_part_has_blob(struct db_tx *tx, const char *blob, struct err *err);

#endif
