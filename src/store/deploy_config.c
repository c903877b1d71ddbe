/* SPDX-License-Identifier: Apache-2.0 */
/* Custom deployment configurations of CodeDeploy. */
#include "store/deploy_config.h"

const struct db_migration store_deploy_config_migrations[] = {
	{"1-create", "CREATE TABLE deploy_config ("
		     "name TEXT PRIMARY KEY, "
		     "doc TEXT NOT NULL)"},
};
const size_t store_deploy_config_migrations_n = ARRAY_SIZE(store_deploy_config_migrations);

int store_deploy_config_insert(
	struct db_tx *tx, const struct codedeploy_deployment_config_info *info, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	wire_encode_json(&codedeploy_deployment_config_info_shape, info, &doc);
	return db_exec(tx, "INSERT INTO deploy_config (name, doc) VALUES (?1, ?2)",
		DB_ARGS(DB_TEXT(info->deployment_config_name), DB_TEXT_VIEW(str_view(&doc))), NULL,
		err);
}

int store_deploy_config_find(struct db_tx *tx, const char *name, struct arena *a,
	struct codedeploy_deployment_config_info *ret, struct err *err)
{
	return store_deploy_doc_query(tx, "SELECT doc FROM deploy_config WHERE name = ?1",
		DB_ARGS(DB_TEXT(name)), &codedeploy_deployment_config_info_shape, a, ret, err);
}

int store_deploy_config_delete(struct db_tx *tx, const char *name, struct err *err)
{
	return db_exec(
		tx, "DELETE FROM deploy_config WHERE name = ?1", DB_ARGS(DB_TEXT(name)), NULL, err);
}

int store_deploy_config_list(
	struct db_tx *tx, struct arena *a, struct store_deploy_names *ret, struct err *err)
{
	return store_deploy_names_query(tx, "SELECT name FROM deploy_config ORDER BY name",
		DB_NO_ARGS, SIZE_MAX, a, ret, err);
}
