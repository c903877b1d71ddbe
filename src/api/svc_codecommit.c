/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codecommit, served by the source engine. */
#include "api/svc_codecommit.h"

#include "base/mem.h"

CALL_ADAPTER(source_associate_approval_rule_template_with_repository)
CALL_ADAPTER(source_batch_associate_approval_rule_template_with_repositories)
CALL_ADAPTER(source_batch_describe_merge_conflicts)
CALL_ADAPTER(source_batch_disassociate_approval_rule_template_from_repositories)
CALL_ADAPTER(source_batch_get_commits)
CALL_ADAPTER(source_batch_get_repositories)
CALL_ADAPTER(source_create_approval_rule_template)
CALL_ADAPTER(source_create_branch)
CALL_ADAPTER(source_create_commit)
CALL_ADAPTER(source_create_pull_request)
CALL_ADAPTER(source_create_pull_request_approval_rule)
CALL_ADAPTER(source_create_repository)
CALL_ADAPTER(source_create_unreferenced_merge_commit)
CALL_ADAPTER(source_delete_approval_rule_template)
CALL_ADAPTER(source_delete_branch)
CALL_ADAPTER(source_delete_comment_content)
CALL_ADAPTER(source_delete_file)
CALL_ADAPTER(source_delete_pull_request_approval_rule)
CALL_ADAPTER(source_delete_repository)
CALL_ADAPTER(source_describe_merge_conflicts)
CALL_ADAPTER(source_describe_pull_request_events)
CALL_ADAPTER(source_disassociate_approval_rule_template_from_repository)
CALL_ADAPTER(source_evaluate_pull_request_approval_rules)
CALL_ADAPTER(source_get_approval_rule_template)
CALL_ADAPTER(source_get_blob)
CALL_ADAPTER(source_get_branch)
CALL_ADAPTER(source_get_comment)
CALL_ADAPTER(source_get_comment_reactions)
CALL_ADAPTER(source_get_comments_for_compared_commit)
CALL_ADAPTER(source_get_comments_for_pull_request)
CALL_ADAPTER(source_get_commit)
CALL_ADAPTER(source_get_differences)
CALL_ADAPTER(source_get_file)
CALL_ADAPTER(source_get_folder)
CALL_ADAPTER(source_get_merge_commit)
CALL_ADAPTER(source_get_merge_conflicts)
CALL_ADAPTER(source_get_merge_options)
CALL_ADAPTER(source_get_pull_request)
CALL_ADAPTER(source_get_pull_request_approval_states)
CALL_ADAPTER(source_get_pull_request_override_state)
CALL_ADAPTER(source_get_repository)
CALL_ADAPTER(source_get_repository_triggers)
CALL_ADAPTER(source_list_approval_rule_templates)
CALL_ADAPTER(source_list_associated_approval_rule_templates_for_repository)
CALL_ADAPTER(source_list_branches)
CALL_ADAPTER(source_list_file_commit_history)
CALL_ADAPTER(source_list_pull_requests)
CALL_ADAPTER(source_list_repositories)
CALL_ADAPTER(source_list_repositories_for_approval_rule_template)
CALL_ADAPTER(source_list_tags_for_resource)
CALL_ADAPTER(source_merge_branches_by_fast_forward)
CALL_ADAPTER(source_merge_branches_by_squash)
CALL_ADAPTER(source_merge_branches_by_three_way)
CALL_ADAPTER(source_merge_pull_request_by_fast_forward)
CALL_ADAPTER(source_merge_pull_request_by_squash)
CALL_ADAPTER(source_merge_pull_request_by_three_way)
CALL_ADAPTER(source_override_pull_request_approval_rules)
CALL_ADAPTER(source_post_comment_for_compared_commit)
CALL_ADAPTER(source_post_comment_for_pull_request)
CALL_ADAPTER(source_post_comment_reply)
CALL_ADAPTER(source_put_comment_reaction)
CALL_ADAPTER(source_put_file)
CALL_ADAPTER(source_put_repository_triggers)
CALL_ADAPTER(source_tag_resource)
CALL_ADAPTER(source_test_repository_triggers)
CALL_ADAPTER(source_untag_resource)
CALL_ADAPTER(source_update_approval_rule_template_content)
CALL_ADAPTER(source_update_approval_rule_template_description)
CALL_ADAPTER(source_update_approval_rule_template_name)
CALL_ADAPTER(source_update_comment)
CALL_ADAPTER(source_update_default_branch)
CALL_ADAPTER(source_update_pull_request_approval_rule_content)
CALL_ADAPTER(source_update_pull_request_approval_state)
CALL_ADAPTER(source_update_pull_request_description)
CALL_ADAPTER(source_update_pull_request_status)
CALL_ADAPTER(source_update_pull_request_title)
CALL_ADAPTER(source_update_repository_description)
CALL_ADAPTER(source_update_repository_encryption_key)
CALL_ADAPTER(source_update_repository_name)

