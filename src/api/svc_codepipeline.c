/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codepipeline, served by the pipeline engine. */
#include "api/svc_codepipeline.h"

CALL_ADAPTER(pipeline_create_pipeline)
CALL_ADAPTER(pipeline_delete_pipeline)
CALL_ADAPTER(pipeline_disable_stage_transition)
CALL_ADAPTER(pipeline_enable_stage_transition)
CALL_ADAPTER(pipeline_get_pipeline)
CALL_ADAPTER(pipeline_get_pipeline_execution)
CALL_ADAPTER(pipeline_get_pipeline_state)
CALL_ADAPTER(pipeline_list_action_executions)
CALL_ADAPTER(pipeline_list_action_types)
CALL_ADAPTER(pipeline_list_pipeline_executions)
CALL_ADAPTER(pipeline_list_pipelines)
CALL_ADAPTER(pipeline_list_tags_for_resource)
CALL_ADAPTER(pipeline_override_stage_condition)
CALL_ADAPTER(pipeline_put_approval_result)
CALL_ADAPTER(pipeline_retry_stage_execution)
CALL_ADAPTER(pipeline_rollback_stage)
CALL_ADAPTER(pipeline_start_pipeline_execution)
CALL_ADAPTER(pipeline_stop_pipeline_execution)
CALL_ADAPTER(pipeline_tag_resource)
CALL_ADAPTER(pipeline_untag_resource)
CALL_ADAPTER(pipeline_update_pipeline)

static const call_handler handlers[CODEPIPELINE_OP_COUNT] = {
	[CODEPIPELINE_OP_CREATE_PIPELINE] = pipeline_create_pipeline_call,
	[CODEPIPELINE_OP_DELETE_PIPELINE] = pipeline_delete_pipeline_call,
	[CODEPIPELINE_OP_DISABLE_STAGE_TRANSITION] = pipeline_disable_stage_transition_call,
	[CODEPIPELINE_OP_ENABLE_STAGE_TRANSITION] = pipeline_enable_stage_transition_call,
	[CODEPIPELINE_OP_GET_PIPELINE] = pipeline_get_pipeline_call,
	[CODEPIPELINE_OP_GET_PIPELINE_EXECUTION] = pipeline_get_pipeline_execution_call,
	[CODEPIPELINE_OP_GET_PIPELINE_STATE] = pipeline_get_pipeline_state_call,
	[CODEPIPELINE_OP_LIST_ACTION_EXECUTIONS] = pipeline_list_action_executions_call,
	[CODEPIPELINE_OP_LIST_ACTION_TYPES] = pipeline_list_action_types_call,
	[CODEPIPELINE_OP_LIST_PIPELINE_EXECUTIONS] = pipeline_list_pipeline_executions_call,
	[CODEPIPELINE_OP_LIST_PIPELINES] = pipeline_list_pipelines_call,
	[CODEPIPELINE_OP_LIST_TAGS_FOR_RESOURCE] = pipeline_list_tags_for_resource_call,
	[CODEPIPELINE_OP_OVERRIDE_STAGE_CONDITION] = pipeline_override_stage_condition_call,
	[CODEPIPELINE_OP_PUT_APPROVAL_RESULT] = pipeline_put_approval_result_call,
	[CODEPIPELINE_OP_RETRY_STAGE_EXECUTION] = pipeline_retry_stage_execution_call,
	[CODEPIPELINE_OP_ROLLBACK_STAGE] = pipeline_rollback_stage_call,
	[CODEPIPELINE_OP_START_PIPELINE_EXECUTION] = pipeline_start_pipeline_execution_call,
	[CODEPIPELINE_OP_STOP_PIPELINE_EXECUTION] = pipeline_stop_pipeline_execution_call,
	[CODEPIPELINE_OP_TAG_RESOURCE] = pipeline_tag_resource_call,
	[CODEPIPELINE_OP_UNTAG_RESOURCE] = pipeline_untag_resource_call,
	[CODEPIPELINE_OP_UPDATE_PIPELINE] = pipeline_update_pipeline_call,
};

/* Where a request names what it is about: offsets of texts, -1 for none. */
struct names {
	int pipeline, stage, action, arn;
};

#define REQ(op, member) ((int)offsetof(struct codepipeline_##op##_request, member))
#define BY_NAME(op)                       \
	{                                 \
		REQ(op, name), -1, -1, -1 \
	}
#define BY_PIPELINE(op)                            \
	{                                          \
		REQ(op, pipeline_name), -1, -1, -1 \
	}
