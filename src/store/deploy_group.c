/* SPDX-License-Identifier: Apache-2.0 */
/* Deployment groups of CodeDeploy: documents, tags and the health of their hosts. */
#include "store/deploy_group.h"

#include "base/vec.h"

const struct db_migration store_deploy_group_migrations[] = {
	{"1-create", "CREATE TABLE deploy_group ("
		     "id TEXT PRIMARY KEY, "
		     "application_id TEXT NOT NULL, "
		     "name TEXT NOT NULL, "
		     "doc TEXT NOT NULL, "
		     "UNIQUE (application_id, name));\n"
		     "CREATE TABLE deploy_tag ("
		     "resource TEXT NOT NULL, "
		     "tag_key TEXT NOT NULL, "
		     "tag_value TEXT, "
		     "PRIMARY KEY (resource, tag_key));\n"
		     "CREATE TABLE deploy_health ("
		     "group_id TEXT NOT NULL, "
		     "host TEXT NOT NULL, "
		     "healthy BIGINT NOT NULL, "
		     "revision TEXT, "
		     "PRIMARY KEY (group_id, host))"},
};
const size_t store_deploy_group_migrations_n = ARRAY_SIZE(store_deploy_group_migrations);

int store_deploy_group_insert(struct db_tx *tx, const char *application_id,
	const struct codedeploy_deployment_group_info *info, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	wire_encode_json(&codedeploy_deployment_group_info_shape, info, &doc);
	return db_exec(tx,
		"INSERT INTO deploy_group (id, application_id, name, doc) VALUES (?1, ?2, ?3, ?4)",
		DB_ARGS(DB_TEXT(info->deployment_group_id), DB_TEXT(application_id),
			DB_TEXT(info->deployment_group_name), DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_deploy_group_update(
	struct db_tx *tx, const struct codedeploy_deployment_group_info *info, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	wire_encode_json(&codedeploy_deployment_group_info_shape, info, &doc);
	return db_exec(tx, "UPDATE deploy_group SET name = ?2, doc = ?3 WHERE id = ?1",
		DB_ARGS(DB_TEXT(info->deployment_group_id), DB_TEXT(info->deployment_group_name),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_deploy_group_find(struct db_tx *tx, const char *application_id, const char *name,
	struct arena *a, struct codedeploy_deployment_group_info *ret, struct err *err)
{
	return store_deploy_doc_query(tx,
		"SELECT doc FROM deploy_group WHERE application_id = ?1 AND name = ?2",
		DB_ARGS(DB_TEXT(application_id), DB_TEXT(name)),
		&codedeploy_deployment_group_info_shape, a, ret, err);
}

int store_deploy_group_get(struct db_tx *tx, const char *id, struct arena *a,
	struct codedeploy_deployment_group_info *ret, struct err *err)
{
	return store_deploy_doc_query(tx, "SELECT doc FROM deploy_group WHERE id = ?1",
		DB_ARGS(DB_TEXT(id)), &codedeploy_deployment_group_info_shape, a, ret, err);
}

int store_deploy_group_delete(struct db_tx *tx, const char *id, struct err *err)
{
	if (db_exec(tx, "DELETE FROM deploy_health WHERE group_id = ?1", DB_ARGS(DB_TEXT(id)), NULL,
		    err) < 0)
		return -1;
	return db_exec(
		tx, "DELETE FROM deploy_group WHERE id = ?1", DB_ARGS(DB_TEXT(id)), NULL, err);
}

int store_deploy_group_list(struct db_tx *tx, const char *application_id,
	const struct store_deploy_page *page, struct arena *a, struct store_deploy_names *ret,
	struct err *err)
{
	return store_deploy_names_query(tx,
		"SELECT name FROM deploy_group WHERE application_id = ?1 AND name > ?2 "
		"ORDER BY name LIMIT ?3",
		DB_ARGS(DB_TEXT(application_id), DB_TEXT(page->after ? page->after : ""),
			DB_INT((int64_t)page->limit + 1)),
		page->limit, a, ret, err);
}

int store_deploy_group_ids(
	struct db_tx *tx, struct arena *a, struct store_deploy_names *ret, struct err *err)
{
	return store_deploy_names_query(
		tx, "SELECT id FROM deploy_group ORDER BY id", DB_NO_ARGS, SIZE_MAX, a, ret, err);
}

int store_deploy_tag_put(
	struct db_tx *tx, const char *resource, const char *key, const char *value, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO deploy_tag (resource, tag_key, tag_value) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (resource, tag_key) DO UPDATE SET tag_value = excluded.tag_value",
		DB_ARGS(DB_TEXT(resource), DB_TEXT(key), DB_TEXT(value)), NULL, err);
}

int store_deploy_tag_remove(
	struct db_tx *tx, const char *resource, const char *key, struct err *err)
{
	return db_exec(tx, "DELETE FROM deploy_tag WHERE resource = ?1 AND tag_key = ?2",
		DB_ARGS(DB_TEXT(resource), DB_TEXT(key)), NULL, err);
}

int store_deploy_tag_list(struct db_tx *tx, const char *resource, struct arena *a,
	struct codedeploy_tag_list *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct codedeploy_tag) tags = {0};
	int more;

	if (db_query(tx,
		    "SELECT tag_key, tag_value FROM deploy_tag WHERE resource = ?1 ORDER BY "
		    "tag_key",
		    DB_ARGS(DB_TEXT(resource)), &rows, err) < 0)
		return -1;
	while ((more = db_next(rows, err)) > 0)
		vec_push(&tags, (struct codedeploy_tag){.key = db_col_text(rows, 0, a),
					.value = db_col_text(rows, 1, a)});
	wire_list_alloc(a, ret, tags.n);
	if (tags.n)
		memcpy(ret->v, tags.v, tags.n * sizeof(*tags.v));
	vec_release(&tags);
	return more < 0 ? -1 : 0;
}

int store_deploy_health_put(struct db_tx *tx, const char *group_id, const char *host,
	const struct store_deploy_health *health, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO deploy_health (group_id, host, healthy, revision) "
		"VALUES (?1, ?2, ?3, ?4) ON CONFLICT (group_id, host) DO UPDATE SET "
		"healthy = excluded.healthy, revision = excluded.revision",
		DB_ARGS(DB_TEXT(group_id), DB_TEXT(host), DB_INT(health->healthy),
			DB_TEXT(health->revision)),
		NULL, err);
}

int store_deploy_health_get(struct db_tx *tx, const char *group_id, const char *host,
	struct arena *a, struct store_deploy_health *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	*ret = (struct store_deploy_health){0};
	if (db_query(tx,
		    "SELECT healthy, revision FROM deploy_health WHERE group_id = ?1 AND host = ?2",
		    DB_ARGS(DB_TEXT(group_id), DB_TEXT(host)), &rows, err) < 0)
		return -1;
	found = db_next(rows, err);
	if (found > 0) {
		ret->healthy = db_col_int(rows, 0) != 0;
		ret->revision = db_col_text(rows, 1, a);
	}
	return found;
}
