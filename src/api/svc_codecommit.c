/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codecommit, served by the source engine. */
#include "api/svc_codecommit.h"

CALL_ADAPTER(source_batch_get_commits)
CALL_ADAPTER(source_batch_get_repositories)
CALL_ADAPTER(source_create_branch)
CALL_ADAPTER(source_create_commit)
CALL_ADAPTER(source_create_repository)
CALL_ADAPTER(source_delete_branch)
CALL_ADAPTER(source_delete_file)
CALL_ADAPTER(source_delete_repository)
CALL_ADAPTER(source_get_blob)
CALL_ADAPTER(source_get_branch)
CALL_ADAPTER(source_get_commit)
CALL_ADAPTER(source_get_differences)
CALL_ADAPTER(source_get_file)
CALL_ADAPTER(source_get_folder)
CALL_ADAPTER(source_get_repository)
CALL_ADAPTER(source_list_branches)
CALL_ADAPTER(source_list_file_commit_history)
CALL_ADAPTER(source_list_repositories)
CALL_ADAPTER(source_list_tags_for_resource)
CALL_ADAPTER(source_put_file)
CALL_ADAPTER(source_tag_resource)
CALL_ADAPTER(source_untag_resource)
CALL_ADAPTER(source_update_default_branch)
CALL_ADAPTER(source_update_repository_description)
CALL_ADAPTER(source_update_repository_name)

static const call_handler handlers[CODECOMMIT_OP_COUNT] = {
	[CODECOMMIT_OP_BATCH_GET_COMMITS] = source_batch_get_commits_call,
	[CODECOMMIT_OP_BATCH_GET_REPOSITORIES] = source_batch_get_repositories_call,
	[CODECOMMIT_OP_CREATE_BRANCH] = source_create_branch_call,
	[CODECOMMIT_OP_CREATE_COMMIT] = source_create_commit_call,
	[CODECOMMIT_OP_CREATE_REPOSITORY] = source_create_repository_call,
	[CODECOMMIT_OP_DELETE_BRANCH] = source_delete_branch_call,
	[CODECOMMIT_OP_DELETE_FILE] = source_delete_file_call,
	[CODECOMMIT_OP_DELETE_REPOSITORY] = source_delete_repository_call,
	[CODECOMMIT_OP_GET_BLOB] = source_get_blob_call,
	[CODECOMMIT_OP_GET_BRANCH] = source_get_branch_call,
	[CODECOMMIT_OP_GET_COMMIT] = source_get_commit_call,
	[CODECOMMIT_OP_GET_DIFFERENCES] = source_get_differences_call,
	[CODECOMMIT_OP_GET_FILE] = source_get_file_call,
	[CODECOMMIT_OP_GET_FOLDER] = source_get_folder_call,
	[CODECOMMIT_OP_GET_REPOSITORY] = source_get_repository_call,
	[CODECOMMIT_OP_LIST_BRANCHES] = source_list_branches_call,
	[CODECOMMIT_OP_LIST_FILE_COMMIT_HISTORY] = source_list_file_commit_history_call,
	[CODECOMMIT_OP_LIST_REPOSITORIES] = source_list_repositories_call,
	[CODECOMMIT_OP_LIST_TAGS_FOR_RESOURCE] = source_list_tags_for_resource_call,
	[CODECOMMIT_OP_PUT_FILE] = source_put_file_call,
	[CODECOMMIT_OP_TAG_RESOURCE] = source_tag_resource_call,
	[CODECOMMIT_OP_UNTAG_RESOURCE] = source_untag_resource_call,
	[CODECOMMIT_OP_UPDATE_DEFAULT_BRANCH] = source_update_default_branch_call,
	[CODECOMMIT_OP_UPDATE_REPOSITORY_DESCRIPTION] = source_update_repository_description_call,
	[CODECOMMIT_OP_UPDATE_REPOSITORY_NAME] = source_update_repository_name_call,
};

struct call_service svc_codecommit(struct source_engine *e)
{
	return (struct call_service){
		.wire = &codecommit_service,
		.engine = e,
		.handlers = handlers,
	};
}
