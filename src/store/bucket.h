/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets. Finders answer 1 (found), 0 (none) or -1; what they return lives in the arena. */
#ifndef TOWPATH_STORE_BUCKET_H
#define TOWPATH_STORE_BUCKET_H

#include "db/db.h"
#include "s3.gen.h"

extern const struct db_migration store_bucket_migrations[];
extern const size_t store_bucket_migrations_n;

struct store_bucket {
	const char *name;
	const char *versioning; /* "", "Enabled" or "Suspended" */
	int64_t created_usec;
};

/* Who else may use it, beside whom identity lets. */
struct store_bucket_access {
	const char *policy;					  /* JSON; "": none */
	bool policy_public;					  /* it lets in everybody */
	const struct s3_public_access_block_configuration *block; /* NULL: none */
};

/* ERR_CONFLICT when it exists. Without a policy, and with public access blocked in all ways. */
int store_bucket_insert(struct db_tx *tx, const struct store_bucket *b, struct err *err);
int store_bucket_get(struct db_tx *tx, const char *name, struct arena *a, struct store_bucket *ret,
	struct err *err);
int store_bucket_set_versioning(
	struct db_tx *tx, const char *name, const char *versioning, struct err *err);
int store_bucket_access_get(struct db_tx *tx, const char *name, struct arena *a,
	struct store_bucket_access *ret, struct err *err);
int store_bucket_access_set(
	struct db_tx *tx, const char *name, const struct store_bucket_access *b, struct err *err);
int store_bucket_delete(struct db_tx *tx, const char *name, struct err *err);
/* Those with names after `after` that start with prefix, in order, at most max. */
int store_bucket_list(struct db_tx *tx, const char *prefix, const char *after, int64_t max,
	struct arena *a, struct store_bucket **ret, size_t *ret_n, struct err *err);

#endif
