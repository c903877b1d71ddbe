/* SPDX-License-Identifier: Apache-2.0 */
/* Action executions of pipelines. */
#include "store/pipeline_action.h"

#include "base/mem.h"
#include "base/str.h"

const struct db_migration store_pipeline_action_migrations[] = {
	{"1-create",
		"CREATE TABLE pipeline_action ("
		"id TEXT PRIMARY KEY, "
		"pipeline_id TEXT NOT NULL, "
		"run_id TEXT NOT NULL, "
		"number INTEGER NOT NULL, "
		"stage TEXT NOT NULL, "
		"action TEXT NOT NULL, "
		"attempt INTEGER NOT NULL, "
		"running INTEGER NOT NULL, "
		"provider TEXT NOT NULL, "
		"external_id TEXT, "
		"doc TEXT NOT NULL);\n"
		"CREATE INDEX pipeline_action_number ON pipeline_action (pipeline_id, number);\n"
		"CREATE INDEX pipeline_action_run ON pipeline_action (run_id, number);\n"
		"CREATE INDEX pipeline_action_external ON pipeline_action (external_id) "
		"WHERE running = 1"},
	{"2-rules", "ALTER TABLE pipeline_action ADD COLUMN rule INTEGER NOT NULL DEFAULT 0"},
};
const size_t store_pipeline_action_migrations_n = ARRAY_SIZE(store_pipeline_action_migrations);

bool store_pipeline_action_is_rule(const struct codepipeline_action_execution_detail *d)
{
	return streq(d->input->action_type_id->category, CODEPIPELINE_RULE_CATEGORY_RULE);
}

#define COLUMNS "pipeline_id, number, attempt, provider, external_id, doc"

int store_pipeline_action_put(
	struct db_tx *tx, const struct store_pipeline_action *action, struct err *err)
{
	const struct codepipeline_action_execution_detail *d = action->detail;
	bool running = streq(d->status, CODEPIPELINE_ACTION_EXECUTION_STATUS_INPROGRESS);
	struct str doc CLEANUP_STR = STR_INIT;

	wire_encode_json(&codepipeline_action_execution_detail_shape, d, &doc);
	return db_exec(tx,
		"INSERT INTO pipeline_action (id, pipeline_id, run_id, number, stage, action, "
		"attempt, running, provider, external_id, doc, rule) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
		"ON CONFLICT (id) DO UPDATE SET running = excluded.running, "
		"external_id = excluded.external_id, doc = excluded.doc",
		DB_ARGS(DB_TEXT(d->action_execution_id), DB_TEXT(action->pipeline_id),
			DB_TEXT(d->pipeline_execution_id), DB_INT(action->number),
			DB_TEXT(d->stage_name), DB_TEXT(d->action_name), DB_INT(action->attempt),
			DB_INT(running ? 1 : 0), DB_TEXT(action->provider),
			DB_TEXT(action->external_id), DB_TEXT_VIEW(str_view(&doc)),
			DB_INT(store_pipeline_action_is_rule(d) ? 1 : 0)),
		NULL, err);
}

static int read_action(
	struct db_rows *rows, struct arena *a, struct store_pipeline_action *ret, struct err *err)
{
	int found = db_next(rows, err);

	if (found <= 0)
		return found;
	*ret = (struct store_pipeline_action){
		.pipeline_id = db_col_text(rows, 0, a),
		.number = db_col_int(rows, 1),
		.attempt = db_col_int(rows, 2),
		.provider = db_col_text(rows, 3, a),
		.external_id = db_col_text(rows, 4, a),
		.detail = arena_new(a, struct codepipeline_action_execution_detail),
	};
	if (wire_decode_json(&codepipeline_action_execution_detail_shape, db_col_bytes(rows, 5), a,
		    ret->detail, err) < 0)
		return -1;
	return 1;
}

int store_pipeline_action_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_pipeline_action *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT " COLUMNS " FROM pipeline_action WHERE id = ?1",
		    DB_ARGS(DB_TEXT(id)), &rows, err) < 0)
		return -1;
	return read_action(rows, a, ret, err);
}

int store_pipeline_action_by_external(struct db_tx *tx, const char *provider,
	const char *external_id, struct arena *a, struct strv *ret_ids, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	if (db_query(tx,
		    "SELECT id FROM pipeline_action "
		    "WHERE external_id = ?1 AND running = 1 AND provider = ?2",
		    DB_ARGS(DB_TEXT(external_id), DB_TEXT(provider)), &rows, err) < 0)
		return -1;
	while ((found = db_next(rows, err)) > 0)
		strv_add(ret_ids, db_col_text(rows, 0, a));
	return found;
}

#define LATEST                                                                        \
	" AND NOT EXISTS (SELECT 1 FROM pipeline_action b WHERE b.run_id = x.run_id " \
	"AND b.stage = x.stage AND b.action = x.action AND b.rule = x.rule "          \
	"AND b.number > x.number)"

/* The query's text by what is asked for: [one execution][latest only]. */
static const char *const list_sql[2][2] = {
	{"SELECT " COLUMNS " FROM pipeline_action x WHERE pipeline_id = ?1 AND number < ?2 "
	 "AND rule = ?4 ORDER BY number DESC LIMIT ?3",
		"SELECT " COLUMNS " FROM pipeline_action x WHERE pipeline_id = ?1 "
		"AND number < ?2 AND rule = ?4" LATEST " ORDER BY number DESC LIMIT ?3"},
	{"SELECT " COLUMNS " FROM pipeline_action x WHERE pipeline_id = ?1 AND number < ?2 "
	 "AND rule = ?4 AND run_id = ?5 ORDER BY number DESC LIMIT ?3",
		"SELECT " COLUMNS " FROM pipeline_action x WHERE pipeline_id = ?1 "
		"AND number < ?2 AND rule = ?4 AND run_id = ?5" LATEST
		" ORDER BY number DESC LIMIT ?3"},
};

int store_pipeline_action_list(struct db_tx *tx, const char *pipeline_id,
	const struct store_pipeline_action_filter *filter, struct arena *a,
	struct store_pipeline_actions *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	struct db_val args[] = {DB_TEXT(pipeline_id),
		DB_INT(filter->before ? filter->before : INT64_MAX), DB_INT((int64_t)filter->limit),
		DB_INT(filter->rules ? 1 : 0), DB_TEXT(filter->run_id)};
	int found = 0;

	ret->n = 0;
	ret->v = arena_new_n(a, filter->limit ? filter->limit : 1, struct store_pipeline_action);
	if (db_query(tx, list_sql[filter->run_id != NULL][filter->latest_only],
		    (struct db_args){args, filter->run_id ? 5 : 4}, &rows, err) < 0)
		return -1;
	while (ret->n < filter->limit && (found = read_action(rows, a, &ret->v[ret->n], err)) == 1)
		ret->n++;
	return found < 0 ? -1 : 0;
}

int store_pipeline_action_delete_all(struct db_tx *tx, const char *pipeline_id, struct err *err)
{
	return db_exec(tx, "DELETE FROM pipeline_action WHERE pipeline_id = ?1",
		DB_ARGS(DB_TEXT(pipeline_id)), NULL, err);
}
