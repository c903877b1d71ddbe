/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: what an action of a custom type is to the workers that poll for it.
 *
 * J1 A job's state changes only through job_set_status(), along the table of status.c.
 * J2 An action has at most one job that is open. It is made in a step in which the action still
 *    runs, and the step that ends the action ends it (P4). */
#ifndef TOWPATH_PIPELINE_JOB_H
#define TOWPATH_PIPELINE_JOB_H

#include "pipeline/engine.h"
#include "store/pipeline_job.h"

/* J1: stores it as well. */
int job_set_status(
	struct db_tx *tx, struct store_pipeline_job *job, const char *status, struct err *err);
/* It has not come to its end. */
bool job_is_open(const struct store_pipeline_job *job);
/* JobNotFoundException. */
int job_find(struct db_tx *tx, const char *id, struct arena *a, struct store_pipeline_job *ret,
	struct err *err);
/* Queues the job that follows one whose worker handed back a token; those before it are forgotten.
 */
int job_follow(struct db_tx *tx, const struct store_pipeline_job *before, const char *token,
	int64_t now, struct err *err);
/* The provider of all custom types: its start() queues the action's first job. */
struct action_provider job_provider(struct pipeline_engine *e);
/* What a worker gets to know of the job's action. secrets: in the clear, else masked; credentials
 * only while the job is open. Outside of transactions. */
int job_describe(struct pipeline_engine *e, const struct action_loaded *l,
	const struct store_pipeline_job *job, bool secrets, struct codepipeline_job_data **ret,
	struct err *err);

#endif
