/* SPDX-License-Identifier: Apache-2.0 */
/* Build projects. */
#include "store/build_project.h"

#include "base/mem.h"
#include "base/vec.h"

const struct db_migration store_build_project_migrations[] = {
	{"1-create", "CREATE TABLE build_project ("
		     "name TEXT PRIMARY KEY, "
		     "created BIGINT NOT NULL, "
		     "modified BIGINT NOT NULL, "
		     "next_number BIGINT NOT NULL, "
		     "cache_generation BIGINT NOT NULL, "
		     "doc TEXT NOT NULL);\n"
		     "CREATE INDEX build_project_created ON build_project(created, name);\n"
		     "CREATE INDEX build_project_modified ON build_project(modified, name)"},
	{"2-batches", "ALTER TABLE build_project "
		      "ADD COLUMN next_batch_number BIGINT NOT NULL DEFAULT 1"},
};
const size_t store_build_project_migrations_n = ARRAY_SIZE(store_build_project_migrations);

static int save(
	struct db_tx *tx, const char *sql, const struct codebuild_project *p, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT;

	wire_encode_json(&codebuild_project_shape, p, &doc);
	return db_exec(tx, sql,
		DB_ARGS(DB_TEXT(p->name), DB_INT(p->created.usec), DB_INT(p->last_modified.usec),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_build_project_insert(
	struct db_tx *tx, const struct codebuild_project *project, struct err *err)
{
	return save(tx,
		"INSERT INTO build_project(name, created, modified, next_number, "
		"cache_generation, doc) VALUES (?1, ?2, ?3, 1, 0, ?4)",
		project, err);
}

int store_build_project_update(
	struct db_tx *tx, const struct codebuild_project *project, struct err *err)
{
	return save(tx,
		"UPDATE build_project SET created = ?2, modified = ?3, doc = ?4 WHERE name = ?1",
		project, err);
}

int store_build_project_get(struct db_tx *tx, const char *name, struct arena *a,
	struct store_build_project *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx,
		    "SELECT next_number, cache_generation, doc FROM build_project WHERE name = ?1",
		    DB_ARGS(DB_TEXT(name)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r <= 0)
		return r;
	ret->next_number = db_col_int(rows, 0);
	ret->cache_generation = db_col_int(rows, 1);
	if (wire_decode_json(
		    &codebuild_project_shape, db_col_bytes(rows, 2), a, &ret->project, err) < 0)
		return err_wrap(err, "stored project %s", name);
	return 1;
}

static int take(
	struct db_tx *tx, const char *sql, const char *name, int64_t *ret_number, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx, sql, DB_ARGS(DB_TEXT(name)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "project %s is gone", name);
	if (r > 0)
		*ret_number = db_col_int(rows, 0);
	while (r > 0)
		r = db_next(rows, err);
	return r;
}

int store_build_project_take_number(
	struct db_tx *tx, const char *name, int64_t *ret_number, struct err *err)
{
	return take(tx,
		"UPDATE build_project SET next_number = next_number + 1 WHERE name = ?1 "
		"RETURNING next_number - 1",
		name, ret_number, err);
}

int store_build_project_take_batch_number(
	struct db_tx *tx, const char *name, int64_t *ret_number, struct err *err)
{
	return take(tx,
		"UPDATE build_project SET next_batch_number = next_batch_number + 1 "
		"WHERE name = ?1 RETURNING next_batch_number - 1",
		name, ret_number, err);
}

int store_build_project_invalidate_cache(struct db_tx *tx, const char *name, struct err *err)
{
	int64_t changed;

	if (db_exec(tx,
		    "UPDATE build_project SET cache_generation = cache_generation + 1 "
		    "WHERE name = ?1",
		    DB_ARGS(DB_TEXT(name)), &changed, err) < 0)
		return -1;
	return changed > 0;
}

int store_build_project_delete(struct db_tx *tx, const char *name, struct err *err)
{
	return db_exec(
		tx, "DELETE FROM build_project WHERE name = ?1", DB_ARGS(DB_TEXT(name)), NULL, err);
}

/* [order][descending]: without a place every row is behind it. */
static const char *const list_sql[][2] = {
	[PROJECT_BY_NAME] =
		{
			"SELECT name, 0 FROM build_project WHERE ?1 = 0 OR name > ?2 "
			"ORDER BY name LIMIT ?4",
			"SELECT name, 0 FROM build_project WHERE ?1 = 0 OR name < ?2 "
			"ORDER BY name DESC LIMIT ?4",
		},
	[PROJECT_BY_CREATED] =
		{
			"SELECT name, created FROM build_project WHERE ?1 = 0 OR "
			"(created, name) > (?3, ?2) ORDER BY created, name LIMIT ?4",
			"SELECT name, created FROM build_project WHERE ?1 = 0 OR "
			"(created, name) < (?3, ?2) ORDER BY created DESC, name DESC LIMIT ?4",
		},
	[PROJECT_BY_MODIFIED] =
		{
			"SELECT name, modified FROM build_project WHERE ?1 = 0 OR "
			"(modified, name) > (?3, ?2) ORDER BY modified, name LIMIT ?4",
			"SELECT name, modified FROM build_project WHERE ?1 = 0 OR "
			"(modified, name) < (?3, ?2) ORDER BY modified DESC, name DESC LIMIT ?4",
		},
};

int store_build_project_list(struct db_tx *tx, enum store_build_project_order order,
	bool descending, const struct store_build_project_place *after, size_t max, struct arena *a,
	const char ***ret_names, size_t *ret_n, struct store_build_project_place *ret_next,
	struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	*ret_names = arena_new_n(a, max, const char *);
	*ret_n = 0;
	if (db_query(tx, list_sql[order][descending],
		    DB_ARGS(DB_INT(after->name != NULL), DB_TEXT(after->name ? after->name : ""),
			    DB_INT(after->usec), DB_INT((int64_t)max)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		(*ret_names)[*ret_n] = db_col_text(rows, 0, a);
		ret_next->name = (*ret_names)[(*ret_n)++];
		ret_next->usec = db_col_int(rows, 1);
	}
	return r;
}
