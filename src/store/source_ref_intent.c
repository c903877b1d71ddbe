/* SPDX-License-Identifier: Apache-2.0 */
#include "store/source_ref_intent.h"

#include "base/vec.h"

const struct db_migration store_source_ref_intent_migrations[] = {
	{"1-create", "CREATE TABLE source_ref_intent ("
		     "repository_id TEXT NOT NULL, "
		     "ref TEXT NOT NULL, "
		     "before_id TEXT NOT NULL, "
		     "after_id TEXT NOT NULL, "
		     "actor TEXT, "
		     "token TEXT NOT NULL, "
		     "created_usec BIGINT NOT NULL, "
		     "PRIMARY KEY (repository_id, ref))"},
};
const size_t store_source_ref_intent_migrations_n = ARRAY_SIZE(store_source_ref_intent_migrations);

int store_source_ref_intent_insert(
	struct db_tx *tx, const struct store_source_ref_intent *i, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO source_ref_intent "
		"(repository_id, ref, before_id, after_id, actor, token, created_usec) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		DB_ARGS(DB_TEXT(i->repository_id), DB_TEXT(i->ref), DB_TEXT(i->before),
			DB_TEXT(i->after), DB_TEXT(i->actor), DB_TEXT(i->token),
			DB_INT(i->created_usec)),
		NULL, err);
}

int store_source_ref_intent_delete(struct db_tx *tx, const char *repository_id, const char *ref,
	const char *token, bool *ret_found, struct err *err)
{
	int64_t changed = 0;

	if (db_exec(tx,
		    "DELETE FROM source_ref_intent "
		    "WHERE repository_id = ?1 AND ref = ?2 AND token = ?3",
		    DB_ARGS(DB_TEXT(repository_id), DB_TEXT(ref), DB_TEXT(token)), &changed,
		    err) < 0)
		return -1;
	*ret_found = changed > 0;
	return 0;
}

int store_source_ref_intent_delete_all(struct db_tx *tx, const char *repository_id, struct err *err)
{
	return db_exec(tx, "DELETE FROM source_ref_intent WHERE repository_id = ?1",
		DB_ARGS(DB_TEXT(repository_id)), NULL, err);
}

int store_source_ref_intent_list(struct db_tx *tx, const char *repository_id, struct arena *a,
	struct store_source_ref_intent **ret, size_t *ret_n, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	VEC(struct store_source_ref_intent) found = {0};
	int rc;

	if (db_query(tx,
		    "SELECT repository_id, ref, before_id, after_id, actor, token, created_usec "
		    "FROM source_ref_intent WHERE ?1 = '' OR repository_id = ?1 "
		    "ORDER BY repository_id, ref",
		    DB_ARGS(DB_TEXT(repository_id ? repository_id : "")), &rows, err) < 0)
		return -1;
	while ((rc = db_next(rows, err)) > 0)
		vec_push(&found,
			(struct store_source_ref_intent){.repository_id = db_col_text(rows, 0, a),
				.ref = db_col_text(rows, 1, a),
				.before = db_col_text(rows, 2, a),
				.after = db_col_text(rows, 3, a),
				.actor = db_col_text(rows, 4, a),
				.token = db_col_text(rows, 5, a),
				.created_usec = db_col_int(rows, 6)});
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_source_ref_intent);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return rc;
}
