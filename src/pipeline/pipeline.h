/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline engine: definitions, executions, stages, transitions, approvals. One function an
 * API operation, in the handler form of wire/call.h. */
#ifndef TOWPATH_PIPELINE_PIPELINE_H
#define TOWPATH_PIPELINE_PIPELINE_H

#include "crypto/seal.h"
#include "durable/durable.h"
#include "pipeline/provider.h"
#include "wire/call.h"

struct pipeline_engine;

/* What job workers of custom actions may do with artifacts; functions may be NULL. */
struct pipeline_workers {
	void *arg;
	/* Whether the action's role may read its inputs and write its outputs: ERR_DENIED says what
	 * is missing. */
	int (*may)(void *arg, const struct action_run *run, struct err *err);
	/* Short-lived credentials that may do just that, until the job ends; texts in the run's
	 * arena. */
	int (*credentials)(void *arg, const struct action_run *run, const char *job,
		struct codepipeline_aws_session_credentials *ret, struct err *err);
};

struct pipeline_config {
	struct durable *durable; /* borrowed */
	const char *account, *region;
	struct action_registry registry; /* borrowed; must outlive the engine */
	struct pipeline_workers workers;
	const struct seal_key *seal; /* of secret properties of custom actions; borrowed, or NULL */
};

/* Registers tasks and journal consumers: call before durable_start(). */
int pipeline_engine_new(
	const struct pipeline_config *c, struct pipeline_engine **ret, struct err *err);
/* After durable_stop(). NULL is fine. */
struct pipeline_engine *pipeline_engine_free(struct pipeline_engine *e);
DEFINE_FREEP(struct pipeline_engine, pipeline_engine_free)

/* Whether a job has not come to its end: 1, 0, -1. */
int pipeline_job_is_open(struct pipeline_engine *e, const char *id, struct err *err);
/* In a transaction of a stopped server: opens every secret with one key and seals it with the
 * other; adds how many to *n. */
int pipeline_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err);

/* What the pipelines that watch a key (watch_key() of provider.h) want to know of its changes. */
struct pipeline_wants {
	bool changes; /* anything */
	bool paths;   /* which files a push changes */
};
int pipeline_watch_wants(struct pipeline_engine *e, struct db_tx *tx, const char *key,
	struct pipeline_wants *ret, struct err *err);

#define PIPELINE_OPERATIONS(X)       \
	X(acknowledge_job)           \
	X(create_custom_action_type) \
	X(create_pipeline)           \
	X(delete_custom_action_type) \
	X(delete_pipeline)           \
	X(disable_stage_transition)  \
	X(enable_stage_transition)   \
	X(get_job_details)           \
	X(get_pipeline)              \
	X(get_pipeline_execution)    \
	X(get_pipeline_state)        \
	X(list_action_executions)    \
	X(list_action_types)         \
	X(list_pipeline_executions)  \
	X(list_pipelines)            \
	X(list_rule_executions)      \
	X(list_rule_types)           \
	X(list_tags_for_resource)    \
	X(override_stage_condition)  \
	X(poll_for_jobs)             \
	X(put_approval_result)       \
	X(put_job_failure_result)    \
	X(put_job_success_result)    \
	X(retry_stage_execution)     \
	X(rollback_stage)            \
	X(start_pipeline_execution)  \
	X(stop_pipeline_execution)   \
	X(tag_resource)              \
	X(untag_resource)            \
	X(update_pipeline)

#define PIPELINE_DECLARE(op)                                            \
	int pipeline_##op(struct pipeline_engine *e, struct call *call, \
		const struct codepipeline_##op##_request *req,          \
		struct codepipeline_##op##_response *resp, struct err *err);
PIPELINE_OPERATIONS(PIPELINE_DECLARE)
#undef PIPELINE_DECLARE

#endif
