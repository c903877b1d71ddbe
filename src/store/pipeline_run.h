/* SPDX-License-Identifier: Apache-2.0 */
/* Executions of pipelines, and the stages in which they succeeded. The document holds everything
 * that the engine knows of an execution; an active one has not come to a final status. Finders
 * answer 1 (found), 0 (none) or -1 (error); documents live in the arena. */
#ifndef TOWPATH_STORE_PIPELINE_RUN_H
#define TOWPATH_STORE_PIPELINE_RUN_H

#include "db/db.h"
#include "towpath.gen.h"

extern const struct db_migration store_pipeline_run_migrations[];
extern const size_t store_pipeline_run_migrations_n;

struct store_pipeline_runs {
	struct towpath_pipeline_run **v;
	size_t n;
};

/* Inserts or updates. */
int store_pipeline_run_put(
	struct db_tx *tx, const struct towpath_pipeline_run *run, bool active, struct err *err);
int store_pipeline_run_get(struct db_tx *tx, const char *id, struct arena *a,
	struct towpath_pipeline_run **ret, struct err *err);
/* All active ones of a pipeline, oldest first. */
int store_pipeline_run_active(struct db_tx *tx, const char *pipeline_id, struct arena *a,
	struct store_pipeline_runs *ret, struct err *err);
/* Page, newest first: those with a number below before (0: all), at most limit. stage not NULL:
 * only those that succeeded in that stage of that version of the definition. */
int store_pipeline_run_list(struct db_tx *tx, const char *pipeline_id, int64_t before,
	const char *stage, int64_t version, size_t limit, struct arena *a,
	struct store_pipeline_runs *ret, struct err *err);
int store_pipeline_run_delete_all(struct db_tx *tx, const char *pipeline_id, struct err *err);

/* Notes that the run succeeded in the stage. */
int store_pipeline_run_succeeded(struct db_tx *tx, const struct towpath_pipeline_run *run,
	const char *stage, struct err *err);
/* 1 when that run succeeded in that stage, else 0. */
int store_pipeline_run_has_succeeded(
	struct db_tx *tx, const char *run_id, const char *stage, struct err *err);
/* The latest run of that version that succeeded in the stage. */
int store_pipeline_run_last_success(struct db_tx *tx, const char *pipeline_id, int64_t version,
	const char *stage, struct arena *a, struct towpath_pipeline_run **ret, struct err *err);

#endif
