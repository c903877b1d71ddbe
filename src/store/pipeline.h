/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines: one row each with its present definition, the state view that GetPipelineState
 * shows, and tags; beside it all versions of the definition and what the source actions watch.
 * The id tells a pipeline apart from one that had its name before. Finders answer 1 (found),
 * 0 (none) or -1 (error); texts live in the arena. */
#ifndef TOWPATH_STORE_PIPELINE_H
#define TOWPATH_STORE_PIPELINE_H

#include "codepipeline.gen.h"
#include "db/db.h"

extern const struct db_migration store_pipeline_migrations[];
extern const size_t store_pipeline_migrations_n;

struct store_pipeline {
	const char *id, *name;
	int64_t version, created_usec, updated_usec;
	int64_t next_execution, next_action; /* numbers to be given out next */
	struct codepipeline_pipeline_declaration *declaration;
	struct codepipeline_get_pipeline_state_response *state;
	struct codepipeline_tag_list tags;
};

/* ERR_CONFLICT when the name is taken. Also stores the version. */
int store_pipeline_insert(struct db_tx *tx, const struct store_pipeline *p, struct err *err);
/* Writes numbers and state. */
int store_pipeline_save_state(struct db_tx *tx, const struct store_pipeline *p, struct err *err);
/* Writes a new version of the definition, with state and numbers. */
int store_pipeline_save_version(struct db_tx *tx, const struct store_pipeline *p, struct err *err);
int store_pipeline_save_tags(struct db_tx *tx, const struct store_pipeline *p, struct err *err);
int store_pipeline_find(struct db_tx *tx, const char *name, struct arena *a,
	struct store_pipeline *ret, struct err *err);
int store_pipeline_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_pipeline *ret, struct err *err);
/* The state's document as it is stored (JSON), and the number of its last change. */
int store_pipeline_state(struct db_tx *tx, const char *name, struct arena *a, struct view *ret_json,
	struct err *err);
/* The id of the pipeline with this name. */
int store_pipeline_id(
	struct db_tx *tx, const char *name, struct arena *a, const char **ret_id, struct err *err);
/* Removes the pipeline, its versions and watches. */
int store_pipeline_delete(struct db_tx *tx, const char *id, struct err *err);
int store_pipeline_version(struct db_tx *tx, const char *id, int64_t version, struct arena *a,
	struct codepipeline_pipeline_declaration **ret, int64_t *ret_created_usec, struct err *err);
/* Names after `after`, in order, at most limit + 1 of them (one more tells that there are). */
int store_pipeline_list(struct db_tx *tx, const char *after, size_t limit, struct arena *a,
	struct codepipeline_pipeline_list *ret, struct err *err);
int store_pipeline_count(struct db_tx *tx, int64_t *ret, struct err *err);

/* Replaces what the pipeline watches by these keys. */
int store_pipeline_watch(
	struct db_tx *tx, const char *id, const char *const *keys, size_t n, struct err *err);
/* Ids of pipelines that watch the key, oldest first. */
int store_pipeline_watchers(struct db_tx *tx, const char *key, struct arena *a,
	const char ***ret_ids, size_t *ret_n, struct err *err);

/* Client request tokens of StartPipelineExecution. Finder: 1 and the execution's id, or 0. */
int store_pipeline_token_find(struct db_tx *tx, const char *id, const char *token, struct arena *a,
	const char **ret_execution, struct err *err);
int store_pipeline_token_put(struct db_tx *tx, const char *id, const char *token,
	const char *execution, struct err *err);

#endif
