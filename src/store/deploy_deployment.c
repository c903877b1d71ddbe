/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments and their targets. */
#include "store/deploy_deployment.h"

#include "base/vec.h"

const struct db_migration store_deploy_deployment_migrations[] = {
	{"1-create",
		"CREATE TABLE deploy_deployment ("
		"id TEXT PRIMARY KEY, "
		"application_id TEXT NOT NULL, "
		"group_id TEXT NOT NULL, "
		"status TEXT NOT NULL, "
		"active BIGINT NOT NULL, "
		"created BIGINT NOT NULL, "
		"external_id TEXT, "
		"doc TEXT NOT NULL, "
		"state TEXT NOT NULL);\n"
		"CREATE INDEX deploy_deployment_group ON deploy_deployment (group_id, created);\n"
		"CREATE INDEX deploy_deployment_active ON deploy_deployment (active);\n"
		"CREATE INDEX deploy_deployment_created ON deploy_deployment (created);\n"
		"CREATE TABLE deploy_target ("
		"deployment_id TEXT NOT NULL, "
		"id TEXT NOT NULL, "
		"position BIGINT NOT NULL, "
		"doc TEXT NOT NULL, "
		"state TEXT NOT NULL, "
		"PRIMARY KEY (deployment_id, id));\n"
		"CREATE INDEX deploy_target_id ON deploy_target (id)"},
	/* 1: runs beside the group's own deployment */
	{"2-beside", "ALTER TABLE deploy_deployment ADD COLUMN beside BIGINT NOT NULL DEFAULT 0"},
};
const size_t store_deploy_deployment_migrations_n = ARRAY_SIZE(store_deploy_deployment_migrations);

struct documents {
	struct str doc, state;
};

static void documents_release(struct documents *d)
{
	str_release(&d->doc);
	str_release(&d->state);
}

static void encode(const struct store_deployment *d, struct documents *out)
{
	wire_encode_json(&codedeploy_deployment_info_shape, &d->info, &out->doc);
	wire_encode_json(&towpath_deploy_state_shape, &d->state, &out->state);
}

int store_deployment_insert(struct db_tx *tx, const struct store_deployment *d, struct err *err)
{
	struct documents docs CLEANUP(documents_release) = {0};

	encode(d, &docs);
	return db_exec(tx,
		"INSERT INTO deploy_deployment (id, application_id, group_id, status, active, "
		"created, external_id, doc, state, beside) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		DB_ARGS(DB_TEXT(d->info.deployment_id), DB_TEXT(d->state.application_id),
			DB_TEXT(d->state.group_id), DB_TEXT(d->info.status), DB_INT(d->active),
			DB_INT(d->info.create_time.usec), DB_TEXT(d->info.external_id),
			DB_TEXT_VIEW(str_view(&docs.doc)), DB_TEXT_VIEW(str_view(&docs.state)),
			DB_INT(d->state.launch_hook != NULL)),
		NULL, err);
}

int store_deployment_update(struct db_tx *tx, const struct store_deployment *d, struct err *err)
{
	struct documents docs CLEANUP(documents_release) = {0};

	encode(d, &docs);
	return db_exec(tx,
		"UPDATE deploy_deployment SET status = ?2, active = ?3, doc = ?4, state = ?5 "
		"WHERE id = ?1",
		DB_ARGS(DB_TEXT(d->info.deployment_id), DB_TEXT(d->info.status), DB_INT(d->active),
			DB_TEXT_VIEW(str_view(&docs.doc)), DB_TEXT_VIEW(str_view(&docs.state))),
		NULL, err);
}

int store_deployment_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_deployment *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	if (db_query(tx, "SELECT doc, state, active FROM deploy_deployment WHERE id = ?1",
		    DB_ARGS(DB_TEXT(id)), &rows, err) < 0)
		return -1;
	found = db_next(rows, err);
	if (found <= 0)
		return found;
	if (wire_decode_json(&codedeploy_deployment_info_shape, db_col_bytes(rows, 0), a,
		    &ret->info, err) < 0 ||
		wire_decode_json(&towpath_deploy_state_shape, db_col_bytes(rows, 1), a, &ret->state,
			err) < 0)
		return err_wrap(err, "stored deployment %s", id);
	ret->active = db_col_int(rows, 2) != 0;
	return 1;
}

int store_deployment_active_of(struct db_tx *tx, const char *group_id, struct arena *a,
	const char **ret_id, struct err *err)
{
	struct store_deploy_names names;

	if (store_deploy_names_query(tx,
		    "SELECT id FROM deploy_deployment WHERE group_id = ?1 AND active = 1 "
		    "AND beside = 0",
		    DB_ARGS(DB_TEXT(group_id)), 1, a, &names, err) < 0)
		return -1;
	*ret_id = names.n ? names.v[0] : NULL;
	return names.n ? 1 : 0;
}

int store_deployment_active(
	struct db_tx *tx, struct arena *a, struct store_deploy_names *ret, struct err *err)
{
	return store_deploy_names_query(tx,
		"SELECT id FROM deploy_deployment WHERE active = 1 ORDER BY id", DB_NO_ARGS,
		SIZE_MAX, a, ret, err);
}

static bool status_wanted(const struct store_deployment_filter *f, struct view status)
{
	for (size_t i = 0; i < f->n_statuses; i++)
		if (view_eq_str(status, f->statuses[i]))
			return true;
	return f->n_statuses == 0;
}

