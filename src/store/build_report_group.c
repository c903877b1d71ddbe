/* SPDX-License-Identifier: Apache-2.0 */
/* Report groups. */
#include "store/build_report_group.h"

const struct db_migration store_build_report_group_migrations[] = {
	{"1-create", "CREATE TABLE build_report_group ("
		     "name TEXT PRIMARY KEY, "
		     "created BIGINT NOT NULL, "
		     "modified BIGINT NOT NULL, "
		     "doc TEXT NOT NULL)"},
};
const size_t store_build_report_group_migrations_n =
	ARRAY_SIZE(store_build_report_group_migrations);

static int save(
	struct db_tx *tx, const char *sql, const struct codebuild_report_group *g, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT;

	wire_encode_json(&codebuild_report_group_shape, g, &doc);
	return db_exec(tx, sql,
		DB_ARGS(DB_TEXT(g->name), DB_INT(g->created.usec), DB_INT(g->last_modified.usec),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_build_report_group_insert(
	struct db_tx *tx, const struct codebuild_report_group *g, struct err *err)
{
	return save(tx,
		"INSERT INTO build_report_group(name, created, modified, doc) "
		"VALUES (?1, ?2, ?3, ?4)",
		g, err);
}

int store_build_report_group_update(
	struct db_tx *tx, const struct codebuild_report_group *g, struct err *err)
{
	return save(tx,
		"UPDATE build_report_group SET created = ?2, modified = ?3, doc = ?4 "
		"WHERE name = ?1",
		g, err);
}

int store_build_report_group_get(struct db_tx *tx, const char *name, struct arena *a,
	struct codebuild_report_group *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx, "SELECT doc FROM build_report_group WHERE name = ?1",
		    DB_ARGS(DB_TEXT(name)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r <= 0)
		return r;
	if (wire_decode_json(&codebuild_report_group_shape, db_col_bytes(rows, 0), a, ret, err) < 0)
		return err_wrap(err, "stored report group %s", name);
	return 1;
}

int store_build_report_group_delete(struct db_tx *tx, const char *name, struct err *err)
{
	return db_exec(tx, "DELETE FROM build_report_group WHERE name = ?1", DB_ARGS(DB_TEXT(name)),
		NULL, err);
}

int store_build_report_group_count(struct db_tx *tx, int64_t *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx, "SELECT COUNT(*) FROM build_report_group", DB_NO_ARGS, &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	*ret = r > 0 ? db_col_int(rows, 0) : 0;
	return r < 0 ? -1 : 0;
}

#define LISTED(time) "SELECT " time ", name FROM build_report_group WHERE "
#define BY_TIME(time)                                                                           \
	{                                                                                       \
		LISTED(time)                                                                    \
		time " > ?1 OR (" time " = ?1 AND name > ?2) ORDER BY " time ", name LIMIT ?3", \
			LISTED(time) "?2 = '' OR " time " < ?1 OR (" time                       \
				     " = ?1 AND name < ?2) ORDER BY " time " DESC,"             \
				     " name DESC LIMIT ?3"                                      \
	}

/* [order][descending] */
static const char *const list_sql[][2] = {
	[REPORT_GROUP_BY_NAME] = {LISTED("0") "name > ?2 ORDER BY name LIMIT ?3",
		LISTED("0") "?2 = '' OR name < ?2 ORDER BY name DESC LIMIT ?3"},
	[REPORT_GROUP_BY_CREATED] = BY_TIME("created"),
	[REPORT_GROUP_BY_MODIFIED] = BY_TIME("modified"),
};

int store_build_report_group_list(struct db_tx *tx, enum store_build_report_group_order order,
	bool descending, const struct store_build_report_group_mark *behind, size_t max,
	struct arena *a, struct store_build_report_group_mark **ret, size_t *ret_n, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	*ret = arena_new_n(a, max, struct store_build_report_group_mark);
	*ret_n = 0;
	if (db_query(tx, list_sql[order][descending],
		    DB_ARGS(DB_INT(behind->usec), DB_TEXT(behind->name), DB_INT((int64_t)max)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0)
		(*ret)[(*ret_n)++] = (struct store_build_report_group_mark){
			db_col_int(rows, 0), db_col_text(rows, 1, a)};
	return r;
}
