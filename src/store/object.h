/* SPDX-License-Identifier: Apache-2.0 */
/* Objects (every version of them) and the trash of their content files. Keys are bytes, so that
 * both databases list them in the order of their bytes.
 * Finders answer 1 (found), 0 (none) or -1; what they return lives in the arena. */
#ifndef TOWPATH_STORE_OBJECT_H
#define TOWPATH_STORE_OBJECT_H

#include "db/db.h"
#include "towpath.gen.h"

extern const struct db_migration store_object_migrations[];
extern const size_t store_object_migrations_n;

struct store_object {
	const char *bucket, *key;
	const char *version_id; /* "null" without versioning */
	int64_t seq;		/* grows with each version of the key */
	bool latest, marker;
	int64_t size;
	const char *etag; /* without quotes; "" of markers */
	const char *blob; /* names the content file; "" of markers */
	int64_t modified_usec;
	const struct towpath_object_meta *meta; /* NULL where lists leave it out */
};

/* Inserts as the newest version: sets seq and latest. */
int store_object_insert(struct db_tx *tx, struct store_object *o, struct err *err);
/* Removes one version; the newest that is left becomes the latest. */
int store_object_delete(struct db_tx *tx, const char *bucket, const char *key,
	const char *version_id, struct err *err);
/* version_id NULL: the latest (which may be a marker). */
int store_object_get(struct db_tx *tx, const char *bucket, const char *key, const char *version_id,
	struct arena *a, struct store_object *ret, struct err *err);
/* 1 when the bucket holds any version of anything. */
int store_object_any(struct db_tx *tx, const char *bucket, struct err *err);
/* 1 when a version's content is this file. */
int store_object_has_blob(struct db_tx *tx, const char *blob, struct err *err);

struct store_object_range {
	const char *bucket;
	struct view from;   /* keys from here on */
	bool exclusive;	    /* without `from` itself */
	int64_t before_seq; /* with versions: of `from` itself, those with a lower seq; 0: none */
	struct view end;    /* keys below this; empty: no end */
	bool versions;	    /* all versions and markers; else latest ones that are no markers */
	int64_t max;
};
/* In the order of keys, versions newest first; without meta. */
int store_object_list(struct db_tx *tx, const struct store_object_range *range, struct arena *a,
	struct store_object **ret, size_t *ret_n, struct err *err);

/* Files that lost their row, to be removed from disk. */
int store_trash_add(struct db_tx *tx, const char *blob, struct err *err);
int store_trash_remove(struct db_tx *tx, const char *blob, struct err *err);
int store_trash_list(struct db_tx *tx, int64_t max, struct arena *a, const char ***ret,
	size_t *ret_n, struct err *err);

#endif