int store_deployment_list(struct db_tx *tx, const struct store_deployment_filter *f,
	struct arena *a, struct store_deploy_names *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(const char *) ids = {0};
	int more;

	*ret = (struct store_deploy_names){0};
	if (db_query(tx,
		    "SELECT id, status FROM deploy_deployment "
		    "WHERE created >= ?1 AND created <= ?2 "
		    "AND (created < ?3 OR (created = ?3 AND id < ?4)) "
		    "AND (?5 = '' OR application_id = ?5) AND (?6 = '' OR group_id = ?6) "
		    "AND (?7 = '' OR external_id = ?7) "
		    "ORDER BY created DESC, id DESC",
		    DB_ARGS(DB_INT(f->from_usec), DB_INT(f->to_usec ? f->to_usec : INT64_MAX),
			    DB_INT(f->before_usec ? f->before_usec : INT64_MAX),
			    DB_TEXT(f->before_id ? f->before_id : ""),
			    DB_TEXT(f->application_id ? f->application_id : ""),
			    DB_TEXT(f->group_id ? f->group_id : ""),
			    DB_TEXT(f->external_id ? f->external_id : "")),
		    &rows, err) < 0)
		return -1;
	while ((more = db_next(rows, err)) > 0) {
		if (!status_wanted(f, db_col_bytes(rows, 1)))
			continue;
		if (ids.n == f->limit) {
			ret->more = true;
			break;
		}
		vec_push(&ids, db_col_text(rows, 0, a));
	}
	ret->v = arena_new_n(a, ids.n + 1, const char *);
	ret->n = ids.n;
	for (size_t i = 0; i < ids.n; i++)
		ret->v[i] = ids.v[i];
	vec_release(&ids);
	return more < 0 ? -1 : 0;
}

/* ---- targets ---- */

static void encode_target(const struct store_target *t, struct documents *out)
{
	wire_encode_json(&codedeploy_instance_target_shape, &t->info, &out->doc);
	wire_encode_json(&towpath_deploy_target_state_shape, &t->state, &out->state);
}

static int decode_target(
	const struct db_rows *rows, struct arena *a, struct store_target *ret, struct err *err)
{
	if (wire_decode_json(&codedeploy_instance_target_shape, db_col_bytes(rows, 0), a,
		    &ret->info, err) < 0 ||
		wire_decode_json(&towpath_deploy_target_state_shape, db_col_bytes(rows, 1), a,
			&ret->state, err) < 0)
		return err_wrap(err, "stored deployment target");
	return 0;
}

int store_target_put(
	struct db_tx *tx, size_t position, const struct store_target *t, struct err *err)
{
	struct documents docs CLEANUP(documents_release) = {0};

	encode_target(t, &docs);
	return db_exec(tx,
		"INSERT INTO deploy_target (deployment_id, id, position, doc, state) "
		"VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (deployment_id, id) DO UPDATE SET "
		"position = excluded.position, doc = excluded.doc, state = excluded.state",
		DB_ARGS(DB_TEXT(t->info.deployment_id), DB_TEXT(t->info.target_id),
			DB_INT((int64_t)position), DB_TEXT_VIEW(str_view(&docs.doc)),
			DB_TEXT_VIEW(str_view(&docs.state))),
		NULL, err);
}

int store_target_update(struct db_tx *tx, const struct store_target *t, struct err *err)
{
	struct documents docs CLEANUP(documents_release) = {0};

	encode_target(t, &docs);
	return db_exec(tx,
		"UPDATE deploy_target SET doc = ?3, state = ?4 "
		"WHERE deployment_id = ?1 AND id = ?2",
		DB_ARGS(DB_TEXT(t->info.deployment_id), DB_TEXT(t->info.target_id),
			DB_TEXT_VIEW(str_view(&docs.doc)), DB_TEXT_VIEW(str_view(&docs.state))),
		NULL, err);
}

int store_target_get(struct db_tx *tx, const char *deployment_id, const char *target_id,
	struct arena *a, struct store_target *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	if (db_query(tx,
		    "SELECT doc, state FROM deploy_target WHERE deployment_id = ?1 AND id = ?2",
		    DB_ARGS(DB_TEXT(deployment_id), DB_TEXT(target_id)), &rows, err) < 0)
		return -1;
	found = db_next(rows, err);
	if (found <= 0)
		return found;
	return decode_target(rows, a, ret, err) < 0 ? -1 : 1;
}

int store_target_list(struct db_tx *tx, const char *deployment_id, struct arena *a,
	struct store_targets *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_target) all = {0};
	int more;

	*ret = (struct store_targets){0};
	if (db_query(tx,
		    "SELECT doc, state FROM deploy_target WHERE deployment_id = ?1 "
		    "ORDER BY position, id",
		    DB_ARGS(DB_TEXT(deployment_id)), &rows, err) < 0)
		return -1;
	while ((more = db_next(rows, err)) > 0) {
		struct store_target one;

		if (decode_target(rows, a, &one, err) < 0) {
			more = -1;
			break;
		}
		vec_push(&all, one);
	}
	ret->v = arena_new_n(a, all.n + 1, struct store_target);
	ret->n = all.n;
	if (all.n)
		memcpy(ret->v, all.v, all.n * sizeof(*all.v));
	vec_release(&all);
	return more < 0 ? -1 : 0;
}

int store_target_deployments(struct db_tx *tx, const char *target_id, struct arena *a,
	struct store_deploy_names *ret, struct err *err)
{
	return store_deploy_names_query(tx,
		"SELECT t.deployment_id FROM deploy_target t JOIN deploy_deployment d "
		"ON d.id = t.deployment_id WHERE t.id = ?1 AND d.active = 1 "
		"ORDER BY t.deployment_id",
		DB_ARGS(DB_TEXT(target_id)), SIZE_MAX, a, ret, err);
}
