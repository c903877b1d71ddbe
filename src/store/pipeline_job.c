/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of custom actions. */
#include "store/pipeline_job.h"

#include "base/mem.h"
#include "base/vec.h"
#include "codepipeline.gen.h"

const struct db_migration store_pipeline_job_migrations[] = {
	{"1-create", "CREATE TABLE pipeline_job ("
		     "id TEXT PRIMARY KEY, "
		     "pipeline_id TEXT NOT NULL, "
		     "action_id TEXT NOT NULL, "
		     "type TEXT NOT NULL, "
		     "query TEXT, "
		     "status TEXT NOT NULL, "
		     "waiting INTEGER NOT NULL, "
		     "nonce TEXT NOT NULL, "
		     "continuation TEXT, "
		     "created INTEGER NOT NULL, "
		     "offered INTEGER NOT NULL);\n"
		     "CREATE INDEX pipeline_job_waiting ON pipeline_job (type, offered, created) "
		     "WHERE waiting = 1;\n"
		     "CREATE INDEX pipeline_job_action ON pipeline_job (action_id, created);\n"
		     "CREATE INDEX pipeline_job_pipeline ON pipeline_job (pipeline_id)"},
};
const size_t store_pipeline_job_migrations_n = ARRAY_SIZE(store_pipeline_job_migrations);

#define COLUMNS \
	"id, pipeline_id, action_id, type, query, status, nonce, continuation, created, offered"

static bool waits(const struct store_pipeline_job *job)
{
	return streq(job->status, CODEPIPELINE_JOB_STATUS_QUEUED) ||
	       streq(job->status, CODEPIPELINE_JOB_STATUS_DISPATCHED);
}

int store_pipeline_job_put(struct db_tx *tx, const struct store_pipeline_job *job, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO pipeline_job (" COLUMNS ", waiting) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
		"ON CONFLICT (id) DO UPDATE SET status = excluded.status, "
		"offered = excluded.offered, waiting = excluded.waiting",
		DB_ARGS(DB_TEXT(job->id), DB_TEXT(job->pipeline_id), DB_TEXT(job->action_id),
			DB_TEXT(job->type), DB_TEXT(job->query), DB_TEXT(job->status),
			DB_TEXT(job->nonce), DB_TEXT(job->continuation), DB_INT(job->created_usec),
			DB_INT(job->offered_usec), DB_INT(waits(job) ? 1 : 0)),
		NULL, err);
}

static int read_job(
	struct db_rows *rows, struct arena *a, struct store_pipeline_job *ret, struct err *err)
{
	int found = db_next(rows, err);

	if (found <= 0)
		return found;
	*ret = (struct store_pipeline_job){
		.id = db_col_text(rows, 0, a),
		.pipeline_id = db_col_text(rows, 1, a),
		.action_id = db_col_text(rows, 2, a),
		.type = db_col_text(rows, 3, a),
		.query = db_col_text(rows, 4, a),
		.status = db_col_text(rows, 5, a),
		.nonce = db_col_text(rows, 6, a),
		.continuation = db_col_text(rows, 7, a),
		.created_usec = db_col_int(rows, 8),
		.offered_usec = db_col_int(rows, 9),
	};
	return 1;
}

int store_pipeline_job_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_pipeline_job *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT " COLUMNS " FROM pipeline_job WHERE id = ?1", DB_ARGS(DB_TEXT(id)),
		    &rows, err) < 0)
		return -1;
	return read_job(rows, a, ret, err);
}

int store_pipeline_job_of_action(struct db_tx *tx, const char *action_id, struct arena *a,
	struct store_pipeline_job *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	/* The open one first: jobs of one action may be made in the same instant. */
	if (db_query(tx,
		    "SELECT " COLUMNS " FROM pipeline_job WHERE action_id = ?1 "
		    "ORDER BY CASE WHEN status IN ('Queued', 'Dispatched', 'InProgress') "
		    "THEN 0 ELSE 1 END, created DESC LIMIT 1",
		    DB_ARGS(DB_TEXT(action_id)), &rows, err) < 0)
		return -1;
	return read_job(rows, a, ret, err);
}

int store_pipeline_job_waiting(struct db_tx *tx, const char *type, const char *query, size_t limit,
	struct arena *a, struct store_pipeline_jobs *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_pipeline_job) found = {0};
	struct store_pipeline_job job;
	int more;

	if (db_query(tx,
		    query ? "SELECT " COLUMNS " FROM pipeline_job WHERE waiting = 1 AND type = ?1 "
			    "AND query = ?3 ORDER BY offered, created, id LIMIT ?2"
			  : "SELECT " COLUMNS " FROM pipeline_job WHERE waiting = 1 AND type = ?1 "
			    "ORDER BY offered, created, id LIMIT ?2",
		    (struct db_args){
			    (struct db_val[]){DB_TEXT(type),
				    DB_INT(limit ? (int64_t)limit : INT64_MAX), DB_TEXT(query)},
			    query ? 3 : 2},
		    &rows, err) < 0)
		return -1;
	while ((more = read_job(rows, a, &job, err)) > 0)
		vec_push(&found, job);
	ret->n = found.n;
	ret->v = arena_new_n(a, found.n + 1, struct store_pipeline_job);
	if (found.n)
		memcpy(ret->v, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return more;
}

int store_pipeline_job_delete_others(
	struct db_tx *tx, const char *action_id, const char *but, struct err *err)
{
	return db_exec(tx, "DELETE FROM pipeline_job WHERE action_id = ?1 AND id <> ?2",
		DB_ARGS(DB_TEXT(action_id), DB_TEXT(but)), NULL, err);
}

int store_pipeline_job_delete_all(struct db_tx *tx, const char *pipeline_id, struct err *err)
{
	return db_exec(tx, "DELETE FROM pipeline_job WHERE pipeline_id = ?1",
		DB_ARGS(DB_TEXT(pipeline_id)), NULL, err);
}
