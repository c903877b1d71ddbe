/* SPDX-License-Identifier: Apache-2.0 */
/* Executions of pipelines. */
#include "store/pipeline_run.h"

#include "base/str.h"

const struct db_migration store_pipeline_run_migrations[] = {
	{"1-create",
		"CREATE TABLE pipeline_run ("
		"id TEXT PRIMARY KEY, "
		"pipeline_id TEXT NOT NULL, "
		"number INTEGER NOT NULL, "
		"version INTEGER NOT NULL, "
		"active INTEGER NOT NULL, "
		"doc TEXT NOT NULL);\n"
		"CREATE UNIQUE INDEX pipeline_run_number ON pipeline_run (pipeline_id, number);\n"
		"CREATE INDEX pipeline_run_active ON pipeline_run (pipeline_id) "
		"WHERE active = 1;\n"
		"CREATE TABLE pipeline_stage_success ("
		"pipeline_id TEXT NOT NULL, "
		"version INTEGER NOT NULL, "
		"stage TEXT NOT NULL, "
		"number INTEGER NOT NULL, "
		"run_id TEXT NOT NULL, "
		"PRIMARY KEY (pipeline_id, version, stage, number));\n"
		"CREATE INDEX pipeline_stage_success_run ON pipeline_stage_success (run_id)"},
};
const size_t store_pipeline_run_migrations_n = ARRAY_SIZE(store_pipeline_run_migrations);

int store_pipeline_run_put(
	struct db_tx *tx, const struct towpath_pipeline_run *run, bool active, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	wire_encode_json(&towpath_pipeline_run_shape, run, &doc);
	return db_exec(tx,
		"INSERT INTO pipeline_run (id, pipeline_id, number, version, active, doc) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
		"ON CONFLICT (id) DO UPDATE SET active = excluded.active, doc = excluded.doc",
		DB_ARGS(DB_TEXT(run->execution_id), DB_TEXT(run->pipeline_id),
			DB_INT(run->number.v), DB_INT(run->version.v), DB_INT(active ? 1 : 0),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

/* Column 0 of each row is a document. */
static int read_all(struct db_rows *rows, size_t limit, struct arena *a,
	struct store_pipeline_runs *ret, struct err *err)
{
	size_t cap = 8;
	int found = 0;

	ret->n = 0;
	ret->v = arena_new_n(a, cap, struct towpath_pipeline_run *);
	while (ret->n < limit && (found = db_next(rows, err)) == 1) {
		struct towpath_pipeline_run *run = arena_new(a, struct towpath_pipeline_run);

		if (wire_decode_json(
			    &towpath_pipeline_run_shape, db_col_bytes(rows, 0), a, run, err) < 0)
			return -1;
		if (ret->n == cap) {
			struct towpath_pipeline_run **more =
				arena_new_n(a, cap * 2, struct towpath_pipeline_run *);

			memcpy(more, ret->v, cap * sizeof(*more));
			ret->v = more;
			cap *= 2;
		}
		ret->v[ret->n++] = run;
	}
	return found < 0 ? -1 : 0;
}

static int find_all(struct db_tx *tx, const char *sql, struct db_args args, size_t limit,
	struct arena *a, struct store_pipeline_runs *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, sql, args, &rows, err) < 0)
		return -1;
	return read_all(rows, limit, a, ret, err);
}

static int find_one(struct db_tx *tx, const char *sql, struct db_args args, struct arena *a,
	struct towpath_pipeline_run **ret, struct err *err)
{
	struct store_pipeline_runs runs;

	if (find_all(tx, sql, args, 1, a, &runs, err) < 0)
		return -1;
	if (runs.n == 0)
		return 0;
	*ret = runs.v[0];
	return 1;
}

int store_pipeline_run_get(struct db_tx *tx, const char *id, struct arena *a,
	struct towpath_pipeline_run **ret, struct err *err)
{
	return find_one(tx, "SELECT doc FROM pipeline_run WHERE id = ?1", DB_ARGS(DB_TEXT(id)), a,
		ret, err);
}

int store_pipeline_run_active(struct db_tx *tx, const char *pipeline_id, struct arena *a,
	struct store_pipeline_runs *ret, struct err *err)
{
	return find_all(tx,
		"SELECT doc FROM pipeline_run WHERE pipeline_id = ?1 AND active = 1 "
		"ORDER BY number",
		DB_ARGS(DB_TEXT(pipeline_id)), SIZE_MAX, a, ret, err);
}

int store_pipeline_run_list(struct db_tx *tx, const char *pipeline_id, int64_t before,
	const char *stage, int64_t version, size_t limit, struct arena *a,
	struct store_pipeline_runs *ret, struct err *err)
{
	int64_t below = before ? before : INT64_MAX;

	if (!stage)
		return find_all(tx,
			"SELECT doc FROM pipeline_run WHERE pipeline_id = ?1 AND number < ?2 "
			"ORDER BY number DESC LIMIT ?3",
			DB_ARGS(DB_TEXT(pipeline_id), DB_INT(below), DB_INT((int64_t)limit)), limit,
			a, ret, err);
	return find_all(tx,
		"SELECT r.doc FROM pipeline_stage_success s JOIN pipeline_run r ON r.id = s.run_id "
		"WHERE s.pipeline_id = ?1 AND s.version = ?2 AND s.stage = ?3 AND s.number < ?4 "
		"ORDER BY s.number DESC LIMIT ?5",
		DB_ARGS(DB_TEXT(pipeline_id), DB_INT(version), DB_TEXT(stage), DB_INT(below),
			DB_INT((int64_t)limit)),
		limit, a, ret, err);
}

int store_pipeline_run_delete_all(struct db_tx *tx, const char *pipeline_id, struct err *err)
{
	if (db_exec(tx, "DELETE FROM pipeline_run WHERE pipeline_id = ?1",
		    DB_ARGS(DB_TEXT(pipeline_id)), NULL, err) < 0)
		return -1;
	return db_exec(tx, "DELETE FROM pipeline_stage_success WHERE pipeline_id = ?1",
		DB_ARGS(DB_TEXT(pipeline_id)), NULL, err);
}

int store_pipeline_run_succeeded(struct db_tx *tx, const struct towpath_pipeline_run *run,
	const char *stage, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO pipeline_stage_success "
		"(pipeline_id, version, stage, number, run_id) VALUES (?1, ?2, ?3, ?4, ?5) "
		"ON CONFLICT DO NOTHING",
		DB_ARGS(DB_TEXT(run->pipeline_id), DB_INT(run->version.v), DB_TEXT(stage),
			DB_INT(run->number.v), DB_TEXT(run->execution_id)),
		NULL, err);
}

int store_pipeline_run_has_succeeded(
	struct db_tx *tx, const char *run_id, const char *stage, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT 1 FROM pipeline_stage_success WHERE run_id = ?1 AND stage = ?2",
		    DB_ARGS(DB_TEXT(run_id), DB_TEXT(stage)), &rows, err) < 0)
		return -1;
	return db_next(rows, err);
}

int store_pipeline_run_last_success(struct db_tx *tx, const char *pipeline_id, int64_t version,
	const char *stage, struct arena *a, struct towpath_pipeline_run **ret, struct err *err)
{
	return find_one(tx,
		"SELECT r.doc FROM pipeline_stage_success s JOIN pipeline_run r ON r.id = s.run_id "
		"WHERE s.pipeline_id = ?1 AND s.version = ?2 AND s.stage = ?3 "
		"ORDER BY s.number DESC LIMIT 1",
		DB_ARGS(DB_TEXT(pipeline_id), DB_INT(version), DB_TEXT(stage)), a, ret, err);
}
