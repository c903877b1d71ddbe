/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codebuild, served by the build engine. Policies speak of projects: what is
 * done to a build needs permission on its project. */
#include "api/svc_codebuild.h"

#include "base/mem.h"

CALL_ADAPTER(build_batch_delete_builds)
CALL_ADAPTER(build_batch_get_build_batches)
CALL_ADAPTER(build_batch_get_builds)
CALL_ADAPTER(build_batch_get_projects)
CALL_ADAPTER(build_batch_get_report_groups)
CALL_ADAPTER(build_batch_get_reports)
CALL_ADAPTER(build_create_project)
CALL_ADAPTER(build_create_report_group)
CALL_ADAPTER(build_create_webhook)
CALL_ADAPTER(build_delete_build_batch)
CALL_ADAPTER(build_delete_project)
CALL_ADAPTER(build_delete_report)
CALL_ADAPTER(build_delete_report_group)
CALL_ADAPTER(build_delete_source_credentials)
CALL_ADAPTER(build_delete_webhook)
CALL_ADAPTER(build_describe_code_coverages)
CALL_ADAPTER(build_describe_test_cases)
CALL_ADAPTER(build_get_report_group_trend)
CALL_ADAPTER(build_import_source_credentials)
CALL_ADAPTER(build_invalidate_project_cache)
CALL_ADAPTER(build_list_build_batches)
CALL_ADAPTER(build_list_build_batches_for_project)
CALL_ADAPTER(build_list_builds)
CALL_ADAPTER(build_list_builds_for_project)
CALL_ADAPTER(build_list_curated_environment_images)
CALL_ADAPTER(build_list_projects)
CALL_ADAPTER(build_list_report_groups)
CALL_ADAPTER(build_list_reports)
CALL_ADAPTER(build_list_reports_for_report_group)
CALL_ADAPTER(build_list_source_credentials)
CALL_ADAPTER(build_retry_build)
CALL_ADAPTER(build_retry_build_batch)
CALL_ADAPTER(build_start_build)
CALL_ADAPTER(build_start_build_batch)
CALL_ADAPTER(build_stop_build)
CALL_ADAPTER(build_stop_build_batch)
CALL_ADAPTER(build_update_project)
CALL_ADAPTER(build_update_report_group)
CALL_ADAPTER(build_update_webhook)

static const call_handler handlers[CODEBUILD_OP_COUNT] = {
	[CODEBUILD_OP_BATCH_DELETE_BUILDS] = build_batch_delete_builds_call,
	[CODEBUILD_OP_BATCH_GET_BUILDS] = build_batch_get_builds_call,
	[CODEBUILD_OP_BATCH_GET_BUILD_BATCHES] = build_batch_get_build_batches_call,
	[CODEBUILD_OP_BATCH_GET_PROJECTS] = build_batch_get_projects_call,
	[CODEBUILD_OP_BATCH_GET_REPORTS] = build_batch_get_reports_call,
	[CODEBUILD_OP_BATCH_GET_REPORT_GROUPS] = build_batch_get_report_groups_call,
	[CODEBUILD_OP_CREATE_PROJECT] = build_create_project_call,
	[CODEBUILD_OP_CREATE_REPORT_GROUP] = build_create_report_group_call,
	[CODEBUILD_OP_CREATE_WEBHOOK] = build_create_webhook_call,
	[CODEBUILD_OP_DELETE_BUILD_BATCH] = build_delete_build_batch_call,
	[CODEBUILD_OP_DELETE_PROJECT] = build_delete_project_call,
	[CODEBUILD_OP_DELETE_REPORT] = build_delete_report_call,
	[CODEBUILD_OP_DELETE_REPORT_GROUP] = build_delete_report_group_call,
	[CODEBUILD_OP_DELETE_SOURCE_CREDENTIALS] = build_delete_source_credentials_call,
	[CODEBUILD_OP_DELETE_WEBHOOK] = build_delete_webhook_call,
	[CODEBUILD_OP_DESCRIBE_CODE_COVERAGES] = build_describe_code_coverages_call,
	[CODEBUILD_OP_DESCRIBE_TEST_CASES] = build_describe_test_cases_call,
	[CODEBUILD_OP_GET_REPORT_GROUP_TREND] = build_get_report_group_trend_call,
	[CODEBUILD_OP_IMPORT_SOURCE_CREDENTIALS] = build_import_source_credentials_call,
	[CODEBUILD_OP_INVALIDATE_PROJECT_CACHE] = build_invalidate_project_cache_call,
	[CODEBUILD_OP_LIST_BUILDS] = build_list_builds_call,
	[CODEBUILD_OP_LIST_BUILDS_FOR_PROJECT] = build_list_builds_for_project_call,
	[CODEBUILD_OP_LIST_BUILD_BATCHES] = build_list_build_batches_call,
	[CODEBUILD_OP_LIST_BUILD_BATCHES_FOR_PROJECT] = build_list_build_batches_for_project_call,
	[CODEBUILD_OP_LIST_CURATED_ENVIRONMENT_IMAGES] = build_list_curated_environment_images_call,
	[CODEBUILD_OP_LIST_PROJECTS] = build_list_projects_call,
	[CODEBUILD_OP_LIST_REPORTS] = build_list_reports_call,
	[CODEBUILD_OP_LIST_REPORTS_FOR_REPORT_GROUP] = build_list_reports_for_report_group_call,
	[CODEBUILD_OP_LIST_REPORT_GROUPS] = build_list_report_groups_call,
	[CODEBUILD_OP_LIST_SOURCE_CREDENTIALS] = build_list_source_credentials_call,
	[CODEBUILD_OP_RETRY_BUILD] = build_retry_build_call,
	[CODEBUILD_OP_RETRY_BUILD_BATCH] = build_retry_build_batch_call,
	[CODEBUILD_OP_START_BUILD] = build_start_build_call,
	[CODEBUILD_OP_START_BUILD_BATCH] = build_start_build_batch_call,
	[CODEBUILD_OP_STOP_BUILD] = build_stop_build_call,
	[CODEBUILD_OP_STOP_BUILD_BATCH] = build_stop_build_batch_call,
	[CODEBUILD_OP_UPDATE_PROJECT] = build_update_project_call,
	[CODEBUILD_OP_UPDATE_REPORT_GROUP] = build_update_report_group_call,
	[CODEBUILD_OP_UPDATE_WEBHOOK] = build_update_webhook_call,
};

struct call_service svc_codebuild(struct build_engine *e)
{
	return (struct call_service){
		.wire = &codebuild_service,
		.engine = e,
		.handlers = handlers,
	};
}
