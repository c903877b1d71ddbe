/* SPDX-License-Identifier: Apache-2.0 */
/* Applications of CodeDeploy: one row each, the API's document beside its keys. */
#include "store/deploy_application.h"

const struct db_migration store_deploy_application_migrations[] = {
	{"1-create", "CREATE TABLE deploy_application ("
		     "id TEXT PRIMARY KEY, "
		     "name TEXT NOT NULL UNIQUE, "
		     "doc TEXT NOT NULL)"},
};
const size_t store_deploy_application_migrations_n =
	ARRAY_SIZE(store_deploy_application_migrations);

static int save(struct db_tx *tx, const char *sql, const struct codedeploy_application_info *info,
	struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	wire_encode_json(&codedeploy_application_info_shape, info, &doc);
	return db_exec(tx, sql,
		DB_ARGS(DB_TEXT(info->application_id), DB_TEXT(info->application_name),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_deploy_application_insert(
	struct db_tx *tx, const struct codedeploy_application_info *info, struct err *err)
{
	return save(tx, "INSERT INTO deploy_application (id, name, doc) VALUES (?1, ?2, ?3)", info,
		err);
}

int store_deploy_application_update(
	struct db_tx *tx, const struct codedeploy_application_info *info, struct err *err)
{
	return save(
		tx, "UPDATE deploy_application SET name = ?2, doc = ?3 WHERE id = ?1", info, err);
}

int store_deploy_application_find(struct db_tx *tx, const char *name, struct arena *a,
	struct codedeploy_application_info *ret, struct err *err)
{
	return store_deploy_doc_query(tx, "SELECT doc FROM deploy_application WHERE name = ?1",
		DB_ARGS(DB_TEXT(name)), &codedeploy_application_info_shape, a, ret, err);
}

int store_deploy_application_get(struct db_tx *tx, const char *id, struct arena *a,
	struct codedeploy_application_info *ret, struct err *err)
{
	return store_deploy_doc_query(tx, "SELECT doc FROM deploy_application WHERE id = ?1",
		DB_ARGS(DB_TEXT(id)), &codedeploy_application_info_shape, a, ret, err);
}

int store_deploy_application_delete(struct db_tx *tx, const char *id, struct err *err)
{
	return db_exec(tx, "DELETE FROM deploy_application WHERE id = ?1", DB_ARGS(DB_TEXT(id)),
		NULL, err);
}

int store_deploy_application_list(struct db_tx *tx, const struct store_deploy_page *page,
	struct arena *a, struct store_deploy_names *ret, struct err *err)
{
	return store_deploy_names_query(tx,
		"SELECT name FROM deploy_application WHERE name > ?1 ORDER BY name LIMIT ?2",
		DB_ARGS(DB_TEXT(page->after ? page->after : ""), DB_INT((int64_t)page->limit + 1)),
		page->limit, a, ret, err);
}
