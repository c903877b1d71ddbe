/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codecommit, served by the source engine. */
#include "api/svc_codecommit.h"

CALL_ADAPTER(source_batch_describe_merge_conflicts)
CALL_ADAPTER(source_batch_get_commits)
CALL_ADAPTER(source_batch_get_repositories)
CALL_ADAPTER(source_create_branch)
CALL_ADAPTER(source_create_commit)
CALL_ADAPTER(source_create_repository)
CALL_ADAPTER(source_create_unreferenced_merge_commit)
CALL_ADAPTER(source_delete_branch)
CALL_ADAPTER(source_delete_file)
CALL_ADAPTER(source_delete_repository)
CALL_ADAPTER(source_describe_merge_conflicts)
CALL_ADAPTER(source_get_blob)
CALL_ADAPTER(source_get_branch)
CALL_ADAPTER(source_get_commit)
CALL_ADAPTER(source_get_differences)
CALL_ADAPTER(source_get_file)
CALL_ADAPTER(source_get_folder)
CALL_ADAPTER(source_get_merge_commit)
CALL_ADAPTER(source_get_merge_conflicts)
CALL_ADAPTER(source_get_merge_options)
CALL_ADAPTER(source_get_repository)
CALL_ADAPTER(source_list_branches)
CALL_ADAPTER(source_list_file_commit_history)
CALL_ADAPTER(source_list_repositories)
CALL_ADAPTER(source_list_tags_for_resource)
CALL_ADAPTER(source_merge_branches_by_fast_forward)
CALL_ADAPTER(source_merge_branches_by_squash)
CALL_ADAPTER(source_merge_branches_by_three_way)
CALL_ADAPTER(source_put_file)
CALL_ADAPTER(source_tag_resource)
CALL_ADAPTER(source_untag_resource)
CALL_ADAPTER(source_update_default_branch)
CALL_ADAPTER(source_update_repository_description)
CALL_ADAPTER(source_update_repository_name)

static const call_handler handlers[CODECOMMIT_OP_COUNT] = {
	[CODECOMMIT_OP_BATCH_DESCRIBE_MERGE_CONFLICTS] = source_batch_describe_merge_conflicts_call,
	[CODECOMMIT_OP_BATCH_GET_COMMITS] = source_batch_get_commits_call,
	[CODECOMMIT_OP_BATCH_GET_REPOSITORIES] = source_batch_get_repositories_call,
	[CODECOMMIT_OP_CREATE_BRANCH] = source_create_branch_call,
	[CODECOMMIT_OP_CREATE_COMMIT] = source_create_commit_call,
	[CODECOMMIT_OP_CREATE_REPOSITORY] = source_create_repository_call,
	[CODECOMMIT_OP_CREATE_UNREFERENCED_MERGE_COMMIT] =
		source_create_unreferenced_merge_commit_call,
	[CODECOMMIT_OP_DELETE_BRANCH] = source_delete_branch_call,
	[CODECOMMIT_OP_DELETE_FILE] = source_delete_file_call,
	[CODECOMMIT_OP_DELETE_REPOSITORY] = source_delete_repository_call,
	[CODECOMMIT_OP_DESCRIBE_MERGE_CONFLICTS] = source_describe_merge_conflicts_call,
	[CODECOMMIT_OP_GET_BLOB] = source_get_blob_call,
	[CODECOMMIT_OP_GET_BRANCH] = source_get_branch_call,
	[CODECOMMIT_OP_GET_COMMIT] = source_get_commit_call,
	[CODECOMMIT_OP_GET_DIFFERENCES] = source_get_differences_call,
	[CODECOMMIT_OP_GET_FILE] = source_get_file_call,
	[CODECOMMIT_OP_GET_FOLDER] = source_get_folder_call,
	[CODECOMMIT_OP_GET_MERGE_COMMIT] = source_get_merge_commit_call,
	[CODECOMMIT_OP_GET_MERGE_CONFLICTS] = source_get_merge_conflicts_call,
	[CODECOMMIT_OP_GET_MERGE_OPTIONS] = source_get_merge_options_call,
	[CODECOMMIT_OP_GET_REPOSITORY] = source_get_repository_call,
	[CODECOMMIT_OP_LIST_BRANCHES] = source_list_branches_call,
	[CODECOMMIT_OP_LIST_FILE_COMMIT_HISTORY] = source_list_file_commit_history_call,
	[CODECOMMIT_OP_LIST_REPOSITORIES] = source_list_repositories_call,
	[CODECOMMIT_OP_LIST_TAGS_FOR_RESOURCE] = source_list_tags_for_resource_call,
	[CODECOMMIT_OP_MERGE_BRANCHES_BY_FAST_FORWARD] = source_merge_branches_by_fast_forward_call,
	[CODECOMMIT_OP_MERGE_BRANCHES_BY_SQUASH] = source_merge_branches_by_squash_call,
	[CODECOMMIT_OP_MERGE_BRANCHES_BY_THREE_WAY] = source_merge_branches_by_three_way_call,
	[CODECOMMIT_OP_PUT_FILE] = source_put_file_call,
	[CODECOMMIT_OP_TAG_RESOURCE] = source_tag_resource_call,
	[CODECOMMIT_OP_UNTAG_RESOURCE] = source_untag_resource_call,
	[CODECOMMIT_OP_UPDATE_DEFAULT_BRANCH] = source_update_default_branch_call,
	[CODECOMMIT_OP_UPDATE_REPOSITORY_DESCRIPTION] = source_update_repository_description_call,
	[CODECOMMIT_OP_UPDATE_REPOSITORY_NAME] = source_update_repository_name_call,
};

/* The branch that a merge writes, as codecommit:References: policies protect branches by it. */
static void add_reference(struct call *call, const char *ref, struct call_access *ret)
{
	const char **conditions = arena_new_n(call->arena, 3, const char *);

	if (!ref)
		return;
	conditions[0] = "codecommit:References";
	conditions[1] = ref;
	conditions[2] = NULL;
	ret->conditions = conditions;
}

/* A text member of the request, or NULL when it is absent or the operation has none such. */
static const char *text_of(const struct call *call, const void *req, const char *member)
{
	const struct wire_member *m = wire_member_find(call->operation->input, view_of(member));

	return m ? *(const char *const *)((const char *)req + m->offset) : NULL;
}

static int access_of(void *engine, struct call *call, const void *req, struct call_access *ret,
	struct err *err UNUSED)
{
	const char *target = text_of(call, req, "targetBranch");

	if (!target)
		target = text_of(call, req, "destinationCommitSpecifier");
	add_reference(call,
		source_branch_named(
			engine, text_of(call, req, "repositoryName"), target, call->arena),
		ret);
	return 0;
}

struct call_service svc_codecommit(struct source_engine *e)
{
	return (struct call_service){
		.wire = &codecommit_service,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
	};
}