#define BY_STAGE(op)                                                \
	{                                                           \
		REQ(op, pipeline_name), REQ(op, stage_name), -1, -1 \
	}
#define BY_ARN(op)                                \
	{                                         \
		-1, -1, -1, REQ(op, resource_arn) \
	}

static const struct names names[CODEPIPELINE_OP_COUNT] = {
	[CODEPIPELINE_OP_CREATE_PIPELINE] = {-1, -1, -1, -1},
	[CODEPIPELINE_OP_DELETE_PIPELINE] = BY_NAME(delete_pipeline),
	[CODEPIPELINE_OP_DISABLE_STAGE_TRANSITION] = BY_STAGE(disable_stage_transition),
	[CODEPIPELINE_OP_ENABLE_STAGE_TRANSITION] = BY_STAGE(enable_stage_transition),
	[CODEPIPELINE_OP_GET_PIPELINE] = BY_NAME(get_pipeline),
	[CODEPIPELINE_OP_GET_PIPELINE_EXECUTION] = BY_PIPELINE(get_pipeline_execution),
	[CODEPIPELINE_OP_GET_PIPELINE_STATE] = BY_NAME(get_pipeline_state),
	[CODEPIPELINE_OP_LIST_ACTION_EXECUTIONS] = BY_PIPELINE(list_action_executions),
	[CODEPIPELINE_OP_LIST_ACTION_TYPES] = {-1, -1, -1, -1},
	[CODEPIPELINE_OP_LIST_PIPELINE_EXECUTIONS] = BY_PIPELINE(list_pipeline_executions),
	[CODEPIPELINE_OP_LIST_PIPELINES] = {-1, -1, -1, -1},
	[CODEPIPELINE_OP_LIST_TAGS_FOR_RESOURCE] = BY_ARN(list_tags_for_resource),
	[CODEPIPELINE_OP_OVERRIDE_STAGE_CONDITION] = BY_STAGE(override_stage_condition),
	[CODEPIPELINE_OP_PUT_APPROVAL_RESULT] = {REQ(put_approval_result, pipeline_name),
		REQ(put_approval_result, stage_name), REQ(put_approval_result, action_name), -1},
	[CODEPIPELINE_OP_RETRY_STAGE_EXECUTION] = BY_STAGE(retry_stage_execution),
	[CODEPIPELINE_OP_ROLLBACK_STAGE] = BY_STAGE(rollback_stage),
	[CODEPIPELINE_OP_START_PIPELINE_EXECUTION] = BY_NAME(start_pipeline_execution),
	[CODEPIPELINE_OP_STOP_PIPELINE_EXECUTION] = BY_PIPELINE(stop_pipeline_execution),
	[CODEPIPELINE_OP_TAG_RESOURCE] = BY_ARN(tag_resource),
	[CODEPIPELINE_OP_UNTAG_RESOURCE] = BY_ARN(untag_resource),
	[CODEPIPELINE_OP_UPDATE_PIPELINE] = {-1, -1, -1, -1},
};

static const char *text_at(const void *req, int offset)
{
	return offset < 0 ? NULL : *(const char *const *)((const char *)req + offset);
}

/* Create- and UpdatePipeline name the pipeline inside of the definition. */
static const char *pipeline_named(const struct call *call, const void *req, const struct names *n)
{
	switch ((int)(call->operation - codepipeline_service.operations)) {
	case CODEPIPELINE_OP_CREATE_PIPELINE:
		return ((const struct codepipeline_create_pipeline_request *)req)->pipeline->name;
	case CODEPIPELINE_OP_UPDATE_PIPELINE:
		return ((const struct codepipeline_update_pipeline_request *)req)->pipeline->name;
	default:
		return text_at(req, n->pipeline);
	}
}

static int access_of(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	const struct names *n = &names[call->operation - codepipeline_service.operations];
	const char *pipeline = pipeline_named(call, req, n);
	const char *stage = text_at(req, n->stage), *action = text_at(req, n->action);
	const char **resource = arena_new(call->arena, const char *);

	(void)engine;
	(void)err;
	*resource = text_at(req, n->arn);
	if (pipeline)
		*resource = call_arn(call, "codepipeline", "%s%s%s%s%s", pipeline, stage ? "/" : "",
			stage ? stage : "", action ? "/" : "", action ? action : "");
	ret->resources = resource;
	ret->n_resources = *resource ? 1 : 0;
	return 0;
}

struct call_service svc_codepipeline(struct pipeline_engine *e)
{
	return (struct call_service){
		.wire = &codepipeline_service,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
	};
}
