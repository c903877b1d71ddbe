/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline engine: definitions, executions, stages, transitions, approvals. One function an
 * API operation, in the handler form of wire/call.h. */
#ifndef TOWPATH_PIPELINE_PIPELINE_H
#define TOWPATH_PIPELINE_PIPELINE_H

#include "durable/durable.h"
#include "pipeline/provider.h"
#include "wire/call.h"

struct pipeline_engine;

struct pipeline_config {
	struct durable *durable; /* borrowed */
	const char *account, *region;
	struct action_registry registry; /* borrowed; must outlive the engine */
};

/* Registers tasks and journal consumers: call before durable_start(). */
int pipeline_engine_new(
	const struct pipeline_config *c, struct pipeline_engine **ret, struct err *err);
/* After durable_stop(). NULL is fine. */
struct pipeline_engine *pipeline_engine_free(struct pipeline_engine *e);
DEFINE_FREEP(struct pipeline_engine, pipeline_engine_free)

#define PIPELINE_OPERATIONS(X)      \
	X(create_pipeline)          \
	X(delete_pipeline)          \
	X(disable_stage_transition) \
	X(enable_stage_transition)  \
	X(get_pipeline)             \
	X(get_pipeline_execution)   \
	X(get_pipeline_state)       \
	X(list_action_executions)   \
	X(list_action_types)        \
	X(list_pipeline_executions) \
	X(list_pipelines)           \
	X(list_rule_executions)     \
	X(list_rule_types)          \
	X(list_tags_for_resource)   \
	X(override_stage_condition) \
	X(put_approval_result)      \
	X(retry_stage_execution)    \
	X(rollback_stage)           \
	X(start_pipeline_execution) \
	X(stop_pipeline_execution)  \
	X(tag_resource)             \
	X(untag_resource)           \
	X(update_pipeline)

#define PIPELINE_DECLARE(op)                                            \
	int pipeline_##op(struct pipeline_engine *e, struct call *call, \
		const struct codepipeline_##op##_request *req,          \
		struct codepipeline_##op##_response *resp, struct err *err);
PIPELINE_OPERATIONS(PIPELINE_DECLARE)
#undef PIPELINE_DECLARE

#endif
