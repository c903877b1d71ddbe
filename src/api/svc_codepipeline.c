/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codepipeline, served by the pipeline engine. */
#include "api/svc_codepipeline.h"

CALL_ADAPTER(pipeline_acknowledge_job)
CALL_ADAPTER(pipeline_create_custom_action_type)
CALL_ADAPTER(pipeline_create_pipeline)
CALL_ADAPTER(pipeline_delete_custom_action_type)
CALL_ADAPTER(pipeline_delete_pipeline)
CALL_ADAPTER(pipeline_disable_stage_transition)
CALL_ADAPTER(pipeline_enable_stage_transition)
CALL_ADAPTER(pipeline_get_job_details)
CALL_ADAPTER(pipeline_get_pipeline)
CALL_ADAPTER(pipeline_get_pipeline_execution)
CALL_ADAPTER(pipeline_get_pipeline_state)
CALL_ADAPTER(pipeline_list_action_executions)
CALL_ADAPTER(pipeline_list_action_types)
CALL_ADAPTER(pipeline_list_pipeline_executions)
CALL_ADAPTER(pipeline_list_pipelines)
CALL_ADAPTER(pipeline_list_rule_executions)
CALL_ADAPTER(pipeline_list_rule_types)
CALL_ADAPTER(pipeline_list_tags_for_resource)
CALL_ADAPTER(pipeline_override_stage_condition)
CALL_ADAPTER(pipeline_poll_for_jobs)
CALL_ADAPTER(pipeline_put_approval_result)
CALL_ADAPTER(pipeline_put_job_failure_result)
CALL_ADAPTER(pipeline_put_job_success_result)
CALL_ADAPTER(pipeline_retry_stage_execution)
CALL_ADAPTER(pipeline_rollback_stage)
CALL_ADAPTER(pipeline_start_pipeline_execution)
CALL_ADAPTER(pipeline_stop_pipeline_execution)
CALL_ADAPTER(pipeline_tag_resource)
CALL_ADAPTER(pipeline_untag_resource)
CALL_ADAPTER(pipeline_update_pipeline)

static const call_handler handlers[CODEPIPELINE_OP_COUNT] = {
	[CODEPIPELINE_OP_ACKNOWLEDGE_JOB] = pipeline_acknowledge_job_call,
	[CODEPIPELINE_OP_CREATE_CUSTOM_ACTION_TYPE] = pipeline_create_custom_action_type_call,
	[CODEPIPELINE_OP_CREATE_PIPELINE] = pipeline_create_pipeline_call,
	[CODEPIPELINE_OP_DELETE_CUSTOM_ACTION_TYPE] = pipeline_delete_custom_action_type_call,
	[CODEPIPELINE_OP_DELETE_PIPELINE] = pipeline_delete_pipeline_call,
	[CODEPIPELINE_OP_DISABLE_STAGE_TRANSITION] = pipeline_disable_stage_transition_call,
	[CODEPIPELINE_OP_ENABLE_STAGE_TRANSITION] = pipeline_enable_stage_transition_call,
	[CODEPIPELINE_OP_GET_JOB_DETAILS] = pipeline_get_job_details_call,
	[CODEPIPELINE_OP_GET_PIPELINE] = pipeline_get_pipeline_call,
	[CODEPIPELINE_OP_GET_PIPELINE_EXECUTION] = pipeline_get_pipeline_execution_call,
	[CODEPIPELINE_OP_GET_PIPELINE_STATE] = pipeline_get_pipeline_state_call,
	[CODEPIPELINE_OP_LIST_ACTION_EXECUTIONS] = pipeline_list_action_executions_call,
	[CODEPIPELINE_OP_LIST_ACTION_TYPES] = pipeline_list_action_types_call,
	[CODEPIPELINE_OP_LIST_PIPELINE_EXECUTIONS] = pipeline_list_pipeline_executions_call,
	[CODEPIPELINE_OP_LIST_PIPELINES] = pipeline_list_pipelines_call,
	[CODEPIPELINE_OP_LIST_RULE_EXECUTIONS] = pipeline_list_rule_executions_call,
	[CODEPIPELINE_OP_LIST_RULE_TYPES] = pipeline_list_rule_types_call,
	[CODEPIPELINE_OP_LIST_TAGS_FOR_RESOURCE] = pipeline_list_tags_for_resource_call,
	[CODEPIPELINE_OP_OVERRIDE_STAGE_CONDITION] = pipeline_override_stage_condition_call,
	[CODEPIPELINE_OP_POLL_FOR_JOBS] = pipeline_poll_for_jobs_call,
	[CODEPIPELINE_OP_PUT_APPROVAL_RESULT] = pipeline_put_approval_result_call,
	[CODEPIPELINE_OP_PUT_JOB_FAILURE_RESULT] = pipeline_put_job_failure_result_call,
	[CODEPIPELINE_OP_PUT_JOB_SUCCESS_RESULT] = pipeline_put_job_success_result_call,
	[CODEPIPELINE_OP_RETRY_STAGE_EXECUTION] = pipeline_retry_stage_execution_call,
	[CODEPIPELINE_OP_ROLLBACK_STAGE] = pipeline_rollback_stage_call,
	[CODEPIPELINE_OP_START_PIPELINE_EXECUTION] = pipeline_start_pipeline_execution_call,
	[CODEPIPELINE_OP_STOP_PIPELINE_EXECUTION] = pipeline_stop_pipeline_execution_call,
	[CODEPIPELINE_OP_TAG_RESOURCE] = pipeline_tag_resource_call,
	[CODEPIPELINE_OP_UNTAG_RESOURCE] = pipeline_untag_resource_call,
	[CODEPIPELINE_OP_UPDATE_PIPELINE] = pipeline_update_pipeline_call,
};

struct call_service svc_codepipeline(struct pipeline_engine *e)
{
	return (struct call_service){
		.wire = &codepipeline_service,
		.engine = e,
		.handlers = handlers,
	};
}
