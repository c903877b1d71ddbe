/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions registered with an application of CodeDeploy. */
#include "store/deploy_revision.h"

#include "base/vec.h"
#include "store/deploy_page.h"

const struct db_migration store_deploy_revision_migrations[] = {
	{"1-create", "CREATE TABLE deploy_revision ("
		     "application_id TEXT NOT NULL, "
		     "revision_key TEXT NOT NULL, "
		     "registered BIGINT NOT NULL, "
		     "doc TEXT NOT NULL, "
		     "PRIMARY KEY (application_id, revision_key))"},
};
const size_t store_deploy_revision_migrations_n = ARRAY_SIZE(store_deploy_revision_migrations);

int store_deploy_revision_put(struct db_tx *tx, const char *application_id, const char *key,
	const struct codedeploy_revision_info *info, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;
	int64_t registered =
		info->generic_revision_info ? info->generic_revision_info->register_time.usec : 0;

	wire_encode_json(&codedeploy_revision_info_shape, info, &doc);
	return db_exec(tx,
		"INSERT INTO deploy_revision (application_id, revision_key, registered, doc) "
		"VALUES (?1, ?2, ?3, ?4) ON CONFLICT (application_id, revision_key) "
		"DO UPDATE SET doc = excluded.doc",
		DB_ARGS(DB_TEXT(application_id), DB_TEXT(key), DB_INT(registered),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_deploy_revision_find(struct db_tx *tx, const char *application_id, const char *key,
	struct arena *a, struct codedeploy_revision_info *ret, struct err *err)
{
	return store_deploy_doc_query(tx,
		"SELECT doc FROM deploy_revision WHERE application_id = ?1 AND revision_key = ?2",
		DB_ARGS(DB_TEXT(application_id), DB_TEXT(key)), &codedeploy_revision_info_shape, a,
		ret, err);
}

int store_deploy_revision_list(struct db_tx *tx, const char *application_id, struct arena *a,
	struct codedeploy_revision_info_list *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct codedeploy_revision_info) all = {0};
	int more;

	if (db_query(tx,
		    "SELECT doc FROM deploy_revision WHERE application_id = ?1 "
		    "ORDER BY registered, revision_key",
		    DB_ARGS(DB_TEXT(application_id)), &rows, err) < 0)
		return -1;
	while ((more = db_next(rows, err)) > 0) {
		struct codedeploy_revision_info one;

		if (wire_decode_json(&codedeploy_revision_info_shape, db_col_bytes(rows, 0), a,
			    &one, err) < 0) {
			more = -1;
			break;
		}
		vec_push(&all, one);
	}
	wire_list_alloc(a, ret, all.n);
	if (all.n)
		memcpy(ret->v, all.v, all.n * sizeof(*all.v));
	vec_release(&all);
	return more < 0 ? -1 : 0;
}

int store_deploy_revision_delete_all(struct db_tx *tx, const char *application_id, struct err *err)
{
	return db_exec(tx, "DELETE FROM deploy_revision WHERE application_id = ?1",
		DB_ARGS(DB_TEXT(application_id)), NULL, err);
}