static const call_handler handlers[CODECOMMIT_OP_COUNT] = {
	[CODECOMMIT_OP_ASSOCIATE_APPROVAL_RULE_TEMPLATE_WITH_REPOSITORY] =
		source_associate_approval_rule_template_with_repository_call,
	[CODECOMMIT_OP_BATCH_ASSOCIATE_APPROVAL_RULE_TEMPLATE_WITH_REPOSITORIES] =
		source_batch_associate_approval_rule_template_with_repositories_call,
	[CODECOMMIT_OP_BATCH_DESCRIBE_MERGE_CONFLICTS] = source_batch_describe_merge_conflicts_call,
	[CODECOMMIT_OP_BATCH_DISASSOCIATE_APPROVAL_RULE_TEMPLATE_FROM_REPOSITORIES] =
		source_batch_disassociate_approval_rule_template_from_repositories_call,
	[CODECOMMIT_OP_BATCH_GET_COMMITS] = source_batch_get_commits_call,
	[CODECOMMIT_OP_BATCH_GET_REPOSITORIES] = source_batch_get_repositories_call,
	[CODECOMMIT_OP_CREATE_APPROVAL_RULE_TEMPLATE] = source_create_approval_rule_template_call,
	[CODECOMMIT_OP_CREATE_BRANCH] = source_create_branch_call,
	[CODECOMMIT_OP_CREATE_COMMIT] = source_create_commit_call,
	[CODECOMMIT_OP_CREATE_PULL_REQUEST] = source_create_pull_request_call,
	[CODECOMMIT_OP_CREATE_PULL_REQUEST_APPROVAL_RULE] =
		source_create_pull_request_approval_rule_call,
	[CODECOMMIT_OP_CREATE_REPOSITORY] = source_create_repository_call,
	[CODECOMMIT_OP_CREATE_UNREFERENCED_MERGE_COMMIT] =
		source_create_unreferenced_merge_commit_call,
	[CODECOMMIT_OP_DELETE_APPROVAL_RULE_TEMPLATE] = source_delete_approval_rule_template_call,
	[CODECOMMIT_OP_DELETE_BRANCH] = source_delete_branch_call,
	[CODECOMMIT_OP_DELETE_COMMENT_CONTENT] = source_delete_comment_content_call,
	[CODECOMMIT_OP_DELETE_FILE] = source_delete_file_call,
	[CODECOMMIT_OP_DELETE_PULL_REQUEST_APPROVAL_RULE] =
		source_delete_pull_request_approval_rule_call,
	[CODECOMMIT_OP_DELETE_REPOSITORY] = source_delete_repository_call,
	[CODECOMMIT_OP_DESCRIBE_MERGE_CONFLICTS] = source_describe_merge_conflicts_call,
	[CODECOMMIT_OP_DESCRIBE_PULL_REQUEST_EVENTS] = source_describe_pull_request_events_call,
	[CODECOMMIT_OP_DISASSOCIATE_APPROVAL_RULE_TEMPLATE_FROM_REPOSITORY] =
		source_disassociate_approval_rule_template_from_repository_call,
	[CODECOMMIT_OP_EVALUATE_PULL_REQUEST_APPROVAL_RULES] =
		source_evaluate_pull_request_approval_rules_call,
	[CODECOMMIT_OP_GET_APPROVAL_RULE_TEMPLATE] = source_get_approval_rule_template_call,
	[CODECOMMIT_OP_GET_BLOB] = source_get_blob_call,
	[CODECOMMIT_OP_GET_BRANCH] = source_get_branch_call,
	[CODECOMMIT_OP_GET_COMMENT] = source_get_comment_call,
	[CODECOMMIT_OP_GET_COMMENT_REACTIONS] = source_get_comment_reactions_call,
	[CODECOMMIT_OP_GET_COMMENTS_FOR_COMPARED_COMMIT] =
		source_get_comments_for_compared_commit_call,
	[CODECOMMIT_OP_GET_COMMENTS_FOR_PULL_REQUEST] = source_get_comments_for_pull_request_call,
	[CODECOMMIT_OP_GET_COMMIT] = source_get_commit_call,
	[CODECOMMIT_OP_GET_DIFFERENCES] = source_get_differences_call,
	[CODECOMMIT_OP_GET_FILE] = source_get_file_call,
	[CODECOMMIT_OP_GET_FOLDER] = source_get_folder_call,
	[CODECOMMIT_OP_GET_MERGE_COMMIT] = source_get_merge_commit_call,
	[CODECOMMIT_OP_GET_MERGE_CONFLICTS] = source_get_merge_conflicts_call,
	[CODECOMMIT_OP_GET_MERGE_OPTIONS] = source_get_merge_options_call,
	[CODECOMMIT_OP_GET_PULL_REQUEST] = source_get_pull_request_call,
	[CODECOMMIT_OP_GET_PULL_REQUEST_APPROVAL_STATES] =
		source_get_pull_request_approval_states_call,
	[CODECOMMIT_OP_GET_PULL_REQUEST_OVERRIDE_STATE] =
		source_get_pull_request_override_state_call,
	[CODECOMMIT_OP_GET_REPOSITORY] = source_get_repository_call,
	[CODECOMMIT_OP_GET_REPOSITORY_TRIGGERS] = source_get_repository_triggers_call,
	[CODECOMMIT_OP_LIST_APPROVAL_RULE_TEMPLATES] = source_list_approval_rule_templates_call,
	[CODECOMMIT_OP_LIST_ASSOCIATED_APPROVAL_RULE_TEMPLATES_FOR_REPOSITORY] =
		source_list_associated_approval_rule_templates_for_repository_call,
	[CODECOMMIT_OP_LIST_BRANCHES] = source_list_branches_call,
	[CODECOMMIT_OP_LIST_FILE_COMMIT_HISTORY] = source_list_file_commit_history_call,
	[CODECOMMIT_OP_LIST_PULL_REQUESTS] = source_list_pull_requests_call,
	[CODECOMMIT_OP_LIST_REPOSITORIES] = source_list_repositories_call,
	[CODECOMMIT_OP_LIST_REPOSITORIES_FOR_APPROVAL_RULE_TEMPLATE] =
		source_list_repositories_for_approval_rule_template_call,
	[CODECOMMIT_OP_LIST_TAGS_FOR_RESOURCE] = source_list_tags_for_resource_call,
	[CODECOMMIT_OP_MERGE_BRANCHES_BY_FAST_FORWARD] = source_merge_branches_by_fast_forward_call,
	[CODECOMMIT_OP_MERGE_BRANCHES_BY_SQUASH] = source_merge_branches_by_squash_call,
	[CODECOMMIT_OP_MERGE_BRANCHES_BY_THREE_WAY] = source_merge_branches_by_three_way_call,
	[CODECOMMIT_OP_MERGE_PULL_REQUEST_BY_FAST_FORWARD] =
		source_merge_pull_request_by_fast_forward_call,
	[CODECOMMIT_OP_MERGE_PULL_REQUEST_BY_SQUASH] = source_merge_pull_request_by_squash_call,
	[CODECOMMIT_OP_MERGE_PULL_REQUEST_BY_THREE_WAY] =
		source_merge_pull_request_by_three_way_call,
	[CODECOMMIT_OP_OVERRIDE_PULL_REQUEST_APPROVAL_RULES] =
		source_override_pull_request_approval_rules_call,
	[CODECOMMIT_OP_POST_COMMENT_FOR_COMPARED_COMMIT] =
		source_post_comment_for_compared_commit_call,
	[CODECOMMIT_OP_POST_COMMENT_FOR_PULL_REQUEST] = source_post_comment_for_pull_request_call,
	[CODECOMMIT_OP_POST_COMMENT_REPLY] = source_post_comment_reply_call,
	[CODECOMMIT_OP_PUT_COMMENT_REACTION] = source_put_comment_reaction_call,
	[CODECOMMIT_OP_PUT_FILE] = source_put_file_call,
	[CODECOMMIT_OP_PUT_REPOSITORY_TRIGGERS] = source_put_repository_triggers_call,
	[CODECOMMIT_OP_TAG_RESOURCE] = source_tag_resource_call,
	[CODECOMMIT_OP_TEST_REPOSITORY_TRIGGERS] = source_test_repository_triggers_call,
	[CODECOMMIT_OP_UNTAG_RESOURCE] = source_untag_resource_call,
	[CODECOMMIT_OP_UPDATE_APPROVAL_RULE_TEMPLATE_CONTENT] =
		source_update_approval_rule_template_content_call,
	[CODECOMMIT_OP_UPDATE_APPROVAL_RULE_TEMPLATE_DESCRIPTION] =
		source_update_approval_rule_template_description_call,
	[CODECOMMIT_OP_UPDATE_APPROVAL_RULE_TEMPLATE_NAME] =
		source_update_approval_rule_template_name_call,
	[CODECOMMIT_OP_UPDATE_COMMENT] = source_update_comment_call,
	[CODECOMMIT_OP_UPDATE_DEFAULT_BRANCH] = source_update_default_branch_call,
	[CODECOMMIT_OP_UPDATE_PULL_REQUEST_APPROVAL_RULE_CONTENT] =
		source_update_pull_request_approval_rule_content_call,
	[CODECOMMIT_OP_UPDATE_PULL_REQUEST_APPROVAL_STATE] =
		source_update_pull_request_approval_state_call,
	[CODECOMMIT_OP_UPDATE_PULL_REQUEST_DESCRIPTION] =
		source_update_pull_request_description_call,
	[CODECOMMIT_OP_UPDATE_PULL_REQUEST_STATUS] = source_update_pull_request_status_call,
	[CODECOMMIT_OP_UPDATE_PULL_REQUEST_TITLE] = source_update_pull_request_title_call,
	[CODECOMMIT_OP_UPDATE_REPOSITORY_DESCRIPTION] = source_update_repository_description_call,
	[CODECOMMIT_OP_UPDATE_REPOSITORY_ENCRYPTION_KEY] =
		source_update_repository_encryption_key_call,
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

static int access_of(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	const char *pull = text_of(call, req, "pullRequestId"), *ref = NULL, *arn;

	if (pull) {
		if (source_pull_place(engine, pull, call->arena, &arn, &ref, err) < 0)
			return -1;
	} else {
		const char *target = text_of(call, req, "targetBranch");

		ref = source_branch_named(engine, text_of(call, req, "repositoryName"),
			target ? target : text_of(call, req, "destinationCommitSpecifier"),
			call->arena);
	}
	add_reference(call, ref, ret);
	return 0;
}

/* The repository of a pull request or a comment. */
static const char *lookup(void *engine, struct call *call, const char *kind, const char *value)
{
	const char *arn = NULL, *destination;

	if (streq(kind, "comment"))
		return source_comment_place(engine, value, call->arena);
	if (streq(kind, "pullRequest") &&
		source_pull_place(engine, value, call->arena, &arn, &destination, NULL) <= 0)
		return NULL;
	return arn;
}

struct call_service svc_codecommit(struct source_engine *e)
{
	return (struct call_service){
		.wire = &codecommit_service,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
		.lookup = lookup,
	};
}
