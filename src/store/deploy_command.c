/* SPDX-License-Identifier: Apache-2.0 */
/* Commands for host agents, and on-premises instances. */
#include "store/deploy_command.h"

const struct db_migration store_deploy_command_migrations[] = {
	{"1-create", "CREATE TABLE deploy_command ("
		     "id TEXT PRIMARY KEY, "
		     "host TEXT NOT NULL, "
		     "deployment_id TEXT NOT NULL, "
		     "event TEXT NOT NULL, "
		     "state BIGINT NOT NULL, "
		     "created BIGINT NOT NULL, "
		     "polled BIGINT NOT NULL, "
		     "polled_by TEXT);\n"
		     "CREATE INDEX deploy_command_host ON deploy_command (host, state);\n"
		     "CREATE TABLE deploy_onprem ("
		     "name TEXT PRIMARY KEY, "
		     "arn TEXT, "
		     "registered BIGINT NOT NULL, "
		     "doc TEXT NOT NULL);\n"
		     "CREATE INDEX deploy_onprem_arn ON deploy_onprem (arn)"},
};
const size_t store_deploy_command_migrations_n = ARRAY_SIZE(store_deploy_command_migrations);

#define COLUMNS "id, host, deployment_id, event, state, created, polled, polled_by"

int store_command_insert(struct db_tx *tx, const struct store_command *c, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO deploy_command (" COLUMNS ") "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		DB_ARGS(DB_TEXT(c->id), DB_TEXT(c->host), DB_TEXT(c->deployment_id),
			DB_TEXT(c->event), DB_INT(c->state), DB_INT(c->created_usec),
			DB_INT(c->polled_usec), DB_TEXT(c->polled_by)),
		NULL, err);
}

int store_command_update(struct db_tx *tx, const struct store_command *c, struct err *err)
{
	return db_exec(tx,
		"UPDATE deploy_command SET state = ?2, polled = ?3, polled_by = ?4 WHERE id = ?1",
		DB_ARGS(DB_TEXT(c->id), DB_INT(c->state), DB_INT(c->polled_usec),
			DB_TEXT(c->polled_by)),
		NULL, err);
}

static int read_command(
	struct db_rows *rows, struct arena *a, struct store_command *ret, struct err *err)
{
	int found = db_next(rows, err);

	if (found <= 0)
		return found;
	ret->id = db_col_text(rows, 0, a);
	ret->host = db_col_text(rows, 1, a);
	ret->deployment_id = db_col_text(rows, 2, a);
	ret->event = db_col_text(rows, 3, a);
	ret->state = (enum store_command_state)db_col_int(rows, 4);
	ret->created_usec = db_col_int(rows, 5);
	ret->polled_usec = db_col_int(rows, 6);
	ret->polled_by = db_col_text(rows, 7, a);
	return 1;
}

int store_command_get(struct db_tx *tx, const char *id, struct arena *a, struct store_command *ret,
	struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT " COLUMNS " FROM deploy_command WHERE id = ?1",
		    DB_ARGS(DB_TEXT(id)), &rows, err) < 0)
		return -1;
	return read_command(rows, a, ret, err);
}

int store_command_next(struct db_tx *tx, const char *host, int64_t polled_before_usec,
	const char *polled_by, struct arena *a, struct store_command *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx,
		    "SELECT " COLUMNS " FROM deploy_command WHERE host = ?1 "
		    "AND (state = 0 OR (state = 1 AND (polled < ?2 OR polled_by <> ?3))) "
		    "ORDER BY created, id LIMIT 1",
		    DB_ARGS(DB_TEXT(host), DB_INT(polled_before_usec),
			    DB_TEXT(polled_by ? polled_by : "")),
		    &rows, err) < 0)
		return -1;
	return read_command(rows, a, ret, err);
}

int store_command_end_all(
	struct db_tx *tx, const char *deployment_id, const char *host, struct err *err)
{
	return db_exec(tx,
		"UPDATE deploy_command SET state = 3 "
		"WHERE host = ?2 AND deployment_id = ?1 AND state < 3",
		DB_ARGS(DB_TEXT(deployment_id), DB_TEXT(host)), NULL, err);
}

/* ---- on-premises instances ---- */

int store_onprem_put(struct db_tx *tx, const struct store_onprem *o, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;
	const char *arn = o->info.iam_user_arn ? o->info.iam_user_arn : o->info.iam_session_arn;

	wire_encode_json(&codedeploy_instance_info_shape, &o->info, &doc);
	return db_exec(tx,
		"INSERT INTO deploy_onprem (name, arn, registered, doc) VALUES (?1, ?2, ?3, ?4) "
		"ON CONFLICT (name) DO UPDATE SET arn = excluded.arn, "
		"registered = excluded.registered, doc = excluded.doc",
		DB_ARGS(DB_TEXT(o->info.instance_name), DB_TEXT(arn), DB_INT(o->registered),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

static int find_onprem(struct db_tx *tx, const char *sql, const char *key, struct arena *a,
	struct store_onprem *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	if (db_query(tx, sql, DB_ARGS(DB_TEXT(key)), &rows, err) < 0)
		return -1;
	found = db_next(rows, err);
	if (found <= 0)
		return found;
	ret->registered = db_col_int(rows, 1) != 0;
	if (wire_decode_json(
		    &codedeploy_instance_info_shape, db_col_bytes(rows, 0), a, &ret->info, err) < 0)
		return err_wrap(err, "stored on-premises instance %s", key);
	return 1;
}

int store_onprem_get(struct db_tx *tx, const char *name, struct arena *a, struct store_onprem *ret,
	struct err *err)
{
	return find_onprem(
		tx, "SELECT doc, registered FROM deploy_onprem WHERE name = ?1", name, a, ret, err);
}

int store_onprem_by_arn(struct db_tx *tx, const char *arn, struct arena *a,
	struct store_onprem *ret, struct err *err)
{
	return find_onprem(tx,
		"SELECT doc, registered FROM deploy_onprem WHERE arn = ?1 AND registered = 1", arn,
		a, ret, err);
}

int store_onprem_names(
	struct db_tx *tx, struct arena *a, struct store_deploy_names *ret, struct err *err)
{
	return store_deploy_names_query(tx, "SELECT name FROM deploy_onprem ORDER BY name",
		DB_NO_ARGS, SIZE_MAX, a, ret, err);
}
