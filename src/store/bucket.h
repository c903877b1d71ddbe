/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets. Finders answer 1 (found), 0 (none) or -1; what they return lives in the arena. */
#ifndef TOWPATH_STORE_BUCKET_H
#define TOWPATH_STORE_BUCKET_H

#include "db/db.h"

extern const struct db_migration store_bucket_migrations[];
extern const size_t store_bucket_migrations_n;

struct store_bucket {
	const char *name;
	const char *versioning; /* "", "Enabled" or "Suspended" */
	int64_t created_usec;
};

/* ERR_CONFLICT when it exists. */
int store_bucket_insert(struct db_tx *tx, const struct store_bucket *b, struct err *err);
int store_bucket_get(struct db_tx *tx, const char *name, struct arena *a, struct store_bucket *ret,
	struct err *err);
int store_bucket_set_versioning(
	struct db_tx *tx, const char *name, const char *versioning, struct err *err);
int store_bucket_delete(struct db_tx *tx, const char *name, struct err *err);
/* Those with names after `after` that start with prefix, in order, at most max. */
int store_bucket_list(struct db_tx *tx, const char *prefix, const char *after, int64_t max,
	struct arena *a, struct store_bucket **ret, size_t *ret_n, struct err *err);

#endif
