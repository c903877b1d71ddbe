/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets. */
#include "store/bucket.h"

#include "base/vec.h"
#include "wire/wire.h"

const struct db_migration store_bucket_migrations[] = {
	{"1-create", "CREATE TABLE bucket ("
		     "name TEXT PRIMARY KEY, "
		     "versioning TEXT NOT NULL, "
		     "created INTEGER NOT NULL)"},
	{"2-policy", "ALTER TABLE bucket ADD COLUMN policy TEXT NOT NULL DEFAULT '';\n"
		     "ALTER TABLE bucket ADD COLUMN policy_public INTEGER NOT NULL DEFAULT 0;\n"
		     "ALTER TABLE bucket ADD COLUMN access_block TEXT NOT NULL DEFAULT "
		     "'{\"BlockPublicAcls\":true,\"BlockPublicPolicy\":true,"
		     "\"IgnorePublicAcls\":true,\"RestrictPublicBuckets\":true}'"},
};
const size_t store_bucket_migrations_n = ARRAY_SIZE(store_bucket_migrations);

int store_bucket_insert(struct db_tx *tx, const struct store_bucket *b, struct err *err)
{
	return db_exec(tx, "INSERT INTO bucket (name, versioning, created) VALUES (?1, ?2, ?3)",
		DB_ARGS(DB_TEXT(b->name), DB_TEXT(b->versioning), DB_INT(b->created_usec)), NULL,
		err);
}

static void read_bucket(const struct db_rows *rows, struct arena *a, struct store_bucket *ret)
{
	ret->name = db_col_text(rows, 0, a);
	ret->versioning = db_col_text(rows, 1, a);
	ret->created_usec = db_col_int(rows, 2);
}

int store_bucket_get(struct db_tx *tx, const char *name, struct arena *a, struct store_bucket *ret,
	struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx, "SELECT name, versioning, created FROM bucket WHERE name = ?1",
		    DB_ARGS(DB_TEXT(name)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		read_bucket(rows, a, ret);
	return r;
}

int store_bucket_set_versioning(
	struct db_tx *tx, const char *name, const char *versioning, struct err *err)
{
	return db_exec(tx, "UPDATE bucket SET versioning = ?2 WHERE name = ?1",
		DB_ARGS(DB_TEXT(name), DB_TEXT(versioning)), NULL, err);
}

/* ---- who else may use it ---- */

static int read_access(const struct db_rows *rows, struct arena *a, struct store_bucket_access *ret,
	struct err *err)
{
	const char *block = db_col_text(rows, 2, a);
	struct s3_public_access_block_configuration *config;

	*ret = (struct store_bucket_access){
		.policy = db_col_text(rows, 0, a), .policy_public = db_col_int(rows, 1) != 0};
	if (!*block)
		return 0;
	config = arena_new(a, struct s3_public_access_block_configuration);
	ret->block = config;
	return wire_decode_json(
		&s3_public_access_block_configuration_shape, view_of(block), a, config, err);
}

int store_bucket_access_get(struct db_tx *tx, const char *name, struct arena *a,
	struct store_bucket_access *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx, "SELECT policy, policy_public, access_block FROM bucket WHERE name = ?1",
		    DB_ARGS(DB_TEXT(name)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0 && read_access(rows, a, ret, err) < 0)
		return err_wrap(err, "public access block of bucket %s", name);
	return r;
}

int store_bucket_access_set(
	struct db_tx *tx, const char *name, const struct store_bucket_access *b, struct err *err)
{
	struct str block CLEANUP_STR = STR_INIT;

	if (b->block)
		wire_encode_json(&s3_public_access_block_configuration_shape, b->block, &block);
	return db_exec(tx,
		"UPDATE bucket SET policy = ?2, policy_public = ?3, access_block = ?4 "
		"WHERE name = ?1",
		DB_ARGS(DB_TEXT(name), DB_TEXT(b->policy), DB_INT(b->policy_public),
			DB_TEXT(str_text(&block))),
		NULL, err);
}

int store_bucket_delete(struct db_tx *tx, const char *name, struct err *err)
{
	return db_exec(tx, "DELETE FROM bucket WHERE name = ?1", DB_ARGS(DB_TEXT(name)), NULL, err);
}

int store_bucket_list(struct db_tx *tx, const char *prefix, const char *after, int64_t max,
	struct arena *a, struct store_bucket **ret, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_bucket) found = {0};
	int r;

	/* Names are of ASCII below '~'. */
	if (db_query(tx,
		    "SELECT name, versioning, created FROM bucket WHERE name > ?1 AND name >= ?2 "
		    "AND name < ?3 ORDER BY name LIMIT ?4",
		    DB_ARGS(DB_TEXT(after), DB_TEXT(prefix),
			    DB_TEXT(arena_printf(a, "%s~", prefix)), DB_INT(max)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_bucket){0});
		read_bucket(rows, a, &found.v[found.n - 1]);
	}
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_bucket);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}
